//! Titles, names, subjects and genres.

use crate::marc::{MarcField, MarcRecord};
use crate::mods_write::{branch, leaf};
use crate::text::{trim_heading, trim_isbd};

/// A title with its parts. `articles` is the indicator that counts the characters that do not file; `codes` are the
/// subfields of the title itself.
pub(super) fn title_info(
    field: &MarcField,
    attributes: &[(&str, &str)],
    articles: char,
    codes: &str,
) -> String {
    branch("titleInfo", attributes, &title_parts(field, articles, codes))
}

pub(super) fn title_parts(field: &MarcField, articles: char, codes: &str) -> String {
    let whole = field.join(codes);
    let count = articles.to_digit(10).and_then(|digit| usize::try_from(digit).ok()).unwrap_or(0);
    let border = whole.char_indices().nth(count).map_or(0, |(at, _)| at);
    let (article, title) = whole.split_at_checked(border).unwrap_or(("", &whole));
    // A transcribed title keeps its full stop, as it does in what we show; a heading's is punctuation.
    let trim = if field.tag == "245" { trim_isbd } else { trim_heading };
    let part = |name, codes| leaf(name, &[], trim(&field.join(codes)));
    let (article, title) = (leaf("nonSort", &[], article), leaf("title", &[], trim(title)));
    [article, title, part("subTitle", "b"), part("partNumber", "n"), part("partName", "p")].concat()
}

/// A person, body or meeting that had a part in the title.
pub(super) fn name(field: &MarcField, is_primary: bool) -> String {
    let usage = if is_primary { "primary" } else { "" };
    let role = if field.tag.ends_with("11") { 'j' } else { 'e' };
    let mut roles = String::new();
    for (code, value) in field.subfields() {
        let term = match code {
            '4' if value.trim().len() == 3 => {
                leaf("roleTerm", &[("type", "code"), ("authority", "marcrelator")], value.trim())
            }
            code if *code == role => leaf("roleTerm", &[("type", "text")], trim_heading(value)),
            _ => continue,
        };
        roles.push_str(&branch("role", &[], &term));
    }
    let affiliation = leaf("affiliation", &[], field.first('u').unwrap_or_default());
    let attributes = [("type", kind_of_name(field)), ("usage", usage), ("valueURI", uri(field))];
    branch("name", &attributes, &(name_parts(field) + &roles + &affiliation))
}

fn kind_of_name(field: &MarcField) -> &'static str {
    match (field.tag.as_bytes(), field.indicator(0)) {
        ([_, b'0', b'0'], _) | (b"720", '1') => "personal",
        ([_, b'1', b'0'], _) => "corporate",
        ([_, b'1', b'1'], _) => "conference",
        _ => "",
    }
}

pub(super) fn name_parts(field: &MarcField) -> String {
    let part =
        |kind: &str, codes: &str| leaf("namePart", &[("type", kind)], trim_heading(&field.join(codes)));
    match kind_of_name(field) {
        "corporate" => {
            let units: String =
                field.all('b').map(|unit| leaf("namePart", &[], trim_heading(unit))).collect();
            part("", "a") + &units + &part("", "cdgn")
        }
        "conference" => part("", "acdegnq"),
        _ => part("", "aq") + &part("termsOfAddress", "bc") + &part("date", "d"),
    }
}

/// The address by which others know a heading, where the record has one.
fn uri(field: &MarcField) -> &str {
    let is_uri = |value: &&str| value.starts_with("http://") || value.starts_with("https://");
    field.all('1').chain(field.all('0')).find(is_uri).unwrap_or_default()
}

/// The list that a subject heading is from.
fn authority(field: &MarcField) -> &str {
    match field.indicator(1) {
        '0' => "lcsh",
        '1' => "lcshac",
        '2' => "mesh",
        '3' => "nal",
        '5' => "csh",
        '6' => "rvm",
        '7' => field.first('2').unwrap_or_default(),
        _ => "",
    }
}

/// A genre or form; of 336 the kind of content.
pub(super) fn genre(field: &MarcField) -> String {
    let source = if field.tag == "336" { field.first('2').unwrap_or_default() } else { authority(field) };
    let divisions = field.subfields().iter().filter(|(code, _)| "avxyz".contains(*code));
    let words: Vec<&str> = divisions.map(|(_, words)| trim_heading(words)).collect();
    leaf("genre", &[("authority", source)], &words.join(" -- "))
}

pub(super) fn subjects(marc: &MarcRecord) -> String {
    let mut out: String = marc.fields.iter().map(subject).collect();
    for field in marc.fields("043") {
        let codes: String = field
            .all('a')
            .map(|code| leaf("geographicCode", &[("authority", "marcgac")], code.trim_end_matches('-')))
            .collect();
        out.push_str(&branch("subject", &[], &codes));
    }
    out
}

fn subject(field: &MarcField) -> String {
    let heading = |part, codes| leaf(part, &[], trim_heading(&field.join(codes)));
    let head = match field.tag.as_str() {
        "600" | "610" | "611" => {
            let attributes = [("type", kind_of_name(field)), ("valueURI", uri(field))];
            let title = branch("titleInfo", &[], &heading("title", "t"));
            branch("name", &attributes, &name_parts(field)) + &title
        }
        "630" => title_info(field, &[], field.indicator(0), "adfgklmors"),
        "648" => heading("temporal", "a"),
        "650" => heading("topic", "abcd"),
        "651" => heading("geographic", "a"),
        "653" => return uncontrolled(field),
        "656" => heading("occupation", "a"),
        "662" | "752" => {
            let levels = ["country", "state", "county", "city", "citySection", "region"];
            let named = "abcdfg".chars().zip(levels);
            let inner: String = named
                .flat_map(|(code, level)| {
                    field.all(code).map(move |place| leaf(level, &[], trim_heading(place)))
                })
                .collect();
            branch("hierarchicalGeographic", &[], &inner)
        }
        "255" => {
            let parts = [("scale", "a"), ("projection", "b"), ("coordinates", "c")];
            let inner: String =
                parts.iter().map(|(part, code)| leaf(part, &[], trim_isbd(&field.join(code)))).collect();
            branch("cartographics", &[], &inner)
        }
        _ => return String::new(),
    };
    let is_controlled = field.tag.starts_with('6') && field.tag != "662";
    let divisions: String = field
        .subfields()
        .iter()
        .filter(|_| is_controlled)
        .filter_map(|(code, words)| {
            let division = match code {
                'x' => "topic",
                'y' => "temporal",
                'z' => "geographic",
                'v' => "genre",
                _ => return None,
            };
            Some(leaf(division, &[], trim_heading(words)))
        })
        .collect();
    let source = if is_controlled { authority(field) } else { "" };
    branch("subject", &[("authority", source)], &(head + &divisions))
}

/// Words that are from no list, a subject each.
fn uncontrolled(field: &MarcField) -> String {
    field
        .all('a')
        .map(|words| {
            let words = trim_heading(words);
            let name = |kind| branch("name", &[("type", kind)], &leaf("namePart", &[], words));
            let inner = match field.indicator(1) {
                '1' => name("personal"),
                '2' => name("corporate"),
                '3' => name("conference"),
                '4' => leaf("temporal", &[], words),
                '5' => leaf("geographic", &[], words),
                '6' => leaf("genre", &[], words),
                _ => leaf("topic", &[], words),
            };
            branch("subject", &[], &inner)
        })
        .collect()
}
