//! MARC to Dublin Core. Source: Library of Congress, MARC to Dublin Core Crosswalk (unqualified).
//!
//! One departure: the main entry (1XX) is the creator and added entries (7XX) are contributors, as most
//! catalogues show them.

use crate::crosswalk::DublinCore;
use crate::identifier::{Identifier, Scheme};
use crate::marc::{MarcField, MarcRecord};
use crate::marc_index::{fixed, language, language_codes, standard_number, subject};
use crate::text::{trim_heading, trim_isbd};

pub(crate) fn map(record: &MarcRecord) -> DublinCore {
    let mut out = DublinCore::default();
    if let Some(kind) = dcmi_type(&record.leader) {
        out.add("type", kind);
    }
    for field in &record.fields {
        map_field(field, &mut out);
    }
    if out.values("date").next().is_none()
        && let Some(date) = fixed(record, 7, 4).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))
    {
        out.add("date", &date);
    }
    if let Some(code) = language(record) {
        out.add("language", &code);
    }
    for field in record.fields("041") {
        language_codes(field, 'a').for_each(|code| out.add("language", code));
    }
    out
}

fn map_field(field: &MarcField, out: &mut DublinCore) {
    match field.tag.as_str() {
        "245" => out.add("title", trim_isbd(&field.join("abknp"))),
        "100" | "110" | "111" => out.add("creator", trim_heading(&field.join("abcdgnq"))),
        "700" | "710" | "711" | "720" if field.first('t').is_none() => {
            out.add("contributor", trim_heading(&field.join("abcdgnq")));
        }
        "600" | "610" | "611" | "630" | "650" => out.add("subject", &subject(field)),
        "653" => field.all('a').for_each(|v| out.add("subject", trim_heading(v))),
        "651" => out.add("coverage", &subject(field)),
        "752" => out.add("coverage", trim_heading(&join_with(field, "abcdfgh", " -- "))),
        "655" => field.all('a').for_each(|v| out.add("type", trim_heading(v))),
        "260" => publication(field, out),
        "264" if field.indicator(1) == '1' => publication(field, out),
        "300" => out.add("format", trim_isbd(&field.join("abce"))),
        "506" | "540" => "au".chars().for_each(|c| field.all(c).for_each(|v| out.add("rights", v))),
        "505" => out.add("description", &field.join("agrt")),
        "500" | "501" | "502" | "504" | "508" | "511" | "513" | "515" | "518" | "520" | "521" | "522"
        | "525" | "534" | "545" | "550" | "555" | "580" | "586" | "588" => {
            out.add("description", &field.join("ab"))
        }
        "530" => out.add("relation", &field.join("abcdu")),
        "786" => out.add("source", &field.join("ot")),
        "760" | "762" | "765" | "767" | "770" | "772" | "773" | "774" | "775" | "776" | "777" | "780"
        | "785" | "787" => out.add("relation", &field.join("ot")),
        "020" => add_identifiers(field, out, |v| Identifier::new(Scheme::Isbn, v)),
        "022" => add_identifiers(field, out, |v| Identifier::new(Scheme::Issn, v)),
        "024" => add_identifiers(field, out, |v| standard_number(field, v)),
        "856" => {
            field.all('u').for_each(|url| out.add("identifier", url));
            field.all('q').for_each(|kind| out.add("format", kind));
        }
        _ => {}
    }
}

fn publication(field: &MarcField, out: &mut DublinCore) {
    field.all('b').for_each(|v| out.add("publisher", trim_isbd(v)));
    field.all('c').for_each(|v| out.add("date", trim_isbd(v).trim_end_matches('.')));
}

fn add_identifiers(field: &MarcField, out: &mut DublinCore, read: impl Fn(&str) -> Option<Identifier>) {
    for identifier in field.all('a').filter_map(read) {
        out.add("identifier", &as_text(&identifier));
    }
}

/// Writes an identifier so that its scheme shows.
pub(crate) fn as_text(identifier: &Identifier) -> String {
    match identifier.scheme {
        Scheme::Isbn => format!("urn:isbn:{}", identifier.normalised),
        Scheme::Issn => format!("urn:issn:{}", identifier.normalised),
        Scheme::Doi => format!("https://doi.org/{}", identifier.normalised),
        Scheme::Handle => format!("https://hdl.handle.net/{}", identifier.normalised),
        _ => identifier.value.clone(),
    }
}

fn join_with(field: &MarcField, codes: &str, separator: &str) -> String {
    let parts: Vec<&str> =
        field.subfields().iter().filter(|(c, _)| codes.contains(*c)).map(|(_, v)| v.trim()).collect();
    parts.join(separator)
}

/// Returns the DCMI type of leader positions 6 and 7; nothing where several would fit.
fn dcmi_type(leader: &str) -> Option<&'static str> {
    let mut at = leader.chars().skip(6);
    let (kind, level) = (at.next()?, at.next()?);
    match kind {
        _ if level == 'c' => Some("Collection"),
        'a' | 'c' | 'd' | 't' => Some("Text"),
        'e' | 'f' | 'k' => Some("StillImage"),
        'g' => Some("Image"),
        'i' | 'j' => Some("Sound"),
        'r' => Some("PhysicalObject"),
        _ => None,
    }
}
