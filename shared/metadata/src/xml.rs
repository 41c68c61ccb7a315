//! A small read-only tree over one XML document, with the byte span of every element.
//!
//! It keeps what we need to check a record and to change it without touching its other bytes. It resolves
//! namespaces itself, refuses what a record has no need of (document types, foreign entities) and holds to
//! [`crate::limits`], so that a hostile document costs a bounded amount of work. It never recurses.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::error::{Problem, ProblemKind, problem_at};
use crate::limits::{
    MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, MAX_NAMESPACES, MAX_RECORD_BYTES, MAX_TEXT_BYTES,
};
use crate::xml_text::{self, is_name, is_xml_char};

/// The namespace bound to the prefix `xml`.
pub(crate) const XML_NS: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace of declarations themselves.
const XMLNS_NS: &str = "http://www.w3.org/2000/xmlns/";

/// One attribute that is no namespace declaration.
pub(crate) struct Attribute<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) namespace: Option<u32>,
    pub(crate) local: &'a str,
    pub(crate) value: Cow<'a, str>,
}

/// A namespace declaration in scope: prefix (empty for the default) and index of its URI.
#[derive(Clone, Copy)]
struct Binding<'a> {
    prefix: &'a str,
    uri: u32,
    depth: usize,
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
        Builder::new(text).run().map_err(|f| problem_at(text, f.offset, f.kind, "", f.message))
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

struct Failure {
    offset: usize,
    kind: ProblemKind,
    message: String,
}

fn fail<T>(offset: usize, kind: ProblemKind, message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure { offset, kind, message: message.into() })
}

struct Builder<'a> {
    document: Document<'a>,
    open: Vec<u32>,
    scope: Vec<Binding<'a>>,
    seen_root: bool,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str) -> Self {
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

    fn run(mut self) -> Result<Document<'a>, Failure> {
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

struct RawAttribute<'a> {
    name: &'a str,
    raw: &'a str,
    at: usize,
}

impl<'a> RawAttribute<'a> {
    fn value(&self) -> Result<Cow<'a, str>, Failure> {
        xml_text::attribute_value(self.raw).map_err(|name| Failure {
            offset: self.at,
            kind: ProblemKind::EntityRefused,
            message: refused_reference(name),
        })
    }
}

/// Splits the inside of a start tag, behind its name, into attributes; strict about spaces and quotes.
fn attributes_of(text: &str, base: usize) -> Result<Vec<RawAttribute<'_>>, Failure> {
    let ill = |at: usize, what: &str| fail(at, ProblemKind::NotWellFormed, what);
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let at = base + (text.len() - trimmed.len());
        if trimmed.is_empty() {
            return Ok(found);
        }
        if trimmed.len() == rest.len() {
            return ill(at, "no space before an attribute");
        }
        if found.len() >= MAX_ATTRIBUTES {
            let message = format!("more than {MAX_ATTRIBUTES} attributes on one element");
            return fail(at, ProblemKind::LimitExceeded, message);
        }
        let Some((name, after)) = trimmed.split_once('=') else {
            return ill(at, "an attribute without a value");
        };
        let name = name.trim_end_matches([' ', '\t', '\r', '\n']);
        if !xml_text::is_qname(name) {
            return fail(at, ProblemKind::NotWellFormed, format!("`{}` is no attribute name", clip(name)));
        }
        let after = after.trim_start_matches([' ', '\t', '\r', '\n']);
        let quote = match after.as_bytes().first() {
            Some(b'"') => '"',
            Some(b'\'') => '\'',
            _ => return ill(at, "an attribute value without quotes"),
        };
        let Some((raw, behind)) = after.get(1..).and_then(|v| v.split_once(quote)) else {
            return ill(at, "an attribute value without its closing quote");
        };
        if raw.contains('<') {
            return ill(at, "`<` in an attribute value");
        }
        if raw.len() > MAX_TEXT_BYTES {
            return fail(
                at,
                ProblemKind::LimitExceeded,
                format!("a value longer than {MAX_TEXT_BYTES} bytes"),
            );
        }
        found.push(RawAttribute { name, raw, at });
        rest = behind;
    }
}

fn split(qname: &str) -> (&str, &str) {
    qname.split_once(':').unwrap_or(("", qname))
}

fn refused_reference(name: &str) -> String {
    if name.starts_with('#') {
        format!("`&{};` is no character that XML allows", clip(name))
    } else {
        format!("entity `&{};` is refused: only amp, lt, gt, apos and quot are known", clip(name))
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

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
