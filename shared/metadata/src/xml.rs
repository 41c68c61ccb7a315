//! A small read-only tree over one XML document, with the byte span of every element.
//!
//! It keeps what we need to check a record and to change it without touching its other bytes. It resolves
//! namespaces itself, refuses what a record has no need of (document types, foreign entities) and holds to
//! [`crate::limits`], so that a hostile document costs a bounded amount of work. It never recurses.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::{Problem, ProblemKind, problem_at};
use crate::limits::MAX_RECORD_BYTES;
use crate::xml_text::{self, is_xml_char};

mod attributes;
mod build;

/// The namespace bound to the prefix `xml`.
pub(crate) const XML_NS: &str = "http://www.w3.org/XML/1998/namespace";

/// One attribute that is no namespace declaration.
pub(crate) struct Attribute<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) namespace: Option<u32>,
    pub(crate) local: &'a str,
    pub(crate) value: Cow<'a, str>,
}

enum Child<'a> {
    Element(u32),
    Text(Cow<'a, str>),
}

struct Node<'a> {
    namespace: Option<u32>,
    qname: &'a str,
    local: &'a str,
    attributes: Vec<Attribute<'a>>,
    children: Vec<Child<'a>>,
    /// From `<` of the start tag to `>` of the end tag.
    span: Range<usize>,
    /// Between the two tags; empty and equal to the span's end for `<a/>`.
    content: Range<usize>,
}

/// A parsed document.
pub(crate) struct Document<'a> {
    text: &'a str,
    namespaces: Vec<Cow<'a, str>>,
    nodes: Vec<Node<'a>>,
    /// For each node, its parent; the root has none.
    parents: Vec<Option<u32>>,
    /// For each node, the declarations it makes itself: prefix and URI.
    declarations: Vec<(u32, &'a str, u32)>,
}

/// One element of a document.
#[derive(Clone, Copy)]
pub(crate) struct Element<'d, 'a> {
    document: &'d Document<'a>,
    id: u32,
}

impl<'a> Document<'a> {
    /// Parses one whole document: prolog, one root element, nothing behind it.
    ///
    /// # Errors
    /// The first thing that is not well-formed, not allowed or too much.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Problem> {
        if text.len() > MAX_RECORD_BYTES {
            let message = format!("longer than {MAX_RECORD_BYTES} bytes");
            return Err(problem_at(text, 0, ProblemKind::LimitExceeded, "", message));
        }
        if let Some((offset, message)) = xml_text::first_illegal(text) {
            return Err(problem_at(text, offset, ProblemKind::IllegalCharacter, "", message));
        }
        build::Builder::new(text).run().map_err(|f| problem_at(text, f.offset, f.kind, "", f.message))
    }

    pub(crate) fn root(&self) -> Element<'_, 'a> {
        Element { document: self, id: 0 }
    }

    fn node(&self, id: u32) -> Option<&Node<'a>> {
        self.nodes.get(usize::try_from(id).ok()?)
    }

    fn namespace(&self, id: Option<u32>) -> &str {
        id.and_then(|i| self.namespaces.get(usize::try_from(i).ok()?)).map_or("", |n| n.as_ref())
    }
}

impl<'d, 'a> Element<'d, 'a> {
    /// Returns the namespace URI; empty for none.
    pub(crate) fn namespace(self) -> &'d str {
        self.document.namespace(self.document.node(self.id).and_then(|n| n.namespace))
    }

    pub(crate) fn local(self) -> &'a str {
        self.document.node(self.id).map_or("", |n| n.local)
    }

    /// Returns the name as written, with its prefix.
    pub(crate) fn qname(self) -> &'a str {
        self.document.node(self.id).map_or("", |n| n.qname)
    }

    pub(crate) fn is(self, namespace: &str, local: &str) -> bool {
        self.local() == local && self.namespace() == namespace
    }

    pub(crate) fn attributes(self) -> impl Iterator<Item = &'d Attribute<'a>> {
        self.document.node(self.id).into_iter().flat_map(|n| n.attributes.iter())
    }

    pub(crate) fn attribute_prefixes(self) -> impl Iterator<Item = &'a str> {
        self.attributes().map(|a| a.prefix).filter(|p| !p.is_empty())
    }

    /// Returns the value of an attribute without a namespace.
    pub(crate) fn attribute(self, local: &str) -> Option<&'d str> {
        self.attributes().find(|a| a.namespace.is_none() && a.local == local).map(|a| a.value.as_ref())
    }

    /// Returns the value of an attribute in a namespace.
    pub(crate) fn attribute_ns(self, namespace: &str, local: &str) -> Option<&'d str> {
        self.attributes()
            .find(|a| {
                a.local == local && a.namespace.is_some() && self.document.namespace(a.namespace) == namespace
            })
            .map(|a| a.value.as_ref())
    }

    pub(crate) fn children(self) -> impl Iterator<Item = Element<'d, 'a>> {
        let document = self.document;
        document.node(self.id).into_iter().flat_map(|n| n.children.iter()).filter_map(move |c| match c {
            Child::Element(id) => Some(Element { document, id: *id }),
            Child::Text(_) => None,
        })
    }

    /// Returns the first child of that name.
    pub(crate) fn child(self, namespace: &str, local: &str) -> Option<Element<'d, 'a>> {
        self.children().find(|c| c.is(namespace, local))
    }

    /// Returns the text directly inside, references resolved, child elements left out.
    pub(crate) fn text(self) -> Cow<'d, str> {
        let Some(node) = self.document.node(self.id) else { return Cow::Borrowed("") };
        let mut texts = node.children.iter().filter_map(|c| match c {
            Child::Text(t) => Some(t.as_ref()),
            Child::Element(_) => None,
        });
        match (texts.next(), texts.next()) {
            (None, _) => Cow::Borrowed(""),
            (Some(only), None) => Cow::Borrowed(only),
            (Some(first), Some(second)) => {
                let mut all = String::from(first) + second;
                texts.for_each(|t| all.push_str(t));
                Cow::Owned(all)
            }
        }
    }

    /// Returns all text inside, that of child elements too.
    pub(crate) fn deep_text(self) -> String {
        let mut all = String::new();
        let mut todo: Vec<&Child<'a>> =
            self.document.node(self.id).map(|n| n.children.iter().rev().collect()).unwrap_or_default();
        while let Some(child) = todo.pop() {
            match child {
                Child::Text(text) => all.push_str(text),
                Child::Element(id) => {
                    if let Some(node) = self.document.node(*id) {
                        todo.extend(node.children.iter().rev());
                    }
                }
            }
        }
        all
    }

    /// Whether there is text directly inside that is more than white space.
    pub(crate) fn has_own_text(self) -> bool {
        self.text().chars().any(|c| !c.is_ascii_whitespace())
    }

    /// Returns the bytes from the start tag to the end tag.
    pub(crate) fn span(self) -> Range<usize> {
        self.document.node(self.id).map_or(0..0, |n| n.span.clone())
    }

    /// Returns the bytes between the tags.
    pub(crate) fn content(self) -> Range<usize> {
        self.document.node(self.id).map_or(0..0, |n| n.content.clone())
    }

    /// Returns the element's exact source.
    pub(crate) fn source(self) -> &'a str {
        self.document.text.get(self.span()).unwrap_or_default()
    }

    /// Returns the exact source between the tags.
    pub(crate) fn inner(self) -> &'a str {
        self.document.text.get(self.content()).unwrap_or_default()
    }

    /// Returns the declarations in scope that outer elements made and the element does not make itself:
    /// what it needs when it is cut out. Nearest declaration of a prefix first.
    pub(crate) fn inherited_declarations(self) -> Vec<(&'a str, &'d str)> {
        let document = self.document;
        let mut seen: Vec<&'a str> = self.own_declarations().map(|(prefix, _)| prefix).collect();
        let mut found = Vec::new();
        let mut at = self.parent();
        while let Some(element) = at {
            for (prefix, uri) in element.own_declarations() {
                if !seen.contains(&prefix) {
                    seen.push(prefix);
                    found.push((prefix, document.namespace(Some(uri))));
                }
            }
            at = element.parent();
        }
        found
    }

    pub(crate) fn parent(self) -> Option<Self> {
        let parent =
            usize::try_from(self.id).ok().and_then(|i| self.document.parents.get(i).copied().flatten());
        parent.map(|id| Element { document: self.document, id })
    }

    /// Returns the prefixes that the element itself declares, with their namespaces.
    pub(crate) fn declarations(self) -> impl Iterator<Item = (&'a str, &'d str)> {
        self.own_declarations().map(move |(prefix, uri)| (prefix, self.document.namespace(Some(uri))))
    }

    fn own_declarations(self) -> impl Iterator<Item = (&'a str, u32)> {
        let all = &self.document.declarations;
        let from = all.partition_point(|(node, ..)| *node < self.id);
        all.get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(move |(node, ..)| *node == self.id)
            .map(|(_, prefix, uri)| (*prefix, *uri))
    }

    /// Returns the namespace that a prefix is bound to at this element; nothing where it is not declared.
    pub(crate) fn binding(self, prefix: &str) -> Option<&'d str> {
        let mut at = Some(self);
        while let Some(element) = at {
            if let Some((_, uri)) = element.own_declarations().find(|(p, _)| *p == prefix) {
                return Some(self.document.namespace(Some(uri)));
            }
            at = element.parent();
        }
        None
    }

    /// Returns the nearest prefix in scope for that namespace; empty for the default declaration.
    pub(crate) fn prefix_of(self, namespace: &str) -> Option<&'a str> {
        let mut shadowed: Vec<&'a str> = Vec::new();
        let mut at = Some(self);
        while let Some(element) = at {
            for (prefix, uri) in element.own_declarations() {
                if shadowed.contains(&prefix) {
                    continue;
                }
                if self.document.namespace(Some(uri)) == namespace {
                    return Some(prefix);
                }
                shadowed.push(prefix);
            }
            at = element.parent();
        }
        None
    }

    /// Returns every element below, in document order, the element itself first.
    pub(crate) fn descendants(self) -> impl Iterator<Item = Element<'d, 'a>> {
        let document = self.document;
        let end = self.span().end;
        let first = usize::try_from(self.id).unwrap_or(usize::MAX);
        document
            .nodes
            .iter()
            .enumerate()
            .skip(first)
            .take_while(move |(_, n)| n.span.start < end)
            .filter_map(move |(i, _)| Some(Element { document, id: u32::try_from(i).ok()? }))
    }
}

/// Shortens text from outside for a message.
pub(crate) fn clip(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut chars = text.chars();
    let mut short: String =
        chars.by_ref().take(SHOWN).filter(|c| is_xml_char(*c) && !c.is_control()).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}
