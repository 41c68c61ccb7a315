//! Collections of XML records: I5, I6, I7 of domain.md and B23, B25 of reliability.md.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may stop at the first surprise"
)]

use proptest::prelude::*;
use vitrine_domain::import::profile::SourceFormat;
use vitrine_metadata::rows::{Checkpoint, FileError, RowError, RowErrorCode, RowReader, SourceRow};
use vitrine_metadata::{Format, limits, parse_record};

type Rows = Vec<Result<SourceRow, RowError>>;

fn try_read(source: SourceFormat, bytes: &[u8]) -> (Rows, Result<(), FileError>) {
    let mut rows = Vec::new();
    let mut reader = RowReader::new(source, Format::DublinCore);
    let result = reader.push(bytes, &mut rows).and_then(|()| reader.finish(&mut rows));
    (rows, result)
}

fn read(source: SourceFormat, text: &str) -> Rows {
    let (rows, result) = try_read(source, text.as_bytes());
    result.unwrap();
    rows
}

fn title(row: &SourceRow) -> String {
    parse_record(row.format, row.record.as_deref().unwrap()).unwrap().index.title
}

fn outcomes(rows: &Rows) -> Vec<String> {
    rows.iter()
        .map(|row| match row {
            Ok(row) => title(row),
            Err(e) => format!("!{}", serde_json::to_value(e.code).unwrap().as_str().unwrap()),
        })
        .collect()
}

fn marc(title: &str, more: &str) -> String {
    format!(
        "<record><leader>00000cam a2200000 a 4500</leader><datafield tag=\"245\" ind1=\"0\" ind2=\"0\">\
         <subfield code=\"a\">{title}</subfield></datafield>{more}</record>"
    )
}

fn collection(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<collection xmlns=\"http://www.loc.gov/MARC21/slim\">\n{body}\n</collection>\n"
    )
}

fn dc(title: &str) -> String {
    format!("<record><dc:title>{title}</dc:title></record>")
}

fn dcs(body: &str) -> String {
    format!("<collection xmlns:dc=\"http://purl.org/dc/elements/1.1/\">{body}</collection>")
}

#[test]
fn i5_names_the_files_of_856_that_are_in_the_folder() {
    let location = |u: &str| {
        format!(
            "<datafield tag=\"856\" ind1=\"4\" ind2=\" \"><subfield code=\"u\">{u}</subfield><subfield code=\"y\">Scan</subfield></datafield>"
        )
    };
    let more = [" hi/1.tif ", "https://x.example/1", "hi/2.tif", "urn:nbn:1"].map(location).concat();
    let rows = read(SourceFormat::MarcXml, &collection(&(marc("A", &more) + &marc("B", ""))));
    let row = rows[0].as_ref().unwrap();
    let files: Vec<_> = row.files.iter().map(|f| (f.name.as_str(), f.label.as_deref())).collect();
    assert_eq!(files, [("hi/1.tif", Some("Scan")), ("hi/2.tif", Some("Scan"))]);
    assert_eq!((row.number, row.line, row.format), (1, 3, Format::Marc21));
    assert!(
        row.record.as_ref().unwrap().starts_with("<record xmlns=\"http://www.loc.gov/MARC21/slim\"><leader>")
    );
    assert_eq!(outcomes(&rows), ["A", "B"]);
    for bad in
        ["../x.tif", "/etc/passwd", "file:///etc/passwd", "s3://b/k", "a\\b", "%2e%2e/x", "a/&#x202E;x"]
    {
        let rows = read(SourceFormat::MarcXml, &collection(&(marc("A", &location(bad)) + &marc("B", ""))));
        assert_eq!(outcomes(&rows), ["!unsafe_file_name", "B"], "{bad}");
        assert_eq!(rows[0].as_ref().unwrap_err().column.as_deref(), Some("856$u"));
    }
}

#[test]
fn a_record_stays_byte_for_byte_and_stands_alone() {
    let record = "<m:record\n  id='1' ><!-- </m:record> --><m:leader>00000cam a2200000 a 4500</m:leader>\
        <m:datafield ind2='0' tag='245' ind1='0'><m:subfield code='a'><![CDATA[a </m:record> b]]></m:subfield></m:datafield></m:record >";
    let text = format!(
        "<m:collection xmlns:m='http://www.loc.gov/MARC21/slim' xmlns:x='urn:x'>\r\n{record}{record}</m:collection>"
    );
    let rows = read(SourceFormat::MarcXml, &text);
    assert_eq!(outcomes(&rows), ["a </m:record> b", "a </m:record> b"]);
    let expected = record.replacen("<m:record", "<m:record xmlns:m=\"http://www.loc.gov/MARC21/slim\"", 1);
    assert_eq!(rows[1].as_ref().unwrap().record.as_deref(), Some(expected.as_str()));
}

#[test]
fn i6_reads_dublin_core_of_any_prefix_and_wrapper() {
    let dc_ns = "http://purl.org/dc/elements/1.1/";
    for text in [
        dcs(&dc("A")),
        format!("<records xmlns:q='{dc_ns}'><record><q:title>A</q:title></record></records>"),
        format!("<record xmlns:ns1='{dc_ns}'><ns1:title>A</ns1:title></record>"),
        format!("<collection><!-- <record/> --><dc><title xmlns='{dc_ns}'>A</title></dc></collection>"),
        format!(
            "<OAI-PMH xmlns='http://www.openarchives.org/OAI/2.0/'><responseDate>x</responseDate><request verb='ListRecords'>u</request>\
             <ListRecords><record><header status='deleted'><identifier>x</identifier></header></record>\
             <record><header><identifier>y</identifier></header><metadata>\
             <o:dc xmlns:o='http://www.openarchives.org/OAI/2.0/oai_dc/' xmlns:d='{dc_ns}'><d:title>A</d:title></o:dc>\
             </metadata><about/></record><resumptionToken/></ListRecords></OAI-PMH>"
        ),
    ] {
        let rows = read(SourceFormat::DublinCore, &text);
        assert_eq!(outcomes(&rows), ["A"], "{text}");
        assert_eq!(rows[0].as_ref().unwrap().format, Format::DublinCore);
    }
    let text = format!(
        "<collection xmlns:dc='{dc_ns}' xmlns:t='http://purl.org/dc/terms/'>{}<record><dc:title>B</dc:title><t:created>1</t:created></record></collection>",
        dc("A")
    );
    let formats: Vec<_> =
        read(SourceFormat::DublinCore, &text).into_iter().map(|r| r.unwrap().format).collect();
    assert_eq!(formats, [Format::DublinCore, Format::QualifiedDublinCore]);
}

#[test]
fn i7_reads_mods_alone_and_in_collections() {
    let one = include_str!("fixtures/diary.mods.xml");
    let rows = read(SourceFormat::Mods, one);
    assert_eq!(rows.len(), 1);
    let record = "<mods><titleInfo><title>A</title></titleInfo></mods>";
    let text =
        format!("<modsCollection xmlns='http://www.loc.gov/mods/v3'>{record}{record}</modsCollection>");
    assert_eq!(outcomes(&read(SourceFormat::Mods, &text)), ["A", "A"]);
    assert_eq!(read(SourceFormat::Mods, "<modsCollection xmlns='http://www.loc.gov/mods/v3'/>"), []);
}

#[test]
fn a_broken_record_loses_no_other() {
    let good = dc("A");
    for (bad, code) in [
        ("<record><dc:title>x</record>", "not_well_formed"),
        ("<record><dc:title>x</dc:title>", "not_well_formed"),
        ("<record><dc:title a='>x</dc:title></record>", "not_well_formed"),
        ("<record><dc:title>&nbsp;</dc:title></record>", "entity_refused"),
        ("<record><dc:title>x</dc:title><dc:titel>x</dc:titel></record>", "invalid_field"),
        ("<record><dc:date>1</dc:date></record>", "missing_title"),
        ("<record><x:title>x</x:title></record>", "undeclared_prefix"),
        ("<record><!-- x</record>", "not_well_formed"),
        ("<record><![CDATA[x</record>", "not_well_formed"),
        ("<record><!DOCTYPE x></record>", "dtd_refused"),
        ("<recrod><dc:title>x</dc:title></recrod>", "wrong_root"),
        ("<record/>", "missing_title"),
        ("<record a='1' a='2'><dc:title>x</dc:title></record>", "not_well_formed"),
    ] {
        let rows =
            read(SourceFormat::DublinCore, &dcs(&[&good, bad, &good, &good].map(|s: &str| s).concat()));
        assert_eq!(outcomes(&rows), ["A", &format!("!{code}"), "A", "A"], "{bad}");
        let error = rows[1].as_ref().unwrap_err();
        assert_eq!(error.number, 2);
    }
    let mut bytes =
        dcs(&[good.as_str(), "<record>\n<dc:title>\u{e9}</dc:title></record>", &good].concat()).into_bytes();
    let at = bytes.iter().position(|b| *b == 0xC3).unwrap();
    bytes.remove(at);
    let (rows, result) = try_read(SourceFormat::DublinCore, &bytes);
    assert_eq!((outcomes(&rows), result), (vec!["A".to_owned(), "!encoding".into(), "A".into()], Ok(())));
}

#[test]
fn an_error_names_its_line_in_the_file() {
    let rows = read(
        SourceFormat::DublinCore,
        &dcs(&format!("\n{}\n<record>\n<dc:title>x</dc:title>\n<dc:titel/>\n</record>", dc("A"))),
    );
    let error = rows[1].as_ref().unwrap_err();
    assert_eq!((error.line, error.column.as_deref()), (5, Some("dc:titel")));
    assert!(error.message.contains("titel"), "{error}");
}

#[test]
fn a_document_that_is_none_says_why_and_keeps_the_rows_before() {
    let check = |text: &str, rows: usize, kind: RowErrorCode| {
        let (got, result) = try_read(SourceFormat::MarcXml, text.as_bytes());
        let Err(FileError::BrokenDocument { kind: found, .. }) = result else { panic!("{text}: {result:?}") };
        assert_eq!((got.len(), found), (rows, kind), "{text}");
    };
    let record = marc("A", "");
    check(&format!("<collection>{record}"), 1, RowErrorCode::NotWellFormed);
    check(&format!("<collection>{record}<rec"), 2, RowErrorCode::NotWellFormed);
    check(&format!("<collection>{record}<record><leader>"), 2, RowErrorCode::NotWellFormed);
    check(&format!("<collection>{record}</collection><collection/>"), 1, RowErrorCode::NotWellFormed);
    check(&format!("<collection>{record}</x></collection>"), 1, RowErrorCode::NotWellFormed);
    check("<html><body/></html>", 0, RowErrorCode::WrongRoot);
    check("{\"record\": 1}", 0, RowErrorCode::NotWellFormed);
    check(" \n", 0, RowErrorCode::NotWellFormed);
    check("<collection a='1' a='2'/>", 0, RowErrorCode::NotWellFormed);
    check(&format!("<collection {}", "a".repeat(100_000)), 0, RowErrorCode::LimitExceeded);
    check(&"<collection>".repeat(100), 0, RowErrorCode::LimitExceeded);
    assert_eq!(try_read(SourceFormat::MarcXml, b"").1, Err(FileError::Empty));
}

#[test]
fn b25_refuses_document_types_and_other_encodings() {
    let laughs = "<!DOCTYPE collection [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]>";
    let external = "<!DOCTYPE collection SYSTEM \"http://127.0.0.1:9/x.dtd\">";
    let parameter = "<?xml version='1.0'?>\n<!DOCTYPE r [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]>";
    for text in [laughs, external, parameter] {
        let (rows, result) = try_read(SourceFormat::MarcXml, (text.to_owned() + &marc("&b;", "")).as_bytes());
        assert!(matches!(result, Err(FileError::BrokenDocument { kind: RowErrorCode::DtdRefused, .. })));
        assert_eq!(rows, []);
    }
    for declared in ["iso-8859-1", "UTF-16", "utf-7"] {
        let text = format!("<?xml version='1.0' encoding='{declared}'?><collection/>");
        assert!(matches!(
            try_read(SourceFormat::MarcXml, text.as_bytes()).1,
            Err(FileError::Encoding { .. })
        ));
    }
    let text = "<?xml version='1.0' encoding='UTF-16'?>".to_owned() + &dcs(&dc("語🗺"));
    let bytes: Vec<u8> =
        std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    assert_eq!(outcomes(&try_read(SourceFormat::DublinCore, &bytes).0), ["語🗺"]);
    assert_eq!(outcomes(&read(SourceFormat::DublinCore, &("\u{FEFF}".to_owned() + &dcs(&dc("A"))))), ["A"]);
}

#[test]
fn b25_bounds_a_record_and_goes_on_behind_it() {
    let attributes: String = (0..100_000).map(|i| format!(" a{i}='1'")).collect();
    let deep = format!("<record>{}{}</record>", "<a>".repeat(10_000), "</a>".repeat(10_000));
    for bad in [
        format!("<record{attributes}/>"),
        format!("<record><dc:title{attributes}/></record>"),
        deep,
        format!("<record><dc:title>{}</dc:title></record>", "x".repeat(limits::MAX_TEXT_BYTES + 1)),
    ] {
        let rows = read(SourceFormat::DublinCore, &dcs(&format!("{}{bad}{}", dc("A"), dc("B"))));
        assert_eq!(outcomes(&rows), ["A", "!limit_exceeded", "B"], "{}", &bad[..60]);
    }
}

#[test]
fn b25_a_text_without_end_costs_no_memory() {
    for start in ["<record><dc:title>", "<record><!--", "<record a='", "<record><dc:title a='"] {
        let mut rows = Vec::new();
        let mut reader = RowReader::new(SourceFormat::DublinCore, Format::DublinCore);
        reader
            .push(
                dcs(&format!("{}{start}", dc("A"))).strip_suffix("</collection>").unwrap().as_bytes(),
                &mut rows,
            )
            .unwrap();
        for _ in 0..200 {
            reader.push(&[b'x'; 64 * 1024], &mut rows).unwrap();
        }
        reader.push(format!("</dc:title></record>{}</collection>", dc("B")).as_bytes(), &mut rows).unwrap();
        reader.finish(&mut rows).unwrap();
        assert_eq!(outcomes(&rows), ["A", "!row_too_long", "B"], "{start}");
    }
}

#[test]
fn b25_many_open_comments_cost_time_in_proportion() {
    let text = dcs(&"<record><!--</record><record a='<record><![CDATA[".repeat(20_000));
    let (rows, result) = try_read(SourceFormat::DublinCore, text.as_bytes());
    assert!(rows.len() >= 20_000 && rows.iter().all(Result::is_err));
    assert!(result.is_ok(), "{result:?}");
}

/// Reads in pieces, and after some pieces stops and goes on from the stored checkpoint.
fn read_in_pieces(
    source: SourceFormat,
    bytes: &[u8],
    cuts: &[(usize, bool)],
) -> (Rows, Result<(), FileError>) {
    let mut rows = Vec::new();
    let mut reader = RowReader::new(source, Format::DublinCore);
    let (mut at, mut i) = (0, 0);
    while at < bytes.len() {
        let (length, stop) = cuts[i % cuts.len()];
        // Pieces grow, so that a reader that stops after each of them gets on nevertheless.
        let end = (at + length + i).min(bytes.len());
        i += 1;
        if let Err(e) = reader.push(&bytes[at..end], &mut rows) {
            return (rows, Err(e));
        }
        at = end;
        if stop && end < bytes.len() {
            let stored = serde_json::to_string(&reader.checkpoint()).unwrap();
            let checkpoint: Checkpoint = serde_json::from_str(&stored).unwrap();
            assert_eq!(checkpoint.number, rows.len() as u64);
            at = usize::try_from(checkpoint.offset).unwrap();
            reader = RowReader::resume(checkpoint).unwrap();
        }
    }
    let result = reader.finish(&mut rows);
    (rows, result)
}

fn piece() -> impl Strategy<Value = String> {
    prop::sample::select(
        [
            "<record>",
            "</record>",
            "<record ",
            "</rec",
            "<record/>",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "<?p",
            "?>",
            "\"",
            "'",
            "<",
            ">",
            "/>",
            "\n",
            " ",
            "x",
            "é🗺",
            "&amp;",
            "&",
            "<dc:title>",
            "</dc:title>",
            "</collection>",
            "<collection>",
            "\u{FFFE}",
            "<!DOCTYPE x>",
        ]
        .iter()
        .map(|s| (*s).to_owned())
        .chain([dc("A"), dc("B"), dc("C"), dc("D"), dc("E")])
        .collect::<Vec<_>>(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn pieces_and_stops_make_no_difference(
        parts in prop::collection::vec(piece(), 0..30),
        wide in any::<bool>(),
        cuts in prop::collection::vec((1_usize..60, any::<bool>()), 1..6),
        bad in prop::option::of((0_usize..2000, any::<u8>())),
    ) {
        let text = format!("<?xml version='1.0'?>\n{}", dcs(&parts.concat()));
        let mut bytes: Vec<u8> = if wide {
            std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
        } else {
            text.into_bytes()
        };
        if let Some((at, byte)) = bad {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let whole = try_read(SourceFormat::DublinCore, &bytes);
        prop_assert_eq!(read_in_pieces(SourceFormat::DublinCore, &bytes, &cuts), whole);
    }

    #[test]
    fn b25_mutated_collections_never_panic(
        which in 0_usize..3,
        at in prop::collection::vec((0_usize..4000, any::<u8>()), 0..8),
    ) {
        let (source, text) = [
            (SourceFormat::MarcXml, collection(include_str!("fixtures/moby-dick.marc21.xml").split_once("?>").unwrap().1)),
            (SourceFormat::Mods, include_str!("fixtures/diary.mods.xml").to_owned()),
            (SourceFormat::DublinCore, include_str!("fixtures/map.qdc.xml").to_owned()),
        ][which].clone();
        let mut bytes = text.into_bytes();
        for (place, byte) in at {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        let (rows, _) = try_read(source, &bytes);
        for row in rows.into_iter().flatten() {
            prop_assert!(parse_record(row.format, row.record.as_deref().unwrap()).is_ok());
        }
    }
}
