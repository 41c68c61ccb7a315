//! Merging a record into another without losing what only the other has.
//!
//! Source: domain.md D2 (`?mode=merge`) and complaint 1: an update that leaves fields out must not delete them.

use std::borrow::Cow;
use std::collections::HashMap;

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
    let merged =
        merge_elements(format, &kept, kept_document.root(), new_root, &|field| !protected(field), false);
    parse_record(format, &merged).map(|record| record.source)
}

fn check_part(format: Format, root: Element<'_, '_>, problems: &mut Problems<'_>) {
    match format {
        Format::Marc21 => drop(marcxml::read_part(root, problems)),
        Format::DublinCore | Format::QualifiedDublinCore => drop(dc::read(root, format, problems)),
        Format::Mods => mods::check(root, problems),
    }
}

/// Puts the fields of `new_root` that take part in the place of those of `root` that do.
///
/// With `and_take_out`, fields that take part and of which `new_root` has none go. Names whose fields are the same
/// bytes in both stay where they are.
pub(crate) fn merge_elements<'d, 'a: 'd>(
    format: Format,
    kept: &str,
    root: Element<'d, 'a>,
    new_root: Element<'d, 'a>,
    takes_part: &dyn Fn(Element<'_, '_>) -> bool,
    and_take_out: bool,
) -> String {
    let own = Fields::of(format, root, takes_part);
    let new = Fields::of(format, new_root, takes_part);
    let places = Places::of(format, root);
    let mut names = new.names.clone();
    if format == Format::Marc21 {
        names.sort_unstable(); // additions behind one field then come out in tag order
    }
    let mut edits = Edits::default();
    for name in names {
        let fragments: Vec<Cow<'_, str>> =
            new.named(name).iter().map(|field| fragment(format, *field, root)).collect();
        let replaced = own.named(name);
        let Some((first, further)) = replaced.split_first() else {
            let (at, set_off) = match places.before(name) {
                Some(before) => (before.span().end, indent(kept, before.span().start)),
                None => end_of(kept, root),
            };
            edits.insert(at, fragments.iter().map(|f| format!("{set_off}{f}")).collect());
            continue;
        };
        if replaced.iter().map(|field| field.source()).ne(fragments.iter().map(AsRef::as_ref)) {
            edits.replace(first.span(), fragments.join(indent(kept, first.span().start)));
            further.iter().for_each(|field| edits.remove(kept, *field));
        }
    }
    if and_take_out {
        for name in own.names.iter().filter(|name| new.named(**name).is_empty()) {
            own.named(*name).iter().for_each(|field| edits.remove(kept, *field));
        }
    }
    edits.apply(kept)
}

/// By what a field is replaced.
type Name<'d> = (&'d str, &'d str);

/// The fields of a record by their names.
struct Fields<'d, 'a> {
    names: Vec<Name<'d>>,
    fields: HashMap<Name<'d>, Vec<Element<'d, 'a>>>,
}

impl<'d, 'a: 'd> Fields<'d, 'a> {
    fn of(format: Format, root: Element<'d, 'a>, takes_part: &dyn Fn(Element<'_, '_>) -> bool) -> Self {
        let mut all = Self { names: Vec::new(), fields: HashMap::new() };
        for field in root.children().filter(|field| takes_part(*field)) {
            let name = name_of(format, field);
            let fields = all.fields.entry(name).or_default();
            if fields.is_empty() {
                all.names.push(name);
            }
            fields.push(field);
        }
        all
    }

    fn named(&self, name: Name<'d>) -> &[Element<'d, 'a>] {
        self.fields.get(&name).map_or(&[], Vec::as_slice)
    }
}

/// Where a new MARC field goes: for each tag, the last field of that tag or a lower one.
struct Places<'d, 'a>(Vec<(Name<'d>, Element<'d, 'a>)>);

impl<'d, 'a: 'd> Places<'d, 'a> {
    fn of(format: Format, root: Element<'d, 'a>) -> Self {
        if format != Format::Marc21 {
            return Self(Vec::new());
        }
        let mut places: Vec<_> = root.children().map(|field| (name_of(format, field), field)).collect();
        places.sort_by_key(|(name, _)| *name);
        let mut last: Option<Element<'d, 'a>> = None;
        for (_, field) in &mut places {
            match last {
                Some(last) if last.span().start > field.span().start => *field = last,
                _ => last = Some(*field),
            }
        }
        Self(places)
    }

    fn before(&self, name: Name<'d>) -> Option<Element<'d, 'a>> {
        let behind = self.0.partition_point(|(own, _)| *own <= name);
        self.0.get(behind.checked_sub(1)?).map(|(_, field)| *field)
    }
}

/// Returns by what a field is replaced: MARC tag (the leader sorts first), else namespace and name.
fn name_of<'d, 'a: 'd>(format: Format, element: Element<'d, 'a>) -> Name<'d> {
    if format != Format::Marc21 {
        return (element.namespace(), element.local());
    }
    match element.local() {
        "leader" => ("", ""),
        _ => ("0", element.attribute("tag").unwrap_or_default()),
    }
}

/// Returns a field's source fit for another record.
fn fragment<'a>(format: Format, field: Element<'_, 'a>, into: Element<'_, '_>) -> Cow<'a, str> {
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
