//! The formats of metadata files, each through a whole run.

use serde_json::json;

use super::{Desk, counter};
use crate::walk::text;

const MARCXML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<collection xmlns="http://www.loc.gov/MARC21/slim">
<record><leader>00000nam a2200000 a 4500</leader><controlfield tag="001">m1</controlfield>
<datafield tag="245" ind1="1" ind2="0"><subfield code="a">Scanned book</subfield></datafield>
<datafield tag="856" ind1="4" ind2="1"><subfield code="u">hi/1.tif</subfield></datafield>
<datafield tag="856" ind1="4" ind2="1"><subfield code="u">hi/2.tif</subfield></datafield>
<datafield tag="856" ind1="4" ind2="1"><subfield code="u">lo/1.jpg</subfield></datafield></record>
<record><leader>00000nam a2200000 a 4500</leader><controlfield tag="001">m2</controlfield>
<datafield tag="245" ind1="1" ind2="0"><subfield code="x">No title</subfield></datafield></record>
</collection>"#;

#[tokio::test]
async fn i5_i8_marcxml_names_files_in_856_and_patterns_make_representations_of_them() {
    let desk = Desk::new().await;
    let profile = desk
        .profile(json!({
            "details": { "source_format": "MARCXML", "metadata_file": "*.xml", "target_format": "marc21" },
            "matching": { "method": "CONTROL_NUMBER" },
            "defaults": { "representations": [
                { "files": "hi/", "usage_type": "PRESERVATION_MASTER", "label": { "text": "Master" } },
                { "files": "*.jpg", "usage_type": "DERIVATIVE_COPY", "label": { "field": "245$a" } }
            ] }
        }))
        .await;
    let files: &[(&str, &[u8])] =
        &[("marc.xml", MARCXML.as_bytes()), ("hi/1.tif", b"1"), ("hi/2.tif", b"2"), ("lo/1.jpg", b"3")];
    let job = desk.import(&profile, "marc", files).await;
    assert_eq!(
        (counter(&job, "created"), counter(&job, "failed"), counter(&job, "files")),
        (1, 1, 3),
        "{job}"
    );
    let tree = desk.tree().await;
    let labels: Vec<_> = tree[0]["representations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rep| (text(rep, "label"), text(rep, "usage"), rep["files"].as_array().unwrap().len()))
        .collect();
    assert_eq!(
        labels,
        [
            ("Master".to_owned(), "PRESERVATION_MASTER".to_owned(), 2),
            ("Scanned book".to_owned(), "DERIVATIVE_COPY".to_owned(), 1)
        ]
    );
}

#[tokio::test]
async fn i9_fields_that_the_profile_chooses_name_the_files_of_dublin_core_and_mods() {
    let desk = Desk::new().await;
    let dc = r#"<records xmlns:x="http://purl.org/dc/elements/1.1/"><record><x:title>Odd prefix</x:title><x:identifier>local:5</x:identifier><x:source>a.txt</x:source></record></records>"#;
    let dc = dc.replace("records", "collection");
    let profile = desk
        .profile(json!({
            "details": { "source_format": "DC", "metadata_file": "dc.xml", "target_format": "qdc" },
            "defaults": { "file_fields": ["dc:source"] }
        }))
        .await;
    let job = desk.import(&profile, "dc", &[("dc.xml", dc.as_bytes()), ("a.txt", b"a")]).await;
    assert_eq!((counter(&job, "created"), counter(&job, "files")), (1, 1), "{job}");
    let mods = r#"<modsCollection xmlns="http://www.loc.gov/mods/v3"><mods><titleInfo><title>A MODS title</title></titleInfo><location><url>b.txt</url></location></mods></modsCollection>"#;
    let profile = desk
        .profile(json!({
            "details": { "source_format": "MODS", "metadata_file": "mods.xml", "target_format": "mods" },
            "matching": { "method": "NONE" },
            "defaults": { "file_fields": ["location/url"] }
        }))
        .await;
    let job = desk.import(&profile, "mods", &[("mods.xml", mods.as_bytes()), ("b.txt", b"b")]).await;
    assert_eq!((counter(&job, "created"), counter(&job, "files")), (1, 1), "{job}");
}

#[tokio::test]
async fn i1_a_table_becomes_records_of_the_format_that_the_profile_keeps() {
    let table = b"dc:title,dc:identifier,file_name_1\nTown plan,local:7,a.txt\n";
    let files: &[(&str, &[u8])] = &[("values.csv", table), ("a.txt", b"a")];
    for (format, words) in
        [("marc21", "<subfield code=\"a\">Town plan</subfield>"), ("mods", "<title>Town plan</title>")]
    {
        let desk = Desk::new().await;
        let profile = desk.profile(json!({ "details": { "target_format": format } })).await;
        let job = desk.import(&profile, "first", files).await;
        assert_eq!((counter(&job, "created"), counter(&job, "files")), (1, 1), "{job}");
        let tree = desk.tree().await;
        assert!(text(&tree[0], "record").contains(words), "{tree}");
        // The same row again is the same title: what identifies it is found in the new format.
        let again = desk.import(&profile, "again", files).await;
        assert_eq!((counter(&again, "created"), counter(&again, "failed")), (0, 0), "{again}");
        assert_eq!(desk.tree().await, tree);
    }
}

#[tokio::test]
async fn a_metadata_file_that_can_not_be_read_fails_the_job_and_says_why() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let job = desk.import(&profile, "bad", &[("values.csv", b"dc:titel,file_name_1\nx,y\n")]).await;
    assert_eq!(job["status"]["value"], "FAILED");
    assert!(text(&job, "reason").contains("dc:titel"), "{job}");
    assert!(text(&job, "reason").contains("dc:title"), "it says what may be meant: {job}");
    let empty = desk.import(&profile, "empty", &[("values.csv", b"dc:title\n")]).await;
    assert_eq!(empty["status"]["value"], "COMPLETED_NO_BULKS");
}

/// A workbook of one sheet with these rows, as a spreadsheet program would zip it.
fn workbook(rows: &[&[&str]]) -> Vec<u8> {
    use std::io::Write;
    let mut sheet = String::from(
        r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"#,
    );
    for row in rows {
        sheet.push_str("<row>");
        for cell in *row {
            sheet.push_str(&format!(r#"<c t="inlineStr"><is><t>{cell}</t></is></c>"#));
        }
        sheet.push_str("</row>");
    }
    sheet.push_str("</sheetData></worksheet>");
    let parts = [
        ("[Content_Types].xml", r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"#.to_owned()),
        ("_rels/.rels", r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#.to_owned()),
        ("xl/workbook.xml", r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Values" sheetId="1" r:id="r1"/></sheets></workbook>"#.to_owned()),
        ("xl/_rels/workbook.xml.rels", r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#.to_owned()),
        ("xl/worksheets/sheet1.xml", sheet),
    ];
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in parts {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[tokio::test]
async fn a_workbook_is_read_like_a_table() {
    let desk = Desk::new().await;
    let profile =
        desk.profile(json!({ "details": { "source_format": "XLSX", "metadata_file": "*.xlsx" } })).await;
    let book = workbook(&[
        &["dc:title", "dc:identifier", "file_name_1"],
        &["A Map", "local:1", "a.txt"],
        &["Another Map", "local:2", "b.txt"],
    ]);
    let files: &[(&str, &[u8])] = &[("maps.xlsx", &book), ("a.txt", b"a"), ("b.txt", b"b")];
    let job = desk.import(&profile, "book", files).await;
    assert_eq!((counter(&job, "created"), counter(&job, "files")), (2, 2), "{job}");
    let broken = desk.import(&profile, "broken", &[("maps.xlsx", b"PK not a workbook")]).await;
    assert_eq!(broken["status"]["value"], "FAILED", "{broken}");
}
