//! Merging and showing availability: the named fields change, every other byte stays.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests may stop at the first surprise"
)]

use vitrine_metadata::{Availability, Format, add_availability, merge, parse_record};

const MARC: &str = "<record xmlns=\"http://www.loc.gov/MARC21/slim\">\n  <leader>00000nam a2200000 a 4500</leader>\n  \
    <controlfield tag=\"001\">1</controlfield>\n  \
    <datafield tag=\"245\" ind1=\"0\" ind2=\"0\"><subfield code=\"a\">Old &#x74;itle</subfield></datafield>\n  \
    <!-- kept -->\n  \
    <datafield tag=\"650\" ind1=\" \" ind2=\"0\"><subfield code=\"a\">First</subfield></datafield>\n  \
    <datafield tag=\"500\" ind1=\" \" ind2=\" \"><subfield code=\"a\">Out of order</subfield></datafield>\n  \
    <datafield tag=\"650\" ind1=\" \" ind2=\"0\"><subfield code=\"a\">Second</subfield></datafield>\n</record>";
const DC: &str = "<record xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n <dc:title>A</dc:title>\n <dc:subject>x</dc:subject>\n \
    <dc:subject>y</dc:subject>\n <dc:date>1900</dc:date>\n</record>";
const MODS: &str = "<mods xmlns=\"http://www.loc.gov/mods/v3\">\n <titleInfo><title>A</title></titleInfo>\n <note>n</note>\n</mods>";

fn marc_part(fields: &str) -> String {
    format!("<record xmlns=\"http://www.loc.gov/MARC21/slim\">{fields}</record>")
}

#[test]
fn replaces_all_fields_of_a_tag_at_the_place_of_the_first() {
    let new = r#"<datafield tag="650" ind1=" " ind2="0"><subfield code="a">New</subfield></datafield>"#;
    let two = marc_part(&format!("{new}{}", new.replace("New", "Newer")));
    let merged = merge(Format::Marc21, MARC, &two).unwrap();
    let expected = MARC
        .replace("First</subfield></datafield>", &format!("New</subfield></datafield>\n  {}", new.replace("New", "Newer")))
        .replace("\n  <datafield tag=\"650\" ind1=\" \" ind2=\"0\"><subfield code=\"a\">Second</subfield></datafield>", "");
    assert_eq!(merged, expected);
}

#[test]
fn one_element_sent_leaves_every_other_byte() {
    let merged =
        merge(Format::Marc21, MARC, &marc_part(r#"<controlfield tag="001">2</controlfield>"#)).unwrap();
    assert_eq!(merged, MARC.replace(">1</controlfield>", ">2</controlfield>"));
    let part = r#"<record xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:date>1901</dc:date></record>"#;
    assert_eq!(merge(Format::DublinCore, DC, part).unwrap(), DC.replace("1900", "1901"));
    let part = r#"<mods xmlns="http://www.loc.gov/mods/v3"><note>m</note></mods>"#;
    assert_eq!(merge(Format::Mods, MODS, part).unwrap(), MODS.replace(">n<", ">m<"));
}

#[test]
fn adds_a_new_tag_behind_the_last_that_sorts_before_it() {
    let field = |tag: &str| {
        format!(r#"<datafield tag="{tag}" ind1=" " ind2=" "><subfield code="a">t</subfield></datafield>"#)
    };
    let part = marc_part(
        &[field("700"), field("300"), field("260"), r#"<controlfield tag="008">d</controlfield>"#.into()]
            .concat(),
    );
    // A control field behind a data field breaks the schema, so the order of the sent record matters not here.
    let part = part.replace(r#"<controlfield tag="008">d</controlfield>"#, "");
    let merged = merge(Format::Marc21, MARC, &part).unwrap();
    let tags: Vec<&str> = merged.split("tag=\"").skip(1).map(|t| &t[..3]).collect();
    assert_eq!(tags, ["001", "245", "260", "300", "650", "500", "650", "700"]);
    let merged =
        merge(Format::Marc21, MARC, &marc_part(r#"<controlfield tag="008">d</controlfield>"#)).unwrap();
    assert!(merged.contains(
        "1</controlfield>\n  <controlfield tag=\"008\">d</controlfield>\n  <datafield tag=\"245\""
    ));
}

#[test]
fn merging_a_record_into_itself_changes_nothing() {
    for (format, text) in [(Format::DublinCore, DC), (Format::Mods, MODS)] {
        assert_eq!(merge(format, text, text).unwrap(), text);
    }
    let merged = merge(Format::Marc21, MARC, MARC).unwrap();
    assert_eq!(merge(Format::Marc21, &merged, &merged).unwrap(), merged);
}

#[test]
fn writes_a_field_in_the_prefix_of_the_record_it_joins() {
    let part = r#"<m:record xmlns:m="http://www.loc.gov/MARC21/slim"><m:datafield tag="245" ind1="1" ind2="0"><m:subfield code="a">A &amp; B</m:subfield></m:datafield></m:record>"#;
    let merged = merge(Format::Marc21, MARC, part).unwrap();
    assert!(merged.contains(
        r#"<datafield tag="245" ind1="1" ind2="0"><subfield code="a">A &amp; B</subfield></datafield>"#
    ));
    let bare = r#"<record><datafield tag="245" ind1="1" ind2="0"><subfield code="a">C</subfield></datafield></record>"#;
    assert_eq!(
        parse_record(Format::Marc21, &merge(Format::Marc21, MARC, bare).unwrap()).unwrap().index.title,
        "C"
    );
    let part = r#"<record xmlns:z="http://purl.org/dc/elements/1.1/"><z:title>B</z:title></record>"#;
    let merged = merge(Format::DublinCore, DC, part).unwrap();
    assert!(
        merged.contains(r#"<z:title xmlns:z="http://purl.org/dc/elements/1.1/">B</z:title>"#),
        "{merged}"
    );
}

#[test]
fn refuses_a_part_that_breaks_the_format() {
    assert!(merge(Format::Marc21, MARC, &marc_part("<bad/>")).is_err());
    assert!(merge(Format::DublinCore, DC, "<record><title/></record>").is_err());
    let empty = r#"<record xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title/></record>"#;
    assert!(merge(Format::DublinCore, DC, empty).is_err(), "a merge may not take the title away");
}

fn one() -> Availability {
    Availability {
        institution: "VITRINE".into(),
        representation_id: "1210000000000001".into(),
        label: Some("Maps & plans".into()),
        delivery_url: "https://library.example/view/delivery/VITRINE/1210000000000001?a=1&b=2".into(),
        ..Availability::default()
    }
}

#[test]
fn shows_availability_as_the_format_does() {
    let remote = Availability { is_remote: true, repository: Some("Museum".into()), label: None, ..one() };
    let marc = add_availability(Format::Marc21, MARC, &[one(), remote]).unwrap();
    let avd = concat!(
        "\n  <datafield ind1=\" \" ind2=\" \" tag=\"AVD\"><subfield code=\"a\">VITRINE</subfield>",
        "<subfield code=\"b\">1210000000000001</subfield><subfield code=\"c\">REPRESENTATION</subfield>",
        "<subfield code=\"e\">Maps &amp; plans</subfield></datafield>",
        "\n  <datafield ind1=\" \" ind2=\" \" tag=\"AVD\"><subfield code=\"a\">VITRINE</subfield>",
        "<subfield code=\"b\">1210000000000001</subfield><subfield code=\"c\">REMOTE_REPRESENTATION</subfield>",
        "<subfield code=\"d\">Museum</subfield></datafield>\n</record>",
    );
    assert_eq!(marc, MARC.replace("\n</record>", avd));
    assert!(parse_record(Format::Marc21, &marc).is_ok());
    // What a client read with AVD and sends back does not show them twice.
    assert_eq!(add_availability(Format::Marc21, &marc, &[]).unwrap(), MARC);

    let url = "https://library.example/view/delivery/VITRINE/1210000000000001?a=1&amp;b=2";
    let dc = add_availability(Format::DublinCore, DC, &[one()]).unwrap();
    assert_eq!(dc, DC.replace("</dc:date>", &format!("</dc:date>\n <dc:identifier>{url}</dc:identifier>")));
    let mods = add_availability(Format::Mods, MODS, &[one()]).unwrap();
    assert_eq!(mods, MODS.replace("</note>", &format!("</note>\n <location><url>{url}</url></location>")));
    let terms_only =
        r#"<record xmlns:dcterms="http://purl.org/dc/terms/"><dcterms:title>A</dcterms:title></record>"#;
    let qdc = add_availability(Format::QualifiedDublinCore, terms_only, &[one()]).unwrap();
    assert!(qdc.ends_with(&format!(
        "<dc:identifier xmlns:dc=\"http://purl.org/dc/elements/1.1/\">{url}</dc:identifier></record>"
    )));
    assert!(parse_record(Format::QualifiedDublinCore, &qdc).is_ok());
}

#[test]
fn adds_nothing_where_there_is_nothing_to_show() {
    for (format, text) in [(Format::Marc21, MARC), (Format::DublinCore, DC), (Format::Mods, MODS)] {
        assert_eq!(add_availability(format, text, &[]).unwrap(), text);
    }
}
