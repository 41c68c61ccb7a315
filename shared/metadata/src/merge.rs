//! Merging a record into another without losing what only the other has.
//!
//! Source: domain.md D2 (`?mode=merge`) and complaint 1: an update that leaves fields out must not delete them.

use std::borrow::Cow;

use crate::Format;
use crate::cut;
use crate::edit::{Edits, end_of, indent};
use crate::error::{Problems, RecordErrors};
use crate::record::{parse_record, record_element};
use crate::xml::{Document, Element};
use crate::xml_text::{escape_attribute, escape_text};
use crate::{dc, marcxml, mods};

/// Returns `existing` with the fields of `incoming` in place of its fields of the same tag or element name.
///
/// A tag or name that `incoming` has replaces all of that tag or name, at the place of the first; one that
/// `existing` lacks is added behind the last field that sorts before it (MARC) or at the end. Everything else
/// survives byte for byte. `incoming` may be part of a record: without leader, without title.
///
/// # Errors
/// The problems of either record, or of the merged one.
pub fn merge(format: Format, existing: &str, incoming: &str) -> Result<String, RecordErrors> {
    merge_around(format, existing, incoming, &|_| false)
}

/// Merges as [`merge`] does, around the fields that `protected` holds for: those of `existing` stay, those of
/// `incoming` are left out.
pub(crate) fn merge_around(
    format: Format,
    existing: &str,
    incoming: &str,
    protected: &dyn Fn(Element<'_, '_>) -> bool,
) -> Result<String, RecordErrors> {
    let kept = parse_record(format, existing)?.source;
    let kept_document = Document::parse(&kept).map_err(RecordErrors::single)?;
    let text = incoming.strip_prefix('\u{FEFF}').unwrap_or(incoming);
    let new_document = Document::parse(text).map_err(RecordErrors::single)?;
    let mut problems = Problems::new(text);
    let new_root = record_element(format, new_document.root(), &mut problems);
    if let Some(root) = new_root {
        check_part(format, root, &mut problems);
    }
    if let Some(errors) = problems.into_errors() {
        return Err(errors);
    }
    let Some(new_root) = new_root else { return Ok(kept) };
    let merged = merge_elements(format, &kept, kept_document.root(), new_root, protected);
    parse_record(format, &merged).map(|record| record.source)
}

fn check_part(format: Format, root: Element<'_, '_>, problems: &mut Problems<'_>) {
    match format {
        Format::Marc21 => drop(marcxml::read_part(root, problems)),
        Format::DublinCore | Format::QualifiedDublinCore => drop(dc::read(root, format, problems)),
        Format::Mods => mods::check(root, problems),
    }
}

fn merge_elements(
    format: Format,
    kept: &str,
    root: Element<'_, '_>,
    new_root: Element<'_, '_>,
    protected: &dyn Fn(Element<'_, '_>) -> bool,
) -> String {
    let mut keys: Vec<(&str, &str)> = Vec::new();
    for child in new_root.children().filter(|c| !protected(*c)) {
        let key = key(format, child);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    if format == Format::Marc21 {
        keys.sort_unstable(); // additions behind one field then come out in tag order
    }
    let mut edits = Edits::default();
    for wanted in keys {
        let fragments = new_root
            .children()
            .filter(|c| key(format, *c) == wanted && !protected(*c))
            .map(|c| fragment(format, c, root));
        let mut replaced = root.children().filter(|c| key(format, *c) == wanted && !protected(*c));
        if let Some(first) = replaced.next() {
            let set_off = indent(kept, first.span().start);
            edits.replace(first.span(), fragments.collect::<Vec<_>>().join(set_off));
            replaced.for_each(|c| edits.remove(kept, c));
            continue;
        }
        let before = root.children().filter(|c| format == Format::Marc21 && key(format, *c) <= wanted).last();
        let (at, set_off) = match before {
            Some(before) => (before.span().end, indent(kept, before.span().start)),
            None => end_of(kept, root),
        };
        edits.insert(at, fragments.map(|f| format!("{set_off}{f}")).collect());
    }
    edits.apply(kept)
}

/// Returns by what a field is replaced: MARC tag (the leader sorts first), else namespace and name.
pub(crate) fn key<'d, 'a: 'd>(format: Format, element: Element<'d, 'a>) -> (&'d str, &'d str) {
    if format != Format::Marc21 {
        return (element.namespace(), element.local());
    }
    match element.local() {
        "leader" => ("", ""),
        _ => ("0", element.attribute("tag").unwrap_or_default()),
    }
}

/// Returns a field's source fit for another record.
pub(crate) fn fragment<'a>(format: Format, field: Element<'_, 'a>, into: Element<'_, '_>) -> Cow<'a, str> {
    if format == Format::Marc21 { marc_fragment(field, into) } else { cut::fragment(field, into) }
}

/// Returns a MARC element fit for another record: as written where both use the same namespace and prefix,
/// else with the other's.
fn marc_fragment<'a>(element: Element<'_, 'a>, into: Element<'_, '_>) -> Cow<'a, str> {
    let prefix = marcxml::prefix(into);
    if element.namespace() == into.namespace() && marcxml::prefix(element) == prefix {
        return cut::fragment(element, into);
    }
    let name = element.local();
    let mut out = format!("<{prefix}{name}");
    for attribute in element.attributes().filter(|a| a.namespace.is_none()) {
        out.push_str(&format!(" {}=\"{}\"", attribute.local, escape_attribute(&attribute.value)));
    }
    out.push('>');
    out.push_str(&escape_text(&if element.children().next().is_some() {
        Cow::Borrowed("")
    } else {
        element.text()
    }));
    for child in element.children() {
        let code = escape_attribute(child.attribute("code").unwrap_or_default());
        let value = escape_text(&child.text());
        out.push_str(&format!("<{prefix}subfield code=\"{code}\">{value}</{prefix}subfield>"));
    }
    out.push_str(&format!("</{prefix}{name}>"));
    Cow::Owned(out)
}
