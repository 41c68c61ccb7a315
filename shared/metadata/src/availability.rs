//! Digital availability shown inside a record that is handed out, never in the one that is stored.
//!
//! Source: conventions.md ALMA-9 (`expand=d_avail`).

use crate::Format;
use crate::dc::DC_NS;
use crate::edit::{Edits, end_of};
use crate::error::Problems;
use crate::error::RecordErrors;
use crate::marcxml;
use crate::record::record_element;
use crate::xml::{Document, Element};
use crate::xml_text::escape_text;

/// One representation as its record shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Availability {
    /// The institution's code (`$a`).
    pub institution: String,
    /// The representation's id (`$b`).
    pub representation_id: String,
    /// Whether the files are kept elsewhere (`$c`).
    pub is_remote: bool,
    /// The name of the repository that keeps a remote one (`$d`).
    pub repository: Option<String>,
    /// The label (`$e`).
    pub label: Option<String>,
    /// The public note (`$f`).
    pub public_note: Option<String>,
    /// A link to the full text (`$h`).
    pub full_text_url: Option<String>,
    /// Where a person sees the representation; what Dublin Core and MODS show, and published MARC in `$u`.
    pub delivery_url: String,
    /// Its thumbnail; `$t` of published MARC.
    pub thumbnail_url: Option<String>,
    /// Who may see it, in words; `$r` of published MARC.
    pub access: Option<&'static str>,
}

/// Returns the record with its availability added behind its last field: `AVD` in MARC, `dc:identifier` in
/// Dublin Core, `location/url` in MODS. `AVD` fields that a client sent along are left out, because the tag is
/// ours; no other byte changes.
///
/// # Errors
/// The source is no record of that format.
pub fn add_availability(format: Format, source: &str, all: &[Availability]) -> Result<String, RecordErrors> {
    let document = Document::parse(source).map_err(RecordErrors::single)?;
    let mut problems = Problems::new(source);
    let root = record_element(format, document.root(), &mut problems);
    if let Some(errors) = problems.into_errors() {
        return Err(errors);
    }
    let Some(root) = root else { return Ok(source.to_owned()) };
    let mut edits = Edits::default();
    if format == Format::Marc21 {
        root.children().filter(|c| c.attribute("tag") == Some("AVD")).for_each(|c| edits.remove(source, c));
    }
    let (at, set_off) = end_of(source, root);
    let mut added = String::new();
    for one in all {
        added.push_str(set_off);
        added.push_str(&match format {
            Format::Marc21 => avd(root, one),
            Format::DublinCore | Format::QualifiedDublinCore => identifier(root, one),
            Format::Mods => location(root, one),
        });
    }
    edits.insert(at, added);
    Ok(edits.apply(source))
}

fn avd(root: Element<'_, '_>, one: &Availability) -> String {
    let p = marcxml::prefix(root);
    let kind = if one.is_remote { "REMOTE_REPRESENTATION" } else { "REPRESENTATION" };
    let subfields = [
        ('a', Some(one.institution.as_str())),
        ('b', Some(one.representation_id.as_str())),
        ('c', Some(kind)),
        ('d', one.repository.as_deref()),
        ('e', one.label.as_deref()),
        ('f', one.public_note.as_deref()),
        ('h', one.full_text_url.as_deref()),
    ];
    let mut field = format!("<{p}datafield ind1=\" \" ind2=\" \" tag=\"AVD\">");
    for (code, value) in subfields {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            field.push_str(&format!("<{p}subfield code=\"{code}\">{}</{p}subfield>", escape_text(value)));
        }
    }
    field.push_str(&format!("</{p}datafield>"));
    field
}

fn identifier(root: Element<'_, '_>, one: &Availability) -> String {
    let url = escape_text(&one.delivery_url);
    match root.prefix_of(DC_NS) {
        Some("") => format!("<identifier>{url}</identifier>"),
        Some(prefix) => format!("<{prefix}:identifier>{url}</{prefix}:identifier>"),
        None => format!("<dc:identifier xmlns:dc=\"{DC_NS}\">{url}</dc:identifier>"),
    }
}

fn location(root: Element<'_, '_>, one: &Availability) -> String {
    let p = marcxml::prefix(root);
    format!("<{p}location><{p}url>{}</{p}url></{p}location>", escape_text(&one.delivery_url))
}
