//! Crosswalks, as tables; never a value that the record does not have.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests may stop at the first surprise"
)]

use vitrine_metadata::rules::convert;
use vitrine_metadata::{Format, parse_record, to_dublin_core};

fn check(format: Format, text: &str, expected: &[(&str, &str)]) {
    let mapped = to_dublin_core(&parse_record(format, text).unwrap());
    let found: Vec<(&str, &str)> = mapped.statements.iter().map(|s| (s.element, s.value.as_str())).collect();
    assert_eq!(found, expected);
    // What it writes is simple Dublin Core with the same statements.
    let again = to_dublin_core(&parse_record(Format::DublinCore, &mapped.to_oai_dc()).unwrap());
    assert_eq!(again, mapped);
}

#[test]
fn marc_to_dublin_core() {
    check(
        Format::Marc21,
        include_str!("fixtures/moby-dick.marc21.xml"),
        &[
            ("title", "Moby-Dick ; or, The whale"),
            ("creator", "Melville, Herman, 1819-1891"),
            ("subject", "Whaling -- Fiction"),
            ("description", "A captain hunts a white whale."),
            ("publisher", "Harper & Brothers"),
            ("contributor", "Kent, Rockwell, 1882-1971"),
            ("date", "1851"),
            ("type", "Text"),
            ("type", "Sea stories"),
            ("format", "xxiii, 634 p. ; 20 cm."),
            ("identifier", "urn:isbn:9780306406157"),
            ("identifier", "0306406153"),
            ("identifier", "urn:issn:0378-5955"),
            ("identifier", "https://doi.org/10.5555/moby.1851"),
            ("language", "eng"),
            ("rights", "Public domain"),
            ("rights", "http://creativecommons.org/publicdomain/mark/1.0/"),
        ],
    );
}

#[test]
fn a_marc_record_of_a_title_alone_maps_to_a_title_and_its_type_alone() {
    let text = include_str!("fixtures/odyssey.prefixed.marc21.xml");
    check(Format::Marc21, text, &[("title", "The Odyssey of Homer"), ("type", "Text")]);
}

#[test]
fn qualified_to_simple_dublin_core() {
    check(
        Format::QualifiedDublinCore,
        include_str!("fixtures/map.qdc.xml"),
        &[
            ("title", "Plan de la ville de Bruxelles"),
            ("title", "Plan van de stad Brussel"),
            ("creator", "Tailleur, Martin de"),
            ("description", "A bird's-eye plan in twelve sheets."),
            ("date", "1640"),
            ("format", "12 sheets"),
            ("identifier", "https://library.example/maps/7"),
            ("coverage", "name=Brussels; east=4.35; north=50.85"),
            ("rights", "http://creativecommons.org/publicdomain/mark/1.0/"),
        ],
    );
}

#[test]
fn mods_to_dublin_core() {
    check(
        Format::Mods,
        include_str!("fixtures/diary.mods.xml"),
        &[
            ("title", "The diary of a country physician : a year on horseback"),
            ("title", "Country physician's diary"),
            ("creator", "Mehlum, Kate, 1838-1912"),
            ("subject", "Medicine, Rural -- Wisconsin -- 19th century"),
            ("description", "Daily notes of calls, weather and roads."),
            ("contributor", "County Historical Society"),
            ("date", "1871"),
            ("type", "Text"),
            ("type", "diaries"),
            ("format", "1 volume (212 pages)"),
            ("identifier", "ms-0071"),
            ("identifier", "https://hdl.handle.net/20.500.12345/71"),
            ("language", "eng"),
            ("relation", "Rural medicine collection"),
            ("rights", "No copyright"),
            ("rights", "http://rightsstatements.org/vocab/NoC-US/1.0/"),
        ],
    );
}

#[test]
fn keeps_the_language_of_a_value() {
    let record = parse_record(Format::QualifiedDublinCore, include_str!("fixtures/map.qdc.xml")).unwrap();
    let written = to_dublin_core(&record).to_oai_dc();
    assert!(written.contains(r#"<dc:title xml:lang="nl">Plan van de stad Brussel</dc:title>"#));
}

/// Each element of the record, a line each.
fn mods_of(marc: &str) -> Vec<String> {
    let made = convert(Format::Marc21, marc, Format::Mods).unwrap();
    let inside = made.split_once("mods-3-8.xsd\">").unwrap().1.strip_suffix("</mods>").unwrap();
    let mut lines = vec![String::new()];
    let mut depth = 0;
    for part in inside.split_inclusive('>') {
        let tag = &part[part.find('<').unwrap()..];
        depth += if tag.starts_with("</") { -1 } else { 1 };
        lines.last_mut().unwrap().push_str(part);
        if depth == 0 {
            lines.push(String::new());
        }
    }
    lines.pop();
    lines
}

#[test]
fn marc_to_mods() {
    insta::assert_snapshot!(
        "marc_to_mods_atlas",
        mods_of(include_str!("fixtures/atlas.marc21.xml")).join("\n")
    );
    insta::assert_snapshot!(
        "marc_to_mods_moby",
        mods_of(include_str!("fixtures/moby-dick.marc21.xml")).join("\n")
    );
}

#[test]
fn a_marc_record_of_a_title_alone_is_mods_of_a_title_and_what_its_leader_says() {
    assert_eq!(
        mods_of(include_str!("fixtures/odyssey.prefixed.marc21.xml")),
        [
            "<titleInfo><nonSort>The</nonSort><title>Odyssey of Homer</title></titleInfo>",
            "<typeOfResource>text</typeOfResource>",
            "<originInfo><issuance>monographic</issuance></originInfo>",
        ]
    );
}

#[test]
fn what_is_said_by_way_of_mods_is_what_is_said_directly() {
    for (marc, elements) in [
        (
            include_str!("fixtures/moby-dick.marc21.xml"),
            &["creator", "contributor", "date", "language", "rights"][..],
        ),
        (include_str!("fixtures/atlas.marc21.xml"), &["contributor", "publisher", "identifier"][..]),
    ] {
        let direct = to_dublin_core(&parse_record(Format::Marc21, marc).unwrap());
        let made = convert(Format::Marc21, marc, Format::Mods).unwrap();
        let around = to_dublin_core(&parse_record(Format::Mods, &made).unwrap());
        for element in elements {
            let all: Vec<&str> = around.values(element).collect();
            for value in direct.values(element) {
                assert!(all.contains(&value), "{element} {value}: {all:?}");
            }
        }
    }
}
