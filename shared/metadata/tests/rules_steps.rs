//! Conditions, steps and checks of import profiles, on records of every format.

#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

use proptest::prelude::*;
use vitrine_domain::import::rules::{Check, CheckRule, Condition, FieldName, Severity, Step};
use vitrine_metadata::rules::{CollectionWish, check, check_field_name, fulfils, normalise, values};
use vitrine_metadata::{Format, ProblemKind, parse_record};

const MARC: &str = r#"<record xmlns="http://www.loc.gov/MARC21/slim">
  <leader>00000nam a2200000 a 4500</leader>
  <controlfield tag="001">ocm123</controlfield>
  <controlfield tag="008">850101s1851    enk           000 1 eng d</controlfield>
  <datafield tag="245" ind1="1" ind2="0"><subfield code="a">Moby Dick :</subfield><subfield code="b">or, The whale &amp; more /</subfield><subfield code="c">Melville.</subfield></datafield>
  <datafield tag="260" ind1=" " ind2=" "><subfield code="a">London</subfield><subfield code="b">Bentley</subfield></datafield>
  <datafield tag="650" ind1=" " ind2="0"><subfield code="a">Whaling</subfield></datafield>
  <datafield tag="650" ind1=" " ind2="7"><subfield code="a">Sea stories</subfield><subfield code="2">fast</subfield></datafield>
  <datafield tag="856" ind1="4" ind2="0"><subfield code="u">a/1.tif</subfield></datafield>
  <datafield tag="856" ind1="4" ind2="2"><subfield code="z">no link</subfield></datafield>
</record>"#;

const DC: &str = r#"<record xmlns:dc="http://purl.org/dc/elements/1.1/">
  <dc:title xml:lang="en">Moby  Dick</dc:title>
  <dc:identifier>local:1</dc:identifier>
  <dc:identifier>urn:isbn:9780306406157</dc:identifier>
  <dc:date>1851</dc:date>
</record>"#;

const QDC: &str = r#"<record xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:own="http://example.org/own/">
  <dc:title>Moby Dick</dc:title>
  <dcterms:subject xsi:type="dcterms:LCSH">Whaling</dcterms:subject>
  <dcterms:subject>Ships</dcterms:subject>
  <own:shelf>A 1</own:shelf>
</record>"#;

const MODS: &str = r#"<mods xmlns="http://www.loc.gov/mods/v3">
  <titleInfo><title>Moby Dick</title></titleInfo>
  <titleInfo type="alternative"><title>The Whale</title></titleInfo>
  <name type="personal"><namePart>Melville</namePart></name>
  <originInfo><dateIssued>1851</dateIssued></originInfo>
  <subject><geographic>Pacific</geographic></subject>
  <identifier type="isbn">9780306406157</identifier>
  <identifier type="local">x 1</identifier>
  <location><url>a/1.tif</url></location>
</mods>"#;

const ALL: [(Format, &str); 4] = [
    (Format::Marc21, MARC),
    (Format::DublinCore, DC),
    (Format::QualifiedDublinCore, QDC),
    (Format::Mods, MODS),
];

fn field(name: &str) -> FieldName {
    FieldName(name.to_owned())
}

#[track_caller]
fn check_values(format: Format, source: &str, name: &str, expected: &[&str]) {
    assert_eq!(values(format, source, &field(name)).unwrap(), expected, "{name}");
}

#[test]
fn reads_fields_of_marc() {
    for (name, expected) in [
        ("LDR", &["00000nam a2200000 a 4500"] as &[&str]),
        ("001", &["ocm123"]),
        ("008", &["850101s1851    enk           000 1 eng d"]),
        ("003", &[]),
        ("245$a", &["Moby Dick :"]),
        ("245", &["Moby Dick : or, The whale & more / Melville."]),
        ("245 10$b", &["or, The whale & more /"]),
        ("24510$b", &["or, The whale & more /"]),
        ("245 00$b", &[]),
        ("650$a", &["Whaling", "Sea stories"]),
        ("650 #0$a", &["Whaling"]),
        ("650  0$a", &["Whaling"]),
        ("650#7$2", &["fast"]),
        ("856$u", &["a/1.tif"]),
    ] {
        check_values(Format::Marc21, MARC, name, expected);
    }
}

#[test]
fn reads_fields_of_dublin_core_and_mods() {
    for (format, source, name, expected) in [
        (Format::DublinCore, DC, "dc:title", &["Moby Dick"] as &[&str]),
        (Format::DublinCore, DC, "title", &["Moby Dick"]),
        (Format::DublinCore, DC, "dc:title[@xml:lang=en]", &["Moby Dick"]),
        (Format::DublinCore, DC, "dc:title[not(@xml:lang)]", &[]),
        (Format::DublinCore, DC, "dc:identifier", &["local:1", "urn:isbn:9780306406157"]),
        (Format::QualifiedDublinCore, QDC, "dcterms:subject", &["Whaling", "Ships"]),
        (Format::QualifiedDublinCore, QDC, "dcterms:subject.dcterms:LCSH", &["Whaling"]),
        (Format::QualifiedDublinCore, QDC, "dcterms:subject.LCSH", &["Whaling"]),
        (Format::QualifiedDublinCore, QDC, "dc:subject", &[]),
        (Format::QualifiedDublinCore, QDC, "own:shelf", &["A 1"]),
        (Format::Mods, MODS, "titleInfo/title", &["Moby Dick", "The Whale"]),
        (Format::Mods, MODS, "titleInfo[not(@type)]/title", &["Moby Dick"]),
        (Format::Mods, MODS, "titleInfo.alternative/title", &["The Whale"]),
        (Format::Mods, MODS, "identifier[@type=isbn]", &["9780306406157"]),
        (Format::Mods, MODS, "identifier[@type=\"local\"]", &["x 1"]),
        (Format::Mods, MODS, "location/url", &["a/1.tif"]),
        (Format::Mods, MODS, "name", &["Melville"]),
    ] {
        check_values(format, source, name, expected);
    }
}

#[test]
fn refuses_fields_that_the_format_does_not_have() {
    for (format, names) in [
        (
            Format::Marc21,
            &["", "24", "2455", "245$", "245$ab", "000", "245 1$a", "dc:title", "245 1A$a"] as &[&str],
        ),
        (
            Format::DublinCore,
            &["245$a", "dc:titel", "dcterms:issued", "dc:subject.dcterms:LCSH", "own:shelf"],
        ),
        (
            Format::QualifiedDublinCore,
            &["dcterms:nothing", "dcterms:subject.", "dc:", ":title", "dc:title[x]"],
        ),
        (
            Format::Mods,
            &["title", "titleInfo/titel", "titleInfo//title", "identifier[type=isbn]", "/note", "a/b/c"],
        ),
    ] {
        for name in names {
            assert!(check_field_name(format, &field(name)).is_err(), "{format} {name}");
            assert!(values(format, ALL.iter().find(|(f, _)| *f == format).unwrap().1, &field(name)).is_err());
        }
    }
}

#[test]
fn keeps_records_that_fulfil_every_condition() {
    let present = |name: &str| Condition::Present { field: field(name) };
    let absent = |name: &str| Condition::Absent { field: field(name) };
    let matches = |name: &str, p: &str| Condition::Matches { field: field(name), pattern: p.to_owned() };
    let not = |name: &str, p: &str| Condition::MatchesNot { field: field(name), pattern: p.to_owned() };
    for (format, conditions, expected) in [
        (Format::Marc21, vec![], true),
        (Format::Marc21, vec![present("245$a"), absent("100")], true),
        (Format::Marc21, vec![present("245$a"), present("100")], false),
        (Format::Marc21, vec![matches("LDR", "??????am*")], true),
        (Format::Marc21, vec![matches("008", "??????s18*")], true),
        (Format::Marc21, vec![matches("650$a", "Sea*"), not("650$a", "*Maps*")], true),
        (Format::Marc21, vec![not("650$a", "Whal*")], false),
        (Format::DublinCore, vec![matches("dc:date", "18??"), absent("dc:rights")], true),
        (Format::QualifiedDublinCore, vec![matches("dcterms:subject.dcterms:LCSH", "Ships")], false),
        (Format::Mods, vec![matches("identifier.isbn", "978*"), not("note", "*")], true),
    ] {
        let source = ALL.iter().find(|(f, _)| *f == format).unwrap().1;
        assert_eq!(fulfils(format, source, &conditions).unwrap(), expected, "{conditions:?}");
    }
}

fn drop(name: &str) -> Step {
    Step::Drop { field: field(name), pattern: None }
}
fn drop_matching(name: &str, pattern: &str) -> Step {
    Step::Drop { field: field(name), pattern: Some(pattern.to_owned()) }
}
fn set(name: &str, value: &str) -> Step {
    Step::Set { field: field(name), value: value.to_owned() }
}
fn add(name: &str, value: &str) -> Step {
    Step::Add { field: field(name), value: value.to_owned() }
}
fn copy(from: &str, to: &str) -> Step {
    Step::Copy { from: field(from), to: field(to) }
}
fn rename(from: &str, to: &str) -> Step {
    Step::Rename { from: field(from), to: field(to) }
}
fn replace(name: &str, find: &str, with: &str) -> Step {
    Step::Replace { field: field(name), find: find.to_owned(), with: with.to_owned() }
}

/// Checks that the steps turn each `before` of the record into its `after` and leave every other byte.
#[track_caller]
fn check_steps(format: Format, steps: &[Step], edits: &[(&str, &str)]) {
    let source = ALL.iter().find(|(f, _)| *f == format).unwrap().1;
    let mut expected = source.to_owned();
    for (before, after) in edits {
        assert_eq!(expected.matches(before).count(), 1, "{before}");
        expected = expected.replace(before, after);
    }
    let normalised = normalise(format, source, steps).unwrap();
    assert_eq!(normalised.source, expected);
}

#[test]
fn drops_marc_fields_and_empties_none() {
    let m = Format::Marc21;
    check_steps(
        m,
        &[drop("650")],
        &[
            (
                "\n  <datafield tag=\"650\" ind1=\" \" ind2=\"0\"><subfield code=\"a\">Whaling</subfield></datafield>",
                "",
            ),
            (
                "\n  <datafield tag=\"650\" ind1=\" \" ind2=\"7\"><subfield code=\"a\">Sea stories</subfield><subfield code=\"2\">fast</subfield></datafield>",
                "",
            ),
        ],
    );
    check_steps(
        m,
        &[drop("650$a")],
        &[
            (
                "\n  <datafield tag=\"650\" ind1=\" \" ind2=\"0\"><subfield code=\"a\">Whaling</subfield></datafield>",
                "",
            ),
            ("<subfield code=\"a\">Sea stories</subfield>", ""),
        ],
    );
    check_steps(
        m,
        &[drop_matching("650", "Sea*")],
        &[(
            "\n  <datafield tag=\"650\" ind1=\" \" ind2=\"7\"><subfield code=\"a\">Sea stories</subfield><subfield code=\"2\">fast</subfield></datafield>",
            "",
        )],
    );
    check_steps(
        m,
        &[drop("001"), drop("999"), drop("245$z")],
        &[("\n  <controlfield tag=\"001\">ocm123</controlfield>", "")],
    );
}

#[test]
fn sets_and_adds_marc_values() {
    let m = Format::Marc21;
    check_steps(m, &[set("245$a", "A <b> & c")], &[("Moby Dick :", "A &lt;b&gt; &amp; c")]);
    check_steps(m, &[set("245$a", "Moby Dick :"), add("650$a", "Whaling")], &[]);
    check_steps(
        m,
        &[set("650$a", "Maps")],
        &[("Whaling", "Maps"), ("<subfield code=\"a\">Sea stories</subfield>", "")],
    );
    check_steps(
        m,
        &[set("003", "DE-1")],
        &[(
            "ocm123</controlfield>",
            "ocm123</controlfield>\n  <controlfield tag=\"003\">DE-1</controlfield>",
        )],
    );
    check_steps(m, &[set("001", "x")], &[("ocm123", "x")]);
    check_steps(
        m,
        &[add("650 #7$a", "Maps")],
        &[(
            "<subfield code=\"2\">fast</subfield></datafield>",
            "<subfield code=\"2\">fast</subfield></datafield>\n  <datafield tag=\"650\" ind1=\" \" ind2=\"7\"><subfield code=\"a\">Maps</subfield></datafield>",
        )],
    );
    // What completes a field goes into it, in its place by the letters.
    check_steps(
        m,
        &[add("856$u", "b.tif")],
        &[(
            "<subfield code=\"z\">no link",
            "<subfield code=\"u\">b.tif</subfield><subfield code=\"z\">no link",
        )],
    );
    check_steps(
        m,
        &[add("245$h", "[text]")],
        &[("Melville.</subfield>", "Melville.</subfield><subfield code=\"h\">[text]</subfield>")],
    );
    check_steps(
        m,
        &[add("500$a", "Note")],
        &[(
            "Bentley</subfield></datafield>",
            "Bentley</subfield></datafield>\n  <datafield tag=\"500\" ind1=\" \" ind2=\" \"><subfield code=\"a\">Note</subfield></datafield>",
        )],
    );
}

#[test]
fn copies_and_renames_marc_fields() {
    let m = Format::Marc21;
    check_steps(
        m,
        &[copy("001", "035$a")],
        &[(
            "eng d</controlfield>",
            "eng d</controlfield>\n  <datafield tag=\"035\" ind1=\" \" ind2=\" \"><subfield code=\"a\">ocm123</subfield></datafield>",
        )],
    );
    check_steps(
        m,
        &[rename("260", "264 #1")],
        &[("tag=\"260\" ind1=\" \" ind2=\" \"", "tag=\"264\" ind1=\" \" ind2=\"1\"")],
    );
    check_steps(m, &[rename("260$b", "260$f")], &[("code=\"b\">Bentley", "code=\"f\">Bentley")]);
    check_steps(
        m,
        &[copy("260$a", "264 #1$a"), copy("260$b", "264 #1$b")],
        &[(
            "Bentley</subfield></datafield>",
            "Bentley</subfield></datafield>\n  <datafield tag=\"264\" ind1=\" \" ind2=\"1\"><subfield code=\"a\">London</subfield><subfield code=\"b\">Bentley</subfield></datafield>",
        )],
    );
    check_steps(
        m,
        &[copy("260", "264")],
        &[(
            "Bentley</subfield></datafield>",
            "Bentley</subfield></datafield>\n  <datafield tag=\"264\" ind1=\" \" ind2=\" \"><subfield code=\"a\">London</subfield><subfield code=\"b\">Bentley</subfield></datafield>",
        )],
    );
    check_steps(
        m,
        &[rename("001", "003")],
        &[(
            "\n  <controlfield tag=\"001\">ocm123</controlfield>",
            "\n  <controlfield tag=\"003\">ocm123</controlfield>",
        )],
    );
    check_steps(
        m,
        &[rename("650 #7$a", "653$a")],
        &[(
            "<datafield tag=\"650\" ind1=\" \" ind2=\"7\"><subfield code=\"a\">Sea stories</subfield><subfield code=\"2\">fast</subfield></datafield>",
            "<datafield tag=\"650\" ind1=\" \" ind2=\"7\"><subfield code=\"2\">fast</subfield></datafield>\n  <datafield tag=\"653\" ind1=\" \" ind2=\" \"><subfield code=\"a\">Sea stories</subfield></datafield>",
        )],
    );
    check_steps(
        m,
        &[replace("856$u", "a/", "b&/"), replace("245", "whale", "Whale"), replace("650$a", "Whaling", "")],
        &[
            ("a/1.tif", "b&amp;/1.tif"),
            ("The whale", "The Whale"),
            (
                "\n  <datafield tag=\"650\" ind1=\" \" ind2=\"0\"><subfield code=\"a\">Whaling</subfield></datafield>",
                "",
            ),
        ],
    );
}

#[test]
fn changes_dublin_core() {
    let d = Format::DublinCore;
    check_steps(
        d,
        &[drop_matching("dc:identifier", "local:*")],
        &[("\n  <dc:identifier>local:1</dc:identifier>", "")],
    );
    check_steps(d, &[set("dc:date", "1852"), add("dc:date", "1852")], &[("1851", "1852")]);
    check_steps(
        d,
        &[add("dc:identifier", "x")],
        &[("6157</dc:identifier>", "6157</dc:identifier>\n  <dc:identifier>x</dc:identifier>")],
    );
    check_steps(
        d,
        &[add("dc:rights", "PD")],
        &[("1851</dc:date>", "1851</dc:date>\n  <dc:rights>PD</dc:rights>")],
    );
    check_steps(
        d,
        &[rename("dc:title", "dc:description"), copy("dc:description", "dc:title")],
        &[
            (
                "<dc:title xml:lang=\"en\">Moby  Dick</dc:title>",
                "<dc:description xml:lang=\"en\">Moby  Dick</dc:description>",
            ),
            ("1851</dc:date>", "1851</dc:date>\n  <dc:title>Moby Dick</dc:title>"),
        ],
    );

    let q = Format::QualifiedDublinCore;
    check_steps(
        q,
        &[rename("dc:title", "dcterms:title"), add("dc:title", "T")],
        &[
            ("<dc:title>Moby Dick</dc:title>", "<dcterms:title>Moby Dick</dcterms:title>"),
            ("A 1</own:shelf>", "A 1</own:shelf>\n  <dc:title>T</dc:title>"),
        ],
    );
    check_steps(
        q,
        &[rename("dcterms:subject", "dcterms:subject.dcterms:LCSH")],
        &[("<dcterms:subject>Ships", "<dcterms:subject xsi:type=\"dcterms:LCSH\">Ships")],
    );
    check_steps(
        q,
        &[rename("dcterms:subject.dcterms:LCSH", "dc:subject"), drop("own:shelf")],
        &[
            (
                "<dcterms:subject xsi:type=\"dcterms:LCSH\">Whaling</dcterms:subject>",
                "<dc:subject>Whaling</dc:subject>",
            ),
            ("\n  <own:shelf>A 1</own:shelf>", ""),
        ],
    );
    check_steps(
        q,
        &[rename("own:shelf", "dc:source")],
        &[("<own:shelf>A 1</own:shelf>", "<dc:source>A 1</dc:source>")],
    );
}

#[test]
fn declares_what_a_new_element_needs() {
    let bare = r#"<dc:record xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>T</dc:title></dc:record>"#;
    let q = Format::QualifiedDublinCore;
    let made = normalise(q, bare, &[add("dcterms:subject.dcterms:LCSH", "Whaling")]).unwrap();
    check_values(q, &made.source, "dcterms:subject.dcterms:LCSH", &["Whaling"]);
    let again = normalise(q, &made.source, &[add("dcterms:subject.dcterms:LCSH", "Whaling")]).unwrap();
    assert_eq!(again, made);
    // A default declaration serves elements, and prefixes where they differ.
    let unprefixed = r#"<m:mods xmlns:m="http://www.loc.gov/mods/v3"><m:titleInfo><m:title>T</m:title></m:titleInfo></m:mods>"#;
    let made = normalise(Format::Mods, unprefixed, &[add("originInfo/publisher", "P")]).unwrap();
    assert!(
        made.source
            .contains("</m:titleInfo><m:originInfo><m:publisher>P</m:publisher></m:originInfo></m:mods>")
    );
}

#[test]
fn changes_mods() {
    let m = Format::Mods;
    check_steps(
        m,
        &[drop("titleInfo.alternative/title")],
        &[("\n  <titleInfo type=\"alternative\"><title>The Whale</title></titleInfo>", "")],
    );
    check_steps(
        m,
        &[drop("subject"), drop("name/namePart")],
        &[
            ("\n  <subject><geographic>Pacific</geographic></subject>", ""),
            ("\n  <name type=\"personal\"><namePart>Melville</namePart></name>", ""),
        ],
    );
    check_steps(
        m,
        &[add("originInfo/publisher", "Bentley")],
        &[("1851</dateIssued>", "1851</dateIssued><publisher>Bentley</publisher>")],
    );
    check_steps(
        m,
        &[add("location/url", "b.tif")],
        &[(
            "<location><url>a/1.tif</url></location>",
            "<location><url>a/1.tif</url></location>\n  <location><url>b.tif</url></location>",
        )],
    );
    check_steps(
        m,
        &[add("subject/topic", "Whaling")],
        &[(
            "Pacific</geographic></subject>",
            "Pacific</geographic></subject>\n  <subject><topic>Whaling</topic></subject>",
        )],
    );
    check_steps(
        m,
        &[add("name/role/roleTerm[@type=text]", "author")],
        &[(
            "Melville</namePart>",
            "Melville</namePart><role><roleTerm type=\"text\">author</roleTerm></role>",
        )],
    );
    check_steps(m, &[set("identifier.local", "y")], &[("x 1", "y")]);
    check_steps(
        m,
        &[rename("identifier.local", "identifier[@type=oclc]")],
        &[("type=\"local\"", "type=\"oclc\"")],
    );
    check_steps(
        m,
        &[rename("originInfo/dateIssued", "originInfo/dateCreated")],
        &[("<dateIssued>1851</dateIssued>", "<dateCreated>1851</dateCreated>")],
    );
    check_steps(
        m,
        &[rename("name/namePart", "name/role/roleTerm")],
        &[(
            "<name type=\"personal\"><namePart>Melville</namePart></name>",
            "<name type=\"personal\"><role><roleTerm>Melville</roleTerm></role></name>",
        )],
    );
    check_steps(m, &[replace("location/url", "a/", "")], &[("a/1.tif", "1.tif")]);
}

#[test]
fn fills_elements_that_are_written_without_an_end_tag() {
    let source = r#"<record xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title /></record>"#;
    let made = normalise(Format::DublinCore, source, &[set("dc:title", "T")]).unwrap();
    assert_eq!(made.source, source.replace("<dc:title />", "<dc:title>T</dc:title>"));
    let made = normalise(Format::DublinCore, "<record/>", &[set("dc:title", "T")]).unwrap();
    check_values(Format::DublinCore, &made.source, "dc:title", &["T"]);
}

#[test]
fn names_collections_by_id_and_by_field() {
    let wish = |collection: Option<&str>, name: Option<&str>| Step::AddToCollection {
        collection: collection.map(|id| id.parse().unwrap()),
        field: name.map(field),
    };
    let steps = [
        wish(Some("8112345"), None),
        set("dc:source", "8112345"),
        wish(None, Some("dc:source")),
        set("dc:source", "Old books"),
        wish(None, Some("dc:source")),
        drop("dc:source"),
    ];
    let normalised = normalise(Format::DublinCore, DC, &steps).unwrap();
    assert_eq!(normalised.source, DC);
    assert_eq!(
        normalised.collections,
        [CollectionWish::Id("8112345".parse().unwrap()), CollectionWish::Name("Old books".to_owned()),]
    );
}

#[test]
fn says_that_the_steps_left_no_title() {
    let errors = normalise(Format::DublinCore, DC, &[drop("dc:title")]).unwrap_err();
    assert!(errors.has(ProblemKind::MissingTitle));
    assert!(errors.to_string().contains("after the steps"), "{errors}");
    // A record without a title may get one.
    let untitled = DC.replace("dc:title", "dc:description");
    assert!(normalise(Format::DublinCore, &untitled, &[]).is_err());
    assert!(normalise(Format::DublinCore, &untitled, &[copy("dc:description", "dc:title")]).is_ok());
}

#[test]
fn refuses_a_replacement_that_would_grow_without_bound() {
    let source = DC.replace("1851", &"a".repeat(100_000));
    let steps = vec![replace("dc:date", "a", &"a".repeat(1000)); 3];
    let errors = normalise(Format::DublinCore, &source, &steps).unwrap_err();
    assert!(errors.has(ProblemKind::LimitExceeded), "{errors}");
}

#[test]
fn finds_what_a_record_lacks() {
    let all = [
        (CheckRule::Required { field: field("dc:rights") }, Some("is required and missing")),
        (CheckRule::Required { field: field("dc:title") }, None),
        (
            CheckRule::Matches { field: field("dc:date"), pattern: "19??".into() },
            Some("`1851` does not match `19??`"),
        ),
        (CheckRule::Matches { field: field("dc:rights"), pattern: "x".into() }, None),
        (
            CheckRule::OneOf { field: field("dc:identifier"), values: vec!["x".into()] },
            Some("`local:1` is none of the 1 allowed values, and 1 more"),
        ),
        (
            CheckRule::AtMost { field: field("dc:identifier"), count: 1 },
            Some("occurs 2 times, at most 1 allowed"),
        ),
        (CheckRule::AtMost { field: field("dc:identifier"), count: 2 }, None),
        (
            CheckRule::MaxLength { field: field("dc:title"), characters: 8 },
            Some("`Moby Dick` has 9 characters, at most 8 allowed"),
        ),
        (CheckRule::MaxLength { field: field("dc:title"), characters: 9 }, None),
    ];
    for (rule, expected) in all {
        let checks = [Check { rule: rule.clone(), severity: Severity::Warning }];
        let found = check(Format::DublinCore, DC, &checks).unwrap();
        assert_eq!(found.first().map(|f| f.message.as_str()), expected, "{rule:?}");
        assert!(found.iter().all(|f| f.severity == Severity::Warning && f.field.starts_with("dc:")));
    }
}

#[test]
fn leaves_a_record_byte_for_byte_without_steps() {
    for (format, source) in ALL {
        assert_eq!(normalise(format, source, &[]).unwrap().source, source);
    }
}

/// Names of fields, most of them right, for each format.
fn any_field(format: Format) -> BoxedStrategy<FieldName> {
    let names: &'static [&'static str] = match format {
        Format::Marc21 => &[
            "LDR", "001", "007", "008", "245", "245$a", "245$h", "260", "650$a", "650 #7$a", "650", "856$u",
            "264 #1$b", "999$a",
        ],
        Format::DublinCore => {
            &["dc:title", "dc:identifier", "dc:date", "dc:rights", "title[@xml:lang=en]", "dc:subject"]
        }
        Format::QualifiedDublinCore => &[
            "dc:title",
            "dcterms:subject",
            "dcterms:subject.dcterms:LCSH",
            "own:shelf",
            "dcterms:issued",
            "dc:title.dcterms:URI",
        ],
        Format::Mods => &[
            "titleInfo/title",
            "titleInfo.alternative/title",
            "name",
            "name/namePart",
            "name/role/roleTerm",
            "originInfo/publisher",
            "originInfo/dateIssued",
            "identifier.isbn",
            "identifier",
            "subject/topic",
            "subject",
            "location/url",
            "note",
            "relatedItem/titleInfo/title",
        ],
    };
    prop_oneof![9 => prop::sample::select(names), 1 => prop::sample::select(&["", "x", "245$$", "a/b", "dc:x.y"][..])]
        .prop_map(field)
        .boxed()
}

fn any_step(format: Format) -> BoxedStrategy<Step> {
    let value = || {
        prop_oneof![
            "[a-c <&\"'>\\]]{0,6}",
            Just("Moby Dick".to_owned()),
            Just("1851".to_owned()),
            any::<String>()
        ]
    };
    let f = || any_field(format);
    prop_oneof![
        (f(), prop::option::of("[a-eMW*?]{0,3}")).prop_map(|(field, pattern)| Step::Drop { field, pattern }),
        (f(), value()).prop_map(|(field, value)| Step::Set { field, value }),
        (f(), value()).prop_map(|(field, value)| Step::Add { field, value }),
        (f(), f()).prop_map(|(from, to)| Step::Copy { from, to }),
        (f(), f()).prop_map(|(from, to)| Step::Rename { from, to }),
        (f(), "[a-e1<]{0,2}", value()).prop_map(|(field, find, with)| Step::Replace { field, find, with }),
        f().prop_map(|field| Step::AddToCollection { collection: None, field: Some(field) }),
    ]
    .boxed()
}

fn any_chain() -> impl Strategy<Value = (Format, &'static str, Vec<Step>)> {
    prop::sample::select(&ALL[..]).prop_flat_map(|(format, source)| {
        (Just(format), Just(source), prop::collection::vec(any_step(format), 1..8))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn ends_in_a_valid_record_or_a_clear_error((format, source, steps) in any_chain()) {
        match normalise(format, source, &steps) {
            Ok(normalised) => {
                let parsed = parse_record(format, &normalised.source).unwrap();
                prop_assert_eq!(parsed.source, normalised.source);
            }
            Err(errors) => {
                // Only a title or a leader that was changed, or a field that is none, may go wrong: never the XML.
                for problem in &errors.problems {
                    let field = matches!(problem.kind, ProblemKind::MissingTitle | ProblemKind::InvalidField);
                    prop_assert!(field, "{steps:?}: {errors}");
                }
            }
        }
    }

    #[test]
    fn a_value_that_was_set_is_the_only_one((format, source, _) in any_chain(), seed in any::<prop::sample::Index>(), value in "[a-c<&]{1,6}") {
        let names: &[&str] = match format {
            Format::Marc21 => &["245$a", "650$a", "650 #7$a", "999$a", "003"],
            Format::DublinCore => &["dc:title", "dc:identifier", "dc:rights"],
            Format::QualifiedDublinCore => &["dc:title", "dcterms:subject", "dcterms:subject.dcterms:LCSH", "dcterms:issued"],
            Format::Mods => &["titleInfo[not(@type)]/title", "name/namePart", "identifier", "note", "name/role/roleTerm"],
        };
        let name = names[seed.index(names.len())];
        let once = normalise(format, source, &[set(name, &value)]).unwrap().source;
        prop_assert_eq!(values(format, &once, &field(name)).unwrap(), [value.clone()]);
        prop_assert_eq!(&normalise(format, &once, &[set(name, &value), add(name, &value)]).unwrap().source, &once);
    }

    #[test]
    fn never_panics_on_any_name(name in any::<String>(), source in any::<String>()) {
        for (format, record) in ALL {
            let known = check_field_name(format, &field(&name)).is_ok();
            prop_assert_eq!(values(format, record, &field(&name)).is_ok(), known);
            let _ = normalise(format, &source, &[drop(&name)]);
        }
    }
}
