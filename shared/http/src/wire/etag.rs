//! Entity tags and the conditions that name them (RFC 9110, section 13; HTTP-4).
//!
//! Ours are `"<version>-<j|x>"`: strong, so one for each format. A condition for a write compares the version alone,
//! because a client may read XML and write JSON.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;

use vitrine_app::AppError;

use super::format::Format;
use super::problem::Problem;

/// The tag of a version in a format.
pub fn entity_tag(version: u64, format: Format) -> String {
    format!("\"{version}-{}\"", format.letter())
}

/// What a condition names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// `*`: any.
    Any,
    /// These tags.
    Tags(Vec<Tag>),
}

/// One entity tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Whether it is weak (`W/`).
    pub weak: bool,
    /// What stands between the quotes.
    pub opaque: String,
}

/// A condition that can not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be `*` or a list of quoted entity tags")]
pub struct ConditionError;

const MAX_TAGS: usize = 100;

/// INVARIANT: versions count from 1, so nothing has this one and 0 is what is not there.
const NO_VERSION: u64 = u64::MAX;

/// Reads the value of `If-Match` or `If-None-Match`.
///
/// # Errors
/// When it is neither `*` nor a list of tags.
pub fn parse_condition(text: &str) -> Result<Condition, ConditionError> {
    let mut rest = text.trim();
    if rest == "*" {
        return Ok(Condition::Any);
    }
    let mut tags = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            break;
        }
        let (weak, quoted) = match rest.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let inside = quoted.strip_prefix('"').ok_or(ConditionError)?;
        let (opaque, after) = inside.split_once('"').ok_or(ConditionError)?;
        let legal = opaque.chars().all(|c| c == '!' || ('#'..='~').contains(&c) || c >= '\u{80}');
        if !legal || !(after.is_empty() || after.starts_with([' ', '\t', ','])) || tags.len() == MAX_TAGS {
            return Err(ConditionError);
        }
        tags.push(Tag { weak, opaque: opaque.to_owned() });
        rest = after;
    }
    if tags.is_empty() { Err(ConditionError) } else { Ok(Condition::Tags(tags)) }
}

impl Tag {
    /// The version in one of our tags.
    pub fn version(&self) -> Option<u64> {
        let (version, letter) = self.opaque.split_once('-')?;
        let ours = matches!(letter, "j" | "x") && version.bytes().all(|byte| byte.is_ascii_digit());
        if ours { version.parse().ok().filter(|version| (1..NO_VERSION).contains(version)) } else { None }
    }
}

impl Condition {
    /// The one version that a write may find, where there is no more than one.
    fn only_version(&self) -> Option<u64> {
        let Self::Tags(tags) = self else { return None };
        let mut versions = tags.iter().filter(|tag| !tag.weak).filter_map(Tag::version);
        let first = versions.next()?;
        versions.all(|version| version == first).then_some(first)
    }
}

/// Whether `If-Match` lets a write to `version` through: strong comparison, the format left out. Version 0 is what is not
/// there, which nothing matches.
pub fn matches_version(condition: &Condition, version: u64) -> bool {
    match condition {
        Condition::Any => version > 0,
        Condition::Tags(tags) => tags.iter().any(|tag| !tag.weak && tag.version() == Some(version)),
    }
}

/// Whether `If-None-Match` names what would be sent: weak comparison, the format counts.
pub fn names_representation(condition: &Condition, version: u64, format: Format) -> bool {
    match condition {
        Condition::Any => true,
        Condition::Tags(tags) => {
            let ours = entity_tag(version, format);
            tags.iter().any(|tag| ours.trim_matches('"') == tag.opaque)
        }
    }
}

/// Whether `If-None-Match` names a tag that is no version: weak comparison.
pub fn names_tag(headers: &HeaderMap, opaque: &str) -> bool {
    match if_none_match(headers) {
        None => false,
        Some(Condition::Any) => true,
        Some(Condition::Tags(tags)) => tags.iter().any(|tag| tag.opaque == opaque),
    }
}

/// Reads a condition from headers; several lines are one list.
///
/// # Errors
/// When it can not be read.
pub fn condition(headers: &HeaderMap, name: HeaderName) -> Result<Option<Condition>, ConditionError> {
    let mut text = String::new();
    for value in headers.get_all(name) {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(value.to_str().map_err(|_| ConditionError)?);
    }
    if text.is_empty() { Ok(None) } else { parse_condition(&text).map(Some) }
}

/// Reads `If-None-Match`; one that can not be read is as good as none.
pub(super) fn if_none_match(headers: &HeaderMap) -> Option<Condition> {
    condition(headers, IF_NONE_MATCH).ok().flatten()
}

/// The `If-Match` of a write, if any. The vendor's clients send none, so it is asked for nowhere and honoured everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch(pub Option<Condition>);

impl IfMatch {
    /// Checks the version that the caller has loaded.
    ///
    /// # Errors
    /// 412 when the client has seen another version.
    pub fn check(&self, version: u64) -> Result<(), Problem> {
        if self.allows(version) { Ok(()) } else { Err(Problem::precondition_failed()) }
    }

    /// Whether the condition holds for `version`.
    pub fn allows(&self, version: u64) -> bool {
        self.0.as_ref().is_none_or(|condition| matches_version(condition, version))
    }

    /// Does a write under the condition: `write` is given the version that the use case is to find, and finds out itself
    /// whether the caller may and whether the thing is there, so that 403 and 404 go before 412.
    ///
    /// A condition that names one version costs nothing more; `*` and lists learn the version from the first refusal.
    ///
    /// # Errors
    /// What the write fails with; [`AppError::Precondition`] when the condition does not hold.
    pub async fn guard<T, F>(&self, mut write: impl FnMut(Option<u64>) -> F) -> Result<T, AppError>
    where
        F: Future<Output = Result<T, AppError>>,
    {
        let Some(condition) = &self.0 else { return write(None).await };
        let first = condition.only_version().unwrap_or(NO_VERSION);
        match write(Some(first)).await {
            Err(AppError::Precondition { current, .. })
                if current != first && matches_version(condition, current) =>
            {
                write(Some(current)).await
            }
            done => done,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        condition(&parts.headers, IF_MATCH)
            .map(Self)
            .map_err(|error| Problem::bad_field("If-Match", error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(list: &[(bool, &str)]) -> Condition {
        let tags = list.iter().map(|(weak, opaque)| Tag { weak: *weak, opaque: (*opaque).to_owned() });
        Condition::Tags(tags.collect())
    }

    #[test]
    fn reads_conditions_as_the_rfc_spells_them() {
        let cases = [
            ("*", Ok(Condition::Any)),
            (" * ", Ok(Condition::Any)),
            (r#""3-j""#, Ok(tags(&[(false, "3-j")]))),
            (r#"W/"3-x""#, Ok(tags(&[(true, "3-x")]))),
            (r#""a,b" , W/"c""#, Ok(tags(&[(false, "a,b"), (true, "c")]))),
            (r#",,"a",, "b","#, Ok(tags(&[(false, "a"), (false, "b")]))),
            (r#""""#, Ok(tags(&[(false, "")]))),
            ("3-j", Err(ConditionError)),
            (r#""3-j"#, Err(ConditionError)),
            (r#""a""b""#, Err(ConditionError)),
            (r#"w/"a""#, Err(ConditionError)),
            (r#"*, "a""#, Err(ConditionError)),
            (r#""a b""#, Err(ConditionError)),
            ("", Err(ConditionError)),
            (",", Err(ConditionError)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_condition(text), expected, "{text}");
        }
        assert!(parse_condition(&r#""a","#.repeat(MAX_TAGS + 1)).is_err());
    }

    #[test]
    fn a_write_compares_versions_and_a_read_compares_tags() {
        let cases = [
            ("*", true, true),
            (r#""7-j""#, true, true),
            (r#""7-x""#, true, false),
            (r#"W/"7-j""#, false, true),
            (r#""8-j""#, false, false),
            (r#""1-j", "7-x""#, true, false),
            (r#""+7-j""#, false, false),
            (r#""7""#, false, false),
            (r#""7-j-j""#, false, false),
        ];
        for (text, write, read) in cases {
            let condition = parse_condition(text).unwrap();
            assert_eq!(matches_version(&condition, 7), write, "{text}");
            assert_eq!(names_representation(&condition, 7, Format::Json), read, "{text}");
        }
        assert_eq!(entity_tag(7, Format::Xml), r#""7-x""#);
    }

    /// What a write to a thing at version `current` comes to under a condition, and with which versions it was tried.
    async fn write(text: &str, current: u64) -> (bool, Vec<Option<u64>>) {
        let condition = (!text.is_empty()).then(|| parse_condition(text).unwrap());
        let tried = std::cell::RefCell::new(Vec::new());
        let done =
            IfMatch(condition)
                .guard(|expected| {
                    tried.borrow_mut().push(expected);
                    let holds = expected.is_none_or(|version| version == current);
                    async move {
                        if holds { Ok(()) } else { Err(AppError::Precondition { kind: "file", current }) }
                    }
                })
                .await;
        (done.is_ok(), tried.into_inner())
    }

    #[tokio::test]
    async fn rfc_9110_13_1_1_a_write_goes_through_where_a_strong_tag_is_current() {
        let cases = [
            ("", 7, true),
            (r#""7-j""#, 7, true),
            (r#""7-x", "7-j""#, 7, true),
            (r#""6-j", "7-x", "8-j""#, 7, true),
            (r#"W/"7-j", "7-x""#, 7, true),
            ("*", 7, true),
            ("*", 0, false),
            (r#""6-j""#, 7, false),
            (r#""6-j", "8-j""#, 7, false),
            (r#"W/"7-j""#, 7, false),
            (r#"W/"7-j", "6-j""#, 7, false),
            (r#""7""#, 7, false),
            (r#""someone-elses", "7-y""#, 7, false),
            (r#""0-j""#, 0, false),
            (r#""0-j", "1-j""#, 0, false),
            (r#""18446744073709551615-j""#, 7, false),
        ];
        for (text, current, through) in cases {
            let (done, tried) = write(text, current).await;
            assert_eq!(done, through, "{text} {current}");
            // Only a write that said no condition at all goes through unchecked.
            assert_eq!(tried.contains(&None), text.is_empty(), "{text}");
            assert!(tried.len() <= 2, "{text}");
        }
        assert_eq!(write(r#""7-j", "7-x""#, 7).await.1, [Some(7)], "one version costs one attempt");
    }

    #[tokio::test]
    async fn a_thing_that_changes_between_the_attempts_is_not_overwritten() {
        let versions = std::cell::RefCell::new(vec![8, 7]);
        let done: Result<(), _> = IfMatch(Some(Condition::Any))
            .guard(|_| {
                let current = versions.borrow_mut().pop().unwrap();
                async move { Err(AppError::Precondition { kind: "file", current }) }
            })
            .await;
        assert!(matches!(done, Err(AppError::Precondition { current: 8, .. })));
    }
}
