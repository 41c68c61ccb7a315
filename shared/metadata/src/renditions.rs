//! Records as discovery gets them: in the format asked for, with links, availability and collections added (S13-S15).

use vitrine_domain::publishing::profile::Rendition;

use crate::availability::Availability;
use crate::crosswalk::{DublinCore, to_dublin_core, to_marc, to_mods};
use crate::dc::{self, DC_NS, DCTERMS_NS, Vocabulary, XSI_NS};
use crate::edit::{Edits, end_of};
use crate::error::{Problems, RecordErrors};
use crate::marc::MarcRecord;
use crate::mods_write::{branch, leaf};
use crate::record::parse_record;
use crate::xml::{Document, Element};
use crate::xml_text::{escape_attribute, escape_text};
use crate::{Format, marcxml};

/// The namespace of the container of qualified Dublin Core.
pub const OAI_QDC_NS: &str = "http://worldcat.org/xmlschemas/qdc-1.0/";

/// What is added for one representation; what is not wanted is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// Where it is seen.
    pub url: Option<String>,
    /// Its thumbnail.
    pub thumbnail: Option<String>,
    /// Its label.
    pub label: Option<String>,
    /// Who may see it, in words.
    pub access: Option<&'static str>,
}

/// A collection that the title is in, with those above it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectionPath {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The id of the collection that it is in.
    pub parent: Option<String>,
    /// The names from the top down to its own.
    pub path: Vec<String>,
}

/// What is added to a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Additions {
    /// The title's id; becomes the control number of MARC.
    pub mms_id: String,
    /// A link for each representation.
    pub links: Vec<Link>,
    /// A block for each representation, in MARC only.
    pub availability: Vec<Availability>,
    /// The title's collections, in MARC only.
    pub collections: Vec<CollectionPath>,
    /// The element of Dublin Core that takes links.
    pub dc_element: String,
    /// The MARC field that takes links.
    pub marc_tag: String,
}

/// A record as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The record element; stands alone.
    pub xml: String,
    /// The same without what changes with every save (MARC 005, the date of a MODS record's last change): what has the
    /// same text here is not published again (S13).
    pub stable: String,
}

/// Writes a record in another format, with additions.
///
/// Every format can be had of every record.
///
/// # Errors
/// The source is no record of its format.
pub fn render(
    format: Format,
    source: &str,
    wanted: Rendition,
    additions: &Additions,
) -> Result<Rendered, RecordErrors> {
    let record = parse_record(format, source)?;
    Ok(match (wanted, format) {
        (Rendition::OaiDc, _) => same(with_statements(to_dublin_core(&record), additions).to_oai_dc()),
        (Rendition::OaiQdc, Format::QualifiedDublinCore | Format::DublinCore) => {
            let document = Document::parse(&record.source).map_err(RecordErrors::single)?;
            same(qualified(document.root(), format, additions))
        }
        (Rendition::OaiQdc, _) => {
            same(simple_as_qualified(&with_statements(to_dublin_core(&record), additions)))
        }
        (Rendition::Marc21, _) => finished(to_marc(&record)?, additions),
        (Rendition::Mods, _) => mods(&to_mods(&record)?, additions)?,
    })
}

fn same(xml: String) -> Rendered {
    Rendered { stable: xml.clone(), xml }
}

/// The words that links come to, in the element that takes them, and the flag in `rights`.
fn with_statements(mut record: DublinCore, additions: &Additions) -> DublinCore {
    let element = dc::ELEMENTS.iter().find(|name| **name == additions.dc_element).unwrap_or(&"identifier");
    for link in &additions.links {
        for value in [&link.url, &link.thumbnail, &link.label].into_iter().flatten() {
            record.add(element, value);
        }
        if let Some(access) = link.access {
            record.add("rights", access);
        }
    }
    record.statements.sort_by_key(|s| dc::ELEMENTS.iter().position(|e| *e == s.element));
    record
}

fn qualified_start() -> String {
    format!(
        "<oai_qdc:qualifieddc xmlns:oai_qdc=\"{OAI_QDC_NS}\" xmlns:dc=\"{DC_NS}\" xmlns:dcterms=\"{DCTERMS_NS}\" \
         xmlns:xsi=\"{XSI_NS}\" xsi:schemaLocation=\"{OAI_QDC_NS} \
         http://worldcat.org/xmlschemas/qdc/1.0/qdc-1.0.xsd\">"
    )
}

fn statement(out: &mut String, name: &str, language: Option<&str>, value: &str) {
    let language =
        language.map(|language| format!(" xml:lang=\"{}\"", escape_attribute(language))).unwrap_or_default();
    out.push_str(&format!("<{name}{language}>{}</{name}>", escape_text(value)));
}

fn simple_as_qualified(record: &DublinCore) -> String {
    let mut out = qualified_start();
    for s in &record.statements {
        statement(&mut out, &format!("dc:{}", s.element), s.language.as_deref(), &s.value);
    }
    out.push_str("</oai_qdc:qualifieddc>");
    out
}

/// The terms as they are; an institution's own elements, which no schema knows, are left out.
fn qualified(root: Element<'_, '_>, format: Format, additions: &Additions) -> String {
    let mut problems = Problems::new("");
    let mut out = qualified_start();
    for s in dc::read(root, format, &mut problems) {
        let name = match s.vocabulary {
            Vocabulary::Elements => format!("dc:{}", s.name),
            Vocabulary::Terms => format!("dcterms:{}", s.name),
            Vocabulary::Local => continue,
        };
        statement(&mut out, &name, s.language.as_deref(), &s.value);
    }
    for s in &with_statements(DublinCore::default(), additions).statements {
        statement(&mut out, &format!("dc:{}", s.element), None, &s.value);
    }
    out.push_str("</oai_qdc:qualifieddc>");
    out
}

/// Adds fields and takes out those whose tags are ours to give.
fn finished(mut record: MarcRecord, additions: &Additions) -> Rendered {
    record.fields.retain(|field| !matches!(field.tag.as_str(), "AVD" | "COL"));
    record.number(&additions.mms_id);
    for link in &additions.links {
        let label = link.label.as_deref().unwrap_or_default();
        let access = link.access.unwrap_or_default();
        if let Some(url) = &link.url {
            let subfields = [('3', label), ('u', url), ('z', access)];
            record.add(&additions.marc_tag, "40", &subfields);
        } else {
            record.add(&additions.marc_tag, "4 ", &[('3', label), ('z', access)]);
        }
        if let Some(thumbnail) = &link.thumbnail {
            record.add(&additions.marc_tag, "42", &[('3', "Thumbnail"), ('u', thumbnail)]);
        }
    }
    for one in &additions.availability {
        let kind = if one.is_remote { "REMOTE_REPRESENTATION" } else { "REPRESENTATION" };
        record.add(
            "AVD",
            "  ",
            &[
                ('a', &one.institution),
                ('b', &one.representation_id),
                ('c', kind),
                ('d', one.repository.as_deref().unwrap_or_default()),
                ('e', one.label.as_deref().unwrap_or_default()),
                ('f', one.public_note.as_deref().unwrap_or_default()),
                ('h', one.full_text_url.as_deref().unwrap_or_default()),
                ('u', &one.delivery_url),
                ('t', one.thumbnail_url.as_deref().unwrap_or_default()),
                ('r', one.access.unwrap_or_default()),
            ],
        );
    }
    for one in &additions.collections {
        let path = one.path.join(" / ");
        let parent = one.parent.as_deref().unwrap_or_default();
        record.add("COL", "  ", &[('a', &one.id), ('b', &one.name), ('c', parent), ('d', &path)]);
    }
    let xml = record.to_marcxml();
    record.fields.retain(|field| field.tag != "005");
    Rendered { xml, stable: record.to_marcxml() }
}

fn mods(source: &str, additions: &Additions) -> Result<Rendered, RecordErrors> {
    let document = Document::parse(source).map_err(RecordErrors::single)?;
    let root = document.root();
    let p = marcxml::prefix(root);
    let mut added = String::new();
    for link in &additions.links {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let shown = [
            ("access", "object in context"),
            ("displayLabel", &*text(&link.label)),
            ("note", link.access.unwrap_or_default()),
        ];
        let name = format!("{p}url");
        let urls = leaf(&name, &shown, &text(&link.url))
            + &leaf(&name, &[("access", "preview")], &text(&link.thumbnail));
        added.push_str(&branch(&format!("{p}location"), &[], &urls));
    }
    let with = |stable: bool| {
        let mut edits = Edits::default();
        if stable {
            let dates = root.descendants().filter(|e| e.local() == "recordChangeDate");
            dates.for_each(|date| edits.remove(source, date));
        }
        if root.children().next().is_some() {
            edits.insert(end_of(source, root).0, added.clone());
        }
        edits.apply(source)
    };
    Ok(Rendered { xml: with(false), stable: with(true) })
}
