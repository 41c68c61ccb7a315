//! Hostile and broken input: a clear problem, bounded work, never a panic. Source: reliability.md B25.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may stop at the first surprise"
)]

use proptest::prelude::*;
use vitrine_domain::coded::Coded;
use vitrine_metadata::{
    Availability, Format, ProblemKind, add_availability, extract_record, limits, merge, parse_bytes,
    parse_record, to_dublin_core,
};

const FIXTURES: [(Format, &str); 5] = [
    (Format::Marc21, include_str!("fixtures/moby-dick.marc21.xml")),
    (Format::Marc21, include_str!("fixtures/odyssey.prefixed.marc21.xml")),
    (Format::DublinCore, include_str!("fixtures/darwin.dc.xml")),
    (Format::QualifiedDublinCore, include_str!("fixtures/map.qdc.xml")),
    (Format::Mods, include_str!("fixtures/diary.mods.xml")),
];

fn dc(body: &str) -> String {
    format!(r#"<record xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{body}</dc:title></record>"#)
}

fn check(text: &str, kind: ProblemKind) {
    for format in Format::ALL.iter().copied() {
        let errors = parse_record(format, text).unwrap_err();
        assert_eq!(errors.problems[0].kind, kind, "{errors}");
        assert!(errors.to_string().len() < 20_000);
    }
}

#[test]
fn refuses_document_types_wherever_they_stand() {
    let laughs: String =
        (1..10).map(|i| format!("<!ENTITY l{i} \"{}\">", format!("&l{};", i - 1).repeat(10))).collect();
    check(&format!("<!DOCTYPE r [<!ENTITY l0 \"ha\">{laughs}]>{}", dc("&l9;")), ProblemKind::DtdRefused);
    check(
        &format!("<?xml version='1.0'?>\n<!DOCTYPE r SYSTEM \"http://127.0.0.1:9/x.dtd\">{}", dc("x")),
        ProblemKind::DtdRefused,
    );
    check("<!DOCTYPE r [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]><r/>", ProblemKind::DtdRefused);
    check("<record><!DOCTYPE r></record>", ProblemKind::DtdRefused);
}

#[test]
fn refuses_entities_beyond_the_five() {
    for name in ["nbsp", "xxe", "eacute", "#0", "#x1F", "#xFFFF", "#55296", "#99999999999"] {
        check(&dc(&format!("&{name};")), ProblemKind::EntityRefused);
        check(&format!("<record a=\"&{name};\"/>"), ProblemKind::EntityRefused);
    }
    let record = parse_record(Format::DublinCore, &dc("&lt;&#66;&amp;&#x43;&gt;&quot;&apos;")).unwrap();
    assert_eq!(record.index.title, "<B&C>\"'");
}

#[test]
fn refuses_characters_that_xml_forbids() {
    for c in ['\0', '\u{1}', '\u{8}', '\u{B}', '\u{1F}', '\u{FFFE}', '\u{FFFF}'] {
        check(&dc(&format!("a{c}b")), ProblemKind::IllegalCharacter);
    }
}

#[test]
fn refuses_what_is_not_well_formed() {
    for text in [
        "",
        " ",
        "x",
        "<",
        "<>",
        "</a>",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a b/>",
        "<a b=c/>",
        "<a b='1'c='2'/>",
        "<a b='1' b='2'/>",
        "<a b='<'/>",
        "<a>&</a>",
        "<a>&amp</a>",
        "<a>]]></a>",
        "<a><!-- -- --></a>",
        "<1a/>",
        "<a:b:c/>",
        "<a><?xml version='1.0'?></a>",
        "<a b='1/>",
        "<a><![CDATA[x</a>",
        "<a xmlns:b=''/>",
        "<a xmlns:xml='urn:x'/>",
        "<a xmlns:xmlns='urn:x'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns:p='u' xmlns:q='u' p:x='1' q:x='2'/>",
        "<a><??></a>",
        "<![CDATA[x]]>",
        "&amp;",
    ] {
        check(text, ProblemKind::NotWellFormed);
    }
}

#[test]
fn bounds_attributes_depth_elements_text_and_size() {
    let attributes: String = (0..100_000).map(|i| format!(" a{i}='1'")).collect();
    check(&format!("<record{attributes}/>"), ProblemKind::LimitExceeded);
    let namespaces: String = (0..120).map(|i| format!(" xmlns:n{i}='urn:{i}'")).collect();
    check(&format!("<record{namespaces}><a{namespaces}/></record>"), ProblemKind::LimitExceeded);
    check(&format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000)), ProblemKind::LimitExceeded);
    check(&format!("<record>{}</record>", "<a/>".repeat(limits::MAX_ELEMENTS)), ProblemKind::LimitExceeded);
    check(&dc(&"x".repeat(limits::MAX_TEXT_BYTES + 1)), ProblemKind::LimitExceeded);
    check(&dc(&"&amp;".repeat(limits::MAX_TEXT_BYTES + 1)), ProblemKind::LimitExceeded);
    check(&" ".repeat(limits::MAX_RECORD_BYTES + 1), ProblemKind::LimitExceeded);
    let bytes = vec![b' '; 2 * limits::MAX_RECORD_BYTES + 1];
    assert!(parse_bytes(Format::Mods, &bytes).unwrap_err().has(ProblemKind::LimitExceeded));
}

#[test]
fn an_index_stays_small_whatever_the_record_holds() {
    let body = format!("<dc:subject>{}</dc:subject>", "語".repeat(5000));
    let many: String = (0..500).map(|i| body.replace("語語", &format!("{i}"))).collect();
    let text = dc("t").replace("</record>", &format!("{many}</record>"));
    let record = parse_record(Format::DublinCore, &text).unwrap();
    assert!(serde_json::to_string(&record.index).unwrap().len() < 200_000);
}

#[test]
fn a_long_list_of_problems_is_cut_and_counted() {
    let text = format!("<record>{}</record>", "<x/>".repeat(10_000));
    let errors = parse_record(Format::Marc21, &text).unwrap_err();
    assert_eq!(errors.problems.len(), limits::MAX_PROBLEMS);
    assert!(errors.not_listed > 9_000);
}

/// A change to some bytes of a valid record.
#[derive(Debug, Clone)]
enum Mutation {
    Set(usize, u8),
    Delete(usize, usize),
    Insert(usize, Vec<u8>),
    Copy(usize, usize, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = 0..6000_usize;
    let piece = prop_oneof![
        Just(b"<".to_vec()),
        Just(b">".to_vec()),
        Just(b"&".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"]]>".to_vec()),
        Just(b"<!--".to_vec()),
        Just(b"<![CDATA[".to_vec()),
        Just(b"<?x".to_vec()),
        Just(b"xmlns=\"\"".to_vec()),
        Just(b"\xEF\xBF\xBE".to_vec()),
        Just("é語".as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop_oneof![
        (place.clone(), any::<u8>()).prop_map(|(at, b)| Mutation::Set(at, b)),
        (place.clone(), 1..40_usize).prop_map(|(at, n)| Mutation::Delete(at, n)),
        (place.clone(), piece).prop_map(|(at, p)| Mutation::Insert(at, p)),
        (place.clone(), 1..200_usize, place).prop_map(|(from, n, to)| Mutation::Copy(from, n, to)),
    ]
}

fn mutate(text: &str, mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for m in mutations {
        let len = bytes.len();
        if len == 0 {
            break;
        }
        match m {
            Mutation::Set(at, b) => bytes[at % len] = *b,
            Mutation::Delete(at, n) => drop(bytes.drain(at % len..(at % len + n).min(len))),
            Mutation::Insert(at, piece) => drop(bytes.splice(at % len..at % len, piece.iter().copied())),
            Mutation::Copy(from, n, to) => {
                let piece = bytes[from % len..(from % len + n).min(len)].to_vec();
                drop(bytes.splice(to % len..to % len, piece));
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn mutated_records_never_panic_and_accepted_ones_stay_accepted(
        which in 0..FIXTURES.len(),
        mutations in prop::collection::vec(mutation(), 1..6),
    ) {
        let (format, text) = FIXTURES[which];
        let bytes = mutate(text, &mutations);
        let lossy = String::from_utf8_lossy(&bytes).into_owned();
        let _ = extract_record(&lossy);
        if let Ok(record) = parse_bytes(format, &bytes) {
            prop_assert_eq!(&parse_record(format, &record.source).unwrap(), &record);
            let mapped = to_dublin_core(&record);
            let written = mapped.to_oai_dc();
            let again = parse_record(Format::DublinCore, &written).unwrap();
            prop_assert_eq!(to_dublin_core(&again), mapped);
            let shown = add_availability(format, &record.source, &[Availability { delivery_url: "u:1".into(), ..Default::default() }]).unwrap();
            prop_assert!(parse_record(format, &shown).is_ok());
            let merged = merge(format, &record.source, &record.source).unwrap();
            prop_assert_eq!(parse_record(format, &merged).unwrap().index.sort_title, record.index.sort_title);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in Format::ALL.iter().copied() {
            let _ = parse_bytes(format, &bytes);
        }
    }

    #[test]
    fn any_text_survives_a_round_trip_through_a_title(text in "[^\\p{C}]{1,80}") {
        let mut mapped = vitrine_metadata::DublinCore::default();
        mapped.statements.push(vitrine_metadata::DcStatement { element: "title", value: text.clone(), language: None });
        let expected = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match parse_record(Format::DublinCore, &mapped.to_oai_dc()) {
            Ok(record) => prop_assert_eq!(record.index.title, expected),
            Err(_) => prop_assert!(expected.is_empty()),
        }
    }
}
