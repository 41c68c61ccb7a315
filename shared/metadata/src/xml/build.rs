//! Reading a document into its tree, within [`crate::limits`].

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::attributes::{RawAttribute, attributes_of};
use super::{Attribute, Child, Document, Node, XML_NS, clip};
use crate::error::ProblemKind;
use crate::limits::{MAX_DEPTH, MAX_ELEMENTS, MAX_NAMESPACES, MAX_TEXT_BYTES};
use crate::xml_text::{self, is_name};

/// The namespace of declarations themselves.
const XMLNS_NS: &str = "http://www.w3.org/2000/xmlns/";

/// Why a document is read no further.
pub(super) struct Failure {
    pub(super) offset: usize,
    pub(super) kind: ProblemKind,
    pub(super) message: String,
}

pub(super) fn fail<T>(offset: usize, kind: ProblemKind, message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure { offset, kind, message: message.into() })
}

/// A namespace declaration in scope: prefix (empty for the default) and index of its URI.
#[derive(Clone, Copy)]
struct Binding<'a> {
    prefix: &'a str,
    uri: u32,
    depth: usize,
}

/// A document while it is read.
pub(super) struct Builder<'a> {
    document: Document<'a>,
    open: Vec<u32>,
    scope: Vec<Binding<'a>>,
    seen_root: bool,
}

impl<'a> Builder<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let document = Document {
            text,
            namespaces: vec![Cow::Borrowed(XML_NS)],
            nodes: Vec::new(),
            parents: Vec::new(),
            declarations: Vec::new(),
        };
        let scope = vec![Binding { prefix: "xml", uri: 0, depth: 0 }];
        Self { document, open: Vec::new(), scope, seen_root: false }
    }

    pub(super) fn run(mut self) -> Result<Document<'a>, Failure> {
        let mut reader = Reader::from_str(self.document.text);
        let config = reader.config_mut();
        config.check_comments = true;
        config.check_end_names = true;
        config.expand_empty_elements = false;
        loop {
            let start = position(reader.buffer_position());
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(e) => {
                    let at = position(reader.error_position()).max(start);
                    return fail(at, ProblemKind::NotWellFormed, format!("not well-formed: {e}"));
                }
            };
            let end = position(reader.buffer_position());
            match event {
                Event::Start(_) => self.start(start..end, false)?,
                Event::Empty(_) => self.start(start..end, true)?,
                Event::End(_) => self.end(start..end),
                Event::Text(text) => self.text(start, text.xml10_content(), self.slice(start..end))?,
                Event::CData(data) => self.cdata(start, data.xml10_content())?,
                Event::GeneralRef(name) => {
                    let Some(c) = xml_text::resolve(&name) else {
                        return fail(start, ProblemKind::EntityRefused, refused_reference(&name));
                    };
                    if self.open.is_empty() {
                        return fail(start, ProblemKind::NotWellFormed, "text outside the root element");
                    }
                    self.append(start, Cow::Owned(c.to_string()))?;
                }
                Event::DocType(_) => {
                    return fail(start, ProblemKind::DtdRefused, "document type declarations are refused");
                }
                Event::Decl(_) if start > 0 => {
                    return fail(
                        start,
                        ProblemKind::NotWellFormed,
                        "an XML declaration belongs at the very start",
                    );
                }
                Event::PI(pi) => {
                    if !is_name(pi.target()) || pi.target().eq_ignore_ascii_case("xml") {
                        return fail(
                            start,
                            ProblemKind::NotWellFormed,
                            "a processing instruction without a name",
                        );
                    }
                }
                Event::Decl(_) | Event::Comment(_) => {}
                Event::Eof => break,
            }
        }
        let at = self.document.text.len();
        if let Some(open) = self.open.last().and_then(|id| self.document.node(*id)) {
            return fail(at, ProblemKind::NotWellFormed, format!("`{}` is not closed", clip(open.qname)));
        }
        if !self.seen_root {
            return fail(0, ProblemKind::NotWellFormed, "no element at all");
        }
        Ok(self.document)
    }

    fn slice(&self, range: Range<usize>) -> &'a str {
        self.document.text.get(range).unwrap_or_default()
    }

    fn start(&mut self, span: Range<usize>, empty: bool) -> Result<(), Failure> {
        let at = span.start;
        if self.open.is_empty() && self.seen_root {
            return fail(at, ProblemKind::NotWellFormed, "a second root element");
        }
        if self.open.len() >= MAX_DEPTH {
            return fail(at, ProblemKind::LimitExceeded, format!("nested deeper than {MAX_DEPTH} elements"));
        }
        if self.document.nodes.len() >= MAX_ELEMENTS {
            return fail(at, ProblemKind::LimitExceeded, format!("more than {MAX_ELEMENTS} elements"));
        }
        self.seen_root = true;
        let inside = self.slice(span.start + 1..span.end - if empty { 2 } else { 1 });
        let name_len = inside.find(|c: char| c.is_ascii_whitespace()).unwrap_or(inside.len());
        let (qname, rest) = inside.split_at(name_len);
        if !xml_text::is_qname(qname) {
            return fail(at, ProblemKind::NotWellFormed, format!("`{}` is no element name", clip(qname)));
        }
        let id = u32::try_from(self.document.nodes.len()).unwrap_or(u32::MAX);
        let raw = attributes_of(rest, at + 1 + name_len)?;
        self.declare(id, &raw)?;
        let attributes = self.resolve_attributes(&raw)?;
        let (prefix, local) = split(qname);
        let namespace = self.lookup(prefix, at)?;
        let content = span.end..span.end;
        let node = Node { namespace, qname, local, attributes, children: Vec::new(), span, content };
        self.document.nodes.push(node);
        let parent = self.open.last().copied();
        self.document.parents.push(parent);
        if let Some(parent) = parent.and_then(|p| usize::try_from(p).ok())
            && let Some(node) = self.document.nodes.get_mut(parent)
        {
            node.children.push(Child::Element(id));
        }
        self.open.push(id);
        if empty {
            self.close();
        }
        Ok(())
    }

    fn end(&mut self, span: Range<usize>) {
        if let Some(node) = self.open.last().and_then(|id| usize::try_from(*id).ok())
            && let Some(node) = self.document.nodes.get_mut(node)
        {
            node.content.end = span.start;
            node.span.end = span.end;
        }
        self.close();
    }

    fn close(&mut self) {
        self.open.pop();
        let depth = self.open.len();
        while self.scope.last().is_some_and(|b| b.depth > depth) {
            self.scope.pop();
        }
    }

    fn text(&mut self, at: usize, text: Cow<'a, str>, raw: &str) -> Result<(), Failure> {
        if self.open.is_empty() {
            return match raw.find(|c: char| !matches!(c, ' ' | '\t' | '\r' | '\n')) {
                Some(i) => fail(at + i, ProblemKind::NotWellFormed, "text outside the root element"),
                None => Ok(()),
            };
        }
        if let Some(i) = raw.find("]]>") {
            return fail(at + i, ProblemKind::NotWellFormed, "`]]>` in text");
        }
        self.append(at, text)
    }

    fn cdata(&mut self, at: usize, text: Cow<'a, str>) -> Result<(), Failure> {
        if self.open.is_empty() {
            return fail(at, ProblemKind::NotWellFormed, "text outside the root element");
        }
        self.append(at, text)
    }

    /// Adds text to the open element; neighbouring pieces become one, and one value has a size limit.
    fn append(&mut self, at: usize, text: Cow<'a, str>) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        let Some(node) = self
            .open
            .last()
            .and_then(|id| usize::try_from(*id).ok())
            .and_then(|id| self.document.nodes.get_mut(id))
        else {
            return Ok(());
        };
        let length = match node.children.last_mut() {
            Some(Child::Text(before)) => {
                let length = before.len() + text.len();
                if length <= MAX_TEXT_BYTES {
                    before.to_mut().push_str(&text);
                }
                length
            }
            _ => {
                let length = text.len();
                node.children.push(Child::Text(text));
                length
            }
        };
        if length > MAX_TEXT_BYTES {
            return fail(
                at,
                ProblemKind::LimitExceeded,
                format!("a value longer than {MAX_TEXT_BYTES} bytes"),
            );
        }
        Ok(())
    }

    fn declare(&mut self, id: u32, raw: &[RawAttribute<'a>]) -> Result<(), Failure> {
        let depth = self.open.len() + 1;
        for attribute in raw {
            let prefix = match split(attribute.name) {
                ("", "xmlns") => "",
                ("xmlns", prefix) => prefix,
                _ => continue,
            };
            let uri = attribute.value()?;
            if !prefix.is_empty() && uri.is_empty() {
                return fail(
                    attribute.at,
                    ProblemKind::NotWellFormed,
                    format!("prefix `{}` bound to nothing", clip(prefix)),
                );
            }
            let reserved = prefix == "xmlns" || (prefix == "xml") != (uri == XML_NS) || uri == XMLNS_NS;
            if reserved {
                return fail(
                    attribute.at,
                    ProblemKind::NotWellFormed,
                    "a reserved prefix or namespace is bound anew",
                );
            }
            if self.scope.len() >= MAX_NAMESPACES {
                let message = format!("more than {MAX_NAMESPACES} namespace declarations in scope");
                return fail(attribute.at, ProblemKind::LimitExceeded, message);
            }
            let uri = self.intern(uri);
            self.scope.push(Binding { prefix, uri, depth });
            self.document.declarations.push((id, prefix, uri));
        }
        Ok(())
    }

    /// Returns the index of a URI. Looks back only as far as a scope can reach, so that a document of many
    /// declarations costs no more than its length.
    fn intern(&mut self, uri: Cow<'a, str>) -> u32 {
        let known = self.document.namespaces.len();
        let from = known.saturating_sub(MAX_NAMESPACES);
        let tail = self.document.namespaces.get(from..).unwrap_or_default();
        let index = tail.iter().rposition(|n| *n == uri).map_or(known, |i| from + i);
        if index == known {
            self.document.namespaces.push(uri);
        }
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    fn resolve_attributes(&self, raw: &[RawAttribute<'a>]) -> Result<Vec<Attribute<'a>>, Failure> {
        let mut resolved: Vec<Attribute<'a>> = Vec::new();
        for (i, attribute) in raw.iter().enumerate() {
            if raw.iter().take(i).any(|b| b.name == attribute.name) {
                let message = format!("attribute `{}` given twice", clip(attribute.name));
                return fail(attribute.at, ProblemKind::NotWellFormed, message);
            }
            let (prefix, local) = split(attribute.name);
            if prefix == "xmlns" || attribute.name == "xmlns" {
                continue;
            }
            let namespace = if prefix.is_empty() { None } else { self.lookup(prefix, attribute.at)? };
            if namespace.is_some() && resolved.iter().any(|b| b.local == local && b.namespace == namespace) {
                let message = format!("attribute `{}` given twice", clip(attribute.name));
                return fail(attribute.at, ProblemKind::NotWellFormed, message);
            }
            resolved.push(Attribute { prefix, namespace, local, value: attribute.value()? });
        }
        Ok(resolved)
    }

    fn lookup(&self, prefix: &str, at: usize) -> Result<Option<u32>, Failure> {
        match self.scope.iter().rev().find(|b| b.prefix == prefix) {
            Some(b) if self.document.namespace(Some(b.uri)).is_empty() => Ok(None),
            Some(binding) => Ok(Some(binding.uri)),
            None if prefix.is_empty() => Ok(None),
            None => {
                fail(at, ProblemKind::UndeclaredPrefix, format!("prefix `{}` is not declared", clip(prefix)))
            }
        }
    }
}

fn split(qname: &str) -> (&str, &str) {
    qname.split_once(':').unwrap_or(("", qname))
}

pub(super) fn refused_reference(name: &str) -> String {
    if name.starts_with('#') {
        format!("`&{};` is no character that XML allows", clip(name))
    } else {
        format!("entity `&{};` is refused: only amp, lt, gt, apos and quot are known", clip(name))
    }
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
