//! MARC to MODS. Source: Library of Congress, MARC 21 to MODS Mapping (MODS 3.8).
//!
//! Codes become words only where the mapping has the word; no value is made up. Departures: linked fields in other
//! scripts (880) and the codes of 006 and 007 are left out.

mod headings;
mod origin;
mod related;

use crate::marc::{MarcField, MarcRecord};
use crate::marc_index::{fixed, language, language_codes};
use crate::mods_write::{branch, leaf, record};
use crate::text::trim_isbd;

use headings::{genre, name, subjects, title_info};

/// The types of notes by their fields; a field that is not here has its own place or is a note without a type.
const NOTES: [(&str, &str); 20] = [
    ("502", "thesis"),
    ("504", "bibliography"),
    ("508", "creation/production credits"),
    ("511", "performers"),
    ("515", "numbering"),
    ("518", "venue"),
    ("524", "preferred citation"),
    ("530", "additional physical form"),
    ("533", "reproduction"),
    ("534", "original version"),
    ("535", "original location"),
    ("536", "funding"),
    ("538", "system details"),
    ("541", "acquisition"),
    ("545", "biographical/historical"),
    ("546", "language"),
    ("561", "ownership"),
    ("581", "publications"),
    ("585", "exhibitions"),
    ("586", "awards"),
];
/// Notes without a type.
const PLAIN_NOTES: [&str; 10] = ["500", "501", "507", "513", "525", "547", "550", "556", "580", "588"];
/// Which part of the title is in the languages of a subfield of 041; the first is the title itself.
const LANGUAGES: [(&str, char); 7] = [
    ("", 'a'),
    ("summary", 'b'),
    ("sung or spoken text", 'd'),
    ("libretto", 'e'),
    ("table of contents", 'f'),
    ("accompanying material", 'g'),
    ("subtitles", 'j'),
];
/// Subfields that say how a field is linked or processed, not what it says.
const CONTROL: &str = "0123456789uw";

/// Writes a MARC record as MODS.
pub(crate) fn of_marc(marc: &MarcRecord) -> String {
    let each = |tags: &[&str], write: &dyn Fn(&MarcField) -> String| -> String {
        marc.fields.iter().filter(|field| tags.contains(&field.tag.as_str())).map(write).collect()
    };
    record(
        &[
            titles(marc),
            each(&["100", "110", "111"], &|field| name(field, true)),
            each(&["700", "710", "711", "720"], &|field| match field.first('t') {
                None => name(field, false),
                Some(_) => String::new(),
            }),
            kind_of_resource(marc),
            each(&["336", "655"], &genre),
            origin::origin(marc),
            languages(marc),
            physical_description(marc),
            each(&["520"], &summary),
            each(&["505"], &|field| leaf("tableOfContents", &[], &field.join("agrt"))),
            each(&["521"], &|field| leaf("targetAudience", &[], &field.join("ab"))),
            notes(marc),
            subjects(marc),
            marc.fields.iter().map(classification).collect(),
            related::related(marc),
            marc.fields.iter().map(identifier).collect(),
            locations(marc),
            each(&["506", "540"], &access_condition),
            about(marc),
        ]
        .concat(),
    )
}

fn titles(marc: &MarcRecord) -> String {
    let uniform =
        |field: &MarcField, article| title_info(field, &[("type", "uniform")], article, "adfgklmors");
    marc.fields
        .iter()
        .map(|field| match (field.tag.as_str(), field.indicator(1)) {
            ("245", articles) => title_info(field, &[], articles, "afgk"),
            ("210", _) => title_info(field, &[("type", "abbreviated")], '0', "a"),
            ("242", articles) => {
                let language = field.first('y').unwrap_or_default();
                title_info(field, &[("type", "translated"), ("lang", language)], articles, "a")
            }
            ("246", _) => {
                let shown = trim_isbd(field.first('i').unwrap_or_default());
                title_info(field, &[("type", "alternative"), ("displayLabel", shown)], '0', "af")
            }
            ("130", _) => uniform(field, field.indicator(0)),
            ("240", articles) => uniform(field, articles),
            ("730", second) if second != '2' => uniform(field, field.indicator(0)),
            ("740", second) if second != '2' => {
                title_info(field, &[("type", "alternative")], field.indicator(0), "a")
            }
            _ => String::new(),
        })
        .collect()
}

/// The kind of positions 6 and 7 of the leader.
fn kind_of_resource(marc: &MarcRecord) -> String {
    let (kind, level) = (position(marc, 6), position(marc, 7));
    let words = match kind {
        'a' | 't' => "text",
        'c' | 'd' => "notated music",
        'e' | 'f' => "cartographic",
        'g' => "moving image",
        'i' => "sound recording-nonmusical",
        'j' => "sound recording-musical",
        'k' => "still image",
        'm' => "software, multimedia",
        'p' => "mixed material",
        'r' => "three dimensional object",
        _ => return String::new(),
    };
    let yes = |is: bool| if is { "yes" } else { "" };
    let manuscript = yes(matches!(kind, 'd' | 'f' | 'p' | 't'));
    leaf("typeOfResource", &[("collection", yes(level == 'c')), ("manuscript", manuscript)], words)
}

fn position(marc: &MarcRecord, index: usize) -> char {
    marc.leader.chars().nth(index).unwrap_or(' ')
}

fn languages(marc: &MarcRecord) -> String {
    let term = |code: &str, authority: &str, part: &str| {
        let term = leaf("languageTerm", &[("type", "code"), ("authority", authority)], code);
        branch("language", &[("objectPart", part)], &term)
    };
    let main = language(marc).unwrap_or_default();
    let mut out = term(&main, "iso639-2b", "");
    for field in marc.fields("041") {
        let authority = field.first('2').unwrap_or("iso639-2b");
        for (part, code) in LANGUAGES {
            for value in language_codes(field, code).filter(|value| !part.is_empty() || *value != main) {
                out.push_str(&term(value, authority, part));
            }
        }
    }
    out
}

fn physical_description(marc: &MarcRecord) -> String {
    let at = if matches!(position(marc, 6), 'e' | 'f' | 'g' | 'k' | 'o' | 'r') { 29 } else { 23 };
    let form = match fixed(marc, at, 1).as_deref() {
        Some("a") => "microfilm",
        Some("b") => "microfiche",
        Some("f") => "braille",
        Some("o" | "q" | "s") => "electronic",
        Some("r") => "print",
        _ => "",
    };
    let mut first = leaf("form", &[("authority", "marcform")], form);
    for (tag, kind) in [("337", "media"), ("338", "carrier")] {
        for field in marc.fields(tag) {
            let authority = field.first('2').unwrap_or_default();
            field.all('a').for_each(|term| {
                first.push_str(&leaf("form", &[("type", kind), ("authority", authority)], term));
            });
        }
    }
    for field in marc.fields("856") {
        field.all('q').for_each(|kind| first.push_str(&leaf("internetMediaType", &[], kind)));
    }
    let mut out = String::new();
    for field in marc.fields("300") {
        let extent = leaf("extent", &[], trim_isbd(&field.join("abcefg")));
        out.push_str(&branch("physicalDescription", &[], &(std::mem::take(&mut first) + &extent)));
    }
    branch("physicalDescription", &[], &first) + &out
}

fn summary(field: &MarcField) -> String {
    let kind = match field.indicator(0) {
        '0' => "subject",
        '1' => "review",
        '2' => "scope and content",
        '4' => "content advice",
        _ => "",
    };
    let href = field.first('u').unwrap_or_default();
    leaf("abstract", &[("type", kind), ("xlink:href", href)], &field.join("ab"))
}

fn notes(marc: &MarcRecord) -> String {
    let mut out = String::new();
    for field in &marc.fields {
        let tag = field.tag.as_str();
        if tag == "245" {
            let words = field.join("c");
            out.push_str(&leaf("note", &[("type", "statement of responsibility")], &words));
        }
        let kind = NOTES.iter().find(|(note, _)| *note == tag).map(|(_, kind)| *kind);
        if kind.is_some() || PLAIN_NOTES.contains(&tag) {
            let codes: String = field
                .subfields()
                .iter()
                .map(|(code, _)| *code)
                .filter(|code| !CONTROL.contains(*code))
                .collect();
            out.push_str(&leaf("note", &[("type", kind.unwrap_or_default())], &field.join(&codes)));
        }
    }
    out
}

fn classification(field: &MarcField) -> String {
    let (authority, edition) = match (field.tag.as_str(), field.indicator(0)) {
        ("050", _) => ("lcc", ""),
        ("060", _) => ("nlm", ""),
        ("070", _) => ("nal", ""),
        ("080", _) => ("udc", ""),
        ("082", _) => ("ddc", field.first('2').unwrap_or_default()),
        ("084", _) => (field.first('2').unwrap_or_default(), ""),
        ("086", '0') => ("sudocs", ""),
        ("086", '1') => ("candoc", ""),
        _ => return String::new(),
    };
    leaf("classification", &[("authority", authority), ("edition", edition)], &field.join("ab"))
}

fn identifier(field: &MarcField) -> String {
    let first = field.indicator(0);
    let kind = match (field.tag.as_str(), first) {
        ("010", _) => "lccn",
        ("020", _) => "isbn",
        ("022", _) => "issn",
        ("024", '0') => "isrc",
        ("024", '1') => "upc",
        ("024", '2') => "ismn",
        ("024", '3') => "ean",
        ("024", '4') => "sici",
        ("024", '7') => field.first('2').unwrap_or_default(),
        ("024", _) => "",
        ("028", '0') => "issue number",
        ("028", '1') => "matrix number",
        ("028", '2') => "music plate",
        ("028", '3') => "music publisher",
        ("028", '4') => "videorecording identifier",
        ("037", _) => "stock number",
        ("035", _) => {
            let oclc = field.all('a').filter_map(|number| number.trim().strip_prefix("(OCoLC)"));
            return oclc.map(|number| leaf("identifier", &[("type", "oclc")], number)).collect();
        }
        _ => return String::new(),
    };
    let valid = field.all('a').map(|value| leaf("identifier", &[("type", kind)], value));
    let invalid = field
        .subfields()
        .iter()
        .filter(|(code, _)| matches!(code, 'y' | 'z'))
        .map(|(_, value)| leaf("identifier", &[("type", kind), ("invalid", "yes")], value));
    valid.chain(invalid).collect()
}

fn locations(marc: &MarcRecord) -> String {
    let mut out = String::new();
    for field in marc.fields("852") {
        let place = leaf("physicalLocation", &[], &field.join("abe"));
        out.push_str(&branch("location", &[], &(place + &leaf("shelfLocator", &[], &field.join("hijklm")))));
    }
    for field in marc.fields("856") {
        let (label, note) = (field.join("3y"), field.join("z"));
        let urls: String = field
            .all('u')
            .map(|url| leaf("url", &[("displayLabel", label.as_str()), ("note", note.as_str())], url))
            .collect();
        out.push_str(&branch("location", &[], &urls));
    }
    out
}

fn access_condition(field: &MarcField) -> String {
    let kind = if field.tag == "506" { "restriction on access" } else { "use and reproduction" };
    let href = field.first('u').unwrap_or_default();
    let words = field.join("abcd");
    leaf(
        "accessCondition",
        &[("type", kind), ("xlink:href", href)],
        if words.is_empty() { href } else { &words },
    )
}

/// What the record says of itself.
fn about(marc: &MarcRecord) -> String {
    let cataloguing = marc.fields("040").next();
    let of_040 = |code| cataloguing.and_then(|field| field.first(code)).unwrap_or_default();
    let made = fixed(marc, 0, 6).filter(|date| date.bytes().all(|byte| byte.is_ascii_digit()));
    let source = marc.control("003").unwrap_or_default();
    let by = leaf("languageTerm", &[("type", "code"), ("authority", "iso639-2b")], of_040('b'));
    let parts = [
        leaf("descriptionStandard", &[], of_040('e')),
        leaf("recordContentSource", &[("authority", "marcorg")], of_040('a')),
        leaf("recordCreationDate", &[("encoding", "marc")], &made.unwrap_or_default()),
        leaf("recordChangeDate", &[("encoding", "iso8601")], marc.control("005").unwrap_or_default()),
        leaf("recordIdentifier", &[("source", source)], marc.control("001").unwrap_or_default()),
        branch("languageOfCataloging", &[], &by),
    ];
    branch("recordInfo", &[], &parts.concat())
}
