//! Identifiers of a work: what scheme they belong to and the form in which they are compared.

use serde::{Deserialize, Serialize};

use crate::text::normalise_space;

/// The scheme of an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// ISBN with a right check digit; normalised to 13 digits.
    Isbn,
    /// ISSN with a right check digit; normalised to `NNNN-NNNC`.
    Issn,
    /// Digital object identifier; normalised to lower case without resolver.
    Doi,
    /// Handle; normalised without resolver.
    Handle,
    /// A URI.
    Uri,
    /// The control number of another system: MARC 035, MODS `recordIdentifier`.
    OtherSystem,
    /// The record's own control number: MARC 001.
    ControlNumber,
    /// Library of Congress control number.
    Lccn,
    /// Any other: `dc:identifier`, a local number, an ISBN that does not check.
    Other,
}

impl Scheme {
    /// Returns the word under which identifiers of the scheme are looked up; the same as its serialised form.
    pub fn code(self) -> &'static str {
        match self {
            Self::Isbn => "isbn",
            Self::Issn => "issn",
            Self::Doi => "doi",
            Self::Handle => "handle",
            Self::Uri => "uri",
            Self::OtherSystem => "other-system",
            Self::ControlNumber => "control-number",
            Self::Lccn => "lccn",
            Self::Other => "other",
        }
    }
}

/// An identifier as the record has it, and as it is compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identifier {
    /// Its scheme.
    pub scheme: Scheme,
    /// As written, white space tidied.
    pub value: String,
    /// The form in which two are compared; the same for two spellings of one identifier.
    pub normalised: String,
}

impl Identifier {
    /// Makes an identifier of a scheme that the record states. An ISBN or ISSN that does not check is kept as
    /// a plain identifier.
    pub fn new(scheme: Scheme, value: &str) -> Option<Self> {
        let value = normalise_space(value);
        if value.is_empty() {
            return None;
        }
        let normalised = match scheme {
            Scheme::Isbn => normalise_isbn(&value),
            Scheme::Issn => normalise_issn(&value),
            Scheme::Doi => normalise_doi(&value),
            Scheme::Handle => Some(strip_resolver(&value, &["hdl.handle.net/"], "hdl:").to_owned()),
            Scheme::Lccn => Some(value.replace(' ', "")),
            Scheme::Uri | Scheme::OtherSystem | Scheme::ControlNumber | Scheme::Other => Some(value.clone()),
        };
        Some(match normalised {
            Some(normalised) => Self { scheme, value, normalised },
            None => Self { scheme: Scheme::Other, normalised: value.clone(), value },
        })
    }

    /// Makes an identifier of a value whose scheme shows only in its form: `urn:isbn:...`, a DOI, a URL.
    /// A bare number is never taken for an ISBN or ISSN, because a local number may look like one.
    pub fn guess(value: &str) -> Option<Self> {
        let value = normalise_space(value);
        let lower = value.to_ascii_lowercase();
        let scheme = if starts_with_any(&lower, &["urn:isbn:", "isbn"]) {
            Scheme::Isbn
        } else if starts_with_any(&lower, &["urn:issn:", "issn"]) {
            Scheme::Issn
        } else if normalise_doi(&value).is_some() {
            Scheme::Doi
        } else if starts_with_any(&lower, &["hdl:", "http://hdl.handle.net/", "https://hdl.handle.net/"]) {
            Scheme::Handle
        } else if starts_with_any(&lower, &["http://", "https://", "urn:", "ftp://", "ark:"]) {
            Scheme::Uri
        } else {
            Scheme::Other
        };
        Self::new(scheme, &value)
    }
}

fn starts_with_any(text: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|p| text.starts_with(p))
}

/// Returns the 13 digits of an ISBN-10 or ISBN-13 whose check digit is right.
///
/// Takes hyphens, spaces, a leading `ISBN`, `ISBN-13:` or `urn:isbn:`, and a qualifier behind (`(paperback)`).
pub fn normalise_isbn(text: &str) -> Option<String> {
    let number = number_part(text, &["urn:isbn:", "isbn-13", "isbn-10", "isbn13", "isbn10", "isbn"]);
    let digits = digits_of(number, 13)?;
    let isbn13: Vec<u32> = match digits.len() {
        10 => {
            let sum: u32 = digits.iter().zip((1..=10).rev()).map(|(d, weight)| d * weight).sum();
            let (body, last) = (digits.get(..9)?, digits.last()?);
            if !sum.is_multiple_of(11) || body.contains(&10) || *last > 10 {
                return None;
            }
            let mut all = vec![9, 7, 8];
            all.extend(body);
            all.push((10 - weigh13(&all) % 10) % 10);
            all
        }
        13 if digits.starts_with(&[9, 7, 8]) || digits.starts_with(&[9, 7, 9]) => {
            if digits.contains(&10) || !weigh13(&digits).is_multiple_of(10) {
                return None;
            }
            digits
        }
        _ => return None,
    };
    Some(isbn13.iter().filter_map(|d| char::from_digit(*d, 10)).collect())
}

fn weigh13(digits: &[u32]) -> u32 {
    digits.iter().enumerate().map(|(i, d)| if i.is_multiple_of(2) { *d } else { 3 * d }).sum()
}

/// Returns `NNNN-NNNC` of an ISSN whose check digit is right.
pub fn normalise_issn(text: &str) -> Option<String> {
    let number = number_part(text, &["urn:issn:", "eissn", "e-issn", "issn-l", "issn"]);
    let digits = digits_of(number, 8)?;
    let body = digits.get(..7)?;
    let sum: u32 = digits.iter().zip((1..=8).rev()).map(|(d, weight)| d * weight).sum();
    if digits.len() != 8 || body.contains(&10) || !sum.is_multiple_of(11) {
        return None;
    }
    let mut issn: String =
        digits.iter().map(|d| if *d == 10 { 'X' } else { char::from_digit(*d, 10).unwrap_or('0') }).collect();
    issn.insert(4, '-');
    Some(issn)
}

/// Returns a DOI in lower case without `doi:` and resolver, or nothing when it is none.
fn normalise_doi(text: &str) -> Option<String> {
    let bare = strip_resolver(text, &["doi.org/", "dx.doi.org/", "www.doi.org/"], "doi:").trim();
    let (registrant, suffix) = bare.strip_prefix("10.")?.split_once('/')?;
    let plausible = registrant.len() >= 4
        && registrant.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && !suffix.is_empty()
        && !suffix.contains(char::is_whitespace);
    plausible.then(|| bare.to_lowercase())
}

fn strip_resolver<'a>(text: &'a str, hosts: &[&str], scheme: &str) -> &'a str {
    let cut = |prefix: &str| {
        text.get(..prefix.len())
            .filter(|p| p.eq_ignore_ascii_case(prefix))
            .and_then(|_| text.get(prefix.len()..))
    };
    if let Some(rest) = cut(scheme) {
        return rest.trim_start();
    }
    for host in hosts {
        for protocol in ["https://", "http://"] {
            if let Some(rest) = cut(&format!("{protocol}{host}")) {
                return rest;
            }
        }
    }
    text
}

/// Cuts a known lead-in off and everything from a bracket on.
fn number_part<'a>(text: &'a str, prefixes: &[&str]) -> &'a str {
    let mut text = text.trim();
    for prefix in prefixes {
        if let Some(start) = text.get(..prefix.len())
            && start.eq_ignore_ascii_case(prefix)
        {
            text = text.get(prefix.len()..).unwrap_or_default().trim_start_matches([':', ' ', '=']);
            break;
        }
    }
    text.split(['(', '[', ':', ';']).next().unwrap_or_default().trim()
}

/// Returns the digits, `X` as 10, hyphens and spaces dropped. A word behind the number ends it.
fn digits_of(text: &str, max: usize) -> Option<Vec<u32>> {
    let mut digits = Vec::new();
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c.to_digit(10)?),
            'X' | 'x' => digits.push(10),
            '-' | '\u{2010}'..='\u{2015}' => {}
            ' ' => {}
            c if c.is_alphabetic() && digits.len() >= 8 => break,
            _ => return None,
        }
        if digits.len() > max {
            return None;
        }
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_one_isbn_of_both_lengths_and_every_spelling() {
        for spelling in [
            "0-306-40615-2",
            "0306406152",
            "978-0-306-40615-7",
            "9780306406157 (hardback)",
            "ISBN 978 0 306 40615 7",
            "urn:isbn:0306406152",
            "0306406152 hbk.",
            "ISBN-13: 978-0-306-40615-7",
        ] {
            assert_eq!(normalise_isbn(spelling).as_deref(), Some("9780306406157"), "{spelling}");
        }
        assert_eq!(normalise_isbn("080442957X").as_deref(), Some("9780804429573"));
    }

    #[test]
    fn refuses_numbers_that_do_not_check() {
        for wrong in
            ["0306406153", "9780306406158", "X306406152", "123", "", "1234567890123", "97803064061577"]
        {
            assert_eq!(normalise_isbn(wrong), None, "{wrong}");
        }
        for wrong in ["1234-5678", "0378-595", "X378-5955", "03785955 1"] {
            assert_eq!(normalise_issn(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn writes_an_issn_with_its_hyphen() {
        assert_eq!(normalise_issn("03785955").as_deref(), Some("0378-5955"));
        assert_eq!(normalise_issn("ISSN 2434-561x").as_deref(), Some("2434-561X"));
        assert_eq!(normalise_issn("0378-5955 (print)").as_deref(), Some("0378-5955"));
    }

    #[test]
    fn keeps_an_invalid_isbn_as_a_plain_identifier() {
        let kept = Identifier::new(Scheme::Isbn, "0306406153 ").unwrap();
        assert_eq!((kept.scheme, kept.normalised.as_str()), (Scheme::Other, "0306406153"));
    }

    #[test]
    fn knows_a_scheme_by_its_form_but_never_a_bare_number() {
        let scheme = |text| Identifier::guess(text).unwrap().scheme;
        assert_eq!(scheme("urn:isbn:0306406152"), Scheme::Isbn);
        assert_eq!(scheme("0306406152"), Scheme::Other);
        assert_eq!(scheme("https://doi.org/10.1000/ABC"), Scheme::Doi);
        assert_eq!(Identifier::guess("doi: 10.1000/ABC").unwrap().normalised, "10.1000/abc");
        assert_eq!(scheme("hdl:2027/mdp.1"), Scheme::Handle);
        assert_eq!(scheme("https://example.org/1"), Scheme::Uri);
        assert_eq!(Identifier::guess("  "), None);
    }
}
