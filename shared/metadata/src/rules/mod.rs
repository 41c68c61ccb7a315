//! The rules of an import profile applied to records: filter, normalize, check, match, protect, compare.
//!
//! `vitrine_domain::import` holds the rules as data; here is what they do to a record in each format. Everything is a
//! pure function of texts. How fields are named: see [`spelling`]. A rule that cannot apply is refused by
//! [`check_rules`] when its profile is saved, and is an error, never a silent nothing, if it gets past that.
//!
//! Source: domain.md 6.4, I10 to I13.

mod check;
mod convert;
mod differences;
mod field;
mod identify;
mod mods_elements;
mod protect;
mod save;
mod spelling;
mod steps;
mod tag;
mod write;

pub use check::{Finding, check, fulfils};
pub use convert::{convert, record_format};
pub use differences::{FieldDifference, differences};
pub use identify::match_identifiers;
pub use protect::{merge_protecting, overlay_protecting};
pub use save::{check_field_name, check_rules};
pub use steps::{CollectionWish, Normalised, normalise};

use vitrine_domain::import::rules::FieldName;

use crate::Format;
use crate::error::{Problem, ProblemKind, Problems, RecordErrors, problem_at};
use crate::record::record_element;
use crate::xml::{Document, Element};
use field::Path;

/// Returns the values of a field, in the record's order, blank ones left out.
///
/// White space around a value is trimmed, and inside one made single spaces in Dublin Core and MODS; leader and
/// control fields are taken as they stand. A whole field's value is that of its parts, by spaces.
///
/// # Errors
/// The source is no record of the format, or the field is none of the format's.
pub fn values(format: Format, source: &str, field: &FieldName) -> Result<Vec<String>, RecordErrors> {
    let path = path(format, field)?;
    with_record(format, source, |root| path.values(root))
}

/// Reads the name of a field that a saved profile holds.
fn path(format: Format, field: &FieldName) -> Result<Path, RecordErrors> {
    Path::parse(format, field).map_err(|message| refused(field, message))
}

/// Says that a rule does not apply to its field.
fn refused(field: &FieldName, message: String) -> RecordErrors {
    let field = crate::xml::clip(field.as_str());
    problem_at("", 0, ProblemKind::InvalidField, field, message).into()
}

/// Runs `act` on the record's element. Looks at the record's outer form only, so that rules can mend the rest.
fn with_record<T>(
    format: Format,
    source: &str,
    act: impl FnOnce(Element<'_, '_>) -> T,
) -> Result<T, RecordErrors> {
    let text = source.strip_prefix('\u{FEFF}').unwrap_or(source);
    let document = Document::parse(text).map_err(RecordErrors::single)?;
    let mut problems = Problems::new(text);
    let root = record_element(format, document.root(), &mut problems);
    match (problems.into_errors(), root) {
        (None, Some(root)) => Ok(act(root)),
        (Some(errors), _) => Err(errors),
        (None, None) => Err(no_record(text).into()),
    }
}

fn no_record(text: &str) -> Problem {
    problem_at(text, 0, ProblemKind::NoRecord, "", "no record".to_owned())
}
