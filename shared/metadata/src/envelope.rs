//! The vendor's `<bib>` envelope around a record.

use std::borrow::Cow;

use crate::Format;
use crate::cut;
use crate::dc::{self, DCTERMS_NS};
use crate::error::{ProblemKind, Problems, RecordErrors};
use crate::xml::{Document, Element, clip};
use crate::{marcxml, mods};

/// A record taken out of its envelope, with what the envelope says about it.
///
/// Every field of the envelope is `None` when it is absent or empty, so that a caller can tell "not said".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extracted<'a> {
    /// The format that `record_format` names, else that root and namespaces show.
    pub format: Option<Format>,
    /// The exact bytes of the record element; owned only where declarations of the envelope had to be
    /// carried over so that the record stands alone.
    pub record: Cow<'a, str>,
    /// The id, as an update sends it back.
    pub mms_id: Option<String>,
    /// Whether the record is hidden from publishing.
    pub suppress_from_publishing: Option<bool>,
    /// Whether the record is hidden from external search.
    pub suppress_from_external_search: Option<bool>,
    /// Whether the record is synchronised with OCLC: the vendor's code, such as `NONE` or `BIBS`.
    pub sync_with_oclc: Option<String>,
    /// Whether the record is synchronised with Libraries Australia: the vendor's code.
    pub sync_with_libraries_australia: Option<String>,
    /// The cataloguing level's code.
    pub cataloging_level: Option<String>,
    /// The system that the record comes from.
    pub originating_system: Option<String>,
    /// Its id there.
    pub originating_system_id: Option<String>,
}

/// Finds the record element inside the vendor's `<bib>` envelope, or takes a bare record as it is.
///
/// # Errors
/// Not well-formed, no record, more than one, an unknown `record_format`, a switch that is neither true nor
/// false. The record itself is not checked: that is [`crate::parse_record`].
pub fn extract_record(bib_xml: &str) -> Result<Extracted<'_>, RecordErrors> {
    let text = bib_xml.strip_prefix('\u{FEFF}').unwrap_or(bib_xml);
    let document = Document::parse(text).map_err(RecordErrors::single)?;
    let mut problems = Problems::new(text);
    let root = document.root();
    let mut out = Extracted::default();
    let record =
        if root.local() == "bib" { read_envelope(root, &mut out, &mut problems) } else { Some(root) };
    if let Some(record) = record {
        let record = inner_record(record, out.format);
        out.format = out.format.or_else(|| guess_format(record));
        out.record = cut::standalone(record);
    }
    match problems.into_errors() {
        Some(errors) => Err(errors),
        None => Ok(out),
    }
}

fn read_envelope<'d, 'a>(
    bib: Element<'d, 'a>,
    out: &mut Extracted<'a>,
    problems: &mut Problems<'_>,
) -> Option<Element<'d, 'a>> {
    let mut record: Option<Element<'d, 'a>> = None;
    for child in bib.children() {
        let at = child.span().start;
        let value = || Some(child.text().trim().to_owned()).filter(|v| !v.is_empty());
        let mut switch = || {
            let value = value()?;
            let read = match value.to_ascii_lowercase().as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            };
            if read.is_none() {
                let message = format!("`{}` is neither true nor false", clip(&value));
                problems.add(ProblemKind::InvalidField, at, child.local(), message);
            }
            read
        };
        match child.local() {
            "suppress_from_publishing" => out.suppress_from_publishing = switch(),
            "suppress_from_external_search" => out.suppress_from_external_search = switch(),
            "record_format" => match value().map(|v| v.parse()) {
                Some(Ok(format)) => out.format = Some(format),
                Some(Err(e)) => {
                    let e: crate::UnknownFormatError = e;
                    problems.add(ProblemKind::InvalidField, at, "record_format", e.to_string());
                }
                None => {}
            },
            "mms_id" => out.mms_id = value(),
            "sync_with_oclc" => out.sync_with_oclc = value(),
            "sync_with_libraries_australia" => out.sync_with_libraries_australia = value(),
            "cataloging_level" => out.cataloging_level = value(),
            "originating_system" => out.originating_system = value(),
            "originating_system_id" => out.originating_system_id = value(),
            _ if is_record_like(child) => {
                if record.is_some() {
                    let message = "a second record in one bib".to_owned();
                    problems.add(ProblemKind::SeveralRecords, at, clip(child.qname()), message);
                }
                record = record.or(Some(child));
            }
            // The other fields of a bib are of our own making (title, author, links): a client that sends
            // back what it read sends them too, and they change nothing.
            _ => {}
        }
    }
    if record.is_none() {
        let message = "no record in the bib".to_owned();
        problems.add(ProblemKind::NoRecord, bib.span().start, "record", message);
    }
    record
}

fn is_record_like(element: Element<'_, '_>) -> bool {
    match element.local() {
        "record" | "collection" => true,
        "mods" | "modsCollection" => mods::is_record(element) || mods::is_collection(element),
        "dc" | "qualifieddc" | "qdc" => dc::is_record(element),
        _ => false,
    }
}

/// Steps into a plain `record` that only wraps a record of another name, as the vendor does for MODS.
fn inner_record<'d, 'a>(record: Element<'d, 'a>, format: Option<Format>) -> Element<'d, 'a> {
    let mut children = record.children();
    let (Some(only), None) = (children.next(), children.next()) else { return record };
    let wraps = record.local() == "record"
        && match format {
            Some(Format::Mods) => mods::is_record(only),
            Some(Format::DublinCore | Format::QualifiedDublinCore) => {
                matches!(only.local(), "dc" | "qualifieddc")
                    && dc::is_record(only)
                    && only.namespace() != dc::DC_NS
            }
            Some(Format::Marc21) => false,
            None => mods::is_record(only) || only.is(dc::OAI_DC_NS, "dc"),
        };
    if wraps { only } else { record }
}

fn guess_format(record: Element<'_, '_>) -> Option<Format> {
    if mods::is_record(record) || mods::is_collection(record) {
        return Some(Format::Mods);
    }
    if record.namespace() == marcxml::MARC_NS {
        return Some(Format::Marc21);
    }
    let first = record.children().next()?;
    if first.namespace().is_empty() && matches!(first.local(), "leader" | "controlfield" | "datafield") {
        return Some(Format::Marc21);
    }
    if dc::is_record(record) || dc::is_collection(record) {
        let qualified = record.descendants().any(|e| e.namespace() == DCTERMS_NS);
        let plain = record.descendants().any(|e| e.namespace() == dc::DC_NS);
        return match (qualified, plain) {
            (true, _) => Some(Format::QualifiedDublinCore),
            (false, true) => Some(Format::DublinCore),
            _ => None,
        };
    }
    None
}
