//! Records in the formats that discovery asks for, with what is added; never a value that the record does not have.
#![allow(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise")]

use vitrine_domain::coded::Coded;
use vitrine_domain::publishing::profile::Rendition;
use vitrine_metadata::{Additions, Format, Link, parse_record, render, to_dublin_core};

const SOURCES: [(Format, &str); 4] = [
    (Format::Marc21, include_str!("fixtures/moby-dick.marc21.xml")),
    (Format::DublinCore, include_str!("fixtures/darwin.dc.xml")),
    (Format::QualifiedDublinCore, include_str!("fixtures/map.qdc.xml")),
    (Format::Mods, include_str!("fixtures/diary.mods.xml")),
];

fn additions(label: &str) -> Additions {
    Additions {
        mms_id: "991234567890100101".into(),
        links: vec![Link {
            url: Some("https://library.example/view/delivery/V/121?a=1&b=2".into()),
            thumbnail: Some("https://library.example/view/delivery/thumbnail/V/121".into()),
            label: Some(label.into()),
            access: Some("Open access"),
        }],
        dc_element: "identifier".into(),
        marc_tag: "856".into(),
        ..Additions::default()
    }
}

fn read_as(format: Rendition) -> Format {
    match format {
        Rendition::OaiDc => Format::DublinCore,
        Rendition::OaiQdc => Format::QualifiedDublinCore,
        Rendition::Marc21 => Format::Marc21,
        Rendition::Mods => Format::Mods,
    }
}

/// Punctuation between the parts of a title is each format's own.
fn words(title: &str) -> Vec<&str> {
    title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

#[test]
fn every_record_can_be_had_in_every_format_and_is_a_record_of_that_format() {
    for (format, source) in SOURCES {
        let title = parse_record(format, source).unwrap().index.title;
        for wanted in Rendition::ALL {
            let made = render(format, source, *wanted, &additions("Scans <&> \"notes\"")).unwrap();
            let read = parse_record(read_as(*wanted), &made.xml);
            let read = read.unwrap_or_else(|errors| panic!("{format} as {wanted}: {errors}\n{}", made.xml));
            assert_eq!(words(&read.index.title), words(&title), "{format} as {wanted}");
            let found = to_dublin_core(&read);
            let value = "https://library.example/view/delivery/V/121?a=1&b=2";
            assert!(found.values("identifier").any(|one| one == value), "{format} as {wanted}: {}", made.xml);
            for part in ["Scans &lt;&amp;&gt; ", "Open access", "/thumbnail/V/121"] {
                assert!(made.xml.contains(part), "{part}: {format} as {wanted}: {}", made.xml);
            }
        }
    }
}

#[test]
fn s13_what_changes_with_every_save_is_not_looked_at() {
    let (_, marc) = SOURCES[0];
    let render_marc =
        |source: &str| render(Format::Marc21, source, Rendition::Marc21, &additions("a")).unwrap();
    let before = render_marc(marc);
    let stamp = before.xml.split("tag=\"005\">").nth(1).and_then(|rest| rest.split('<').next());
    let saved = match stamp {
        Some(stamp) => marc.replace(stamp, "20991231235959.0"),
        None => marc.replacen(
            "<datafield",
            "<controlfield tag=\"005\">20991231235959.0</controlfield><datafield",
            1,
        ),
    };
    let after = render_marc(&saved);
    assert_ne!(after.xml, before.xml);
    assert_eq!(after.stable, before.stable);
    assert_ne!(render_marc(&marc.replace("Melville", "Mellville")).stable, before.stable);
}

#[test]
fn the_titles_id_becomes_the_control_number_and_the_old_one_is_kept() {
    let source = "<record><leader>01142cam a2200301 a 4500</leader><controlfield tag=\"001\">ocm1</controlfield>\
                  <controlfield tag=\"003\">OCoLC</controlfield><datafield tag=\"245\" ind1=\"0\" ind2=\"0\">\
                  <subfield code=\"a\">T</subfield></datafield><datafield tag=\"AVD\" ind1=\" \" ind2=\" \">\
                  <subfield code=\"a\">forged</subfield></datafield></record>";
    let made = render(
        Format::Marc21,
        source,
        Rendition::Marc21,
        &Additions { mms_id: "991".into(), ..Default::default() },
    );
    let xml = made.unwrap().xml;
    assert!(xml.contains("<controlfield tag=\"001\">991</controlfield>"), "{xml}");
    assert!(xml.contains("<subfield code=\"a\">(OCoLC)ocm1</subfield>"), "{xml}");
    assert!(!xml.contains("forged"), "{xml}");
}
