//! A record in its own format: checked, indexed, and kept byte for byte.

use serde::{Deserialize, Serialize};

use crate::Format;
use crate::error::{Problem, ProblemKind, Problems, RecordErrors};
use crate::index::BibIndex;
use crate::xml::{Document, Element, clip};
use crate::{cut, dc, decode, marcxml, mods};

/// A record's own metadata, kept byte for byte as it came, with what we search and show beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BibMetadata {
    /// The format of `source`.
    pub format: Format,
    /// The exact bytes of the record element. Stands alone: every prefix it uses is declared in it.
    pub source: String,
    /// What we search and show.
    pub index: BibIndex,
}

/// Parses one record.
///
/// Takes a document whose root is the record, or a collection (`collection`, `modsCollection`) of exactly one.
/// Only white space, comments and an XML declaration may stand around it.
///
/// # Errors
/// Every problem found, with its place: see [`ProblemKind`]. A document that is not well-formed or too large
/// is read no further than its first such problem.
pub fn parse_record(format: Format, source: &str) -> Result<BibMetadata, RecordErrors> {
    parse_record_and(format, source, |_| ()).map(|(record, ())| record)
}

/// Parses one record and takes something else from its element too.
pub(crate) fn parse_record_and<T>(
    format: Format,
    source: &str,
    take: impl FnOnce(Element<'_, '_>) -> T,
) -> Result<(BibMetadata, T), RecordErrors> {
    let text = source.strip_prefix('\u{FEFF}').unwrap_or(source);
    let document = Document::parse(text).map_err(RecordErrors::single)?;
    let mut problems = Problems::new(text);
    let root = record_element(format, document.root(), &mut problems);
    let index = root.map(|root| index_of(format, root, &mut problems));
    if let Some(errors) = problems.into_errors() {
        return Err(errors);
    }
    let (Some(root), Some(index)) = (root, index) else {
        let problem = crate::error::problem_at(text, 0, ProblemKind::NoRecord, "", "no record".to_owned());
        return Err(RecordErrors::single(problem));
    };
    Ok((BibMetadata { format, source: cut::standalone(root).into_owned(), index }, take(root)))
}

/// Parses one record from bytes: UTF-8 with or without a byte order mark, or UTF-16 with one.
///
/// # Errors
/// As [`parse_record`]; [`ProblemKind::Encoding`] for bytes that are not text in the encoding they claim.
pub fn parse_bytes(format: Format, bytes: &[u8]) -> Result<BibMetadata, RecordErrors> {
    let text = decode::xml_text(bytes)?;
    parse_record(format, &text)
}

/// Finds the record element at the root or inside a collection of one.
pub(crate) fn record_element<'d, 'a>(
    format: Format,
    root: Element<'d, 'a>,
    problems: &mut Problems<'_>,
) -> Option<Element<'d, 'a>> {
    let is_record = |element| match format {
        Format::Marc21 => marcxml::is_record(element),
        Format::DublinCore | Format::QualifiedDublinCore => dc::is_record(element),
        Format::Mods => mods::is_record(element),
    };
    let is_collection = match format {
        Format::Marc21 => marcxml::is_collection(root),
        Format::DublinCore | Format::QualifiedDublinCore => dc::is_collection(root),
        Format::Mods => mods::is_collection(root),
    };
    if !is_collection {
        if !is_record(root) {
            problems.add(wrong_root_kind(root, format), root.span().start, "", wrong_root(root, format));
            return None;
        }
        return Some(root);
    }
    let mut records = root.children();
    let Some(first) = records.next() else {
        problems.add(ProblemKind::NoRecord, root.span().start, "", "the collection has no record".to_owned());
        return None;
    };
    if let Some(second) = records.next() {
        let message = format!("{} records where one belongs", 2 + records.count());
        problems.add(ProblemKind::SeveralRecords, second.span().start, "", message);
        return None;
    }
    if !is_record(first) {
        problems.add(wrong_root_kind(first, format), first.span().start, "", wrong_root(first, format));
        return None;
    }
    Some(first)
}

fn root_names(format: Format) -> (&'static [&'static str], &'static str) {
    match format {
        Format::Marc21 => {
            (&["record"], "`record` in the namespace http://www.loc.gov/MARC21/slim or in none")
        }
        Format::DublinCore => (dc::ROOTS, "`record` or `oai_dc:dc`"),
        Format::QualifiedDublinCore => (dc::ROOTS, "`record` or `qualifieddc`"),
        Format::Mods => (&["mods"], "`mods` in the namespace http://www.loc.gov/mods/v3"),
    }
}

fn wrong_root_kind(element: Element<'_, '_>, format: Format) -> ProblemKind {
    if root_names(format).0.contains(&element.local()) {
        ProblemKind::UnknownNamespace
    } else {
        ProblemKind::WrongRoot
    }
}

fn wrong_root(element: Element<'_, '_>, format: Format) -> String {
    let namespace = match element.namespace() {
        "" => "no namespace".to_owned(),
        namespace => format!("namespace `{}`", clip(namespace)),
    };
    format!(
        "a {format} record starts with {}, not `{}` in {namespace}",
        root_names(format).1,
        clip(element.qname())
    )
}

fn index_of(format: Format, root: Element<'_, '_>, problems: &mut Problems<'_>) -> BibIndex {
    match format {
        Format::Marc21 => {
            let record = marcxml::read(root, problems);
            let index = crate::marc_index::index(&record);
            if index.title.is_empty() {
                missing_title(root, "245$a", problems);
            }
            index
        }
        Format::DublinCore | Format::QualifiedDublinCore => {
            let index = dc::index(root, format, problems);
            if index.title.is_empty() {
                missing_title(root, "dc:title", problems);
            }
            index
        }
        Format::Mods => {
            let index = mods::index(root, problems);
            if index.title.is_empty() {
                missing_title(root, "titleInfo/title", problems);
            }
            index
        }
    }
}

fn missing_title(root: Element<'_, '_>, field: &str, problems: &mut Problems<'_>) {
    problems.add(ProblemKind::MissingTitle, root.span().start, field, "the record has no title".to_owned());
}

/// Shortcut for one problem as a whole result.
impl From<Problem> for RecordErrors {
    fn from(problem: Problem) -> Self {
        Self::single(problem)
    }
}
