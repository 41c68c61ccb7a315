//! Start tags of new and renamed elements, with the declarations that they need where they go.

use crate::dc::{DC_NS, DCTERMS_NS, XSI_NS};
use crate::marcxml;
use crate::rules::field::{Step, Test, Vocabulary};
use crate::xml::Element;
use crate::xml_text::escape_attribute;

const XLINK_NS: &str = "http://www.w3.org/1999/xlink";

/// The parts of a start tag.
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) declared: String,
    pub(super) attributes: String,
}

/// Writes the start tag of a new element, with the declarations that it needs inside `around`.
pub(super) fn start_tag(around: Element<'_, '_>, step: &Step) -> Tag {
    let mut declared = String::new();
    let prefix = match &step.vocabulary {
        Vocabulary::Record => marcxml::prefix(around).to_owned(),
        Vocabulary::Prefix(prefix) => format!("{prefix}:"),
        Vocabulary::Uri(uri) => match around.prefix_of(uri) {
            Some("") => String::new(),
            Some(prefix) => format!("{prefix}:"),
            None => {
                let usual = match *uri {
                    DC_NS => "dc",
                    DCTERMS_NS => "dcterms",
                    _ => "mods",
                };
                declared.push_str(&format!(" xmlns:{usual}=\"{uri}\""));
                format!("{usual}:")
            }
        },
    };
    let mut attributes = String::new();
    for test in &step.tests {
        match test {
            Test::Is(name, value) => {
                if name.starts_with("xlink:") && around.binding("xlink").is_none() {
                    declared.push_str(&format!(" xmlns:xlink=\"{XLINK_NS}\""));
                }
                attributes.push_str(&format!(" {name}=\"{}\"", escape_attribute(value)));
            }
            Test::Without(_) => {}
            Test::Scheme(scheme) => {
                let xsi = qualifier(around, XSI_NS, "xsi", &mut declared);
                let terms = qualifier(around, DCTERMS_NS, "dcterms", &mut declared);
                attributes.push_str(&format!(" {xsi}:type=\"{terms}:{scheme}\""));
            }
        }
    }
    Tag { name: format!("{prefix}{}", step.local), declared, attributes }
}

/// Returns a prefix for a namespace that must have one, declaring it where it is not yet.
fn qualifier(around: Element<'_, '_>, uri: &str, usual: &str, declared: &mut String) -> String {
    if let Some(prefix) = around.prefix_of(uri).filter(|p| !p.is_empty()) {
        return prefix.to_owned();
    }
    let declaration = format!(" xmlns:{usual}=\"{uri}\"");
    if !declared.contains(&declaration) {
        declared.push_str(&declaration);
    }
    usual.to_owned()
}

/// Returns an element's source with the name and attributes of `to` in place of those of `from`; attributes that
/// neither speaks of stay, and indicators unless `to` has its own.
pub(crate) fn renamed(element: Element<'_, '_>, from: &Step, to: &Step) -> String {
    let scheme = |step: &Step| step.tests.iter().find(|t| matches!(t, Test::Scheme(_))).cloned();
    let same_scheme = scheme(from) == scheme(to);
    let mut written = to.clone();
    if same_scheme {
        written.tests.retain(|t| !matches!(t, Test::Scheme(_)));
    }
    let tag = start_tag(element, &written);
    let mut kept = String::new();
    for attribute in element.attributes() {
        let name = match attribute.prefix {
            "" => attribute.local.to_owned(),
            prefix => format!("{prefix}:{}", attribute.local),
        };
        let replaced = match (attribute.prefix, name.as_str()) {
            ("", "ind1" | "ind2") => to.speaks_of(&name),
            (prefix, _) if attribute.local == "type" && element.binding(prefix) == Some(XSI_NS) => {
                !same_scheme
            }
            _ => from.speaks_of(&name) || to.speaks_of(&name),
        };
        if !replaced {
            kept.push_str(&format!(" {name}=\"{}\"", escape_attribute(&attribute.value)));
        }
    }
    let mut declared = tag.declared;
    for (prefix, uri) in element.declarations() {
        let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
        declared.push_str(&format!(" {name}=\"{}\"", escape_attribute(uri)));
    }
    format!("<{0}{declared}{1}{kept}>{2}</{0}>", tag.name, tag.attributes, element.inner())
}
