//! Excel workbooks: values as people see them, pages, and B24, B26 of reliability.md.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may stop at the first surprise"
)]

use std::io::{Cursor, Write};

use proptest::prelude::*;
use vitrine_metadata::rows::{FileError, RowError, SourceRow, WorkbookLimits, WorkbookPage, xlsx_rows};
use vitrine_metadata::{Format, parse_record};
use zip::write::SimpleFileOptions;

type Rows = Vec<Result<SourceRow, RowError>>;

const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const STYLES: &str = "<styleSheet><numFmts><numFmt numFmtId='164' formatCode='yyyy\\-mm\\-dd'/></numFmts>\
    <cellStyleXfs><xf numFmtId='14'/></cellStyleXfs><cellXfs><xf numFmtId='0'/><xf numFmtId='14'/><xf numFmtId='164'/></cellXfs></styleSheet>";

fn container(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A workbook whose first sheet is hidden and whose second holds `rows`.
fn workbook(rows: &str, shared: &str) -> Vec<u8> {
    let relations = format!(
        "<Relationships><Relationship Id='r0' Type='{OFFICE}/worksheet' Target='worksheets/hidden.xml'/>\
         <Relationship Id='r1' Type='{OFFICE}/worksheet' Target='/xl/worksheets/sheet1.xml'/>\
         <Relationship Id='r2' Type='{OFFICE}/sharedStrings' Target='sharedStrings.xml'/>\
         <Relationship Id='r3' Type='{OFFICE}/styles' Target='../xl/styles.xml'/></Relationships>"
    );
    let sheet = format!(
        "<?xml version='1.0'?><worksheet><dimension ref='B5:A1'/><sheetData>{rows}</sheetData></worksheet>"
    );
    let root = format!(
        "<Relationships><Relationship Id='a' Type='{OFFICE}/officeDocument' Target='xl/workbook.xml'/></Relationships>"
    );
    container(&[
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", b"<workbook xmlns:r='x'><sheets><sheet name='h' state='hidden' r:id='r0'/><sheet name='s' r:id='r1'/></sheets></workbook>"),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/sharedStrings.xml", format!("<sst uniqueCount='99999999999999999999' count='1'>{shared}</sst>").as_bytes()),
        ("xl/styles.xml", STYLES.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

/// Writes a row of inline texts.
fn row(number: usize, cells: &[&str]) -> String {
    let cells: String = cells
        .iter()
        .enumerate()
        .filter(|(_, text)| !text.is_empty())
        .map(|(i, text)| {
            let column = char::from(b'A' + u8::try_from(i).unwrap());
            format!("<c r='{column}{number}' t='inlineStr'><is><t>{text}</t></is></c>")
        })
        .collect();
    format!("<row r='{number}'>{cells}</row>")
}

fn read_with(
    bytes: &[u8],
    first: u64,
    max: usize,
    limits: &WorkbookLimits,
) -> Result<WorkbookPage, FileError> {
    xlsx_rows(Cursor::new(bytes), Format::DublinCore, first, max, limits)
}

fn try_read(bytes: &[u8]) -> Result<Rows, FileError> {
    read_with(bytes, 1, usize::MAX, &WorkbookLimits::default()).map(|page| page.rows)
}

fn outcomes(rows: &Rows) -> Vec<String> {
    rows.iter()
        .map(|row| match row {
            Ok(row) => match &row.record {
                Some(record) => parse_record(row.format, record).unwrap().index.title,
                None => "-".to_owned(),
            },
            Err(e) => format!("!{}", serde_json::to_value(e.code).unwrap().as_str().unwrap()),
        })
        .collect()
}

#[test]
fn reads_values_as_they_are_shown() {
    let rows = row(1, &["dc:title", "dc:date", "rep_label", "file_name_1", "dc:subject", "rep_note"])
        + "<row r='3'><c r='A3' t='s'><v>1</v></c><c r='B3' s='2'><v>45291</v></c><c r='C3'><v>1851</v></c>\
           <c r='D3' t='str'><f>CONCATENATE(1)</f><v>hi/1.tif</v></c><c t='b'><v>1</v></c><c r='F3' t='s'><v>0</v></c></row>";
    let shared = "<si><t xml:space='preserve'>=1+1 </t></si>\
        <si><r><t>Moby</t></r><r><rPr/><t>-Dick &amp; &#233;_x000D_</t></r><rPh><t>hint</t></rPh></si>";
    let rows = try_read(&workbook(&rows, shared)).unwrap();
    let row = rows[0].as_ref().unwrap();
    assert_eq!((row.number, row.line), (1, 3));
    assert!(row.record.as_ref().unwrap().ends_with(
        "<dc:title>Moby-Dick &amp; é&#13;</dc:title><dc:date>2023-12-31</dc:date><dc:subject>TRUE</dc:subject></record>"
    ));
    assert_eq!(row.representation.label.as_deref(), Some("1851"));
    assert_eq!(row.representation.notes, ["=1+1 "]);
    assert_eq!(row.files[0].name, "hi/1.tif");
}

#[test]
fn a_bad_row_leaves_the_others_alone() {
    let rows = row(1, &["dc:title", "mms_id"])
        + &row(2, &["A"])
        + "<row r='3'><c r='A3' t='e'><v>#REF!</v></c></row>\
           <row r='4'><c r='A4' t='inlineStr'><is><t>x</t></is></c><c r='B4'><v>9.9101159221800461E+17</v></c></row>\
           <row r='5'><c r='A5' t='s'><v>7</v></c></row>"
        + &row(6, &[" ", ""])
        + &row(7, &["x", "", "more"])
        + &row(8, &["", "991"])
        + &row(9, &["B"])
        + "<row r='10'><c r='A10'><f>1+1</f><v/></c></row>";
    let rows = try_read(&workbook(&rows, "")).unwrap();
    assert_eq!(
        outcomes(&rows),
        ["A", "!cell_error", "!cell_error", "!cell_error", "!too_many_cells", "-", "B", "!cell_error"]
    );
    let error = rows[2].as_ref().unwrap_err();
    assert_eq!((error.number, error.line, error.column.as_deref()), (3, 4, Some("mms_id")));
    assert!(error.message.contains("fifteen digits"));
}

#[test]
fn pages_together_are_the_whole() {
    let mut rows = row(1, &["group_id", "dc:title", "file_name_1"]);
    for i in 2..60 {
        let group = format!("g{}", i / 7);
        rows += &row(i, &[&group, if i % 3 == 0 { "" } else { "T" }, "a.tif"]);
    }
    let bytes = workbook(&rows, "");
    let whole = try_read(&bytes).unwrap();
    assert_eq!(whole.len(), 58);
    for (max, page_bytes) in [(1, 1 << 20), (7, 1 << 20), (1000, 30), (1000, 1)] {
        let (mut got, mut next) = (Vec::new(), Some(1));
        while let Some(first) = next {
            let page =
                read_with(&bytes, first, max, &WorkbookLimits { page_bytes, ..WorkbookLimits::default() })
                    .unwrap();
            assert!(page.rows.len() <= max && !page.rows.is_empty());
            got.extend(page.rows);
            next = page.next_row;
        }
        assert_eq!(got, whole);
    }
    assert_eq!(
        read_with(&bytes, 59, 10, &WorkbookLimits::default()).unwrap(),
        WorkbookPage { rows: vec![], next_row: None }
    );
}

#[test]
fn a_file_that_cannot_be_used_says_why() {
    let message = |bytes: &[u8]| try_read(bytes).unwrap_err().to_string();
    assert_eq!(try_read(b""), Err(FileError::Empty));
    assert!(message(b"dc:title\nA\n").contains("no Excel workbook"));
    assert!(message(b"PK").contains("no Excel workbook"));
    assert!(message(b"PK\x03\x04 and more bytes").contains("broken"));
    assert!(message(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 old").contains("password"));
    assert!(message(&container(&[("a.txt", b"x")])).contains("no Excel workbook"));
    assert_eq!(try_read(&workbook("", "")), Err(FileError::Empty));
    assert!(matches!(
        try_read(&workbook(&row(1, &["titel", "dc:date"]), "")),
        Err(FileError::UnknownColumns { .. })
    ));
    assert_eq!(try_read(&workbook(&row(1, &["Moby-Dick"]), "")), Err(FileError::MissingHeader));
    assert!(message(&workbook(&(row(2, &["dc:title"]) + &row(1, &["A"])), "")).contains("behind"));
    assert!(message(&workbook("<row r='1'><c r='B1'/><c r='A1'/></row>", "")).contains("order"));
    assert!(message(&workbook("<row r='1'><c r='B2'/></row>", "")).contains("another"));
    assert!(message(&workbook("<!DOCTYPE x><row r='1'/>", "")).contains("document type"));
    let far = "<row r='1'><c r='ZZZ1' t='str'><v>dc:title</v></c></row>";
    assert!(matches!(try_read(&workbook(far, "")), Err(FileError::HeaderTooLong { .. })));
}

#[test]
fn b24_what_comes_out_of_the_container_is_bounded() {
    let small = WorkbookLimits {
        part_bytes: 100_000,
        shared_text_bytes: 10_000,
        parts: 10,
        ..WorkbookLimits::default()
    };
    let check = |bytes: &[u8], message: &str| {
        let error = read_with(bytes, 1, 10, &small).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    };
    let header = row(1, &["dc:title"]);
    check(&workbook(&(header.clone() + &"<row/>".repeat(50_000)), ""), "too large");
    check(&workbook(&header, &"<si><t>xxxxxxxxx</t></si>".repeat(2000)), "texts are more than");
    check(&workbook(&header, &"<si/>".repeat(2000)), "texts are more than");
    let many: Vec<String> = (0..11).map(|i| format!("{i}")).collect();
    let parts: Vec<(&str, &[u8])> = many.iter().map(|n| (n.as_str(), &b""[..])).collect();
    check(&container(&parts), "more than 10 parts");
    let huge = "x".repeat(3 << 20);
    let error = try_read(&workbook(&row(1, &[&huge]), "")).unwrap_err().to_string();
    assert!(error.contains("longer than a cell"), "{error}");
    let runs = "<r><t>xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx</t></r>".repeat(120_000);
    let long = format!("<row r='2'><c r='A2' t='inlineStr'><is>{runs}</is></c></row>");
    let rows = try_read(&workbook(&(header + &long + &row(3, &["B"])), "")).unwrap();
    assert_eq!(outcomes(&rows), ["!row_too_long", "B"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn mutated_sheets_never_panic(changes in prop::collection::vec((0_usize..4000, any::<u8>()), 1..6), in_container in any::<bool>()) {
        let mut rows = row(1, &["group_id", "dc:title", "file_name_1"]);
        for i in 2..8 {
            rows += &row(i, &["g", "A &amp; B", "a.tif"]);
        }
        rows += "<row r='9'><c r='B9' t='s'><v>0</v></c><c r='C9' s='1'><v>45291.5</v></c></row>";
        let change = |bytes: &mut [u8]| {
            for (at, byte) in &changes {
                let at = at % bytes.len();
                bytes[at] = *byte;
            }
        };
        let bytes = if in_container {
            let mut bytes = workbook(&rows, "<si><t>x</t></si>");
            change(&mut bytes);
            bytes
        } else {
            let mut bytes = rows.into_bytes();
            change(&mut bytes);
            workbook(&String::from_utf8_lossy(&bytes), "<si><t>x</t></si>")
        };
        for row in try_read(&bytes).into_iter().flatten().flatten() {
            prop_assert!(row.record.is_none_or(|r| parse_record(row.format, &r).is_ok()));
        }
    }
}
