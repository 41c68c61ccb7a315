//! A record in the place of another, with the fields that a profile protects left as they were (I13).
//!
//! A protected field stays exactly as the title has it, also where the title has none. A protected subfield, or a MODS
//! element inside another, protects its value where both records have its field once; where either repeats the field,
//! or the new record lacks it, nobody can say which belongs to which, and the whole field is protected.

use vitrine_domain::import::rules::FieldName;

use crate::Format;
use crate::cut;
use crate::error::RecordErrors;
use crate::merge::{merge_around, merge_elements};
use crate::record::parse_record;
use crate::rules::field::{Kind, Path, Step, Test};
use crate::rules::write::Writer;
use crate::rules::{path, with_record};
use crate::xml::{Document, Element};

/// Returns `existing` with the fields of `incoming` in place of its own, as [`crate::merge`] does, but for the
/// protected fields: those of `existing` stay, and those of `incoming` are left out.
///
/// # Errors
/// The problems of either record or of the merged one, or a field that is none of the format's.
pub fn merge_protecting(
    format: Format,
    existing: &str,
    incoming: &str,
    protected: &[FieldName],
) -> Result<String, RecordErrors> {
    let protected = Protected::new(format, existing, incoming, protected)?;
    let merged = merge_around(format, existing, incoming, &|element| protected.whole(element))?;
    protected.restore(format, existing, merged)
}

/// Returns `incoming` with the protected fields of `existing` in place of its own.
///
/// # Errors
/// The problems of either record or of the new one, or a field that is none of the format's.
pub fn overlay_protecting(
    format: Format,
    existing: &str,
    incoming: &str,
    protected: &[FieldName],
) -> Result<String, RecordErrors> {
    let protected = Protected::new(format, existing, incoming, protected)?;
    let base = with_record(format, incoming, |root| cut::standalone(root).into_owned())?;
    let document = Document::parse(&base).map_err(RecordErrors::single)?;
    let overlaid = with_record(format, existing, |old| {
        merge_elements(format, &base, document.root(), old, &|field| protected.whole(field), true)
    })?;
    protected.restore(format, existing, overlaid)
}

/// The protected fields of a pair of records.
struct Protected {
    /// Fields that are protected with all they hold.
    whole: Vec<Step>,
    /// Texts inside fields.
    inside: Vec<Path>,
}

impl Protected {
    fn new(
        format: Format,
        existing: &str,
        incoming: &str,
        fields: &[FieldName],
    ) -> Result<Self, RecordErrors> {
        let mut protected = Self { whole: Vec::new(), inside: Vec::new() };
        for field in fields {
            let path = path(format, field)?;
            let Some(first) = path.steps.first() else { continue };
            if path.steps.len() == 1 {
                protected.whole.push(first.clone());
                continue;
            }
            let mut outer = first.clone();
            match format {
                Format::Marc21 => outer.tests.retain(|t| matches!(t, Test::Is(name, _) if name == "tag")),
                _ => outer.tests.clear(),
            }
            let count = |root: Element<'_, '_>| root.children().filter(|c| outer.fits(*c)).count();
            let (old, new) = (with_record(format, existing, count)?, with_record(format, incoming, count)?);
            if path.kind == Kind::Text && (old == 0 || (old == 1 && new == 1)) {
                protected.inside.push(path);
            } else {
                protected.whole.push(outer);
            }
        }
        Ok(protected)
    }

    /// Whether a child of the record is protected with all it holds.
    fn whole(&self, element: Element<'_, '_>) -> bool {
        self.whole.iter().any(|step| step.fits(element))
    }

    /// Gives the protected texts inside fields the values that they had.
    fn restore(&self, format: Format, existing: &str, mut source: String) -> Result<String, RecordErrors> {
        for path in &self.inside {
            let texts = |root: Element<'_, '_>| -> Vec<String> {
                path.find(root).into_iter().map(|e| e.text().into_owned()).collect()
            };
            let wanted = with_record(format, existing, texts)?;
            let changed = with_record(format, &source, |root| {
                let found = path.find(root);
                let mut writer = Writer::new(format, &source, root);
                for (element, text) in found.iter().zip(&wanted) {
                    if element.text() != *text {
                        writer.set_text(*element, text);
                    }
                }
                writer.remove(found.get(wanted.len()..).unwrap_or_default());
                writer.add(path, wanted.iter().skip(found.len()).map(String::as_str));
                writer.finish()
            })?;
            source = changed.unwrap_or(source);
        }
        parse_record(format, &source).map(|record| record.source)
    }
}
