//! What people read in a manifest: language maps, metadata lines, the rights statement (PRS-1, PRS-8, META-5).

use serde_json::{Value, json};

use crate::crosswalk::DublinCore;

/// The longest list of values shown under one label.
const MAX_VALUES: usize = 50;

/// A text in no language that we know.
pub(super) fn plain(text: &str) -> Value {
    json!({ "none": [inert(text)] })
}

/// A text of ours, which is English.
pub(super) fn english(text: &str) -> Value {
    json!({ "en": [text] })
}

/// A text in the language of the record, where that can be told.
pub(super) fn in_language(language: Option<&str>, text: &str) -> Value {
    json!({ language.and_then(bcp47).unwrap_or("none"): [inert(text)] })
}

/// Keeps a text that looks like markup from being read as markup: viewers take a value as HTML when it begins with `<` and
/// ends with `>`, and the specification asks publishers to put a blank behind one that is not (B48).
pub(super) fn inert(text: &str) -> String {
    let trimmed = text.trim();
    if trimmed.starts_with('<') && trimmed.ends_with('>') {
        format!("{trimmed} ")
    } else {
        trimmed.to_owned()
    }
}

/// What people call the fifteen elements, in the order in which they are shown; identifiers last.
const ELEMENTS: [(&str, &str); 14] = [
    ("title", "Title"),
    ("creator", "Creator"),
    ("contributor", "Contributor"),
    ("publisher", "Publisher"),
    ("date", "Date"),
    ("language", "Language"),
    ("subject", "Subject"),
    ("coverage", "Coverage"),
    ("type", "Type"),
    ("format", "Format"),
    ("source", "Source"),
    ("relation", "Relation"),
    ("description", "Description"),
    ("identifier", "Identifier"),
];

/// The lines of a record that a viewer shows, in order: label and values. Rights are not among them: they have a place of
/// their own, where they are always seen.
pub fn lines(record: &DublinCore) -> Vec<(&'static str, Vec<&str>)> {
    let line = |(element, label)| (label, record.values(element).take(MAX_VALUES).collect::<Vec<_>>());
    let mut lines: Vec<_> = ELEMENTS.into_iter().map(line).collect();
    lines.retain(|(_, values)| !values.is_empty());
    lines
}

/// The rights of a title: one URI of the closed list, and what is said beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// A Creative Commons or RightsStatements.org URI as registered.
    pub uri: Option<String>,
    /// What else the record says.
    pub statements: Vec<String>,
}

/// Finds the rights among what a record says of them (META-5, IMG-14).
pub fn rights(record: &DublinCore) -> Rights {
    let mut found = Rights::default();
    for said in record.values("rights") {
        match rights_uri(said) {
            Some(uri) if found.uri.is_none() => found.uri = Some(uri),
            Some(uri) if found.uri.as_ref() == Some(&uri) => {}
            _ => found.statements.push(said.to_owned()),
        }
    }
    found
}

const CC_LICENCES: [&str; 6] = ["by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd"];
const CC_VERSIONS: [&str; 5] = ["1.0", "2.0", "2.5", "3.0", "4.0"];
const RIGHTS_STATEMENTS: [&str; 12] = [
    "InC",
    "InC-OW-EU",
    "InC-EDU",
    "InC-NC",
    "InC-RUU",
    "NoC-CR",
    "NoC-NC",
    "NoC-OKLR",
    "NoC-US",
    "CNE",
    "UND",
    "NKC",
];

/// The registered form of a rights URI; `None` for anything that is not on the closed list.
///
/// Sources: creativecommons.org's list of licences and tools; rightsstatements.org, version 1.0.
pub fn rights_uri(text: &str) -> Option<String> {
    let rest = text.trim().strip_prefix("https://").or_else(|| text.trim().strip_prefix("http://"))?;
    let rest = rest.strip_prefix("www.").unwrap_or(rest);
    let mut parts = rest.trim_end_matches('/').split('/');
    let (host, kind, name, version) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let more: Vec<&str> = parts.collect();
    // What follows names a translation of the deed, or a jurisdiction that had a licence of its own.
    let jurisdiction = match more.as_slice() {
        [] => None,
        [one] if one.starts_with("deed") || one.starts_with("legalcode") => None,
        [one] if one.len() == 2 && one.bytes().all(|b| b.is_ascii_lowercase()) && version != "4.0" => {
            Some(*one)
        }
        _ => return None,
    };
    match (host, kind) {
        ("creativecommons.org", "licenses")
            if CC_LICENCES.contains(&name) && CC_VERSIONS.contains(&version) =>
        {
            let port = jurisdiction.map(|it| format!("{it}/")).unwrap_or_default();
            Some(format!("http://creativecommons.org/licenses/{name}/{version}/{port}"))
        }
        ("creativecommons.org", "publicdomain")
            if ["zero", "mark"].contains(&name) && version == "1.0" && jurisdiction.is_none() =>
        {
            Some(format!("http://creativecommons.org/publicdomain/{name}/1.0/"))
        }
        ("rightsstatements.org", "vocab" | "page")
            if RIGHTS_STATEMENTS.contains(&name) && version == "1.0" && jurisdiction.is_none() =>
        {
            Some(format!("http://rightsstatements.org/vocab/{name}/1.0/"))
        }
        _ => None,
    }
}

/// MARC and ISO 639-2 codes with the shorter code that BCP 47 wants in their place.
const LANGUAGES: [(&str, &str); 40] = [
    ("eng", "en"),
    ("fre", "fr"),
    ("fra", "fr"),
    ("ger", "de"),
    ("deu", "de"),
    ("spa", "es"),
    ("ita", "it"),
    ("lat", "la"),
    ("dut", "nl"),
    ("nld", "nl"),
    ("por", "pt"),
    ("rus", "ru"),
    ("chi", "zh"),
    ("zho", "zh"),
    ("jpn", "ja"),
    ("kor", "ko"),
    ("ara", "ar"),
    ("heb", "he"),
    ("gre", "el"),
    ("ell", "el"),
    ("pol", "pl"),
    ("cze", "cs"),
    ("ces", "cs"),
    ("swe", "sv"),
    ("dan", "da"),
    ("nor", "no"),
    ("fin", "fi"),
    ("hun", "hu"),
    ("tur", "tr"),
    ("wel", "cy"),
    ("cym", "cy"),
    ("gle", "ga"),
    ("cat", "ca"),
    ("ukr", "uk"),
    ("per", "fa"),
    ("fas", "fa"),
    ("hin", "hi"),
    ("yid", "yi"),
    ("rum", "ro"),
    ("ron", "ro"),
];

/// The language tag of what a record writes: a MARC code, or a tag itself.
pub(crate) fn bcp47(written: &str) -> Option<&str> {
    let written = written.trim();
    if let Some((_, tag)) = LANGUAGES.iter().find(|(code, _)| *code == written) {
        return Some(tag);
    }
    let mut parts = written.split('-');
    let primary = parts
        .next()
        .is_some_and(|it| (2..=3).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_lowercase()));
    let rest = parts.all(|it| (1..=8).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_alphanumeric()));
    // MARC's codes for several and for no language are no tags.
    (primary && rest && !["mul", "und", "zxx", "mis"].contains(&written)).then_some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta5_knows_the_closed_list_of_rights_and_nothing_else() {
        for (written, registered) in [
            ("https://creativecommons.org/licenses/by/4.0/", "http://creativecommons.org/licenses/by/4.0/"),
            (
                "http://creativecommons.org/licenses/by-nc/3.0/us",
                "http://creativecommons.org/licenses/by-nc/3.0/us/",
            ),
            (
                "https://creativecommons.org/licenses/by-sa/4.0/deed.de",
                "http://creativecommons.org/licenses/by-sa/4.0/",
            ),
            (
                "https://creativecommons.org/publicdomain/zero/1.0",
                "http://creativecommons.org/publicdomain/zero/1.0/",
            ),
            ("https://rightsstatements.org/page/InC/1.0/", "http://rightsstatements.org/vocab/InC/1.0/"),
        ] {
            assert_eq!(rights_uri(written).as_deref(), Some(registered), "{written}");
        }
        for other in [
            "All rights reserved",
            "https://example.org/licenses/by/4.0/",
            "https://creativecommons.org/licenses/by/9.0/",
            "https://creativecommons.org/licenses/by/4.0/\"><script>",
            "javascript:alert(1)",
            "http://rightsstatements.org/vocab/Other/1.0/",
        ] {
            assert_eq!(rights_uri(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_no_registered_uri_is_a_statement() {
        let said = |values: &[&str]| {
            let mut record = DublinCore::default();
            values.iter().for_each(|value| record.add("rights", value));
            rights(&record)
        };
        let found = said(&["Copyright the heirs", "https://creativecommons.org/licenses/by/4.0/"]);
        assert_eq!(found.uri.as_deref(), Some("http://creativecommons.org/licenses/by/4.0/"));
        assert_eq!(found.statements, ["Copyright the heirs"]);
        assert_eq!(said(&[]), Rights::default());
    }

    #[test]
    fn b48_text_that_looks_like_markup_is_not_read_as_markup() {
        assert_eq!(inert("<b>x</b>"), "<b>x</b> ");
        assert_eq!(inert("a < b"), "a < b");
    }

    #[test]
    fn languages_are_tags_or_none() {
        assert_eq!(bcp47("ger"), Some("de"));
        assert_eq!(bcp47("en-GB"), Some("en-GB"));
        for none in ["", "mul", "English", "e", "\"en"] {
            assert_eq!(bcp47(none), None, "{none}");
        }
    }
}
