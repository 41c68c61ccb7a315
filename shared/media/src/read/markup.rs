//! Markup in which OCR is written: its letters, its kind, its elements.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::damaged;
use crate::draw::{Result, Source, over_limit, unsupported};

/// Larger documents of one page or book are not read. Source: reliability.md B54.
const MAX_BYTES: usize = 64 << 20;
/// Deeper elements are none of OCR's.
pub(super) const MAX_DEPTH: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Alto,
    Hocr,
}

/// The document as text, in the encodings that OCR programs write.
pub(super) fn decoded(source: &Source) -> Result<String> {
    let bytes = source.read_all()?;
    if bytes.len() > MAX_BYTES {
        return Err(over_limit(format!("a document of {} bytes", bytes.len())));
    }
    let utf16 = |bytes: &[u8], of: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| of(*pair)).collect();
        String::from_utf16(&units).map_err(|_| damaged("not the UTF-16 that it says"))
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        _ => {}
    }
    let head = String::from_utf8_lossy(bytes.get(..200).unwrap_or(&bytes)).to_ascii_lowercase();
    let said = head.strip_prefix("<?xml").and_then(|rest| rest.split("?>").next());
    let said = said.and_then(|said| said.split_once("encoding")).map_or("", |(_, rest)| rest);
    let name = said.trim_start_matches(['=', ' ']).trim_start_matches(['"', '\'']);
    let name = name.split(['"', '\'']).next().unwrap_or_default();
    match name {
        "" | "utf-8" | "utf8" | "us-ascii" | "ascii" => {
            String::from_utf8(bytes).map_err(|_| damaged("not the UTF-8 that it says"))
        }
        "iso-8859-1" | "latin1" => Ok(bytes.into_iter().map(char::from).collect()),
        other => Err(unsupported(format!("the encoding {other}"))),
    }
}

/// Tells by its elements what a document is; `None` where it is something else.
pub(super) fn kind(document: &str) -> Result<Option<Kind>> {
    let mut kind = None;
    walk(document, |node| {
        match node {
            Node::Start { name: "alto", depth: 1, .. } => kind = Some(Kind::Alto),
            Node::Start { start, .. } if classes(start).any(|class| class == "ocr_page") => {
                kind = Some(Kind::Hocr);
            }
            _ => {}
        }
        Ok(kind.is_none())
    })?;
    Ok(kind)
}

/// What a document is made of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Node<'a> {
    /// An element begins; so many are open around it.
    Start { name: &'a str, start: &'a BytesStart<'a>, depth: usize },
    /// The element that so many were around ends.
    End { depth: usize },
    /// Text in it.
    Text(&'a str),
}

/// Goes through a document in order while `see` says so. Entities of the document's own are never looked up, nothing is held but
/// the way down to where it is, and what is not well-formed is an error: OCR that was cut off is not a page's text.
pub(super) fn walk(document: &str, mut see: impl FnMut(Node<'_>) -> Result<bool>) -> Result<()> {
    let mut reader = Reader::from_str(document);
    let mut open = 0_usize;
    loop {
        let goes_on = match reader.read_event().map_err(damaged)? {
            Event::Start(start) => {
                if open >= MAX_DEPTH {
                    return Err(over_limit(format!("nested deeper than {MAX_DEPTH} elements")));
                }
                open += 1;
                let name = start.local_name();
                see(Node::Start { name: name.as_ref(), start: &start, depth: open })?
            }
            Event::Empty(start) => {
                let name = start.local_name();
                see(Node::Start { name: name.as_ref(), start: &start, depth: open + 1 })?
                    && see(Node::End { depth: open + 1 })?
            }
            Event::End(_) => {
                open -= usize::from(open > 0);
                see(Node::End { depth: open + 1 })?
            }
            Event::Text(text) => see(Node::Text(&text))?,
            Event::CData(data) => see(Node::Text(&data))?,
            Event::GeneralRef(name) => match resolved(&name) {
                Some(letter) => see(Node::Text(letter.encode_utf8(&mut [0; 4])))?,
                None => true,
            },
            Event::Eof if open > 0 => return Err(damaged("it ends in the middle")),
            Event::Eof => return Ok(()),
            _ => true,
        };
        if !goes_on {
            return Ok(());
        }
    }
}

/// The five names of XML, characters by number, and the one that HTML is full of.
fn resolved(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        "nbsp" => Some(' '),
        "shy" => None,
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

/// The value of an attribute, with its references resolved.
pub(super) fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = start.attributes().flatten().find(|found| found.key.local_name().as_ref() == name)?;
    let raw = found.value.to_string();
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw.as_str();
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (name, behind) = after.split_once(';')?;
        out.extend(resolved(name));
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}

/// The classes of an element of HTML.
pub(super) fn classes(start: &BytesStart<'_>) -> impl Iterator<Item = String> {
    let list = attribute(start, "class").unwrap_or_default();
    list.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_told_by_the_root_or_by_a_page_of_ocr_wherever_it_stands() {
        for (document, due) in [
            ("<?xml version=\"1.0\"?>\n<!-- by hand -->\n<alto/>", Some(Kind::Alto)),
            ("<a:alto xmlns:a=\"x\"></a:alto>", Some(Kind::Alto)),
            ("<mets><alto/></mets>", None),
            ("\n<html>\n<body><div><div class=\"x ocr_page\"></div></div></body></html>", Some(Kind::Hocr)),
            ("<html><body>ocr_page</body></html>", None),
        ] {
            assert_eq!(kind(document).unwrap(), due, "{document}");
        }
    }
}
