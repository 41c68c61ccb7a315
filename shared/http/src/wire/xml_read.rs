//! Reads XML from outside into a JSON value, after a shape.
//!
//! Nothing is resolved or fetched: a document type is refused, only the five predefined entities and character
//! references are known, and depth, attributes and text are capped. The values are texts; `normalise` makes types.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use serde_json::{Map, Value};
use vitrine_domain::problem::Problems;

use super::normalise::join;
use super::shape::{Kind, Member, Shape};
use super::xml_write::is_xml_char;

/// The deepest nesting of elements that we read ourselves.
pub const MAX_DEPTH: usize = 24;
/// The deepest nesting inside an embedded document.
pub const MAX_RAW_DEPTH: usize = 64;
/// The most attributes of one element.
pub const MAX_ATTRIBUTES: usize = 64;

/// Why a document was not read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlReadError {
    /// It is not the XML that we take.
    #[error("the XML can not be read at byte {at}: {message}")]
    Malformed {
        /// Where, from 0.
        at: u64,
        /// What is wrong.
        message: String,
    },
    /// It holds what the shape does not.
    #[error("the document has members that are not known here")]
    Unknown(Problems),
}

/// Reads a document.
///
/// # Errors
/// When it is malformed, has a document type or is over a cap, or has elements that the shape does not know.
pub fn read(shape: &Shape, bytes: &[u8]) -> Result<Value, XmlReadError> {
    let refused = |message: &str| XmlReadError::Malformed { at: 0, message: message.to_owned() };
    let text = std::str::from_utf8(bytes).map_err(|error| XmlReadError::Malformed {
        at: error.valid_up_to() as u64,
        message: "the text is not UTF-8".to_owned(),
    })?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if let Some((at, _)) = text.char_indices().find(|(_, c)| !is_xml_char(*c)) {
        return Err(XmlReadError::Malformed {
            at: at as u64,
            message: "a character that XML does not allow".to_owned(),
        });
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut pass = Pass { text, reader, problems: Problems::default(), namespaces: Vec::new() };
    let value = loop {
        match pass.next()? {
            Event::Start(start) => {
                let name = name_of(&start);
                if name != shape.root {
                    return Err(refused(&format!(
                        "the document is `{}` where `{}` is expected",
                        join("", &name),
                        shape.root
                    )));
                }
                break pass.object(shape, &start, "", 1)?;
            }
            Event::Eof => return Err(refused("there is no element")),
            Event::Text(text) if text.trim().is_empty() => {}
            Event::Decl(declaration) => check_encoding(&declaration, &refused)?,
            Event::Comment(_) | Event::PI(_) => {}
            _ => return Err(pass.malformed("text outside the document")),
        }
    };
    loop {
        match pass.next()? {
            Event::Eof => break,
            Event::Text(text) if text.trim().is_empty() => {}
            Event::Comment(_) | Event::PI(_) => {}
            _ => return Err(pass.malformed("something follows the document")),
        }
    }
    if pass.problems.0.is_empty() { Ok(value) } else { Err(XmlReadError::Unknown(pass.problems)) }
}

fn check_encoding(
    declaration: &quick_xml::events::BytesDecl<'_>,
    refused: &dyn Fn(&str) -> XmlReadError,
) -> Result<(), XmlReadError> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("us-ascii") => {
            Ok(())
        }
        Some(_) => Err(refused("the declared encoding is not UTF-8")),
    }
}

fn name_of(start: &BytesStart<'_>) -> String {
    start.name().0.to_owned()
}

struct Pass<'t> {
    text: &'t str,
    reader: Reader<&'t [u8]>,
    problems: Problems,
    /// Namespace declarations around the place where we are, innermost last.
    namespaces: Vec<(String, String)>,
}

impl<'t> Pass<'t> {
    fn next(&mut self) -> Result<Event<'t>, XmlReadError> {
        let event = self.reader.read_event().map_err(|error| XmlReadError::Malformed {
            at: self.reader.error_position(),
            message: error.to_string().chars().filter(|c| !c.is_control()).take(200).collect(),
        })?;
        if matches!(event, Event::DocType(_)) {
            return Err(self.malformed("a document type is not allowed"));
        }
        Ok(event)
    }

    fn malformed(&self, message: &str) -> XmlReadError {
        XmlReadError::Malformed { at: self.reader.buffer_position(), message: message.to_owned() }
    }

    fn stranger(&mut self, path: &str, message: &str) {
        if self.problems.0.len() < 50 {
            self.problems.add(path, message);
        }
    }

    fn attributes(&self, start: &BytesStart<'_>) -> Result<Vec<(String, String)>, XmlReadError> {
        let mut found = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| self.malformed(&error.to_string()))?;
            if found.len() == MAX_ATTRIBUTES {
                return Err(self.malformed("too many attributes"));
            }
            let name = attribute.key.0.to_owned();
            let value = attribute
                .normalized_value(quick_xml::XmlVersion::Explicit1_0)
                .map_err(|_| self.malformed("an attribute's value can not be read"))?
                .into_owned();
            if !value.chars().all(is_xml_char) {
                return Err(self.malformed("a character that XML does not allow"));
            }
            found.push((name, value));
        }
        Ok(found)
    }

    fn object(
        &mut self,
        shape: &Shape,
        start: &BytesStart<'_>,
        path: &str,
        depth: usize,
    ) -> Result<Value, XmlReadError> {
        if depth > MAX_DEPTH {
            return Err(self.malformed("nested too deep"));
        }
        let outer = self.namespaces.len();
        let mut members = Map::new();
        for (name, value) in self.attributes(start)? {
            if is_namespace(&name) {
                self.namespaces.push((name, value));
            } else if name.starts_with("xml:") || name.starts_with("xsi:") {
                // Hints for other readers.
            } else if shape.member(&name).is_some_and(|member| member.attribute) {
                members.insert(name, Value::String(value));
            } else {
                self.stranger(&join(path, &name), "is not known here as an attribute");
            }
        }
        loop {
            let at = self.reader.buffer_position();
            match self.next()? {
                Event::Start(child) => {
                    let name = name_of(&child);
                    let here = join(path, &name);
                    let found = match shape.member(&name).filter(|member| !matches!(member.kind, Kind::Raw)) {
                        Some(member) => Some((member, self.value(member, &child, &here, depth + 1)?)),
                        None => match shape.raw_member() {
                            Some(member) => Some((member, Value::String(self.raw(at, &child)?))),
                            None => {
                                self.stranger(&here, "is not known here");
                                self.skip(&child)?;
                                None
                            }
                        },
                    };
                    if let Some((member, value)) = found {
                        self.place(&mut members, member, value, &here);
                    }
                }
                Event::End(_) => break,
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Comment(_) | Event::PI(_) => {}
                Event::Eof => return Err(self.malformed("the document ends too early")),
                _ => return Err(self.malformed("text where only elements are expected")),
            }
        }
        self.namespaces.truncate(outer);
        Ok(Value::Object(members))
    }

    fn place(&mut self, members: &mut Map<String, Value>, member: &Member, value: Value, path: &str) {
        if member.many {
            let list = members.entry(member.name).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(items) = list {
                items.push(value);
            }
        } else if members.insert(member.name.to_owned(), value).is_some() {
            self.stranger(path, "is given more than once");
        }
    }

    fn value(
        &mut self,
        member: &Member,
        start: &BytesStart<'_>,
        path: &str,
        depth: usize,
    ) -> Result<Value, XmlReadError> {
        if let Kind::Object(shape) = member.kind {
            return self.object(shape, start, path, depth);
        }
        let mut coded = Map::new();
        for (name, value) in self.attributes(start)? {
            match (member.kind, name.as_str()) {
                (Kind::Coded, "desc" | "link") => {
                    coded.insert(name, Value::String(value));
                }
                (_, name) if is_namespace(name) || name.starts_with("xml:") || name.starts_with("xsi:") => {}
                _ => self.stranger(&join(path, &name), "is not known here as an attribute"),
            }
        }
        let text = self.content()?;
        if matches!(member.kind, Kind::Coded) {
            coded.insert("value".to_owned(), Value::String(text.trim().to_owned()));
            return Ok(Value::Object(coded));
        }
        Ok(Value::String(text))
    }

    /// The text up to the end of the element that was opened last.
    fn content(&mut self) -> Result<String, XmlReadError> {
        let mut content = String::new();
        loop {
            match self.next()? {
                Event::Text(text) => content.push_str(&text.xml10_content()),
                Event::CData(text) => content.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => content.push(self.resolve(&reference)?),
                Event::End(_) => return Ok(content),
                Event::Comment(_) | Event::PI(_) => {}
                Event::Start(_) => return Err(self.malformed("an element where only text is expected")),
                _ => return Err(self.malformed("the document ends too early")),
            }
        }
    }

    fn resolve(&self, reference: &BytesRef<'_>) -> Result<char, XmlReadError> {
        let resolved = match reference.resolve_char_ref() {
            Ok(Some(c)) => Some(c),
            Ok(None) => match reference.xml10_content().as_ref() {
                "lt" => Some('<'),
                "gt" => Some('>'),
                "amp" => Some('&'),
                "quot" => Some('"'),
                "apos" => Some('\''),
                _ => None,
            },
            Err(_) => None,
        };
        resolved
            .filter(|c| is_xml_char(*c))
            .ok_or_else(|| self.malformed("a reference that is not predefined in XML"))
    }

    fn skip(&mut self, start: &BytesStart<'_>) -> Result<(), XmlReadError> {
        self.attributes(start)?;
        let mut depth = 1_usize;
        while depth > 0 {
            match self.next()? {
                Event::Start(inner) => {
                    self.attributes(&inner)?;
                    depth += 1;
                }
                Event::End(_) => depth -= 1,
                Event::GeneralRef(reference) => {
                    self.resolve(&reference)?;
                }
                Event::Eof => return Err(self.malformed("the document ends too early")),
                _ => {}
            }
            if depth > MAX_RAW_DEPTH {
                return Err(self.malformed("nested too deep"));
            }
        }
        Ok(())
    }

    /// The source of an element, byte for byte, with the namespaces that it takes from the elements around it.
    fn raw(&mut self, at: u64, start: &BytesStart<'_>) -> Result<String, XmlReadError> {
        let own: Vec<String> = self.attributes(start)?.into_iter().map(|(name, _)| name).collect();
        self.skip(start)?;
        let end = self.reader.buffer_position();
        let source = self
            .text
            .get(at as usize..end as usize)
            .ok_or_else(|| self.malformed("an element can not be cut out"))?;
        let mut taken = String::new();
        let mut seen = own;
        for (name, value) in self.namespaces.iter().rev() {
            let used =
                name.strip_prefix("xmlns:").is_none_or(|prefix| source.contains(&format!("{prefix}:")));
            if used && !seen.contains(name) {
                taken.push(' ');
                taken.push_str(name);
                taken.push_str("=\"");
                super::xml_write::push_escaped(&mut taken, value, true);
                taken.push('"');
                seen.push(name.clone());
            }
        }
        if taken.is_empty() {
            return Ok(source.to_owned());
        }
        let name_end = 1 + start.name().0.len();
        match (source.get(..name_end), source.get(name_end..)) {
            (Some(head), Some(tail)) => Ok(format!("{head}{taken}{tail}")),
            _ => Err(self.malformed("an element can not be cut out")),
        }
    }
}

fn is_namespace(name: &str) -> bool {
    name == "xmlns" || name.starts_with("xmlns:")
}
