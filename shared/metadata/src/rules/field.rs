//! A field as a path of elements: what it finds in a record and what it holds.

use vitrine_domain::import::rules::FieldName;

use crate::Format;
use crate::dc::{DC_NS, DCTERMS_NS, XSI_NS};
use crate::rules::spelling;
use crate::text::normalise_space;
use crate::xml::{Element, clip};

/// The longest name of a field, in bytes.
const MAX_NAME_BYTES: usize = 500;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text that is taken as it stands: a leader or a control field.
    Fixed,
    /// Text: a subfield, a Dublin Core element, a MODS element without elements inside.
    Text,
    /// A MARC data field with all its subfields.
    DataField,
    /// A MODS element that holds elements.
    Container,
    /// An element of a vocabulary whose namespace we do not know.
    Local,
}

/// A field: elements from the record's children down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) kind: Kind,
    pub(crate) steps: Vec<Step>,
}

/// One element of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) local: String,
    pub(crate) tests: Vec<Test>,
}

/// Which namespace an element is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Vocabulary {
    /// The record's own.
    Record,
    /// This one.
    Uri(&'static str),
    /// The one that this prefix names in the record.
    Prefix(String),
}

/// What an element's attributes must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    /// The attribute, as its name is written, has this value.
    Is(String, String),
    /// There is no such attribute.
    Without(String),
    /// The local part of `xsi:type` is this.
    Scheme(String),
}

impl Step {
    /// Whether the step says something about an attribute, by its name as written.
    pub(crate) fn speaks_of(&self, attribute: &str) -> bool {
        self.tests.iter().any(|t| match t {
            Test::Is(name, _) | Test::Without(name) => name == attribute,
            Test::Scheme(_) => false,
        })
    }

    pub(crate) fn fits(&self, element: Element<'_, '_>) -> bool {
        let named = element.local() == self.local
            && match &self.vocabulary {
                Vocabulary::Record => true,
                Vocabulary::Uri(uri) => element.namespace() == *uri,
                Vocabulary::Prefix(prefix) => {
                    element.qname().split_once(':').is_some_and(|(own, _)| own == prefix)
                        && !matches!(element.namespace(), DC_NS | DCTERMS_NS)
                }
            };
        named && self.tests.iter().all(|test| test.holds(element))
    }
}

impl Test {
    fn holds(&self, element: Element<'_, '_>) -> bool {
        match self {
            Self::Is(name, value) => attribute(element, name) == Some(value),
            Self::Without(name) => attribute(element, name).is_none(),
            Self::Scheme(scheme) => scheme_of(element) == Some(scheme),
        }
    }
}

/// Returns an attribute by its name as written.
fn attribute<'d>(element: Element<'d, '_>, name: &str) -> Option<&'d str> {
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    element.attributes().find(|a| a.local == local && a.prefix == prefix).map(|a| a.value.as_ref())
}

/// Returns the local part of an element's `xsi:type`.
pub(crate) fn scheme_of<'d>(element: Element<'d, '_>) -> Option<&'d str> {
    let scheme = element.attribute_ns(XSI_NS, "type")?.trim();
    Some(scheme.split_once(':').map_or(scheme, |(_, local)| local))
}

impl Path {
    /// Reads a field's name.
    pub(crate) fn parse(format: Format, field: &FieldName) -> Result<Self, String> {
        let name = field.as_str().trim();
        let path = if name.is_empty() {
            Err("must be given".to_owned())
        } else if name.len() > MAX_NAME_BYTES {
            Err(format!("must be at most {MAX_NAME_BYTES} bytes"))
        } else {
            match format {
                Format::Marc21 => spelling::marc(name),
                Format::DublinCore | Format::QualifiedDublinCore => spelling::dublin_core(format, name),
                Format::Mods => spelling::mods_path(name),
            }
        };
        path.map_err(|why| format!("`{}` is no field of {format}: {why}", clip(name)))
    }

    /// Returns every element that the path leads to, in the record's order.
    pub(crate) fn find<'d, 'a>(&self, root: Element<'d, 'a>) -> Vec<Element<'d, 'a>> {
        let mut found = vec![root];
        for step in &self.steps {
            found = found.into_iter().flat_map(|e| e.children().filter(|c| step.fits(*c))).collect();
        }
        found
    }

    /// Returns the text of an element of the path as it is compared.
    pub(crate) fn value(&self, element: Element<'_, '_>) -> String {
        match self.kind {
            Kind::Fixed => element.text().into_owned(),
            Kind::Text => match self.steps.last().map(|s| &s.vocabulary) {
                Some(Vocabulary::Record) => element.text().trim().to_owned(),
                _ => normalise_space(&element.text()),
            },
            Kind::DataField | Kind::Container | Kind::Local => {
                let texts: Vec<String> = element
                    .descendants()
                    .map(|e| normalise_space(&e.text()))
                    .filter(|t| !t.is_empty())
                    .collect();
                texts.join(" ")
            }
        }
    }

    /// Returns the values that are not blank.
    pub(crate) fn values(&self, root: Element<'_, '_>) -> Vec<String> {
        self.find(root).into_iter().map(|e| self.value(e)).filter(|v| !v.trim().is_empty()).collect()
    }

    /// Whether this is the leader of a MARC record.
    pub(crate) fn is_leader(&self) -> bool {
        self.steps.first().is_some_and(|s| s.local == "leader")
    }

    /// Whether a record has at most one such field by the format's rules.
    pub(crate) fn is_single(&self) -> bool {
        let tag = self.steps.first().and_then(|s| s.tests.first());
        self.kind == Kind::Fixed
            && !matches!(tag, Some(Test::Is(_, tag)) if matches!(tag.as_str(), "006" | "007"))
    }

    /// Checks that a text may become a value of the field.
    pub(crate) fn check_writable(&self) -> Result<(), String> {
        match self.kind {
            Kind::Fixed | Kind::Text => Ok(()),
            Kind::DataField => Err("is a whole data field: name the subfield, such as `245$a`".to_owned()),
            Kind::Container => Err("holds elements, not text: name the element inside".to_owned()),
            Kind::Local => {
                Err("is in a vocabulary of your own: it can be read and taken out, not written".to_owned())
            }
        }
    }
}
