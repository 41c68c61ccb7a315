//! Where, by whom, when and how often it was published.

use crate::marc::{MarcField, MarcRecord};
use crate::marc_index::fixed;
use crate::mods_write::{branch, leaf};
use crate::text::trim_isbd;

use super::position;

/// What the second indicator of 264 says happened; publication, `1`, is without a name, as in 260.
const EVENTS: [(char, &str); 4] =
    [('0', "production"), ('2', "distribution"), ('3', "manufacture"), ('4', "copyright")];

pub(super) fn origin(marc: &MarcRecord) -> String {
    let is_publication = |field: &&MarcField| field.tag == "260" || field.indicator(1) == '1';
    let statements = || marc.fields.iter().filter(|field| matches!(field.tag.as_str(), "260" | "264"));
    // What is coded is of the publication as a whole: it stands with its first statement.
    let coded = coded(marc);
    let mut published = statements().filter(is_publication);
    let mut out = branch("originInfo", &[], &(published.next().map(statement).unwrap_or_default() + &coded));
    for field in published {
        out.push_str(&branch("originInfo", &[], &statement(field)));
    }
    for field in statements() {
        if let Some((_, event)) =
            EVENTS.iter().find(|(mark, _)| field.tag == "264" && *mark == field.indicator(1))
        {
            out.push_str(&branch("originInfo", &[("eventType", event)], &statement(field)));
        }
    }
    out
}

fn statement(field: &MarcField) -> String {
    let date = match (field.tag.as_str(), field.indicator(1)) {
        ("264", '0') => "dateCreated",
        ("264", '2' | '3') => "dateOther",
        ("264", '4') => "copyrightDate",
        _ => "dateIssued",
    };
    let each = |code, write: &dyn Fn(&str) -> String| -> String {
        field.all(code).map(|value| write(trim_isbd(value))).collect()
    };
    [
        each('a', &|place| branch("place", &[], &leaf("placeTerm", &[("type", "text")], place))),
        each('b', &|publisher| leaf("publisher", &[], publisher)),
        each('c', &|words| leaf(date, &[], words.trim_end_matches('.'))),
    ]
    .concat()
}

/// The country and dates of 008, the edition, the level of the leader, how often it comes out.
fn coded(marc: &MarcRecord) -> String {
    let country = fixed(marc, 15, 3).unwrap_or_default();
    let country = match country.trim() {
        "xx" | "|||" => "",
        country => country,
    };
    let code = leaf("placeTerm", &[("type", "code"), ("authority", "marccountry")], country);
    let issuance = match position(marc, 7) {
        'a' | 'c' | 'd' | 'm' => "monographic",
        'b' | 's' => "serial",
        'i' => "integrating resource",
        _ => "",
    };
    let mut out = branch("place", &[], &code) + &dates(marc);
    for field in marc.fields("250") {
        out.push_str(&leaf("edition", &[], trim_isbd(&field.join("ab"))));
    }
    out.push_str(&leaf("issuance", &[], issuance));
    for field in marc.fields.iter().filter(|field| matches!(field.tag.as_str(), "310" | "321")) {
        out.push_str(&leaf("frequency", &[], trim_isbd(&field.join("ab"))));
    }
    out
}

fn dates(marc: &MarcRecord) -> String {
    // A date may have unknown digits; one of unknown digits alone says nothing.
    let date = |start| {
        fixed(marc, start, 4).filter(|date| {
            date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'u')
                && date.bytes().any(|byte| byte.is_ascii_digit())
        })
    };
    let (one, two) = (date(7).unwrap_or_default(), date(11).unwrap_or_default());
    let issued = |point: &str, qualifier: &str, date: &str| {
        leaf("dateIssued", &[("encoding", "marc"), ("point", point), ("qualifier", qualifier)], date)
    };
    match fixed(marc, 6, 1).as_deref() {
        Some("e" | "p" | "r" | "s") => issued("", "", &one),
        Some("t") => issued("", "", &one) + &leaf("copyrightDate", &[("encoding", "marc")], &two),
        Some("c" | "d" | "i" | "k" | "m" | "u") => issued("start", "", &one) + &issued("end", "", &two),
        Some("q") => issued("start", "questionable", &one) + &issued("end", "questionable", &two),
        _ => String::new(),
    }
}
