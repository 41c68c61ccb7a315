//! What a change of a record means field by field, for dry runs and reports.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::Format;
use crate::dc::{DC_NS, DCTERMS_NS, XSI_NS};
use crate::error::RecordErrors;
use crate::rules::field::scheme_of;
use crate::rules::with_record;
use crate::text::{clip_bytes, normalise_space};
use crate::xml::{Attribute, Element};
use crate::xml_text::is_name;

/// The longest path of a MODS element that is shown whole.
const MAX_PATH_BYTES: usize = 1000;

/// One field that a change gives other values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDifference {
    /// The field: `245`, `LDR`; `dc:title`, `dcterms:subject.dcterms:LCSH`; `titleInfo/title` with its attributes,
    /// such as `name[@type=personal]/namePart`.
    pub field: String,
    /// All its values before, in the record's order; none where it is new. A MARC data field is spelled
    /// `10$aMoby Dick /$cMelville` with its indicators in front, `#` for a blank.
    pub before: Vec<String>,
    /// All its values after; none where it is gone.
    pub after: Vec<String>,
}

/// Returns the fields whose values, or whose order among themselves, differ between two records of one format.
///
/// Fields come in the order of the record before, those it lacks behind them. How a record is written, such as its
/// line ends, prefixes and comments, is no difference; nor is white space in Dublin Core and MODS.
///
/// # Errors
/// One of the sources is no record of the format.
pub fn differences(
    format: Format,
    before: Option<&str>,
    after: Option<&str>,
) -> Result<Vec<FieldDifference>, RecordErrors> {
    let mut found: Vec<FieldDifference> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (source, is_after) in [(before, false), (after, true)] {
        let Some(source) = source else { continue };
        for (field, value) in with_record(format, source, |root| {
            root.children().flat_map(|child| spell_child(format, child)).collect::<Vec<_>>()
        })? {
            let place = *places.entry(field).or_insert_with_key(|field| {
                found.push(FieldDifference { field: field.clone(), before: Vec::new(), after: Vec::new() });
                found.len() - 1
            });
            if let Some(one) = found.get_mut(place) {
                if is_after { &mut one.after } else { &mut one.before }.push(value);
            }
        }
    }
    found.retain(|one| one.before != one.after);
    Ok(found)
}

/// Returns every field that one child of a record is or holds, with its value.
fn spell_child(format: Format, child: Element<'_, '_>) -> Vec<(String, String)> {
    match format {
        Format::Marc21 => vec![marc(child)],
        Format::DublinCore | Format::QualifiedDublinCore => vec![dublin_core(child)],
        Format::Mods => mods(child),
    }
}

fn marc(field: Element<'_, '_>) -> (String, String) {
    let tag = field.attribute("tag").unwrap_or("LDR").to_owned();
    match field.local() {
        "datafield" => (tag, spell_field(field)),
        _ => (tag, field.text().into_owned()),
    }
}

/// Spells a MARC data field without its tag: `10$aMoby Dick /$cMelville`.
pub(crate) fn spell_field(field: Element<'_, '_>) -> String {
    let mut out = String::new();
    for name in ["ind1", "ind2"] {
        let indicator = field.attribute(name).unwrap_or(" ");
        out.push_str(if indicator == " " { "#" } else { indicator });
    }
    for subfield in field.children() {
        out.push('$');
        out.push_str(subfield.attribute("code").unwrap_or_default());
        out.push_str(&subfield.text());
    }
    out
}

fn dublin_core(element: Element<'_, '_>) -> (String, String) {
    let mut field = match element.namespace() {
        DC_NS => format!("dc:{}", element.local()),
        DCTERMS_NS => format!("dcterms:{}", element.local()),
        _ => element.qname().to_owned(),
    };
    let scheme = scheme_of(element).filter(|scheme| is_name(scheme));
    if let Some(scheme) = scheme {
        field.push_str(&format!(".dcterms:{scheme}"));
    }
    for attribute in element.attributes() {
        let is_scheme = attribute.local == "type" && element.binding(attribute.prefix) == Some(XSI_NS);
        if !(is_scheme && scheme.is_some()) {
            field.push_str(&spell_attribute(attribute));
        }
    }
    (field, normalise_space(&element.deep_text()))
}

/// Spells each element that holds text or nothing, by its path from the record down.
fn mods(top: Element<'_, '_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut path = PathName::default();
    for element in top.descendants() {
        let name = if element.namespace() == top.namespace() { element.local() } else { element.qname() };
        path.enter(element, name);
        let text = normalise_space(&element.text());
        if !text.is_empty() || element.children().next().is_none() {
            found.push((path.name(), text));
        }
    }
    found
}

/// The path of the element that is being looked at, written once however many share it.
#[derive(Default)]
struct PathName {
    text: String,
    /// Of each open element: where it ends, and the length and checksum of the path before it.
    open: Vec<(usize, usize, u64)>,
    checksum: u64,
}

impl PathName {
    /// Goes on to an element behind or inside the one before.
    fn enter(&mut self, element: Element<'_, '_>, name: &str) {
        let span = element.span();
        while let Some((_, length, checksum)) = self.open.pop_if(|(end, ..)| *end <= span.start) {
            self.text.truncate(length);
            self.checksum = checksum;
        }
        let length = self.text.len();
        self.open.push((span.end, length, self.checksum));
        if length > 0 {
            self.text.push('/');
        }
        self.text.push_str(name);
        element.attributes().for_each(|a| self.text.push_str(&spell_attribute(a)));
        let mut hasher = std::hash::DefaultHasher::new();
        (self.checksum, self.text.get(length..)).hash(&mut hasher);
        self.checksum = hasher.finish();
    }

    /// Returns the path; one too long to show ends in a checksum of the whole.
    fn name(&self) -> String {
        if self.text.len() <= MAX_PATH_BYTES {
            return self.text.clone();
        }
        format!("{}… {:016x}", clip_bytes(&self.text, MAX_PATH_BYTES), self.checksum)
    }
}

fn spell_attribute(attribute: &Attribute<'_>) -> String {
    let colon = if attribute.prefix.is_empty() { "" } else { ":" };
    let value = attribute.value.as_ref();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let quote = match value.chars().all(plain) && !value.is_empty() {
        true => "",
        false if value.contains('"') => "'",
        false => "\"",
    };
    format!("[@{}{colon}{}={quote}{value}{quote}]", attribute.prefix, attribute.local)
}
