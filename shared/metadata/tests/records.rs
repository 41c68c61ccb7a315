//! Whole records through the public API: kept byte for byte, indexed, refused with every reason.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests may stop at the first surprise"
)]

use vitrine_metadata::{
    Format, ProblemKind, RecordErrors, Scheme, extract_record, parse_bytes, parse_record,
};

const MOBY: &str = include_str!("fixtures/moby-dick.marc21.xml");
const ODYSSEY: &str = include_str!("fixtures/odyssey.prefixed.marc21.xml");
const DARWIN: &str = include_str!("fixtures/darwin.dc.xml");
const MAP: &str = include_str!("fixtures/map.qdc.xml");
const DIARY: &str = include_str!("fixtures/diary.mods.xml");
const FIXTURES: [(Format, &str); 5] = [
    (Format::Marc21, MOBY),
    (Format::Marc21, ODYSSEY),
    (Format::DublinCore, DARWIN),
    (Format::QualifiedDublinCore, MAP),
    (Format::Mods, DIARY),
];

fn marc(fields: &str) -> String {
    format!("<record><leader>00000nam a2200000 a 4500</leader>{fields}</record>")
}

fn title(indicator: char, text: &str) -> String {
    format!(
        r#"<datafield tag="245" ind1="1" ind2="{indicator}"><subfield code="a">{text}</subfield></datafield>"#
    )
}

fn refused(format: Format, text: &str) -> RecordErrors {
    match parse_record(format, text) {
        Ok(record) => panic!("accepted: {record:?}"),
        Err(errors) => errors,
    }
}

fn check_refused(format: Format, text: &str, kind: ProblemKind, part: &str) {
    let errors = refused(format, text);
    assert!(errors.has(kind), "{kind:?} not in {errors}");
    assert!(errors.to_string().contains(part), "`{part}` not in: {errors}");
}

#[test]
fn keeps_the_exact_bytes_of_every_fixture() {
    for (format, text) in FIXTURES {
        let record = parse_record(format, text).unwrap();
        if text == ODYSSEY {
            continue;
        }
        assert!(text.contains(&record.source));
        assert!(text.trim_end().ends_with(&record.source));
    }
}

#[test]
fn parses_its_own_source_to_the_same_record() {
    for (format, text) in FIXTURES {
        let once = parse_record(format, text).unwrap();
        let twice = parse_record(format, &once.source).unwrap();
        assert_eq!(once, twice);
    }
}

#[test]
fn indexes_every_format() {
    for (format, text) in FIXTURES {
        let record = parse_record(format, text).unwrap();
        let name =
            format!("index_{}_{}", format, record.index.sort_title.split(' ').next().unwrap_or("none"));
        insta::assert_json_snapshot!(name, record.index);
    }
}

#[test]
fn carries_an_outer_namespace_onto_a_record_that_is_cut_out() {
    let record = parse_record(Format::Marc21, ODYSSEY).unwrap();
    assert!(record.source.starts_with(r#"<ns0:record xmlns:ns0="http://www.loc.gov/MARC21/slim">"#));
    assert_eq!(record.index.sort_title, "odyssey of homer");
}

#[test]
fn skips_as_many_characters_as_the_indicator_says() {
    for (indicator, text, expected) in
        [('4', "The Whale", "whale"), ('0', "The Whale", "the whale"), ('2', "L'été", "ete"), ('9', "A", "a")]
    {
        let record = parse_record(Format::Marc21, &marc(&title(indicator, text))).unwrap();
        assert_eq!(record.index.sort_title, expected);
        assert_eq!(record.index.title, text);
    }
}

#[test]
fn tells_every_problem_of_a_marc_record_with_its_place() {
    let text = "<record>\n<leader>short</leader>\n<datafield tag=\"24\" ind1=\" \" ind2=\" \"><subfield code=\"a\">x</subfield></datafield>\n\
                <datafield tag=\"300\" ind1=\"!\" ind2=\" \"><subfield code=\"ab\">x</subfield></datafield>\n\
                <datafield tag=\"500\" ind1=\" \"></datafield>\n<other/></record>";
    let errors = refused(Format::Marc21, text);
    let lines: Vec<(u32, &str)> = errors.problems.iter().map(|p| (p.line, p.field.as_str())).collect();
    assert_eq!(
        lines,
        [(1, "245$a"), (2, "leader"), (3, "24"), (4, "300"), (4, "300"), (5, "500"), (5, "500"), (6, "")],
        "{errors}"
    );
}

#[test]
fn refuses_records_without_the_title_that_their_format_demands() {
    check_refused(Format::Marc21, &marc(""), ProblemKind::MissingTitle, "245$a");
    check_refused(Format::Marc21, &marc(&title('0', " / ")), ProblemKind::MissingTitle, "245$a");
    let dc = |body: &str| format!(r#"<record xmlns:dc="http://purl.org/dc/elements/1.1/">{body}</record>"#);
    check_refused(Format::DublinCore, &dc("<dc:date>1</dc:date>"), ProblemKind::MissingTitle, "dc:title");
    check_refused(
        Format::QualifiedDublinCore,
        &dc("<dc:title> </dc:title>"),
        ProblemKind::MissingTitle,
        "dc:title",
    );
    let mods = r#"<mods xmlns="http://www.loc.gov/mods/v3"><titleInfo type="uniform"><title>x</title></titleInfo></mods>"#;
    check_refused(Format::Mods, mods, ProblemKind::MissingTitle, "titleInfo/title");
}

#[test]
fn refuses_wrong_roots_and_namespaces() {
    check_refused(Format::Marc21, "<bib/>", ProblemKind::WrongRoot, "`bib`");
    check_refused(Format::Marc21, r#"<record xmlns="urn:x"/>"#, ProblemKind::UnknownNamespace, "urn:x");
    check_refused(Format::Mods, "<mods/>", ProblemKind::UnknownNamespace, "no namespace");
    check_refused(Format::Mods, MOBY, ProblemKind::WrongRoot, "mods");
    check_refused(Format::Marc21, "<ns0:record/>", ProblemKind::UndeclaredPrefix, "ns0");
    let stray = r#"<record xmlns:ns0="http://purl.org/dc/elements/1.1"><ns0:title>x</ns0:title></record>"#;
    check_refused(Format::QualifiedDublinCore, stray, ProblemKind::UnknownNamespace, "elements/1.1");
    let bare = r#"<record><title>x</title></record>"#;
    check_refused(Format::DublinCore, bare, ProblemKind::UnknownNamespace, "no namespace");
    let mixed = r#"<record xmlns:m="http://www.loc.gov/MARC21/slim"><m:leader>00000nam a2200000 a 4500</m:leader></record>"#;
    check_refused(Format::Marc21, mixed, ProblemKind::UnknownNamespace, "m:leader");
}

#[test]
fn takes_a_stray_prefix_that_is_bound_to_the_right_namespace() {
    let text = r#"<record xmlns:ns0="http://purl.org/dc/elements/1.1/"><ns0:title>x</ns0:title></record>"#;
    assert_eq!(parse_record(Format::DublinCore, text).unwrap().index.title, "x");
}

#[test]
fn sends_qualified_elements_to_the_qualified_format() {
    check_refused(Format::DublinCore, MAP, ProblemKind::InvalidField, "use format qdc");
}

#[test]
fn refuses_two_records_and_none() {
    let one = marc(&title('0', "x"));
    let two = format!("<collection>{one}{one}</collection>");
    check_refused(Format::Marc21, &two, ProblemKind::SeveralRecords, "2 records");
    check_refused(Format::Marc21, &format!("{one}{one}"), ProblemKind::NotWellFormed, "second root");
    check_refused(Format::Marc21, "<collection/>", ProblemKind::NoRecord, "no record");
    check_refused(Format::Marc21, " ", ProblemKind::NotWellFormed, "no element");
}

#[test]
fn reads_every_encoding_with_a_byte_order_mark() {
    let plain = parse_record(Format::DublinCore, DARWIN).unwrap();
    let with_bom = [b"\xEF\xBB\xBF", DARWIN.as_bytes()].concat();
    assert_eq!(parse_bytes(Format::DublinCore, &with_bom).unwrap(), plain);
    let utf16 = DARWIN.replace("UTF-8", "UTF-16");
    let little: Vec<u8> =
        "\u{FEFF}".encode_utf16().chain(utf16.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> =
        "\u{FEFF}".encode_utf16().chain(utf16.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    assert_eq!(parse_bytes(Format::DublinCore, &little).unwrap(), plain);
    assert_eq!(parse_bytes(Format::DublinCore, &big).unwrap(), plain);
}

#[test]
fn refuses_bytes_that_are_not_what_they_claim() {
    let check = |bytes: &[u8], part: &str| {
        let errors = parse_bytes(Format::DublinCore, bytes).unwrap_err();
        assert!(errors.has(ProblemKind::Encoding) && errors.to_string().contains(part), "{errors}");
    };
    check(DARWIN.replace("UTF-8", "ISO-8859-1").as_bytes(), "iso-8859-1");
    let latin: Vec<u8> = b"<?xml version='1.0' encoding='ISO-8859-1'?><record>\n\xE9</record>".to_vec();
    check(&latin, "iso-8859-1");
    check(b"<record>\n\xC0\xAF</record>", "0xC0 is not UTF-8");
    check(b"\xFF\xFE\0\xD8<\0", "surrogate");
    check(b"\xFF\xFE<", "ends within");
    check(b"<\0r\0", "byte order mark");
}

#[test]
fn takes_the_record_out_of_the_vendors_envelope() {
    let text = include_str!("fixtures/envelope.marc21.xml");
    let out = extract_record(text).unwrap();
    assert_eq!(out.format, Some(Format::Marc21));
    assert_eq!(out.suppress_from_publishing, Some(true));
    assert_eq!(out.mms_id.as_deref(), Some("991011592218004641"));
    assert_eq!(
        (out.originating_system.as_deref(), out.originating_system_id.as_deref()),
        (Some("VITRINE"), None)
    );
    assert!(matches!(out.record, std::borrow::Cow::Borrowed(_)) && text.contains(out.record.as_ref()));
    let record = parse_record(Format::Marc21, &out.record).unwrap();
    assert_eq!(record.index.title, "Grimm's household tales");
    assert_eq!(record.index.identifiers_of(Scheme::ControlNumber).next(), Some("991011592218004641"));
}

#[test]
fn carries_only_the_declarations_that_the_record_uses() {
    let out = extract_record(include_str!("fixtures/envelope.outer-namespaces.dc.xml")).unwrap();
    assert_eq!(
        out.record,
        r#"<record xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Letters from the Levant</dc:title></record>"#
    );
    assert!(parse_record(Format::DublinCore, &out.record).is_ok());
}

#[test]
fn finds_mods_inside_the_vendors_record_element() {
    let out = extract_record(include_str!("fixtures/envelope.mods.xml")).unwrap();
    assert_eq!(parse_record(out.format.unwrap(), &out.record).unwrap().index.title, "Views of Prague");
}

#[test]
fn guesses_the_format_of_a_bare_record() {
    for (format, text) in FIXTURES {
        assert_eq!(extract_record(text).unwrap().format, Some(format));
    }
}

#[test]
fn refuses_envelopes_without_exactly_one_record() {
    let kind = |text: &str| extract_record(text).unwrap_err().problems[0].kind;
    assert_eq!(kind("<bib/>"), ProblemKind::NoRecord);
    assert_eq!(kind("<bib><record/><record/></bib>"), ProblemKind::SeveralRecords);
    assert_eq!(kind("<bib><record_format>unimarc</record_format><record/></bib>"), ProblemKind::InvalidField);
    assert_eq!(
        kind("<bib><suppress_from_publishing>maybe</suppress_from_publishing><record/></bib>"),
        ProblemKind::InvalidField
    );
}

#[test]
fn reads_the_vendors_anies_string_whatever_encoding_its_declaration_names() {
    let anies = format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{}", marc(&title('0', "x")));
    assert!(parse_record(Format::Marc21, &anies).is_ok());
}
