//! Rules checked when their profile is saved, so that none turns out impossible in the middle of a run.

use vitrine_domain::import::glob::{check_path_pattern, check_pattern};
use vitrine_domain::import::profile::{ProfileSettings, RepresentationPattern, ValueSource};
use vitrine_domain::import::rules::{CheckRule, Condition, FieldName, MAX_RULES, Step};

use crate::Format;
use crate::marc::leader_problem;
use crate::rules::check::field_of;
use crate::rules::field::{Kind, Path};
use crate::rules::steps::check_pair;

/// The longest value that a rule writes or compares, in characters.
const MAX_VALUE: usize = 10_000;
/// The most values of one list.
const MAX_VALUES: usize = 1000;

/// Checks that a field can be named in records of that format.
///
/// # Errors
/// Why not, for a person who saves a profile.
pub fn check_field_name(format: Format, field: &FieldName) -> Result<(), String> {
    Path::parse(format, field).map(drop)
}

/// Returns what is wrong with the rules of a profile whose records are kept in that format: its filter, steps and
/// checks, and every field and pattern that it names. Each problem comes with its place as the profile's JSON has it,
/// counted from 0: `normalization.steps[2]`.
pub fn check_rules(format: Format, settings: &ProfileSettings) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let mut list = |name: &str, results: Vec<Result<(), String>>| {
        if results.len() > MAX_RULES {
            problems.push((name.to_owned(), format!("must not be more than {MAX_RULES}")));
        }
        let wrong = results.into_iter().enumerate().filter_map(|(i, result)| Some((i, result.err()?)));
        problems.extend(wrong.take(MAX_RULES).map(|(i, message)| (format!("{name}[{i}]"), message)));
    };
    let rules = &settings.normalization;
    list("normalization.filter", rules.filter.iter().map(|c| check_condition(format, c)).collect());
    list("normalization.steps", rules.steps.iter().map(|s| check_step(format, s)).collect());
    list("normalization.checks", rules.checks.iter().map(|c| check_check(format, &c.rule)).collect());
    let named = |fields: &[FieldName]| fields.iter().map(|f| check_field_name(format, f)).collect();
    list("matching.protected", named(&settings.matching.protected));
    list("defaults.file_fields", named(&settings.defaults.file_fields));
    let patterns = &settings.defaults.representations;
    list("defaults.representations", patterns.iter().map(|p| check_representation(format, p)).collect());
    if let Err(message) = check_pattern(&settings.details.metadata_file) {
        problems.push(("details.metadata_file".to_owned(), message));
    }
    problems
}

fn check_representation(format: Format, pattern: &RepresentationPattern) -> Result<(), String> {
    check_path_pattern(&pattern.files).map_err(|why| format!("the pattern of files {why}"))?;
    let sources = [&pattern.label, &pattern.public_note, &pattern.note, &pattern.access_rights];
    for source in sources.into_iter().flatten() {
        if let ValueSource::Field(field) = source {
            check_field_name(format, field)?;
        }
    }
    Ok(())
}

fn check_condition(format: Format, condition: &Condition) -> Result<(), String> {
    match condition {
        Condition::Present { field } | Condition::Absent { field } => check_field_name(format, field),
        Condition::Matches { field, pattern } | Condition::MatchesNot { field, pattern } => {
            check_field_name(format, field)?;
            check_pattern_of(field, pattern)
        }
    }
}

fn check_check(format: Format, rule: &CheckRule) -> Result<(), String> {
    let field = field_of(rule);
    check_field_name(format, field)?;
    match rule {
        CheckRule::Required { .. } | CheckRule::AtMost { .. } | CheckRule::MaxLength { .. } => Ok(()),
        CheckRule::Matches { pattern, .. } => check_pattern_of(field, pattern),
        CheckRule::OneOf { values, .. } if values.is_empty() || values.len() > MAX_VALUES => {
            Err(format!("`{}` needs 1 to {MAX_VALUES} allowed values", field.as_str()))
        }
        CheckRule::OneOf { values, .. } => {
            values.iter().try_for_each(|value| check_length(field, value, MAX_VALUE))
        }
    }
}

fn check_step(format: Format, step: &Step) -> Result<(), String> {
    match step {
        Step::Drop { field, pattern } => {
            let path = Path::parse(format, field)?;
            if path.is_leader() {
                return Err("the leader cannot be dropped".to_owned());
            }
            pattern.as_ref().map_or(Ok(()), |pattern| check_pattern_of(field, pattern))
        }
        Step::Set { field, value } => {
            let path = writable(format, field, value)?;
            match leader_problem(value).filter(|_| path.is_leader()) {
                Some(problem) => Err(problem),
                None => Ok(()),
            }
        }
        Step::Add { field, value } => {
            let path = writable(format, field, value)?;
            match path.is_single() {
                true => Err(format!("`{}` does not repeat: it can be set, not added", field.as_str())),
                false => Ok(()),
            }
        }
        Step::Copy { from, to } => check_two(format, from, to, false),
        Step::Rename { from, to } => check_two(format, from, to, true),
        Step::Replace { field, find, with } => {
            let path = Path::parse(format, field)?;
            if path.kind != Kind::DataField {
                path.check_writable().map_err(|why| named(field, &why))?;
            }
            if find.is_empty() {
                return Err(format!("`{}` needs a text to look for", field.as_str()));
            }
            check_length(field, find, MAX_VALUE)?;
            check_length(field, with, MAX_VALUE)
        }
        Step::AddToCollection { collection: None, field: None } => {
            Err("needs a collection, or the field that names it".to_owned())
        }
        Step::AddToCollection { field, .. } => {
            field.as_ref().map_or(Ok(()), |field| check_field_name(format, field))
        }
    }
}

fn check_two(format: Format, from: &FieldName, to: &FieldName, moves: bool) -> Result<(), String> {
    let (source, target) = (Path::parse(format, from)?, Path::parse(format, to)?);
    if source == target {
        return Err(format!("`{}` and `{}` are the same field", from.as_str(), to.as_str()));
    }
    if target.is_leader() || (moves && source.is_leader()) {
        return Err("the leader can be set and copied from only".to_owned());
    }
    check_pair(&source, &target).map_err(|why| named(to, &why))
}

fn writable(format: Format, field: &FieldName, value: &str) -> Result<Path, String> {
    let path = Path::parse(format, field)?;
    path.check_writable().map_err(|why| named(field, &why))?;
    if value.trim().is_empty() {
        return Err(format!("`{}` needs a value; a field is taken out with DROP", field.as_str()));
    }
    check_length(field, value, MAX_VALUE)?;
    Ok(path)
}

fn check_pattern_of(field: &FieldName, pattern: &str) -> Result<(), String> {
    check_pattern(pattern).map_err(|why| format!("the pattern for `{}` {why}", field.as_str()))
}

fn check_length(field: &FieldName, value: &str, most: usize) -> Result<(), String> {
    if value.chars().nth(most).is_some() {
        return Err(format!("a value for `{}` has at most {most} characters", field.as_str()));
    }
    Ok(())
}

fn named(field: &FieldName, why: &str) -> String {
    format!("`{}` {why}", field.as_str())
}
