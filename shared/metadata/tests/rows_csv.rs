//! Tables as text: I2, I3, I4 of domain.md and B23, B26 of reliability.md.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may stop at the first surprise"
)]

use proptest::prelude::*;
use vitrine_domain::coded::Coded;
use vitrine_domain::import::profile::SourceFormat;
use vitrine_metadata::rows::{
    Checkpoint, CollectionName, FileError, MAX_ROW_BYTES, RowError, RowErrorCode, RowReader, SourceRow,
    template_csv,
};
use vitrine_metadata::{Format, parse_record};

type Rows = Vec<Result<SourceRow, RowError>>;

fn try_read(bytes: &[u8]) -> (Rows, Result<(), FileError>) {
    let mut rows = Vec::new();
    let mut reader = RowReader::new(SourceFormat::Csv, Format::DublinCore);
    let result = reader.push(bytes, &mut rows).and_then(|()| reader.finish(&mut rows));
    (rows, result)
}

fn read(bytes: &[u8]) -> Rows {
    let (rows, result) = try_read(bytes);
    result.unwrap();
    rows
}

fn good(text: &str) -> Vec<SourceRow> {
    read(text.as_bytes()).into_iter().map(Result::unwrap).collect()
}

fn title(row: &SourceRow) -> String {
    parse_record(row.format, row.record.as_deref().unwrap()).unwrap().index.title
}

/// Which rows came, as titles, and which were refused, as codes.
fn outcomes(rows: &Rows) -> Vec<String> {
    rows.iter()
        .map(|row| match row {
            Ok(row) => row.record.as_ref().map_or("-".to_owned(), |_| title(row)),
            Err(e) => format!("!{}", serde_json::to_value(e.code).unwrap().as_str().unwrap()),
        })
        .collect()
}

#[test]
fn i3_reads_every_kind_of_column() {
    let text = "group_id,collection_id,collection_name,mms_id,originating_system_id,dc:title,dc:creator,dc:creator,\
        dcterms:identifier.dcterms:URI,dcterms:subject.dcterms:LCSH,dcterms:spatial.dcterms:Point,dcterms:created,\
        bib custom field,rep_label,rep_public_note,rep_access_rights,rep_usage_type,rep_library,rep_note,rep_note,\
        rep_custom field,file_name_2,file_label_2,file_name_1,file_label_1\n\
        g1,8100,Maps,99001,old-1,Plan <de> ville,A & B,C,https://x.example/1,Cities,name=Brussels,1640,shelf 7,\
        Scan,For all,Open,PRIMARY,MAIN,one,two,mine,b.tif,Back,a.tif,\n";
    let row = good(text).remove(0);
    assert_eq!(row.format, Format::QualifiedDublinCore);
    assert_eq!((row.number, row.line), (1, 2));
    assert_eq!((row.group.as_deref(), row.mms_id.as_deref()), (Some("g1"), Some("99001")));
    assert_eq!(row.originating_system_id.as_deref(), Some("old-1"));
    assert_eq!(row.collections, [CollectionName::Id("8100".into()), CollectionName::Name("Maps".into())]);
    assert_eq!(
        row.record.as_deref().unwrap(),
        "<record xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:custom=\"urn:vitrine:custom\">\
         <dc:title>Plan &lt;de&gt; ville</dc:title><dc:creator>A &amp; B</dc:creator><dc:creator>C</dc:creator>\
         <dcterms:identifier xsi:type=\"dcterms:URI\">https://x.example/1</dcterms:identifier>\
         <dcterms:subject xsi:type=\"dcterms:LCSH\">Cities</dcterms:subject>\
         <dcterms:spatial xsi:type=\"dcterms:Point\">name=Brussels</dcterms:spatial>\
         <dcterms:created>1640</dcterms:created><custom:field>shelf 7</custom:field></record>"
    );
    let rep = &row.representation;
    assert_eq!(rep.label.as_deref(), Some("Scan"));
    assert_eq!(rep.public_note.as_deref(), Some("For all"));
    assert_eq!(rep.access_rights.as_deref(), Some("Open"));
    assert_eq!(rep.usage_type.as_deref(), Some("PRIMARY"));
    assert_eq!(rep.library.as_deref(), Some("MAIN"));
    assert_eq!(rep.notes, ["one", "two"]);
    assert_eq!(rep.custom, [("field".to_owned(), "mine".to_owned())]);
    let files: Vec<_> = row.files.iter().map(|f| (f.name.as_str(), f.label.as_deref())).collect();
    assert_eq!(files, [("a.tif", None), ("b.tif", Some("Back"))]);
    let stored = serde_json::to_string(&row).unwrap();
    assert_eq!(serde_json::from_str::<SourceRow>(&stored).unwrap(), row);
}

#[test]
fn i3_a_table_without_qualifiers_is_simple_dublin_core() {
    let row = good("dc:title\nEmma\n").remove(0);
    assert_eq!(row.format, Format::DublinCore);
    let mut reader = RowReader::new(SourceFormat::Csv, Format::QualifiedDublinCore);
    let mut rows = Vec::new();
    reader.push(b"dc:title\nEmma\n", &mut rows).unwrap();
    assert_eq!(rows[0].as_ref().unwrap().format, Format::QualifiedDublinCore);
}

#[test]
fn i2_the_template_is_a_table_without_rows() {
    for target in Format::ALL {
        assert_eq!(good(&template_csv(*target)), []);
    }
}

#[test]
fn i4_rows_of_a_group_that_was_described_bring_files_only() {
    let rows = good(
        "group_id,dc:title,file_name_1\ng,,0.tif\ng,Emma,1.tif\ng,,2.tif\ng,again,3.tif\nh,Ulysses,4.tif\n,Alone,5.tif\n",
    );
    let records: Vec<_> = rows.iter().map(|r| r.record.as_ref().map(|_| title(r))).collect();
    let expected = [None, Some("Emma"), None, None, Some("Ulysses"), Some("Alone")];
    assert_eq!(records, expected.map(|t| t.map(str::to_owned)));
    let rows = good("mms_id,file_name_1\n99001,a.tif\n");
    assert_eq!((rows[0].record.as_ref(), rows[0].mms_id.as_deref()), (None, Some("99001")));
}

#[test]
fn b26_reads_quotes_line_breaks_and_every_line_end() {
    for text in [
        "dc:title,dc:date\n\"a \"\"b\"\"\nc, d\",1\nE,2\n",
        "\u{FEFF}dc:title,dc:date\r\n\"a \"\"b\"\"\nc, d\",1\r\nE,2",
        "dc:title;dc:date\r\"a \"\"b\"\"\nc, d\";1\rE;2\r",
        "dc:title\tdc:date\n\r\n\"a \"\"b\"\"\nc, d\"\t1\r\n\t\n \nE\t2\n\n",
        "sep=;\r\ndc:title;dc:date\r\n\"a \"\"b\"\"\nc, d\";1\nE;2;;;\r",
        "\"dc:title\",\"dc:date\",,\n\"a \"\"b\"\"\nc, d\",\"1\"\n\"E\",\"2\",,",
    ] {
        let rows = good(text);
        assert_eq!(rows.len(), 2, "{text:?}");
        assert!(rows[0].record.as_ref().unwrap().contains("<dc:title>a \"b\"\nc, d</dc:title>"), "{text:?}");
        assert!(rows[1].record.as_ref().unwrap().contains("<dc:title>E</dc:title><dc:date>2<"), "{text:?}");
        assert_eq!((rows[0].number, rows[1].number), (1, 2));
    }
    let rows = good("dc:title\n\"a\nb\"\n\n\nE\n");
    assert_eq!((rows[0].line, rows[1].line), (2, 6));
}

#[test]
fn b26_reads_utf_16_with_a_byte_order_mark() {
    let text = "dc:title;file_name_1\r\n\"Zürich 🗺\";語.png\r\nÉté;b.png\r\n";
    for big in [false, true] {
        let bytes: Vec<u8> = std::iter::once(0xFEFF)
            .chain(text.encode_utf16())
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect();
        let rows = read(&bytes);
        assert_eq!(outcomes(&rows), ["Zürich 🗺", "Été"]);
        assert_eq!(rows[0].as_ref().unwrap().files[0].name, "語.png");
        let mut reader = RowReader::new(SourceFormat::Csv, Format::DublinCore);
        let mut out = Vec::new();
        reader.push(&bytes[..bytes.len() - 6], &mut out).unwrap();
        let at = usize::try_from(reader.checkpoint().offset).unwrap();
        assert_eq!(bytes.len() - at, "Été;b.png\r\n".encode_utf16().count() * 2);
    }
    let lone = b"\xFF\xFEd\0c\0:\0t\0i\0t\0l\0e\0\n\0a\0\x3D\xD8b\0\n\0c\0\n\0d\0x";
    assert_eq!(outcomes(&read(lone)), ["!encoding", "c", "!encoding"]);
}

#[test]
fn b26_formulas_are_kept_as_they_are() {
    for cell in ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(1)", "=HYPERLINK(1)", " padded "] {
        let rows = good(&format!("dc:title,rep_label\n{cell},{cell}\n"));
        assert!(rows[0].record.as_ref().unwrap().contains(&format!("<dc:title>{cell}</dc:title>")));
        assert_eq!(rows[0].representation.label.as_deref(), Some(cell));
    }
}

#[test]
fn b26_a_bad_row_leaves_the_others_alone() {
    let header = "dc:title,dc:date,file_name_1\n";
    for (rows, expected) in [
        ("A,1,a\nB,1,b,more\nC,1,c\n", vec!["A", "!too_many_cells", "C"]),
        ("A,1,a\n\"B,1,b\nC,1,c\nD,1,d\n", vec!["A", "!unbalanced_quotes", "C", "D"]),
        ("A,1,a\n\"B,1,b\n\"C\",1,c\nD,1,d\n", vec!["A", "!unbalanced_quotes", "C", "D"]),
        ("\"B\"x,1,b\n\"C\nC2\",1,c\nD,1,d", vec!["!unbalanced_quotes", "C C2", "D"]),
        ("\"B\nrest\"x,1,b\nC,1,c\n", vec!["!unbalanced_quotes", "!unbalanced_quotes", "C"]),
        ("\"B", vec!["!unbalanced_quotes"]),
        ("A 5\" disk,1,a\nB,1,b\n", vec!["A 5\" disk", "B"]),
        ("A,1,../a\nB,1,b\n", vec!["!unsafe_file_name", "B"]),
        ("A,1,a\n,1,b\nC,1,c\n", vec!["A", "!missing_title", "C"]),
        ("A\u{B},1,a\nB,1,b\n", vec!["!illegal_character", "B"]),
        ("A\0,1,a\nB,1,b\n", vec!["!illegal_character", "B"]),
        ("A\nB,1\n", vec!["A", "B"]),
    ] {
        assert_eq!(outcomes(&read(format!("{header}{rows}").as_bytes())), expected, "{rows:?}");
    }
    let rows = read(b"dc:title,dc:date\nA,1\nB\xE9,1\nC,\xFF\nD,1\n");
    assert_eq!(outcomes(&rows), ["A", "!encoding", "!encoding", "D"]);
    let error = rows[2].as_ref().unwrap_err();
    assert_eq!((error.number, error.line, error.column.as_deref()), (3, 4, Some("dc:date")));
    assert!(error.message.contains("0xFF"));
}

#[test]
fn an_error_names_its_row_group_line_and_column() {
    let rows =
        read(b"group_id,dc:title,file_name_1,rep_label,rep_label\ng1,A,a.tif,x,\n\ng2,B,..\\b.tif,x,y\n");
    let error = rows[1].as_ref().unwrap_err();
    assert_eq!((error.number, error.line, error.group.as_deref()), (2, 4, Some("g2")));
    assert_eq!(error.code, RowErrorCode::SeveralValues);
    assert!(error.message.contains("rep_label") && error.message.contains("file_name_1"), "{error}");
    let stored = serde_json::to_string(error).unwrap();
    assert_eq!(&serde_json::from_str::<RowError>(&stored).unwrap(), error);
    let rows = read(b"mms_id;file_name_1\n9,91012E+17;a.tif\n9.9E+17;a.tif\n991012E17;a.tif\n991;a.tif\n");
    assert_eq!(outcomes(&rows), ["!cell_error", "!cell_error", "-", "-"]);
    let rows = read(b"dc:title,file_label_1\nA,Front\n");
    assert_eq!(rows[0].as_ref().unwrap_err().code, RowErrorCode::LabelWithoutFile);
}

#[test]
fn b26_a_huge_cell_is_one_error_in_bounded_memory() {
    for quote in ["", "\""] {
        let mut reader = RowReader::new(SourceFormat::Csv, Format::DublinCore);
        let mut rows = Vec::new();
        reader.push(format!("dc:title,dc:date\nA,1\n{quote}").as_bytes(), &mut rows).unwrap();
        for _ in 0..160 {
            reader.push(&[b'x'; 64 * 1024], &mut rows).unwrap();
        }
        reader.push(format!("{quote},1\nC,1\n").as_bytes(), &mut rows).unwrap();
        reader.finish(&mut rows).unwrap();
        assert_eq!(outcomes(&rows), ["A", "!row_too_long", "C"]);
    }
    let value = "x".repeat(vitrine_metadata::limits::MAX_TEXT_BYTES + 1);
    let rows = read(format!("dc:title\n{value}\nB\n").as_bytes());
    assert_eq!(outcomes(&rows), ["!limit_exceeded", "B"]);
}

#[test]
fn b26_an_open_quote_in_a_table_without_quotes_costs_one_row() {
    let mut text = "dc:title,dc:date\n\"A,1\n".to_owned();
    while text.len() < MAX_ROW_BYTES + 100_000 {
        text.push_str(&format!("{},1900\n", "a title as good as any other ".repeat(100)));
    }
    let rows = read(text.as_bytes());
    assert_eq!(rows.iter().filter(|r| r.is_err()).count(), 1);
    assert_eq!(rows.len(), text.lines().count() - 1);
}

#[test]
fn b26_hostile_quotes_cost_time_in_proportion() {
    for line in ["\",b\"\"\",\"\n", "\"\n", "\"\"\"x\n", "\",\"\"x\n", ",\n", "\"\",\"\n"] {
        let text = "dc:title,dc:date\n".to_owned() + &line.repeat(40_000);
        let (rows, result) = try_read(text.as_bytes());
        assert!(result.is_ok() && rows.iter().all(Result::is_err), "{line:?}");
    }
}

#[test]
fn a_header_that_cannot_be_used_says_why() {
    let error = |text: &str| try_read(text.as_bytes()).1.unwrap_err();
    let FileError::UnknownColumns { columns } = error("dc:titel,dc:date,titel\nA,1,2\n") else { panic!() };
    assert_eq!(columns.len(), 2);
    assert_eq!((columns[0].position, columns[0].near.as_deref()), (1, Some("dc:title")));
    let text = error("dc:titel,dc:date,x\nA,1,2\n").to_string();
    assert_eq!(text, "column 1: `dc:titel` is unknown, did you mean `dc:title`; column 3: `x` is unknown");
    assert_eq!(error(""), FileError::Empty);
    assert_eq!(error("\u{FEFF}\n\r\n"), FileError::Empty);
    assert_eq!(error("Moby-Dick,1851\nEmma,1815\n"), FileError::MissingHeader);
    assert_eq!(error(",,,\n"), FileError::MissingHeader);
    assert!(matches!(error("dc:title,,dc:date\n"), FileError::UnknownColumns { .. }));
    assert!(matches!(error(&"dc:title,".repeat(3000)), FileError::HeaderTooLong { .. }));
    assert!(matches!(error(&"x".repeat(2_000_000)), FileError::HeaderTooLong { .. }));
    assert!(matches!(try_read(b"d\0c\0:\0").1, Err(FileError::Encoding { .. })));
    assert!(matches!(try_read(b"\xFF\xFE\0\0d\0\0\0").1, Err(FileError::Encoding { .. })));
    assert!(matches!(try_read(b"dc:title,\xE9\nA,1\n").1, Err(FileError::Encoding { .. })));
}

/// Reads in pieces, and after some pieces stops and goes on from the stored checkpoint.
fn read_in_pieces(bytes: &[u8], cuts: &[(usize, bool)]) -> (Rows, Result<(), FileError>) {
    let mut rows = Vec::new();
    let mut reader = RowReader::new(SourceFormat::Csv, Format::DublinCore);
    let (mut at, mut i) = (0, 0);
    while at < bytes.len() {
        let (length, stop) = cuts.get(i % cuts.len().max(1)).copied().unwrap_or((7, false));
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

fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "A",
        "g1",
        "é",
        "語🗺",
        ",",
        ",",
        ",",
        ";",
        "\t",
        "\"",
        "\"",
        "\"\"",
        "\n",
        "\n",
        "\r\n",
        "\r",
        "=1",
        " ",
        "../x",
        "\u{FEFF}",
        "\0",
        "A,g,x.tif\n",
        "\"A\",\"g\",\"y\"\r\n",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn pieces_and_stops_make_no_difference(
        parts in prop::collection::vec(piece(), 0..60),
        bom in any::<bool>(),
        header in prop::sample::select(vec!["dc:title,group_id,file_name_1\n", "\"dc:title\";file_label_1;file_name_1\r", "sep=,\ndc:title\n"]),
        cuts in prop::collection::vec((1_usize..9, any::<bool>()), 1..6),
        wide in any::<bool>(),
        bad in prop::option::of((0_usize..200, any::<u8>())),
    ) {
        let text = format!("{}{header}{}", if bom || wide { "\u{FEFF}" } else { "" }, parts.concat());
        let mut bytes: Vec<u8> = if wide { text.encode_utf16().flat_map(u16::to_le_bytes).collect() } else { text.into_bytes() };
        if let Some((at, byte)) = bad {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let whole = try_read(&bytes);
        prop_assert_eq!(read_in_pieces(&bytes, &cuts), whole);
    }

    #[test]
    fn b26_arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (rows, _) = try_read(&[b"dc:title,group_id,file_name_1\n", bytes.as_slice()].concat());
        for row in rows.into_iter().flatten() {
            prop_assert!(row.record.is_none_or(|r| parse_record(row.format, &r).is_ok()));
        }
        let _ = try_read(&bytes);
    }
}
