//! The inside of a start tag.

use std::borrow::Cow;

use super::build::{Failure, fail, refused_reference};
use super::clip;
use crate::error::ProblemKind;
use crate::limits::{MAX_ATTRIBUTES, MAX_TEXT_BYTES};
use crate::xml_text;

/// One attribute as written.
pub(super) struct RawAttribute<'a> {
    pub(super) name: &'a str,
    raw: &'a str,
    pub(super) at: usize,
}

impl<'a> RawAttribute<'a> {
    /// Returns the value, references resolved.
    pub(super) fn value(&self) -> Result<Cow<'a, str>, Failure> {
        xml_text::attribute_value(self.raw).map_err(|name| Failure {
            offset: self.at,
            kind: ProblemKind::EntityRefused,
            message: refused_reference(name),
        })
    }
}

/// Splits the inside of a start tag, behind its name, into attributes; strict about spaces and quotes.
pub(super) fn attributes_of(text: &str, base: usize) -> Result<Vec<RawAttribute<'_>>, Failure> {
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
