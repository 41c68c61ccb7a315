//! What we search and show of a MARC record.

use crate::identifier::{Identifier, Scheme};
use crate::index::{BibIndex, add_value, bounded, set_first};
use crate::marc::{MarcField, MarcRecord};
use crate::text::{sort_key, trim_heading, trim_isbd};

/// Subfields that carry a heading's own words, by the kinds of heading.
const NAME: &str = "abcdgnq";
const TOPIC: &str = "abcdgklmnopqrst";

pub(crate) fn index(record: &MarcRecord) -> BibIndex {
    let mut index = BibIndex::default();
    titles(record, &mut index);
    names(record, &mut index);
    publication(record, &mut index);
    if let Some(language) = language(record) {
        set_first(&mut index.language, &language);
    }
    for field in &record.fields {
        match field.tag.as_str() {
            "520" => set_first(&mut index.description, &field.join("ab")),
            "506" | "540" => {
                for code in ['a', 'u'] {
                    field.all(code).for_each(|v| add_value(&mut index.rights, v));
                }
            }
            "600" | "610" | "611" | "630" | "648" | "650" | "651" => {
                add_value(&mut index.subjects, &subject(field));
            }
            "653" => field.all('a').for_each(|v| add_value(&mut index.subjects, trim_heading(v))),
            "655" => field.all('a').for_each(|v| add_value(&mut index.types, trim_heading(v))),
            _ => {}
        }
    }
    identifiers(record).into_iter().for_each(|i| index.add_identifier(Some(i)));
    index
}

fn titles(record: &MarcRecord, index: &mut BibIndex) {
    let Some(field) = record.fields("245").next() else { return };
    if field.first('a').is_none_or(|a| trim_isbd(a).is_empty()) {
        return;
    }
    let whole = field.join("abknp");
    index.title = bounded(trim_isbd(&whole)).unwrap_or_default();
    let skip = field.indicator(1).to_digit(10).and_then(|d| usize::try_from(d).ok()).unwrap_or(0);
    index.sort_title = sort_key(&index.title, skip);
}

fn names(record: &MarcRecord, index: &mut BibIndex) {
    for field in &record.fields {
        match field.tag.as_str() {
            "100" | "110" | "111" => set_first(&mut index.author, trim_heading(&field.join(NAME))),
            "700" | "710" | "711" if field.first('t').is_none() => {
                add_value(&mut index.contributors, trim_heading(&field.join(NAME)));
            }
            _ => {}
        }
    }
}

/// Reads the publication area: 264 with second indicator 1 first, else 260, else the date of 008.
fn publication(record: &MarcRecord, index: &mut BibIndex) {
    let published = record.fields("264").filter(|f| f.indicator(1) == '1').chain(record.fields("260"));
    for field in published {
        if let Some(place) = field.first('a') {
            set_first(&mut index.place, trim_isbd(place));
        }
        if let Some(publisher) = field.first('b') {
            set_first(&mut index.publisher, trim_isbd(publisher));
        }
        if let Some(date) = field.first('c') {
            set_first(&mut index.date, trim_isbd(date).trim_end_matches('.'));
        }
    }
    if index.date.is_none()
        && let Some(date) = fixed(record, 7, 4)
        && date.bytes().all(|b| b.is_ascii_digit())
    {
        set_first(&mut index.date, &date);
    }
}

/// Returns the language of 008, else the first of 041 $a.
pub(crate) fn language(record: &MarcRecord) -> Option<String> {
    let of_008 =
        fixed(record, 35, 3).filter(|code| code.bytes().all(|b| b.is_ascii_lowercase()) && code != "und");
    of_008.or_else(|| {
        record.fields("041").flat_map(|field| language_codes(field, 'a')).next().map(str::to_owned)
    })
}

/// Returns the codes of a subfield of 041. Older records have several codes of MARC's own list in one.
pub(crate) fn language_codes(field: &MarcField, code: char) -> impl Iterator<Item = &str> {
    let is_marc = field.first('2').is_none();
    field.all(code).map(str::trim).flat_map(move |value| {
        let length =
            if is_marc && value.is_ascii() && value.len().is_multiple_of(3) { 3 } else { value.len() };
        (0..value.len()).step_by(length.max(1)).filter_map(move |at| value.get(at..at + length))
    })
}

/// Returns `length` characters of 008 from `start`.
pub(crate) fn fixed(record: &MarcRecord, start: usize, length: usize) -> Option<String> {
    let text: String = record.control("008")?.chars().skip(start).take(length).collect();
    (text.chars().count() == length).then_some(text)
}

/// Joins a subject heading with its subdivisions.
pub(crate) fn subject(field: &MarcField) -> String {
    let mut heading = trim_heading(&field.join(TOPIC)).to_owned();
    for (_, division) in field.subfields().iter().filter(|(c, _)| "vxyz".contains(*c)) {
        if !heading.is_empty() {
            heading.push_str(" -- ");
        }
        heading.push_str(trim_heading(division));
    }
    heading
}

/// Returns the identifiers in the record's order.
pub(crate) fn identifiers(record: &MarcRecord) -> Vec<Identifier> {
    let mut found = Vec::new();
    if let Some(number) = record.control("001") {
        found.extend(Identifier::new(Scheme::ControlNumber, number));
    }
    for field in &record.fields {
        match field.tag.as_str() {
            "010" => found.extend(field.all('a').filter_map(|v| Identifier::new(Scheme::Lccn, v))),
            "020" => found.extend(field.all('a').filter_map(|v| Identifier::new(Scheme::Isbn, v))),
            "022" => found.extend(field.all('a').filter_map(|v| Identifier::new(Scheme::Issn, v))),
            "024" => found.extend(field.all('a').filter_map(|v| standard_number(field, v))),
            "035" => found.extend(field.all('a').filter_map(|v| Identifier::new(Scheme::OtherSystem, v))),
            _ => {}
        }
    }
    found
}

pub(crate) fn standard_number(field: &MarcField, value: &str) -> Option<Identifier> {
    let source = field.first('2').unwrap_or_default().trim().to_ascii_lowercase();
    match (field.indicator(0), source.as_str()) {
        ('7', "doi") => Identifier::new(Scheme::Doi, value),
        ('7', "hdl") => Identifier::new(Scheme::Handle, value),
        ('7', "uri") => Identifier::new(Scheme::Uri, value),
        _ => Identifier::new(Scheme::Other, value),
    }
}
