//! Query parameters, read strictly: one that an endpoint does not know is refused by name, so that a misspelt `override`
//! is not taken for none. What the vendor's clients send and nothing here depends on is known everywhere.

use axum::extract::FromRequestParts;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use vitrine_domain::problem::Problems;

use super::normalise::{join, parse_flag};
use super::problem::Problem;

/// The query parameters of a request.
#[derive(Debug, Clone, Default)]
pub struct Params(Vec<(String, String)>);

/// The part of a list that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    /// 0 to 100; 10 unless given (D21).
    pub limit: u32,
    /// How many to skip; 0 unless given, at most 10,000.
    pub offset: u32,
    /// The cursor of an earlier page, decoded.
    pub after: Option<String>,
}

/// The longest query that is read.
const MAX_QUERY_BYTES: usize = 16 * 1024;
/// Format and credential, and what the vendor's clients add to reads and writes to no effect here (domain.md 6.5): we
/// always validate, never normalise, never overwrite unasked, and call usage types by both names.
const EVERYWHERE: [&str; 8] = [
    "format",
    "apikey",
    "lang",
    "normalization",
    "override_warning",
    "override_lock",
    "use_updated_terminology",
    "validate",
];
/// The most unknown parameters that one answer lists.
const MAX_PROBLEMS: usize = 20;
/// Skipping further than this is refused; a cursor goes on.
const MAX_OFFSET: u32 = 10_000;

impl Params {
    /// Reads a query string; `+` is a space.
    ///
    /// # Errors
    /// A query that is too long or not UTF-8.
    pub fn parse(query: &str) -> Result<Self, Problem> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(Problem::bad_field("query", format!("must be at most {MAX_QUERY_BYTES} bytes")));
        }
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced)
                .decode_utf8()
                .map(|text| text.into_owned())
                .map_err(|_| Problem::bad_field("query", "must be UTF-8"))
        };
        let mut pairs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((decode(name)?, decode(value)?));
        }
        Ok(Self(pairs))
    }

    /// Every name with its value, in the order in which they were sent.
    pub fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    /// The parameters of a request.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse).
    pub fn of(parts: &Parts) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }

    /// Refuses parameters that are neither `known` nor of every endpoint.
    ///
    /// # Errors
    /// Each that is not known, by name.
    pub fn only(&self, known: &[&str]) -> Result<(), Problem> {
        let mut problems = Problems::default();
        for (name, _) in &self.0 {
            let is_known = EVERYWHERE.iter().chain(known).any(|known| known == name);
            if !is_known && problems.0.len() < MAX_PROBLEMS {
                problems.add(&join("", name), known_ones(known));
            }
        }
        problems.into_result().map_err(|problems| Problem::bad_fields(problems.0))
    }

    /// The value of a parameter, if it is there and not empty.
    ///
    /// # Errors
    /// A parameter that is there twice.
    pub fn get(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut found = self.0.iter().filter(|(held, _)| held == name).map(|(_, value)| value.as_str());
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Problem::bad_field(name, "must be given once")),
            (value, None) => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    /// A yes or no; `default` where it is not there (ALMA-6).
    ///
    /// # Errors
    /// Any other word.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, Problem> {
        match self.get(name)? {
            None => Ok(default),
            Some(word) => {
                parse_flag(word).ok_or_else(|| Problem::bad_field(name, "must be `true` or `false`"))
            }
        }
    }

    /// A coded value of the domain; `default` where it is not there.
    ///
    /// # Errors
    /// A word that is no code, with the list of codes.
    pub fn coded<T: vitrine_domain::coded::Coded>(&self, name: &str, default: T) -> Result<T, Problem> {
        match self.get(name)? {
            None => Ok(default),
            Some(word) => {
                T::from_code(&word.to_lowercase()).ok_or_else(|| Problem::bad_field(name, codes::<T>()))
            }
        }
    }

    /// A whole number from 0 to `max`.
    ///
    /// # Errors
    /// Anything else.
    pub fn number(&self, name: &str, default: u32, max: u32) -> Result<u32, Problem> {
        match self.get(name)? {
            None => Ok(default),
            Some(word) => match word.parse::<u32>() {
                Ok(number) if number <= max => Ok(number),
                _ => Err(Problem::bad_field(name, format!("must be a whole number from 0 to {max}"))),
            },
        }
    }

    /// `next`, decoded; what it means is its list's own business.
    ///
    /// # Errors
    /// One that is none of ours.
    pub fn cursor(&self) -> Result<Option<String>, Problem> {
        let Some(cursor) = self.get("next")? else { return Ok(None) };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok();
        bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map(Some).ok_or_else(bad_cursor)
    }

    /// `limit`, `offset` and `next`.
    ///
    /// # Errors
    /// A number out of range, a cursor that is none of ours.
    pub fn paging(&self) -> Result<Paging, Problem> {
        let offset = self.number("offset", 0, MAX_OFFSET)?;
        Ok(Paging { offset, ..self.paging_by(10, 100)? })
    }

    /// `limit` and `next`: `limit` where none is given, at most `most`.
    ///
    /// # Errors
    /// A number out of range, a cursor that is none of ours.
    pub fn paging_by(&self, limit: u32, most: u32) -> Result<Paging, Problem> {
        let after = self.cursor()?;
        if after.as_ref().is_some_and(|text| text.split('\u{1f}').count() != 3) {
            return Err(bad_cursor());
        }
        Ok(Paging { limit: self.number("limit", limit, most)?, offset: 0, after })
    }
}

fn bad_cursor() -> Problem {
    Problem::bad_field("next", "must be the `next` of an earlier answer")
}

/// Spells a cursor so that a URL can carry it.
pub fn cursor(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

/// The sentence that lists the codes of a list.
pub fn codes<T: vitrine_domain::coded::Coded>() -> String {
    let all: Vec<_> = T::ALL.iter().map(|value| value.code()).collect();
    format!("must be one of: {}", all.join(", "))
}

fn known_ones(known: &[&str]) -> String {
    match known {
        [] => "is not known here; no parameter is".to_owned(),
        known => format!("is not known here; known are: {}", known.join(", ")),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(query: &str) -> Result<Paging, Problem> {
        Params::parse(query).and_then(|params| params.paging())
    }

    #[test]
    fn d21_limit_is_ten_unless_given_and_a_hundred_at_most() {
        assert_eq!(paging("").unwrap(), Paging { limit: 10, offset: 0, after: None });
        assert_eq!(paging("limit=0&offset=20").unwrap(), Paging { limit: 0, offset: 20, after: None });
        for bad in [
            "limit=101",
            "limit=-1",
            "limit=x",
            "offset=1000000000",
            "next=%21",
            "limit=1&limit=2",
            "next=YQ",
        ] {
            assert!(paging(bad).is_err(), "{bad}");
        }
        let next = cursor("a\u{1f}b\u{1f}c");
        assert_eq!(paging(&format!("next={next}")).unwrap().after.as_deref(), Some("a\u{1f}b\u{1f}c"));
    }

    #[test]
    fn a_parameter_that_is_not_known_is_refused_by_name() {
        let check = |query: &str, known: &[&str]| {
            let refused = Params::parse(query).unwrap().only(known).err();
            refused.map_or_else(String::new, |problem| problem.detail)
        };
        assert_eq!(check("limit=1&format=json&apikey=k&lang=en&validate=true", &["limit"]), "");
        assert_eq!(check("", &[]), "");
        assert_eq!(check("op=x", &[]), "`op` is not known here; no parameter is");
        assert_eq!(
            check("overide=true&Limit=1", &["limit", "offset"]),
            "`overide` is not known here; known are: limit, offset; `Limit` is not known here; known are: limit, offset"
        );
        assert!(check(&"a%00%0Ab=1&".repeat(200), &[]).len() < 2_000, "a list that is kept short");
    }

    #[test]
    fn alma_6_reads_the_booleans_that_clients_send() {
        let params = Params::parse("a=True&b=FALSE&c=maybe&d=").unwrap();
        assert!(params.flag("a", false).unwrap());
        assert!(!params.flag("b", true).unwrap());
        assert!(params.flag("c", true).is_err());
        assert!(params.flag("d", true).unwrap());
    }
}
