//! MARC-8 to Unicode: ASCII and ANSEL, the Greek, Cyrillic, Hebrew and Arabic sets, the small sets of symbols, and
//! EACC for Chinese, Japanese and Korean.
//!
//! A diacritic comes before its letter in MARC-8 and behind it in Unicode. What no table has is an error: a value
//! is either right or refused. Source: Library of Congress, MARC 21 Specifications for Record Structure, Character
//! Sets, and Exchange Media, part 2 and part 5.

use std::sync::OnceLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

use super::marc8_sets as sets;

/// Lines of a code in hexadecimal and what it and the next ones stand for. Same source as the other sets; codes that
/// the tables give to the private use area are left out.
const EACC: &str = include_str!("eacc.txt");

const ESCAPE: u8 = 0x1B;

/// A set of characters that an escape sequence may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Ascii,
    /// Codes of seven bits by table.
    Table(&'static [(u8, &'static str)]),
    /// Three bytes a character.
    Eacc,
}

/// Decodes one value; each begins with ASCII and ANSEL.
///
/// # Errors
/// What is not read, for a person.
pub(super) fn decode(bytes: &[u8]) -> Result<String, String> {
    if bytes.iter().all(|b| (0x20..0x7F).contains(b)) {
        return Ok(String::from_utf8_lossy(bytes).into_owned());
    }
    let mut text = String::with_capacity(bytes.len());
    let mut marks: Vec<char> = Vec::new();
    let (mut low, mut high) = (Set::Ascii, Set::Table(sets::ANSEL));
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte == ESCAPE {
            at += escape(bytes.get(at + 1..).unwrap_or_default(), &mut low, &mut high)? + 1;
            continue;
        }
        let set = if byte < 0x80 { low } else { high };
        let (c, length) = match (byte, set) {
            (b' ', _) => (Some(' '), 1),
            (0x88, _) => (Some('\u{98}'), 1),
            (0x89, _) => (Some('\u{9C}'), 1),
            (0x8D, _) => (Some('\u{200D}'), 1),
            (0x8E, _) => (Some('\u{200C}'), 1),
            (0..0x20 | 0x7F..0xA1 | 0xFF, _) => (None, 1),
            (_, Set::Ascii) => (Some(char::from(byte & 0x7F)), 1),
            (_, Set::Table(table)) => (lookup(table, byte & 0x7F), 1),
            (_, Set::Eacc) => (eacc(bytes.get(at..at + 3).unwrap_or_default()), 3),
        };
        let Some(c) = c else {
            let code: String = bytes
                .get(at..(at + length).min(bytes.len()))
                .unwrap_or_default()
                .iter()
                .map(|b| format!("{b:02X}"))
                .collect();
            return Err(format!("0x{code} is no character of the set in use"));
        };
        at += length;
        if is_mark(c) {
            marks.push(c);
        } else {
            text.push(c);
            text.extend(marks.drain(..));
        }
    }
    if let Some(mark) = marks.first() {
        return Err(format!("the diacritic U+{:04X} has no letter behind it", u32::from(*mark)));
    }
    Ok(text.nfc().collect())
}

/// Reads an escape sequence from behind its first byte; returns its length.
fn escape(bytes: &[u8], low: &mut Set, high: &mut Set) -> Result<usize, String> {
    let (place, from) = match bytes {
        [b's', ..] => (Some(Set::Ascii), 1),
        [b'g', ..] => (Some(Set::Table(sets::GREEK_SYMBOLS)), 1),
        [b'b', ..] => (Some(Set::Table(sets::SUBSCRIPT)), 1),
        [b'p', ..] => (Some(Set::Table(sets::SUPERSCRIPT)), 1),
        [b'(' | b',', rest @ ..] | [b')' | b'-', rest @ ..] => match rest {
            [b'!', b'E', ..] => (Some(Set::Table(sets::ANSEL)), 3),
            [set, ..] => (single(*set), 2),
            [] => (None, 1),
        },
        [b'$', b'1', ..] => (Some(Set::Eacc), 2),
        [b'$', b',' | b')' | b'-', b'1', ..] => (Some(Set::Eacc), 3),
        _ => (None, 2),
    };
    let Some(set) = place else {
        let shown: String =
            bytes.iter().take(from.max(2)).map(|b| b.escape_ascii().to_string()).collect::<Vec<_>>().concat();
        return Err(format!("the escape sequence `ESC {shown}` chooses a character set that is not read"));
    };
    match bytes {
        [b')' | b'-', ..] | [b'$', b')' | b'-', ..] => *high = set,
        _ => *low = set,
    }
    Ok(from)
}

fn single(code: u8) -> Option<Set> {
    Some(Set::Table(match code {
        b'B' => return Some(Set::Ascii),
        b'E' => sets::ANSEL,
        b'2' => sets::HEBREW,
        b'3' => sets::ARABIC,
        b'4' => sets::ARABIC_EXTENDED,
        b'N' => sets::CYRILLIC,
        b'Q' => sets::CYRILLIC_EXTENDED,
        b'S' => sets::GREEK,
        b'g' => sets::GREEK_SYMBOLS,
        b'b' => sets::SUBSCRIPT,
        b'p' => sets::SUPERSCRIPT,
        _ => return None,
    }))
}

fn lookup(table: &[(u8, &str)], code: u8) -> Option<char> {
    let (first, characters) = table.iter().rev().find(|(first, _)| *first <= code)?;
    characters.chars().nth(usize::from(code - first))
}

fn eacc(code: &[u8]) -> Option<char> {
    static TABLE: OnceLock<Vec<(u32, char)>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let mut table = Vec::with_capacity(16_000);
        for line in EACC.lines() {
            let Some((first, characters)) = line.split_once(' ') else { continue };
            let Ok(first) = u32::from_str_radix(first, 16) else { continue };
            table.extend((first..).zip(characters.chars()));
        }
        table
    });
    // The same codes with the high bit set where the set was chosen as the high one.
    let [a, b, c] = code else { return None };
    let code = u32::from_be_bytes([0, a & 0x7F, b & 0x7F, c & 0x7F]);
    let at = table.binary_search_by_key(&code, |(code, _)| *code).ok()?;
    table.get(at).map(|(_, c)| *c)
}

/// Whether the character belongs to the letter that comes next. The superscript alef has a class of its own in
/// Unicode but stands behind its letter in both.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && canonical_combining_class(c) != 0 && c != '\u{670}'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], text: &str) {
        assert_eq!(decode(bytes).as_deref(), Ok(text), "{bytes:02X?}");
    }

    #[test]
    fn composes_letters_and_diacritics() {
        check(b"plain", "plain");
        check(b"\xE2e\xE1a\xF0c", "éàç");
        check(b"\xE3\xF2a", "ậ");
        check(b"\xA5gir \xB2re \xA2rsted \xAB 5", "Ægir øre Ørsted ± 5");
        check(b"\xEBi\xECa", "i\u{FE20}a\u{FE21}");
        check(b"\xE8 ", " \u{308}");
        check(b"\x88The \x89Sea", "\u{98}The \u{9C}Sea");
    }

    #[test]
    fn follows_escape_sequences_to_other_sets() {
        check(b"\x1B(NmOSKWA\x1B(B!", "Москва!");
        check(b"H\x1Bb2\x1BsO x\x1Bp2\x1Bs", "H₂O x²");
        check(b"\x1Bga\x1Bs", "α");
        check(b"\x1B(2`ab\x1B(B", "אבג");
        check(b"\x1B)2\xE0\xE1", "אב");
        check(b"\x1B$1!0!\x1B(B a", "一 a");
        check(b"\x1B$1!0! !0#\x1B(B", "一 七");
        check(b"\x1B(SAab\x1B(B", "Ααβ");
        check(b"\x1B(!Eb\x1B(Be", "é");
    }

    #[test]
    fn refuses_what_no_table_has() {
        for bad in [
            &b"\x1B(Xa"[..],
            b"\x1B",
            b"\x1B$",
            b"\x1B$Aabc",
            b"\x1B(",
            b"\x80",
            b"\xFF",
            b"a\x01",
            b"\xE2",
            b"a\xE2",
            b"\x1B$1!0",
            b"\x1B$1~~~",
            b"\xBF\xC9",
            b"\x7F",
        ] {
            assert!(decode(bad).is_err(), "{bad:02X?}");
        }
        assert!(decode(b"\x1B(Xa").unwrap_err().contains("ESC (X"));
    }

    #[test]
    fn the_tables_have_one_entry_a_code() {
        let mut before = 0;
        for line in EACC.lines() {
            let (first, characters) = line.split_once(' ').unwrap();
            let first = u32::from_str_radix(first, 16).unwrap();
            assert!(first > before, "{first:06X}");
            before = first + u32::try_from(characters.chars().count()).unwrap() - 1;
            assert!(!characters.contains(|c: char| ('\u{E000}'..='\u{F8FF}').contains(&c)));
        }
    }
}
