//! MODS as text, and MODS made of Dublin Core.
//!
//! Source: Library of Congress, Dublin Core Metadata Element Set Mapping to MODS 3. No value is made up.

use crate::crosswalk::DublinCore;
use crate::mods::MODS_NS;
use crate::xml_text::{escape_attribute, escape_text};

/// The MODS type of resource of a DCMI type.
const TYPES: [(&str, &str); 8] = [
    ("Text", "text"),
    ("StillImage", "still image"),
    ("Image", "still image"),
    ("MovingImage", "moving image"),
    ("Sound", "sound recording"),
    ("Software", "software, multimedia"),
    ("PhysicalObject", "three dimensional object"),
    ("Collection", "mixed material"),
];

/// A record with these elements.
pub(crate) fn record(elements: &str) -> String {
    format!(
        "<mods xmlns=\"{MODS_NS}\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" version=\"3.8\" \
         xsi:schemaLocation=\"{MODS_NS} http://www.loc.gov/standards/mods/v3/mods-3-8.xsd\">{elements}</mods>"
    )
}

/// An element with text; nothing where there is no text. Attributes without a value are left out.
pub(crate) fn leaf(name: &str, attributes: &[(&str, &str)], text: &str) -> String {
    branch(name, attributes, &escape_text(text.trim()))
}

/// An element with what is written inside; nothing where there is nothing.
pub(crate) fn branch(name: &str, attributes: &[(&str, &str)], inner: &str) -> String {
    if inner.is_empty() {
        return String::new();
    }
    let attributes: String = attributes
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!(" {name}=\"{}\"", escape_attribute(value)))
        .collect();
    format!("<{name}{attributes}>{inner}</{name}>")
}

/// Makes a MODS record of Dublin Core.
pub(crate) fn of_dublin_core(dc: &DublinCore) -> String {
    let mut out = String::new();
    let mut titled = false;
    for statement in &dc.statements {
        let value = statement.value.as_str();
        let title = || branch("titleInfo", &[], &leaf("title", &[], value));
        out.push_str(&match statement.element {
            "title" if !titled => {
                titled = true;
                title()
            }
            "title" => branch("titleInfo", &[("type", "alternative")], &leaf("title", &[], value)),
            "creator" => {
                let role = branch("role", &[], &leaf("roleTerm", &[("type", "text")], "creator"));
                branch("name", &[], &(leaf("namePart", &[], value) + &role))
            }
            "contributor" => branch("name", &[], &leaf("namePart", &[], value)),
            "subject" => branch("subject", &[], &leaf("topic", &[], value)),
            "description" => leaf("abstract", &[], value),
            "publisher" => branch("originInfo", &[], &leaf("publisher", &[], value)),
            "date" => branch("originInfo", &[], &leaf("dateIssued", &[], value)),
            "type" => match TYPES.iter().find(|(name, _)| *name == value) {
                Some((_, kind)) => leaf("typeOfResource", &[], kind),
                None => leaf("genre", &[], value),
            },
            "format" => {
                let part = if value.contains('/') { "internetMediaType" } else { "extent" };
                branch("physicalDescription", &[], &leaf(part, &[], value))
            }
            "identifier" => identifier(value),
            "source" => branch("relatedItem", &[("type", "original")], &title()),
            "language" => language(value),
            "relation" => branch("relatedItem", &[], &title()),
            "coverage" => branch("subject", &[], &leaf("geographic", &[], value)),
            "rights" => leaf("accessCondition", &[], value),
            _ => continue,
        });
    }
    record(&out)
}

fn identifier(value: &str) -> String {
    for (prefix, kind) in [("urn:isbn:", "isbn"), ("urn:issn:", "issn")] {
        if let Some(number) = value.strip_prefix(prefix) {
            return leaf("identifier", &[("type", kind)], number);
        }
    }
    if value.starts_with("http://") || value.starts_with("https://") {
        return branch("location", &[], &leaf("url", &[], value));
    }
    leaf("identifier", &[], value)
}

fn language(value: &str) -> String {
    let is_code = value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_lowercase());
    let attributes: &[(&str, &str)] =
        if is_code { &[("type", "code"), ("authority", "iso639-2b")] } else { &[("type", "text")] };
    branch("language", &[], &leaf("languageTerm", attributes, value))
}
