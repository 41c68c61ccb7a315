//! Whether a record fulfils conditions, and what a check finds.

use serde::{Deserialize, Serialize};
use vitrine_domain::import::glob::text_matches;
use vitrine_domain::import::rules::{Check, CheckRule, Condition, FieldName, Severity};

use crate::Format;
use crate::error::RecordErrors;
use crate::rules::{path, with_record};
use crate::xml::{Element, clip};

/// One check that a record does not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it means for the row.
    pub severity: Severity,
    /// The field, as the profile spells it.
    pub field: String,
    /// What is wrong, for a person.
    pub message: String,
}

/// Whether the record fulfils every condition; always, where there is none.
///
/// # Errors
/// The source is no record of the format, or a field is none of the format's.
pub fn fulfils(format: Format, source: &str, conditions: &[Condition]) -> Result<bool, RecordErrors> {
    with_record(format, source, |root| {
        for condition in conditions {
            let (field, expected) = match condition {
                Condition::Present { field } | Condition::Matches { field, .. } => (field, true),
                Condition::Absent { field } | Condition::MatchesNot { field, .. } => (field, false),
            };
            let values = path(format, field)?.values(root);
            let found = match condition {
                Condition::Present { .. } | Condition::Absent { .. } => !values.is_empty(),
                Condition::Matches { pattern, .. } | Condition::MatchesNot { pattern, .. } => {
                    values.iter().any(|value| text_matches(pattern, value))
                }
            };
            if found != expected {
                return Ok(false);
            }
        }
        Ok(true)
    })?
}

/// Returns what the checks find, in their order; a check finds at most one thing and counts the further values.
///
/// # Errors
/// The source is no record of the format, or a field is none of the format's.
pub fn check(format: Format, source: &str, checks: &[Check]) -> Result<Vec<Finding>, RecordErrors> {
    with_record(format, source, |root| {
        let mut findings = Vec::new();
        for check in checks {
            let (field, message) = find(format, root, &check.rule)?;
            if let Some(message) = message {
                findings.push(Finding {
                    severity: check.severity,
                    field: field.as_str().to_owned(),
                    message,
                });
            }
        }
        Ok(findings)
    })?
}

fn find<'r>(
    format: Format,
    root: Element<'_, '_>,
    rule: &'r CheckRule,
) -> Result<(&'r FieldName, Option<String>), RecordErrors> {
    let field = field_of(rule);
    let values = path(format, field)?.values(root);
    let message = match rule {
        CheckRule::Required { .. } => values.is_empty().then(|| "is required and missing".to_owned()),
        CheckRule::Matches { pattern, .. } => {
            let why = |value: &str| format!("`{}` does not match `{}`", clip(value), clip(pattern));
            first_wrong(&values, |value| text_matches(pattern, value), why)
        }
        CheckRule::OneOf { values: allowed, .. } => {
            let why =
                |value: &str| format!("`{}` is none of the {} allowed values", clip(value), allowed.len());
            first_wrong(&values, |value| allowed.iter().any(|a| a == value), why)
        }
        CheckRule::AtMost { count, .. } => {
            let most = usize::try_from(*count).unwrap_or(usize::MAX);
            (values.len() > most).then(|| format!("occurs {} times, at most {count} allowed", values.len()))
        }
        CheckRule::MaxLength { characters, .. } => {
            let most = usize::try_from(*characters).unwrap_or(usize::MAX);
            let why = |value: &str| {
                format!("`{}` has {} characters, at most {most} allowed", clip(value), value.chars().count())
            };
            first_wrong(&values, |value| value.chars().nth(most).is_none(), why)
        }
    };
    Ok((field, message))
}

/// Returns the field that a check looks at.
pub(crate) fn field_of(rule: &CheckRule) -> &FieldName {
    match rule {
        CheckRule::Required { field }
        | CheckRule::Matches { field, .. }
        | CheckRule::OneOf { field, .. }
        | CheckRule::AtMost { field, .. }
        | CheckRule::MaxLength { field, .. } => field,
    }
}

fn first_wrong(
    values: &[String],
    right: impl Fn(&str) -> bool,
    why: impl Fn(&str) -> String,
) -> Option<String> {
    let mut wrong = values.iter().filter(|value| !right(value));
    let first = why(wrong.next()?);
    match wrong.count() {
        0 => Some(first),
        further => Some(format!("{first}, and {further} more")),
    }
}
