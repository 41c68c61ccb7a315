//! Titles that this one belongs to, follows, contains or was made from.

use crate::marc::{MarcField, MarcRecord};
use crate::mods_write::{branch, leaf};
use crate::text::trim_heading;

use super::headings::{name_parts, title_info, title_parts};

/// Linking entries and how their titles are related; one without a word is related in a way that MODS has no word for.
const LINKS: [(&str, &str); 14] = [
    ("760", "series"),
    ("762", "constituent"),
    ("765", ""),
    ("767", ""),
    ("770", "constituent"),
    ("772", "host"),
    ("773", "host"),
    ("774", "constituent"),
    ("775", "otherVersion"),
    ("776", "otherFormat"),
    ("777", ""),
    ("780", "preceding"),
    ("785", "succeeding"),
    ("786", "original"),
];

pub(super) fn related(marc: &MarcRecord) -> String {
    marc.fields.iter().map(one).collect()
}

fn one(field: &MarcField) -> String {
    let (kind, inner) = match (field.tag.as_str(), field.indicator(1)) {
        ("490", _) if field.indicator(0) == '0' => ("series", of_series(field, '0', "a")),
        ("440" | "830", articles) => ("series", of_series(field, articles, "adfgklmors")),
        ("800" | "810" | "811", _) => ("series", of_work(field)),
        ("700" | "710" | "711", second) if field.first('t').is_some() => {
            (if second == '2' { "constituent" } else { "" }, of_work(field))
        }
        ("730" | "740", '2') => ("constituent", title_info(field, &[], field.indicator(0), "adfgklmors")),
        ("787", _) => ("", of_link(field)),
        (tag, _) => match LINKS.iter().find(|(link, _)| *link == tag) {
            Some((_, kind)) => (*kind, of_link(field)),
            None => return String::new(),
        },
    };
    branch("relatedItem", &[("type", kind)], &inner)
}

/// A series; its volume is the number of a part.
fn of_series(field: &MarcField, articles: char, codes: &str) -> String {
    let volume = leaf("partNumber", &[], trim_heading(&field.join("v")));
    let issn = field.all('x').map(|issn| leaf("identifier", &[("type", "issn")], trim_heading(issn)));
    branch("titleInfo", &[], &(title_parts(field, articles, codes) + &volume)) + &issn.collect::<String>()
}

/// A work by its author and title.
fn of_work(field: &MarcField) -> String {
    let parts = [("title", "t"), ("partNumber", "nv"), ("partName", "p")];
    let title: String =
        parts.iter().map(|(part, codes)| leaf(part, &[], trim_heading(&field.join(codes)))).collect();
    branch("titleInfo", &[], &title) + &branch("name", &[], &name_parts(field))
}

fn of_link(field: &MarcField) -> String {
    let name = leaf("namePart", &[], trim_heading(&field.join("a")));
    let identifiers = [('x', "issn"), ('z', "isbn"), ('o', ""), ('w', "local")].map(|(code, kind)| {
        field.all(code).map(|value| leaf("identifier", &[("type", kind)], value)).collect::<String>()
    });
    let published = leaf("publisher", &[], trim_heading(&field.join("d")));
    [
        branch("titleInfo", &[], &leaf("title", &[], trim_heading(&field.join("st")))),
        branch("name", &[], &name),
        branch("originInfo", &[], &published),
        branch("physicalDescription", &[], &leaf("extent", &[], &field.join("h"))),
        leaf("note", &[], &field.join("n")),
        identifiers.concat(),
        branch("part", &[], &leaf("text", &[], &field.join("g"))),
    ]
    .concat()
}
