//! Keys and file names inside headers: encoded exactly once, whatever they hold (B4).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986 and the slash between segments.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// All but the `attr-char` of RFC 8187.
const ATTRIBUTE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Returns what `CopyObject` wants to be told as its source.
pub(crate) fn copy_source(bucket: &str, key: &str, version: Option<&str>) -> String {
    let path = utf8_percent_encode(key, KEY);
    match version {
        Some(version) => {
            format!("{bucket}/{path}?versionId={}", utf8_percent_encode(version, NON_ALPHANUMERIC))
        }
        None => format!("{bucket}/{path}"),
    }
}

/// Whether a browser shows a file or saves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Shown in the browser.
    Inline,
    /// Saved; the only choice for types that can run script (B47).
    Attachment,
}

/// Returns a `Content-Disposition` that carries `file_name` whole, with an ASCII form for old clients.
///
/// The result is printable ASCII whatever the name holds, so a name can not add a header.
/// Source: RFC 6266 section 4.3, RFC 8187.
pub fn content_disposition(disposition: Disposition, file_name: &str) -> String {
    let kind = match disposition {
        Disposition::Inline => "inline",
        Disposition::Attachment => "attachment",
    };
    let plain: String = file_name
        .chars()
        .map(|c| match c {
            // A percent sign here makes some browsers decode, so it is replaced like the quoting characters.
            '"' | '\\' | '%' | '/' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect();
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(file_name, ATTRIBUTE))
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_copy_source_is_encoded_once() {
        assert_eq!(copy_source("in", "intent/7", None), "in/intent/7");
        assert_eq!(
            copy_source("in", "upload/a b+c%20#?é\n", Some("v.1+")),
            "in/upload/a%20b%2Bc%2520%23%3F%C3%A9%0A?versionId=v%2E1%2B"
        );
    }

    #[test]
    fn a_plain_name_stays_readable() {
        assert_eq!(
            content_disposition(Disposition::Inline, "Page 1.tif"),
            "inline; filename=\"Page 1.tif\"; filename*=UTF-8''Page%201.tif"
        );
        assert_eq!(
            content_disposition(Disposition::Attachment, "naïve\".pdf"),
            "attachment; filename=\"na_ve_.pdf\"; filename*=UTF-8''na%C3%AFve%22.pdf"
        );
    }

    proptest! {
        #[test]
        fn b4_any_key_survives_a_copy_source(key in "\\PC{1,60}|[\\x00-\\x7f]{1,60}") {
            let source = copy_source("b", &key, None);
            prop_assert!(source.bytes().all(|byte| byte.is_ascii_graphic()));
            let path = source.strip_prefix("b/").unwrap();
            prop_assert!(!path.contains(['?', '#', '+']));
            prop_assert_eq!(percent_decode_str(path).decode_utf8().unwrap(), key);
        }

        #[test]
        fn b4_any_name_survives_a_disposition_and_none_adds_a_header(name in "\\PC{0,60}|[\\x00-\\x7f]{0,60}") {
            let header = content_disposition(Disposition::Attachment, &name);
            prop_assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let (plain, whole) = header.split_once("; filename*=UTF-8''").unwrap();
            prop_assert_eq!(plain.matches('"').count(), 2);
            prop_assert!(!whole.contains([';', '"', ' ']));
            prop_assert_eq!(percent_decode_str(whole).decode_utf8().unwrap(), name);
        }
    }
}
