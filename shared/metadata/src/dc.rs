//! Dublin Core, simple and qualified: reading, checking, indexing.

use crate::Format;
use crate::error::{ProblemKind, Problems};
use crate::identifier::{Identifier, Scheme};
use crate::index::{BibIndex, add_value, bounded, set_first};
use crate::text::sort_key;
use crate::xml::{Element, XML_NS, clip};
pub(crate) use vitrine_domain::bib::DC_ELEMENTS as ELEMENTS;

/// The fifteen elements.
pub const DC_NS: &str = "http://purl.org/dc/elements/1.1/";
/// The terms that refine them.
pub const DCTERMS_NS: &str = "http://purl.org/dc/terms/";
/// The container of OAI-PMH.
pub const OAI_DC_NS: &str = "http://www.openarchives.org/OAI/2.0/oai_dc/";
pub(crate) const XSI_NS: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// Namespaces in which containers of Dublin Core are found.
const CONTAINER_NS: [&str; 7] = [
    "",
    DC_NS,
    DCTERMS_NS,
    OAI_DC_NS,
    "http://worldcat.org/xmlschemas/qdc-1.0/",
    "http://oclc.org/appqualifieddc/",
    "http://dublincore.org/xml/dc-record/",
];
/// Names of the element that holds one record.
pub(crate) const ROOTS: &[&str] = &["record", "dc", "qualifieddc", "qdc", "metadata"];

/// The terms that are none of the fifteen, each with the element that it refines; `None` where it refines none.
/// Source: DCMI Metadata Terms, `subPropertyOf`.
pub(crate) const TERMS: [(&str, Option<&str>); 40] = [
    ("abstract", Some("description")),
    ("accessRights", Some("rights")),
    ("accrualMethod", None),
    ("accrualPeriodicity", None),
    ("accrualPolicy", None),
    ("alternative", Some("title")),
    ("audience", None),
    ("available", Some("date")),
    ("bibliographicCitation", Some("identifier")),
    ("conformsTo", Some("relation")),
    ("created", Some("date")),
    ("dateAccepted", Some("date")),
    ("dateCopyrighted", Some("date")),
    ("dateSubmitted", Some("date")),
    ("educationLevel", None),
    ("extent", Some("format")),
    ("hasFormat", Some("relation")),
    ("hasPart", Some("relation")),
    ("hasVersion", Some("relation")),
    ("instructionalMethod", None),
    ("isFormatOf", Some("relation")),
    ("isPartOf", Some("relation")),
    ("isReferencedBy", Some("relation")),
    ("isReplacedBy", Some("relation")),
    ("isRequiredBy", Some("relation")),
    ("issued", Some("date")),
    ("isVersionOf", Some("relation")),
    ("license", Some("rights")),
    ("mediator", None),
    ("medium", Some("format")),
    ("modified", Some("date")),
    ("provenance", None),
    ("references", Some("relation")),
    ("replaces", Some("relation")),
    ("requires", Some("relation")),
    ("rightsHolder", None),
    ("spatial", Some("coverage")),
    ("tableOfContents", Some("description")),
    ("temporal", Some("coverage")),
    ("valid", Some("date")),
];

/// Returns the one of the fifteen elements that a `dcterms:` name is or refines.
pub(crate) fn refines(term: &str) -> Option<&'static str> {
    ELEMENTS
        .iter()
        .find(|e| **e == term)
        .copied()
        .or_else(|| TERMS.iter().find(|(name, _)| *name == term).and_then(|(_, parent)| *parent))
}

pub(crate) fn is_term(name: &str) -> bool {
    ELEMENTS.contains(&name) || TERMS.iter().any(|(term, _)| *term == name)
}

pub(crate) fn is_collection(element: Element<'_, '_>) -> bool {
    matches!(element.local(), "collection" | "records") && CONTAINER_NS.contains(&element.namespace())
}

pub(crate) fn is_record(element: Element<'_, '_>) -> bool {
    ROOTS.contains(&element.local()) && CONTAINER_NS.contains(&element.namespace())
}

/// One element of a record.
pub(crate) struct Statement {
    /// Whether it is in the namespace of the fifteen (`dc:`), the terms, or a local one.
    pub(crate) vocabulary: Vocabulary,
    pub(crate) name: String,
    /// The local part of `xsi:type`.
    pub(crate) scheme: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) value: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vocabulary {
    Elements,
    Terms,
    /// A namespace of the institution's own application profile.
    Local,
}

impl Statement {
    /// Returns the one of the fifteen that this is or refines.
    pub(crate) fn element(&self) -> Option<&'static str> {
        match self.vocabulary {
            Vocabulary::Elements => ELEMENTS.iter().find(|e| **e == self.name).copied(),
            Vocabulary::Terms => refines(&self.name),
            Vocabulary::Local => None,
        }
    }
}

/// Reads every statement of a record and checks it against the format.
pub(crate) fn read(root: Element<'_, '_>, format: Format, problems: &mut Problems<'_>) -> Vec<Statement> {
    if root.has_own_text() {
        let message = format!("text directly inside `{}`", clip(root.qname()));
        problems.add(ProblemKind::InvalidField, root.span().start, "", message);
    }
    let mut found = Vec::new();
    for child in root.children() {
        let at = child.span().start;
        let field = clip(child.qname());
        let vocabulary = match vocabulary(child, format) {
            Ok(vocabulary) => vocabulary,
            Err((kind, message)) => {
                problems.add(kind, at, field, message);
                continue;
            }
        };
        if let Some(inner) = child.children().next()
            && vocabulary != Vocabulary::Local
        {
            let message = format!("`{}` inside a value", clip(inner.qname()));
            problems.add(ProblemKind::InvalidField, inner.span().start, field, message);
            continue;
        }
        let scheme = child.attribute_ns(XSI_NS, "type");
        found.push(Statement {
            vocabulary,
            name: child.local().to_owned(),
            scheme: scheme.map(|s| s.split_once(':').map_or(s, |(_, local)| local).to_owned()),
            language: child.attribute_ns(XML_NS, "lang").map(str::to_owned),
            value: if vocabulary == Vocabulary::Local {
                child.deep_text()
            } else {
                child.text().into_owned()
            },
        });
    }
    found
}

fn vocabulary(child: Element<'_, '_>, format: Format) -> Result<Vocabulary, (ProblemKind, String)> {
    let name = child.local();
    match child.namespace() {
        DC_NS if ELEMENTS.contains(&name) => Ok(Vocabulary::Elements),
        DC_NS => {
            Err((ProblemKind::InvalidField, format!("`{}` is none of the fifteen elements", clip(name))))
        }
        DCTERMS_NS if format == Format::DublinCore => Err((
            ProblemKind::InvalidField,
            "a `dcterms` element is qualified Dublin Core: use format qdc".to_owned(),
        )),
        DCTERMS_NS if is_term(name) => Ok(Vocabulary::Terms),
        DCTERMS_NS => Err((ProblemKind::InvalidField, format!("`{}` is no Dublin Core term", clip(name)))),
        "" => Err((ProblemKind::UnknownNamespace, format!("`{}` is in no namespace", clip(name)))),
        other if format == Format::QualifiedDublinCore && is_local_namespace(other) => Ok(Vocabulary::Local),
        other => Err((
            ProblemKind::UnknownNamespace,
            format!("namespace `{}` is not known in {format}", clip(other)),
        )),
    }
}

/// Whether a namespace may be an institution's own: an absolute URI that is no misspelling of a known one.
fn is_local_namespace(uri: &str) -> bool {
    let lower = uri.to_ascii_lowercase();
    let absolute = ["http://", "https://", "urn:", "info:"]
        .iter()
        .any(|s| lower.len() > s.len() && lower.starts_with(s));
    let taken = ["purl.org/dc", "dublincore.org", "www.loc.gov/", "www.openarchives.org/", "www.w3.org/"];
    let bare = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
    absolute && !taken.iter().any(|t| bare.starts_with(t))
}

pub(crate) fn index(root: Element<'_, '_>, format: Format, problems: &mut Problems<'_>) -> BibIndex {
    let statements = read(root, format, problems);
    let mut index = BibIndex::default();
    // An alternative title or a refined date stands in only where the plain one is missing.
    for plain in [true, false] {
        for s in statements.iter().filter(|s| is_plain(s) == plain) {
            add(&mut index, s);
        }
    }
    index.sort_title = sort_key(&index.title, 0);
    index
}

fn is_plain(statement: &Statement) -> bool {
    ELEMENTS.contains(&statement.name.as_str())
}

fn add(index: &mut BibIndex, statement: &Statement) {
    let value = statement.value.as_str();
    match statement.element() {
        Some("title") if is_plain(statement) && index.title.is_empty() => {
            index.title = bounded(value).unwrap_or_default();
        }
        Some("creator") if index.author.is_none() => set_first(&mut index.author, value),
        Some("creator" | "contributor") => add_value(&mut index.contributors, value),
        Some("publisher") => set_first(&mut index.publisher, value),
        Some("date") => set_first(&mut index.date, value),
        Some("language") => set_first(&mut index.language, value),
        Some("description") => set_first(&mut index.description, value),
        Some("rights") => add_value(&mut index.rights, value),
        Some("subject") => add_value(&mut index.subjects, value),
        Some("type") => add_value(&mut index.types, value),
        Some("identifier") if statement.name == "identifier" => index.add_identifier(identifier(statement)),
        _ => {}
    }
}

pub(crate) fn identifier(statement: &Statement) -> Option<Identifier> {
    let scheme = match statement.scheme.as_deref().map(str::to_ascii_uppercase).as_deref() {
        Some("ISBN") => Scheme::Isbn,
        Some("ISSN") => Scheme::Issn,
        Some("DOI") => Scheme::Doi,
        _ => return Identifier::guess(&statement.value),
    };
    Identifier::new(scheme, &statement.value)
}
/// Writes a simple Dublin Core record of a title and a description, for things that come without one.
pub fn dublin_core_record(title: &str, description: Option<&str>) -> String {
    let mut record =
        format!("<record xmlns:dc=\"{DC_NS}\"><dc:title>{}</dc:title>", quick_xml::escape::escape(title));
    if let Some(description) = description {
        record.push_str(&format!(
            "<dc:description>{}</dc:description>",
            quick_xml::escape::escape(description)
        ));
    }
    record.push_str("</record>");
    record
}
