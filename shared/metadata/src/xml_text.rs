//! Characters, names and references of XML 1.0.

use std::borrow::Cow;

/// Whether XML 1.0 allows the character in a document (its production 2).
pub(crate) fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Returns place and name of the first character that XML forbids.
pub(crate) fn first_illegal(text: &str) -> Option<(usize, String)> {
    // Bytes first: every forbidden character is below 0x20 or starts with 0xEF, and most text has neither.
    let bytes = text.as_bytes();
    let mut i = 0;
    while let Some(&byte) = bytes.get(i) {
        let bad = match byte {
            b'\t' | b'\n' | b'\r' => false,
            0..0x20 => true,
            0xEF => matches!(bytes.get(i + 1..i + 3), Some([0xBF, 0xBE | 0xBF])),
            _ => false,
        };
        if bad {
            let code = text.get(i..).and_then(|t| t.chars().next()).map_or(0, u32::from);
            return Some((i, format!("character U+{code:04X} is not allowed in XML")));
        }
        i += 1;
    }
    None
}

/// Whether the text is a name without a colon.
pub(crate) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_char)
}

/// Whether the text is a name with at most one prefix.
pub(crate) fn is_qname(text: &str) -> bool {
    match text.split_once(':') {
        Some((prefix, local)) => is_name(prefix) && is_name(local),
        None => is_name(text),
    }
}

fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | 'a'..='z' | '_' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

fn is_name_char(c: char) -> bool {
    is_name_start(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Resolves what stands between `&` and `;`: one of the five names, or a character that XML allows.
pub(crate) fn resolve(name: &str) -> Option<char> {
    let code = match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "apos" => return Some('\''),
        "quot" => return Some('"'),
        _ => name.strip_prefix('#')?,
    };
    let number = match code.strip_prefix('x') {
        Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => u32::from_str_radix(hex, 16).ok()?,
        None if code.bytes().all(|b| b.is_ascii_digit()) => code.parse().ok()?,
        _ => return None,
    };
    char::from_u32(number).filter(|c| is_xml_char(*c))
}

/// Returns an attribute's value with references resolved and white space made plain.
///
/// # Errors
/// The name of a reference that is not known.
pub(crate) fn attribute_value(raw: &str) -> Result<Cow<'_, str>, &str> {
    if !raw.contains(['&', '\t', '\n', '\r']) {
        return Ok(Cow::Borrowed(raw));
    }
    let plain = |text: &str| text.replace("\r\n", " ").replace(['\t', '\n', '\r'], " ");
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        value.push_str(&plain(before));
        let (name, behind) = after.split_once(';').ok_or(after)?;
        value.push(resolve(name).ok_or(name)?);
        rest = behind;
    }
    value.push_str(&plain(rest));
    Ok(Cow::Owned(value))
}

/// Writes text as the content of an element; characters that XML forbids are left out.
pub(crate) fn escape_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    push_escaped(&mut escaped, text);
    escaped
}

/// Appends text as the content of an element, as [`escape_text`] writes it.
pub(crate) fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars().filter(|c| is_xml_char(*c)) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
}

/// Writes text as an attribute's value, for double quotes.
pub(crate) fn escape_attribute(text: &str) -> String {
    escape_text(text).replace('"', "&quot;").replace('\t', "&#9;").replace('\n', "&#10;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_the_five_names_and_legal_characters_only() {
        assert_eq!(resolve("amp"), Some('&'));
        assert_eq!(resolve("#233"), Some('é'));
        assert_eq!(resolve("#x1F4DA"), Some('📚'));
        for refused in
            ["nbsp", "#0", "#x0", "#8", "#xD800", "#xFFFE", "#x110000", "#", "#x", "#+5", "#X41", ""]
        {
            assert_eq!(resolve(refused), None, "{refused}");
        }
    }

    #[test]
    fn finds_the_first_forbidden_character() {
        assert_eq!(first_illegal("é\t\r\n ok"), None);
        assert_eq!(first_illegal("é\u{0}").unwrap().0, 2);
        assert!(first_illegal("a\u{FFFE}").unwrap().1.contains("U+FFFE"));
        assert!(first_illegal("\u{1F}").is_some());
        assert_eq!(first_illegal("\u{FFFD}\u{7F}"), None);
    }

    #[test]
    fn reads_back_what_it_escapes() {
        let text = "a <b> & \"c\" 'd'\té\r\n";
        assert_eq!(attribute_value(&escape_attribute(text)).unwrap(), text);
    }

    #[test]
    fn tells_names_from_other_text() {
        for name in ["a", "_x-1.b", "ns0:title", "été"] {
            assert!(is_qname(name), "{name}");
        }
        for other in ["", "1a", "a:b:c", ":a", "a:", "a/b", "a<b", "-a"] {
            assert!(!is_qname(other), "{other}");
        }
    }
}
