//! Whether a file name from a metadata file stays inside the ingest's folder (B23).

use unicode_normalization::UnicodeNormalization;

/// Bytes of one path: what an S3 key leaves beside our own prefix.
const MAX_PATH_BYTES: usize = 900;
/// Bytes of one name in it.
const MAX_SEGMENT_BYTES: usize = 255;

/// Checks a path relative to the ingest's folder: `page1.tif`, `hi/page1.tif`, a folder `hi/`, a glob `hi/*`.
///
/// # Errors
/// Why the path is refused: it is absolute, names a parent folder in any spelling, is a URL, or holds characters
/// that mean something else to some system it passes through.
pub fn check_file_reference(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("must not be empty");
    }
    if path.len() > MAX_PATH_BYTES {
        return Err("must be at most 900 bytes long");
    }
    if path.chars().any(char::is_control) {
        return Err("must not hold control characters");
    }
    if path.chars().any(is_invisible) {
        return Err("must not hold characters that turn or hide text");
    }
    if path.contains('\\') {
        return Err("must have `/` between folders, not `\\`");
    }
    if path.starts_with('/') {
        return Err("must be relative to the ingest's folder");
    }
    let first = path.split('/').next().unwrap_or_default();
    if first
        .split_once(':')
        .is_some_and(|(scheme, rest)| is_scheme(scheme) && (rest.is_empty() || scheme.len() == 1))
    {
        return Err("must be a path in the ingest's folder, not a URL or a drive");
    }
    if has_escaped_separator(path) {
        return Err("must not hold `.`, `/` or `\\` as a percent escape");
    }
    for segment in path.strip_suffix('/').unwrap_or(path).split('/') {
        if segment.is_empty() {
            return Err("must not hold `//`");
        }
        if segment.len() > MAX_SEGMENT_BYTES {
            return Err("must have names of at most 255 bytes");
        }
        // Systems that tidy names drop blanks at the end and fold wide forms: `.. ` and `．．` are `..` to them.
        let plain: String = segment.nfkc().collect();
        let plain = plain.trim();
        if plain.is_empty() || plain == "." || plain == ".." {
            return Err("must not hold `.` or `..` as a folder");
        }
        if plain.contains(['/', '\\']) && !segment.contains(['/', '\\']) {
            return Err("must not hold characters that look like `/`");
        }
    }
    Ok(())
}

fn is_scheme(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// Marks of direction, zero-width joiners and the like.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// Whether `%2e`, `%2f`, `%5c` or `%00` occurs, escaped once or more often.
fn has_escaped_separator(path: &str) -> bool {
    if !path.contains('%') {
        return false;
    }
    let mut text = path.to_ascii_lowercase();
    while text.contains("%25") {
        text = text.replace("%25", "%");
    }
    ["%2e", "%2f", "%5c", "%00"].iter().any(|escape| text.contains(escape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b23_takes_relative_paths_folders_and_globs() {
        for good in [
            "page1.tif",
            "hi/page 1.tif",
            "hi/",
            "hi/*",
            "*.tif",
            "a/b/c/d.tif",
            "50% of.tif",
            "100%25.tif",
            "Zürich/été.jpg",
            "..hidden",
            "a..b/c",
            "語/頁.png",
            "10:30 interview.mp3",
        ] {
            assert_eq!(check_file_reference(good), Ok(()), "{good}");
        }
    }

    proptest::proptest! {
        #[test]
        fn b23_whatever_is_taken_stays_below_the_folder(
            parts in proptest::collection::vec(
                proptest::sample::select(vec![
                    "a", "b.tif", "..", ".", "/", "\\", "%2e", "%2F", "%252e", " ", "\u{FF0E}", "\u{2025}", ":", "C", "\0", "*", "~",
                ]),
                0..8,
            ),
        ) {
            let path = parts.concat();
            if check_file_reference(&path).is_ok() {
                // As the strictest of readers would see it: unescaped as often as it takes, wide forms folded.
                let mut seen: String = path.nfkc().collect();
                for _ in 0..4 {
                    for (escape, plain) in [("%25", "%"), ("%2e", "."), ("%2E", "."), ("%2f", "/"), ("%2F", "/"), ("%5c", "\\")] {
                        seen = seen.replace(escape, plain);
                    }
                }
                let seen = seen.replace('\\', "/");
                proptest::prop_assert!(!seen.starts_with('/'));
                proptest::prop_assert!(seen.split('/').all(|s| s.trim() != ".." && s.trim() != "."), "{seen}");
            }
        }
    }

    #[test]
    fn b23_refuses_every_way_out_of_the_folder() {
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "//host/share",
            "..",
            "../x.tif",
            "a/../../x.tif",
            "a/..",
            "a/../",
            "./x",
            "a/./b",
            "..\\x.tif",
            "a\\b.tif",
            "C:\\x",
            "C:/x.tif",
            "c:x.tif",
            "s3://bucket/x",
            "file:///etc/passwd",
            "https://x.example/y",
            "%2e%2e/x",
            "%2E%2E%2Fx",
            "a/%252e%252e/x",
            "a%5cb",
            "a%00",
            "a%2500.tif",
            "nul\0.tif",
            "line\nbreak.tif",
            "tab\t.tif",
            "a//b",
            "a//",
            ".. /x",
            "\u{FF0E}\u{FF0E}/x",
            "\u{2025}/x",
            "a\u{FF0F}..\u{FF0F}b",
            "a\u{202E}fit.exe",
            " ",
            "a/ /b",
        ] {
            assert!(check_file_reference(bad).is_err(), "{bad:?}");
        }
        assert!(check_file_reference(&"x".repeat(256)).is_err());
        assert!(check_file_reference(&"x/".repeat(500)).is_err());
    }
}
