//! Bytes to text, by byte order mark and by what the XML declaration claims.

use std::borrow::Cow;

use crate::error::{Problem, ProblemKind, RecordErrors};
use crate::limits::MAX_RECORD_BYTES;

/// Turns the bytes of one XML document into text.
///
/// # Errors
/// Bytes that are not valid in the encoding they are in, an encoding we do not read, and a declaration that
/// names another encoding than the bytes are in.
pub(crate) fn xml_text(bytes: &[u8]) -> Result<Cow<'_, str>, RecordErrors> {
    if bytes.len() > 2 * MAX_RECORD_BYTES {
        let message = format!("longer than {MAX_RECORD_BYTES} bytes");
        return Err(problem(ProblemKind::LimitExceeded, 0, 1, message));
    }
    let (text, found) = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => (utf8(rest, 3)?, "UTF-8"),
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => {
            return Err(encoding(0, 1, "UTF-32 is not read: use UTF-8".to_owned()));
        }
        [0xFF, 0xFE, rest @ ..] => (utf16(rest, u16::from_le_bytes)?, "UTF-16"),
        [0xFE, 0xFF, rest @ ..] => (utf16(rest, u16::from_be_bytes)?, "UTF-16"),
        [b'<', 0, ..] | [0, b'<', ..] => {
            return Err(encoding(0, 1, "UTF-16 without a byte order mark is not read".to_owned()));
        }
        _ => (utf8(bytes, 0)?, "UTF-8"),
    };
    if let Some(declared) = declared_encoding(&text) {
        let same = match found {
            "UTF-8" => ["utf-8", "utf8", "us-ascii", "ascii"].contains(&declared.as_str()),
            _ => ["utf-16", "utf16", "utf-16le", "utf-16be"].contains(&declared.as_str()),
        };
        if !same {
            let message = format!("the declaration says encoding `{declared}`, the bytes are {found}");
            return Err(encoding(0, 1, message));
        }
    }
    Ok(text)
}

fn utf8(bytes: &[u8], skipped: usize) -> Result<Cow<'_, str>, RecordErrors> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(e) => {
            let valid = bytes.get(..e.valid_up_to()).unwrap_or_default();
            let line = line_of(valid);
            let byte = bytes.get(e.valid_up_to()).copied().unwrap_or_default();
            let mut message = format!("byte 0x{byte:02X} is not UTF-8");
            let head = String::from_utf8_lossy(bytes.get(..256.min(bytes.len())).unwrap_or_default());
            if let Some(declared) = declared_encoding(&head)
                && declared != "utf-8"
            {
                message = format!("encoding `{declared}` is not read: use UTF-8 or UTF-16");
            }
            Err(encoding(skipped + e.valid_up_to(), line, message))
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, RecordErrors> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(encoding(bytes.len(), 1, "UTF-16 text ends within a character".to_owned()));
    }
    let mut text = String::with_capacity(bytes.len() / 2);
    for (i, c) in char::decode_utf16(pairs.iter().map(|p| unit(*p))).enumerate() {
        match c {
            Ok(c) => text.push(c),
            Err(_) => {
                let line = line_of(text.as_bytes());
                return Err(encoding(2 + 2 * i, line, "half a surrogate pair in UTF-16 text".to_owned()));
            }
        }
    }
    Ok(Cow::Owned(text))
}

/// Returns the encoding that an XML declaration names, in lower case.
pub(crate) fn declared_encoding(text: &str) -> Option<String> {
    let declaration = text.strip_prefix("<?xml")?.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let name = value.get(1..)?.split_once(quote)?.0;
    Some(name.chars().take(40).collect::<String>().to_ascii_lowercase())
}

fn line_of(before: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', before).count()).unwrap_or(u32::MAX - 1) + 1
}

fn encoding(offset: usize, line: u32, message: String) -> RecordErrors {
    problem(ProblemKind::Encoding, offset, line, message)
}

fn problem(kind: ProblemKind, offset: usize, line: u32, message: String) -> RecordErrors {
    RecordErrors::single(Problem { kind, line, column: 1, offset, field: String::new(), message })
}
