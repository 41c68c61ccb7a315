//! What a rule looks at: one input, an operator, values.
//!
//! On the wire and in the table a condition is three texts; here it is typed, so that one that can not be understood
//! can not be saved, and one that was saved otherwise can not be read.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::embargo::instant_of;
use super::ip::{IpRange, canonical};
use super::viewer::{Facts, Identity, Viewer};
use crate::coded;
use crate::coded::Coded;

coded!(
    /// What a condition looks at.
    Input, "rule input" {
        /// The groups of the viewer (A5).
        UserGroup = "USER_GROUP": "User group",
        /// The viewer's id (A5).
        UserId = "USER_ID": "User",
        /// Whether the viewer has signed in (A6).
        Registered = "REGISTERED": "Registered user",
        /// The campuses of the viewer (A8).
        Campus = "CAMPUS": "Campus of the user",
        /// The courses in which the viewer is enrolled (A9).
        Course = "COURSE": "Course",
        /// The address that the request came from (A4).
        IpRange = "IP_RANGE": "IP range",
        /// The library that owns the representation (A8).
        Library = "LIBRARY": "Library",
        /// The time (A7).
        Date = "DATE": "Date",
    }
);

coded!(
    /// How a condition compares.
    Operator, "operator" {
        /// Is the one value.
        Equals = "EQUALS": "is",
        /// Is not the one value.
        NotEquals = "NOT_EQUALS": "is not",
        /// Is one of the values.
        InList = "IN_LIST": "is one of",
        /// Is none of the values.
        NotInList = "NOT_IN_LIST": "is none of",
        /// Has one of the values in it.
        Contains = "CONTAINS": "contains",
        /// Has none of the values in it.
        NotContains = "NOT_CONTAINS": "does not contain",
        /// Is not there.
        Empty = "EMPTY": "is empty",
        /// Is there.
        NotEmpty = "NOT_EMPTY": "is not empty",
        /// Lies before the instant.
        Before = "BEFORE": "is before",
        /// Is the instant or lies after it.
        From = "FROM": "is or is after",
    }
);

/// The most values of one condition.
pub const MAX_VALUES: usize = 500;
/// The longest value, in characters.
const MAX_VALUE: usize = 200;

/// Whether a condition holds; in doubt where what it looks at is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It does not hold.
    No,
    /// Not known.
    Doubt,
    /// It holds.
    Yes,
}

impl Truth {
    /// The other way round; doubt stays doubt.
    pub fn negated(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Doubt => Self::Doubt,
            Self::Yes => Self::No,
        }
    }

    /// Whether both hold.
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// A condition as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawCondition {
    /// What it looks at.
    pub input: Input,
    /// How it compares.
    pub operator: Operator,
    /// With what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// Why a condition can not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    /// Which of the values is wrong; `None` where it is the condition.
    pub value: Option<usize>,
    /// What is wrong.
    pub message: String,
}

/// A condition of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawCondition", into = "RawCondition")]
pub struct Condition {
    input: Input,
    operator: Operator,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Texts(Vec<String>),
    Registered(bool),
    Addresses(Vec<IpRange>),
    Instant(Timestamp),
}

impl Condition {
    /// Understands a condition; days in it begin in `zone`.
    ///
    /// # Errors
    /// An operator that the input does not know; the first value that is wrong.
    pub fn parse(raw: &RawCondition, zone: &TimeZone) -> Result<Self, ConditionError> {
        let RawCondition { input, operator, values } = raw;
        if !operators(*input).contains(operator) {
            let known: Vec<_> = operators(*input).iter().map(|operator| operator.code()).collect();
            return Err(whole(format!("`{input}` takes the operators {}", known.join(", "))));
        }
        match operator {
            Operator::Empty | Operator::NotEmpty if !values.is_empty() => {
                return Err(whole(format!("`{operator}` takes no values")));
            }
            Operator::Empty | Operator::NotEmpty => {}
            Operator::Equals | Operator::NotEquals | Operator::Before | Operator::From
                if values.len() != 1 =>
            {
                return Err(whole(format!("`{operator}` takes one value")));
            }
            _ if values.is_empty() => return Err(whole(format!("`{operator}` takes at least one value"))),
            _ if values.len() > MAX_VALUES => {
                return Err(whole(format!("must have at most {MAX_VALUES} values")));
            }
            _ => {}
        }
        let test = match input {
            Input::Registered => match values.first().map(|value| value.trim()) {
                Some("true") => Test::Registered(true),
                Some("false") => Test::Registered(false),
                _ => return Err(of(0, "must be `true` or `false`".to_owned())),
            },
            Input::Date => {
                let text = values.first().map(String::as_str).unwrap_or_default();
                Test::Instant(instant_of(text, zone).map_err(|error| of(0, error.to_string()))?)
            }
            Input::IpRange => Test::Addresses(each(values, |value| value.parse::<IpRange>())?),
            _ => Test::Texts(each(values, text)?),
        };
        Ok(Self { input: *input, operator: *operator, test })
    }

    /// What it looks at.
    pub fn input(&self) -> Input {
        self.input
    }

    /// How it compares.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The instant from which, or before which, it holds.
    pub fn instant(&self) -> Option<Timestamp> {
        match self.test {
            Test::Instant(at) => Some(at),
            _ => None,
        }
    }

    /// Its values in their one spelling.
    pub fn values(&self) -> Vec<String> {
        match &self.test {
            Test::Texts(values) => values.clone(),
            Test::Registered(wanted) => vec![wanted.to_string()],
            Test::Addresses(ranges) => ranges.iter().map(ToString::to_string).collect(),
            Test::Instant(at) => vec![at.to_string()],
        }
    }

    /// Whether the answer depends on who looks, or from where.
    pub fn is_about_the_viewer(&self) -> bool {
        !matches!(self.input, Input::Library | Input::Date)
    }

    /// Whether it holds at `now`.
    pub fn holds(&self, viewer: &Viewer, facts: &Facts, now: Timestamp) -> Truth {
        match (&self.test, self.input) {
            (Test::Instant(at), _) => Truth::from((now >= *at) == (self.operator == Operator::From)),
            (Test::Registered(wanted), _) => match viewer.is_registered() {
                Some(registered) => {
                    Truth::from((registered == *wanted) == (self.operator == Operator::Equals))
                }
                None => Truth::Doubt,
            },
            (Test::Addresses(ranges), _) => match viewer.source_ip {
                Some(address) => self.sign(in_any(ranges, address)),
                None => Truth::Doubt,
            },
            (Test::Texts(values), input) => match held(input, viewer, facts) {
                Some(held) => self.compare(&held, values),
                None => Truth::Doubt,
            },
        }
    }

    /// What it found to compare with, for people; `None` where that is not known.
    pub fn saw(&self, viewer: &Viewer, facts: &Facts, now: Timestamp) -> Option<Vec<String>> {
        match self.input {
            Input::Date => Some(vec![now.to_string()]),
            Input::Registered => viewer.is_registered().map(|registered| vec![registered.to_string()]),
            Input::IpRange => viewer.source_ip.map(|address| vec![canonical(address).to_string()]),
            input => held(input, viewer, facts).map(|held| held.into_iter().map(str::to_owned).collect()),
        }
    }

    fn compare(&self, held: &[&str], values: &[String]) -> Truth {
        match self.operator {
            Operator::Empty => Truth::from(held.is_empty()),
            Operator::NotEmpty => Truth::from(!held.is_empty()),
            Operator::Contains | Operator::NotContains => {
                self.sign(held.iter().any(|held| values.iter().any(|value| held.contains(value.as_str()))))
            }
            _ => self.sign(held.iter().any(|held| values.iter().any(|value| value == held))),
        }
    }

    /// What a finding means under the operator's sign.
    fn sign(&self, found: bool) -> Truth {
        let negative =
            matches!(self.operator, Operator::NotEquals | Operator::NotInList | Operator::NotContains);
        Truth::from(found != negative)
    }
}

fn in_any(ranges: &[IpRange], address: IpAddr) -> bool {
    ranges.iter().any(|range| range.contains(address))
}

/// What a viewer or a representation has of an input; `None` where that is not known.
fn held<'a>(input: Input, viewer: &'a Viewer, facts: &Facts<'a>) -> Option<Vec<&'a str>> {
    if input == Input::Library {
        return facts.library.map(|library| vec![library.as_str()]);
    }
    let known = match viewer.identity.as_ref()? {
        Identity::Anonymous => return Some(Vec::new()),
        Identity::Known(known) => known,
    };
    let all = |list: &'a [String]| list.iter().map(String::as_str).collect();
    Some(match input {
        Input::UserId => vec![known.id.as_ref()?.as_str()],
        Input::UserGroup => all(&known.groups),
        Input::Campus => all(&known.campuses),
        Input::Course => all(&known.courses),
        _ => Vec::new(),
    })
}

/// The operators that an input takes.
pub fn operators(input: Input) -> &'static [Operator] {
    match input {
        Input::Registered => &[Operator::Equals, Operator::NotEquals],
        Input::Date => &[Operator::Before, Operator::From],
        Input::IpRange => &[Operator::Equals, Operator::NotEquals, Operator::InList, Operator::NotInList],
        _ => &[
            Operator::Equals,
            Operator::NotEquals,
            Operator::InList,
            Operator::NotInList,
            Operator::Contains,
            Operator::NotContains,
            Operator::Empty,
            Operator::NotEmpty,
        ],
    }
}

fn whole(message: String) -> ConditionError {
    ConditionError { value: None, message }
}

fn of(value: usize, message: String) -> ConditionError {
    ConditionError { value: Some(value), message }
}

fn each<T, E: std::fmt::Display>(
    values: &[String],
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, ConditionError> {
    let parsed = values.iter().enumerate();
    parsed.map(|(index, value)| parse(value).map_err(|error| of(index, error.to_string()))).collect()
}

fn text(value: &str) -> Result<String, &'static str> {
    let value = value.trim();
    if value.is_empty() {
        return Err("must not be empty");
    }
    if value.chars().count() > MAX_VALUE || value.chars().any(char::is_control) {
        return Err("must be at most 200 characters without control characters");
    }
    Ok(value.to_owned())
}

impl TryFrom<RawCondition> for Condition {
    type Error = ConditionError;

    /// Understands a condition as it is stored, where every date is an instant.
    fn try_from(raw: RawCondition) -> Result<Self, ConditionError> {
        Self::parse(&raw, &TimeZone::UTC)
    }
}

impl From<Condition> for RawCondition {
    fn from(condition: Condition) -> Self {
        Self { input: condition.input, operator: condition.operator, values: condition.values() }
    }
}
