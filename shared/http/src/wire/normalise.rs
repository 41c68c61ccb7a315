//! Makes what a client sent into what the typed inputs expect, whichever format it came in.
//!
//! Unknown members are refused by name (B32); members that are ours alone are dropped, so that a client can put back
//! what it read; words for booleans become booleans. What is empty is left out, so that "absent" has one spelling.

use serde_json::{Map, Value};
use vitrine_domain::problem::Problems;

use super::shape::{Kind, Member, Shape};

/// Which members are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// What a client may set.
    Input,
    /// Everything, for reading back our own answers.
    Everything,
}

/// The most problems that one answer lists.
const MAX_PROBLEMS: usize = 50;

/// Checks a value against a shape and returns it in its one spelling.
///
/// # Errors
/// Every unknown member and every member of a wrong kind, by its dotted name.
pub fn normalise(shape: &Shape, value: Value, keep: Keep) -> Result<Value, Problems> {
    let mut pass = Pass { keep, problems: Problems::default() };
    let value = match value {
        Value::Object(members) => pass.object(shape, members, ""),
        _ => {
            pass.add("", "must be an object");
            Value::Null
        }
    };
    pass.problems.into_result().map(|()| value)
}

struct Pass {
    keep: Keep,
    problems: Problems,
}

impl Pass {
    fn add(&mut self, path: &str, message: impl Into<String>) {
        if self.problems.0.len() < MAX_PROBLEMS {
            self.problems.add(path, message);
        }
    }

    fn object(&mut self, shape: &Shape, members: Map<String, Value>, path: &str) -> Value {
        let mut kept = Map::new();
        for (name, value) in members {
            let here = join(path, &name);
            let Some(member) = shape.member(&name) else {
                self.add(&here, "is not known here");
                continue;
            };
            if member.output_only && self.keep == Keep::Input {
                continue;
            }
            let value = if member.many {
                self.list(member, value, &here)
            } else {
                self.one(member.kind, value, &here)
            };
            if let Some(value) = value {
                kept.insert(name, value);
            }
        }
        Value::Object(kept)
    }

    fn list(&mut self, member: &Member, value: Value, path: &str) -> Option<Value> {
        match value {
            Value::Null => None,
            Value::Array(items) => {
                let kept: Vec<Value> = items
                    .into_iter()
                    .enumerate()
                    .filter_map(|(index, item)| self.one(member.kind, item, &format!("{path}.{index}")))
                    .collect();
                Some(Value::Array(kept))
            }
            _ => {
                self.add(path, "must be a list");
                None
            }
        }
    }

    fn one(&mut self, kind: Kind, value: Value, path: &str) -> Option<Value> {
        if value.is_null() {
            return None;
        }
        let wrong = match (kind, value) {
            (Kind::Text | Kind::Raw, Value::String(text)) => return Some(Value::String(text)),
            (Kind::Text | Kind::Raw, Value::Number(_)) => "must be a string, not a number",
            (Kind::Text | Kind::Raw, _) => "must be a string",
            (Kind::Flag, Value::Bool(flag)) => return Some(Value::Bool(flag)),
            (Kind::Flag, Value::String(word)) => match parse_flag(&word) {
                Some(flag) => return Some(Value::Bool(flag)),
                None if word.trim().is_empty() => return None,
                None => "must be `true` or `false`",
            },
            (Kind::Flag, _) => "must be `true` or `false`",
            (Kind::Count, Value::Number(number)) if number.is_i64() || number.is_u64() => {
                return Some(Value::Number(number));
            }
            (Kind::Count, Value::String(digits)) => match digits.trim().parse::<i64>() {
                Ok(number) => return Some(number.into()),
                Err(_) if digits.trim().is_empty() => return None,
                Err(_) => "must be a whole number",
            },
            (Kind::Count, _) => "must be a whole number",
            (Kind::Coded, Value::Object(members)) => return self.coded(members, path),
            (Kind::Coded, _) => "must be an object with `value`",
            (Kind::Object(shape), Value::Object(members)) => {
                return Some(self.object(shape, members, path));
            }
            (Kind::Object(_), _) => "must be an object",
        };
        self.add(path, wrong);
        None
    }

    fn coded(&mut self, members: Map<String, Value>, path: &str) -> Option<Value> {
        let mut kept = Map::new();
        for (name, value) in members {
            match (name.as_str(), value) {
                (_, Value::Null) => {}
                ("value", Value::String(code)) => {
                    if !code.is_empty() {
                        kept.insert(name, Value::String(code));
                    }
                }
                ("desc" | "link", Value::String(text)) => {
                    if self.keep == Keep::Everything {
                        kept.insert(name, Value::String(text));
                    }
                }
                ("value" | "desc" | "link", _) => self.add(&join(path, &name), "must be a string"),
                _ => self.add(&join(path, &name), "is not known here"),
            }
        }
        kept.contains_key("value").then_some(Value::Object(kept))
    }
}

/// Reads a boolean as clients spell it (ALMA-6).
pub fn parse_flag(word: &str) -> Option<bool> {
    let word = word.trim();
    if word.eq_ignore_ascii_case("true") {
        Some(true)
    } else if word.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Joins names with dots; a name that came from outside is cut and cleaned.
pub(super) fn join(path: &str, name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    if path.is_empty() { name } else { format!("{path}.{name}") }
}
