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
