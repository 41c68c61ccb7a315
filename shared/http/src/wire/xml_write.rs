//! Writes a JSON value as XML, after its shape.

use serde_json::{Map, Value};

use super::shape::{Kind, Member, Shape};

/// A view that does not fit its shape: our own mistake, never the caller's.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("member `{0}` does not fit the shape of the view")]
pub struct ShapeError(pub String);

/// What every document starts with.
pub const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;

/// Writes a document.
///
/// # Errors
/// When the value has a member that the shape does not, or one of another kind.
pub fn write(shape: &Shape, value: &Value) -> Result<String, ShapeError> {
    let Value::Object(members) = value else { return Err(ShapeError(shape.root.to_owned())) };
    let mut out = String::with_capacity(1024);
    out.push_str(DECLARATION);
    write_object(&mut out, shape.root, shape, members)?;
    Ok(out)
}

fn write_object(
    out: &mut String,
    name: &str,
    shape: &Shape,
    members: &Map<String, Value>,
) -> Result<(), ShapeError> {
    if let Some(stranger) = members.keys().find(|name| shape.member(name).is_none()) {
        return Err(ShapeError(stranger.clone()));
    }
    out.push('<');
    out.push_str(name);
    for member in shape.members.iter().filter(|member| member.attribute) {
        let Some(value) = members.get(member.name).filter(|value| !value.is_null()) else { continue };
        push_attribute(out, member.name, &scalar(member, value)?);
    }
    out.push('>');
    for member in shape.members.iter().filter(|member| !member.attribute) {
        match (members.get(member.name), member.many) {
            (None | Some(Value::Null), _) => {}
            (Some(Value::Array(items)), true) => {
                for item in items {
                    write_element(out, member, item)?;
                }
            }
            (Some(value), false) => write_element(out, member, value)?,
            (Some(_), true) => return Err(ShapeError(member.name.to_owned())),
        }
    }
    push_end(out, name);
    Ok(())
}

fn write_element(out: &mut String, member: &Member, value: &Value) -> Result<(), ShapeError> {
    match (member.kind, value) {
        (Kind::Object(shape), Value::Object(members)) => write_object(out, member.name, shape, members),
        (Kind::Coded, Value::Object(members)) => write_coded(out, member, members),
        (Kind::Raw, Value::String(document)) => {
            out.push_str(without_declaration(document));
            Ok(())
        }
        (Kind::Text | Kind::Flag | Kind::Count, value) => {
            let text = scalar(member, value)?;
            out.push('<');
            out.push_str(member.name);
            out.push('>');
            push_escaped(out, &text, false);
            push_end(out, member.name);
            Ok(())
        }
        _ => Err(ShapeError(member.name.to_owned())),
    }
}

fn write_coded(out: &mut String, member: &Member, members: &Map<String, Value>) -> Result<(), ShapeError> {
    out.push('<');
    out.push_str(member.name);
    let mut text = "";
    for (name, value) in members {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("value", Value::String(value)) => text = value,
            ("desc" | "link", Value::String(value)) => push_attribute(out, name, value),
            _ => return Err(ShapeError(format!("{}.{name}", member.name))),
        }
    }
    out.push('>');
    push_escaped(out, text, false);
    push_end(out, member.name);
    Ok(())
}

fn scalar(member: &Member, value: &Value) -> Result<String, ShapeError> {
    match (member.kind, value) {
        (Kind::Text, Value::String(text)) => Ok(text.clone()),
        (Kind::Flag, Value::Bool(flag)) => Ok(flag.to_string()),
        (Kind::Count, Value::Number(number)) => Ok(number.to_string()),
        _ => Err(ShapeError(member.name.to_owned())),
    }
}

fn push_attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    push_escaped(out, value, true);
    out.push('"');
}

fn push_end(out: &mut String, name: &str) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Escapes text so that a reader gets back exactly what was written; what XML 1.0 cannot hold becomes U+FFFD.
/// `text` as XML holds it between tags; characters that XML can not hold are replaced.
pub fn escape_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_escaped(&mut out, text, false);
    out
}

pub(super) fn push_escaped(out: &mut String, text: &str, attribute: bool) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' if attribute => out.push_str("&quot;"),
            // Readers fold these where they stand bare: line ends everywhere, all white space in attributes.
            '\r' => out.push_str("&#13;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\t' if attribute => out.push_str("&#9;"),
            c if is_xml_char(c) => out.push(c),
            _ => out.push('\u{FFFD}'),
        }
    }
}

/// Whether XML 1.0 can hold the character (its production 2).
pub(super) fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// An embedded document without the declaration, which may stand only at the very start.
fn without_declaration(document: &str) -> &str {
    let document = document.trim_start_matches('\u{FEFF}').trim_start();
    match document.strip_prefix("<?xml ").and_then(|rest| rest.split_once("?>")) {
        Some((_, rest)) => rest.trim_start(),
        None => document,
    }
}
