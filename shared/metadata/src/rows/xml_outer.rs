//! What stands around the records of an XML file: collections and OAI-PMH responses.

use serde::{Deserialize, Serialize};

use crate::Format;
use crate::error::{Problem, ProblemKind};
use crate::xml::{Document, Element, clip};
use crate::xml_text::escape_attribute;
use crate::{dc, marcxml, mods};

/// The namespace of OAI-PMH responses.
const OAI_NS: &str = "http://www.openarchives.org/OAI/2.0/";
/// A prefix for what we write ourselves around a record.
const OWN: &str = "vitrine-outer";

/// An open element around records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outer {
    /// Its name as written.
    pub(super) name: String,
    /// The namespaces declared in it and around it: prefix (empty for the default) and URI.
    pub(super) declarations: Vec<(String, String)>,
}

/// What an element outside of records is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A record, or something in its place that is none.
    Record,
    /// More records are inside.
    Outer(Outer),
    /// Something else that may stand there.
    Other,
}

/// Tells what the element with that start tag is, inside `outer` or as the root.
pub(super) fn classify(
    format: Format,
    tag: &str,
    name: &str,
    outer: Option<&Outer>,
) -> Result<Class, Problem> {
    let declarations = outer.map(|o| o.declarations.as_slice()).unwrap_or_default();
    let close = if tag.ends_with("/>") { String::new() } else { format!("</{name}>") };
    let text = format!("<{OWN}{}>{tag}{close}</{OWN}>", written(declarations));
    let document = match Document::parse(&text) {
        Ok(document) => document,
        // A record that breaks a rule with its start tag is one bad record among the others.
        Err(_) if outer.is_some() => return Ok(Class::Record),
        Err(problem) => return Err(problem),
    };
    let Some(element) = document.root().children().next() else { return Ok(Class::Record) };
    let (is_record, is_collection) = match format {
        Format::Marc21 => (marcxml::is_record(element), marcxml::is_collection(element)),
        Format::DublinCore | Format::QualifiedDublinCore => {
            (dc::is_record(element), dc::is_collection(element))
        }
        Format::Mods => (mods::is_record(element), mods::is_collection(element)),
    };
    if is_collection {
        return Ok(Class::Outer(opened(element, declarations)));
    }
    if is_record {
        return Ok(Class::Record);
    }
    if element.namespace() == OAI_NS {
        return Ok(match element.local() {
            "OAI-PMH" | "ListRecords" | "GetRecord" | "record" | "metadata" => {
                Class::Outer(opened(element, declarations))
            }
            _ => Class::Other,
        });
    }
    if outer.is_some() {
        return Ok(Class::Record);
    }
    let (kind, names) = match format {
        Format::Marc21 => (ProblemKind::WrongRoot, "`collection` or `record`"),
        Format::Mods => (ProblemKind::WrongRoot, "`modsCollection` or `mods`"),
        _ => (ProblemKind::WrongRoot, "`collection`, `record` or `oai_dc:dc`"),
    };
    let namespace = match element.namespace() {
        "" => "no namespace".to_owned(),
        uri => format!("namespace `{}`", clip(uri)),
    };
    let message =
        format!("a file of {format} records starts with {names}, not with `{}` in {namespace}", clip(name));
    Err(Problem { kind, line: 1, column: 1, offset: 0, field: String::new(), message })
}

fn opened(element: Element<'_, '_>, around: &[(String, String)]) -> Outer {
    let mut declarations: Vec<(String, String)> =
        element.declarations().map(|(prefix, uri)| (prefix.to_owned(), uri.to_owned())).collect();
    for declaration in around {
        if declarations.iter().all(|(prefix, _)| *prefix != declaration.0) {
            declarations.push(declaration.clone());
        }
    }
    Outer { name: element.qname().to_owned(), declarations }
}

fn written(declarations: &[(String, String)]) -> String {
    let mut text = String::new();
    for (prefix, uri) in declarations {
        let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
        text.push_str(&format!(" {name}=\"{}\"", escape_attribute(uri)));
    }
    text
}

/// Returns what to write before and behind a record so that it parses as it does in its file: a collection with the
/// namespaces declared around it. Empty where the record leans on nothing.
pub(super) fn around(format: Format, outer: Option<&Outer>) -> (String, String) {
    let Some(outer) = outer.filter(|o| !o.declarations.is_empty()) else { return Default::default() };
    let (name, namespace) = match format {
        Format::Marc21 => ("collection", marcxml::MARC_NS),
        Format::Mods => ("modsCollection", mods::MODS_NS),
        Format::DublinCore | Format::QualifiedDublinCore => ("collection", dc::DC_NS),
    };
    let start = format!("<{OWN}:{name} xmlns:{OWN}=\"{namespace}\"{}>", written(&outer.declarations));
    (start, format!("</{OWN}:{name}>"))
}
