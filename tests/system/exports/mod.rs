//! Exports: what they write, in every form; as a bag or an OCFL storage root with files; killed anywhere; by schedule; and
//! what an undo leaves (S17, S18; B13, B51, PRES-1, PRES-2).

mod bags;
mod kills;
mod objects;
mod schedules;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use vitrine_domain::bib::BibRecord;
use vitrine_domain::file::DigitalFile;
use vitrine_domain::representation::Representation;
use vitrine_metadata::{BibIndex, Format, parse_record};
use vitrine_store::catalog::PageRequest;
use vitrine_store::objects::Bucket;
use vitrine_testing::{Client, fetch_signed};

use crate::imports::Desk;
use crate::sets::{Untold, change, damage};
use crate::walk::{DC, representation, sha256, text};

const EXPORTS: &str = "/conf/exports";
const MARC: &str = r#"<record xmlns="http://www.loc.gov/MARC21/slim"><leader>00000nam a2200000 a 4500</leader><controlfield tag="001">x1</controlfield><datafield tag="245" ind1="0" ind2="0"><subfield code="a">Chart of the world</subfield></datafield></record>"#;

/// A title in the desk's collection, by its record, with a representation of some files.
async fn title(desk: &Desk, format: &str, record: &str, files: &[(&str, &[u8])]) -> (String, String) {
    let client = &desk.client;
    let made =
        client.post("/bibs", json!({ "record_format": { "value": format }, "anies": [record] })).await.ok();
    let mms = text(&made, "mms_id");
    let to = format!("/bibs/collections/{}/bibs", desk.collection);
    client.post(&to, json!({ "mms_id": mms })).await.ok();
    let mut body = representation("PRESERVATION_MASTER");
    body["label"] = json!("=HYPERLINK(\"x\")");
    let rep = text(&client.post(&format!("/bibs/{mms}/representations"), body).await.ok(), "id");
    for (name, bytes) in files {
        crate::walk::upload(client, &rep, name, bytes).await;
    }
    if !files.is_empty() {
        let path = format!("/bibs/{mms}/representations/{rep}/files?limit=100");
        vitrine_testing::poll_until("registered files", || async {
            crate::imports::work(&desk.app).await;
            let found = client.get(&path).await.ok();
            let all = found["representation_file"].as_array()?.clone();
            let done = all.iter().filter(|file| file["sha256"].is_string()).count();
            (done == files.len()).then_some(())
        })
        .await;
    }
    (mms, rep)
}

fn everything(format: &str) -> Value {
    json!({ "name": format!("All as {format}"), "everything": true, "format": { "value": format } })
}

/// Creates an export and runs it to its end.
async fn export(desk: &Desk, body: Value) -> Value {
    let made = desk.client.post(EXPORTS, body).await.ok();
    let job = desk.client.post(&format!("{EXPORTS}/{}?op=run", text(&made, "id")), Value::Null).await.ok();
    desk.finish(&text(&job, "id")).await
}

fn counter(job: &Value, name: &str) -> u64 {
    let counters = job["counter"].as_array().unwrap();
    let found = counters.iter().find(|it| it["type"]["value"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {job}"))["value"].as_u64().unwrap()
}

/// The metadata files that a run wrote, fetched through their links and checked against their checksums.
async fn written(client: &Client, job: &Value) -> Vec<(String, String)> {
    let path = format!("/conf/jobs/{}/files?limit=100", text(job, "id"));
    let listed = client.get(&path).await.ok();
    let mut files = Vec::new();
    for file in listed["file"].as_array().unwrap() {
        let (status, bytes) = fetch_signed(&text(file, "url"));
        assert_eq!(status, 200);
        assert_eq!(sha256(&bytes), text(file, "sha256"));
        assert_eq!(bytes.len() as u64, file["size"].as_u64().unwrap());
        files.push((text(file, "name"), String::from_utf8(bytes).unwrap()));
    }
    files
}

/// The titles of a JSON Lines export, by id.
async fn titles(client: &Client, job: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for (_, file) in written(client, job).await {
        for line in file.lines() {
            let title: Value = serde_json::from_str(line).unwrap();
            assert!(found.insert(text(&title, "mms_id"), title).is_none(), "a title comes twice");
        }
    }
    found
}

/// Reads the records of a MARCXML file, each cut out of its collection.
fn read_records(format: Format, file: &str) -> Vec<BibIndex> {
    let records = file.split("<record").skip(1).map(|rest| rest.split("</record>").next().unwrap());
    records
        .map(|record| {
            let namespace =
                if record.starts_with(" xmlns") { "" } else { " xmlns=\"http://www.loc.gov/MARC21/slim\"" };
            let record = format!("<record{namespace}{record}</record>");
            parse_record(format, &record).unwrap().index
        })
        .collect()
}

#[tokio::test]
async fn s17_titles_are_written_with_all_that_hangs_below_them_in_every_form() {
    let desk = Desk::new().await;
    let client = &desk.client;
    let (map, rep) = title(&desk, "marc21", MARC, &[("page 1.tif", b"one"), ("page 2.tif", b"two")]).await;
    let (book, _) = title(&desk, "dc", DC, &[]).await;

    let job = export(&desk, everything("JSONL")).await;
    assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS", "{job}");
    assert_eq!(
        (counter(&job, "titles"), counter(&job, "representations"), counter(&job, "files")),
        (2, 2, 2)
    );
    let found = titles(client, &job).await;
    assert_eq!(found.keys().collect::<Vec<_>>(), [&map, &book]);
    let chart = &found[&map];
    assert_eq!(chart["record"], MARC);
    assert_eq!(chart["collections"][0]["pid"], json!(desk.collection));
    let form = &chart["representations"][0];
    // B51: a machine's export is exact.
    assert_eq!((&form["id"], &form["label"]), (&json!(rep), &json!("=HYPERLINK(\"x\")")));
    let files = form["files"].as_array().unwrap();
    for (file, bytes) in files.iter().zip([b"one", b"two"]) {
        assert_eq!(file["sha256"], sha256(bytes));
        assert_eq!(file["size"], 3);
        // S17: the path exists in storage.
        let key = text(file, "path");
        assert!(desk.app.objects.head(Bucket::Content, &key, None).await.unwrap().is_some());
        assert!(text(file, "storage").ends_with(&key));
    }

    let job = export(&desk, everything("MARCXML")).await;
    let (name, file) = written(client, &job).await.remove(0);
    assert_eq!(name, format!("{}_000001.xml", text(&job, "id")));
    // Our own reader of metadata files reads it back: two records, each with its title.
    let records = read_records(Format::Marc21, &file);
    assert!(records.iter().any(|it| it.title == "Chart of the world"), "{records:?}");
    assert!(records.iter().any(|it| it.title == "Moby-Dick"), "{records:?}");
    let fields = |tag: &str| file.matches(&format!("tag=\"{tag}\"")).count();
    assert_eq!((fields("AVT"), fields("AVC"), fields("AVD"), fields("AVF")), (2, 2, 2, 2));

    let job = export(&desk, everything("DC_XML")).await;
    let (_, file) = written(client, &job).await.remove(0);
    assert_eq!((file.matches("<file ").count(), file.matches("<digital_title ").count()), (2, 2));
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("export-dc.xml");
    std::fs::write(kept, &file).unwrap();

    let job = export(&desk, everything("CSV")).await;
    let (_, file) = written(client, &job).await.remove(0);
    let lines: Vec<&str> = file.trim_end().split("\r\n").collect();
    assert_eq!(lines.len(), 4, "a header, two files, a representation without any");
    // B51: no cell is run as a formula.
    assert!(lines.iter().all(|line| !line.contains(",=")), "{file}");
    assert!(file.contains("'=HYPERLINK"));
}

#[tokio::test]
async fn s17_a_title_of_more_representations_and_files_than_a_page_is_written_whole() {
    const MANY: usize = 1_005;
    let desk = Desk::new().await;
    let (mms, rep) = title(&desk, "dc", DC, &[("a.tif", b"a")]).await;
    let app = &desk.app;
    let first = app.catalog.representation(&rep.parse().unwrap()).await.unwrap().unwrap();
    let request = PageRequest { limit: 1, offset: 0, after: None };
    let file = app.catalog.files_of(&first.id, &request).await.unwrap().items.remove(0);
    let numbers: Vec<usize> = (1..MANY).collect();
    for part in numbers.chunks(40) {
        let mut change = change(app);
        for number in part {
            // An id of as many digits, that no other thing has.
            let digits = format!("{number:012}");
            let id = format!("12{digits}{}", &rep[14..]).parse().unwrap();
            change.put(&Untold(Representation { id, ..first.clone() })).unwrap();
            let id = format!("13{digits}{}", &file.id.as_str()[14..]).parse().unwrap();
            change.put(&Untold(DigitalFile { id, ..file.clone() })).unwrap();
        }
        app.catalog.commit(&change).await.unwrap();
    }
    let job = export(&desk, everything("CSV")).await;
    assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS", "{job}");
    assert_eq!((counter(&job, "representations"), counter(&job, "files")), (MANY as u64, MANY as u64));
    let (_, file) = written(&desk.client, &job).await.remove(0);
    // A line a file, and one for each representation without any.
    assert_eq!(file.trim_end().split("\r\n").count(), 1 + MANY + MANY - 1);
    for format in ["MARCXML", "DC_XML", "JSONL"] {
        let mut body = objects::in_objects(format);
        body["include_files"] = json!(format == "JSONL");
        let job = export(&desk, body).await;
        assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS", "{job}");
        let copied = if format == "JSONL" { MANY as u64 } else { 0 };
        assert_eq!((counter(&job, "titles"), counter(&job, "copied_files")), (1, copied));
        let inventory = objects::inventory(&desk, &job, &mms).await;
        assert_eq!(objects::paths(&inventory).len() as u64, 1 + copied);
    }
}

#[tokio::test]
async fn s17_an_export_of_a_set_or_of_ids_is_cut_into_files_and_by_date() {
    let desk = Desk::new().await;
    let client = &desk.client;
    let mut ids = Vec::new();
    for number in 0..5 {
        let record = DC.replace("Moby-Dick", &format!("Book {number}"));
        ids.push(title(&desk, "dc", &record, &[]).await.0);
    }
    let rule = json!({ "name": "s", "rule": { "collection": [{ "value": desk.collection }] } });
    let set = text(&client.post("/conf/sets", rule).await.ok(), "id");
    let body = json!({
        "name": "cut", "set": { "value": set }, "format": { "value": "JSONL" }, "records_per_file": 2
    });
    let job = export(&desk, body).await;
    let files = written(client, &job).await;
    let lines: Vec<usize> = files.iter().map(|(_, file)| file.lines().count()).collect();
    assert_eq!(lines, [2, 2, 1]);
    let names: Vec<String> = (1..=3).map(|n| format!("{}_{n:06}.jsonl", text(&job, "id"))).collect();
    assert_eq!(files.iter().map(|(name, _)| name).collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());

    let missing = "9900000000000000101";
    let body = json!({ "name": "some", "mms_id": [ids[3], missing, ids[1]], "format": { "value": "JSONL" } });
    let job = export(&desk, body).await;
    assert_eq!(titles(client, &job).await.keys().collect::<Vec<_>>(), [&ids[1], &ids[3]]);
    assert_eq!(job["status"]["value"], "COMPLETED_WITH_ERRORS");
    let row = desk.row(&text(&job, "id"), 1).await;
    assert!(text(&row, "message").contains(missing), "{row}");

    let since = client.get(&format!("/conf/jobs/{}", text(&job, "id"))).await.ok()["submit_time"].clone();
    let mut body = everything("JSONL");
    body["changed_since"] = since;
    let job = export(&desk, body.clone()).await;
    assert_eq!(job["status"]["value"], "COMPLETED_NO_BULKS", "{job}");
    let path = format!("/bibs/{}/representations", ids[4]);
    client.post(&path, representation("AUXILIARY")).await.ok();
    let job = export(&desk, body).await;
    assert_eq!(titles(client, &job).await.keys().collect::<Vec<_>>(), [&ids[4]]);
}

#[tokio::test]
async fn an_export_says_what_is_wrong_with_it_and_who_may_have_it() {
    let desk = Desk::new().await;
    let client = &desk.client;
    for (body, field) in [
        (json!({ "name": "x", "everything": true }), "format"),
        (json!({ "name": "x", "format": { "value": "CSV" } }), "set"),
        (json!({ "name": "x", "everything": true, "mms_id": ["991"], "format": { "value": "CSV" } }), "set"),
        (json!({ "name": "x", "mms_id": ["12"], "format": { "value": "CSV" } }), "mms_id"),
        (
            json!({ "name": "x", "set": { "value": "4800000000000000101" }, "format": { "value": "CSV" } }),
            "set",
        ),
        (json!({ "name": "", "everything": true, "format": { "value": "CSV" } }), "name"),
        (
            json!({
                "name": "x", "everything": true, "format": { "value": "CSV" }, "layout": { "value": "TAR" }
            }),
            "layout",
        ),
        (
            json!({
                "name": "x", "everything": true, "format": { "value": "CSV" }, "layout": { "value": "OCFL" },
                "records_per_file": 1
            }),
            "records_per_file",
        ),
    ] {
        let refused = client.post(EXPORTS, body.clone()).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["fields"][0]["field"]),
            (400, &json!(field)),
            "{body}"
        );
    }
    let job = export(&desk, everything("JSONL")).await;
    assert_eq!(job["status"]["value"], "COMPLETED_NO_BULKS");
    let files = format!("/conf/jobs/{}/files", text(&job, "id"));
    for path in ["../reports/x", "/etc/passwd", "data/none", "data//x"] {
        assert_eq!(client.get(&format!("{files}?path={path}")).await.status, 404, "{path}");
    }
    let reader =
        [vitrine_domain::actor::Grant { role: vitrine_domain::roles::Role::Cataloger, library: None }];
    let key = client.key_with(&reader, vitrine_domain::actor::KeyPermission::ReadWrite).await;
    let other = client.with_key(Some(&key));
    assert_eq!(other.get(&files).await.status, 403);
    let report = client.get(&format!("/conf/jobs/{}/report?as=csv", text(&job, "id"))).await.ok();
    assert_eq!(fetch_signed(&text(&report, "url")).0, 200);
}

#[tokio::test]
async fn one_damaged_title_is_left_out_and_reported() {
    // Complaint 11: one unreadable title stopped a whole run.
    let desk = Desk::new().await;
    let (good, _) = title(&desk, "dc", DC, &[]).await;
    let (bad, _) = title(&desk, "dc", DC, &[]).await;
    let bib: BibRecord = desk.app.catalog.bib(&bad.parse().unwrap()).await.unwrap().unwrap();
    damage(&desk.app, bib).await;
    let job = export(&desk, everything("JSONL")).await;
    assert_eq!(job["status"]["value"], "COMPLETED_WITH_ERRORS");
    assert_eq!(titles(&desk.client, &job).await.keys().collect::<Vec<_>>(), [&good]);
    assert_eq!(counter(&job, "left_out"), 1);
    let row = desk.row(&text(&job, "id"), 1).await;
    assert_eq!((&row["code"], &row["outcome"]["value"]), (&json!("UNREADABLE"), &json!("FAILED")));
    assert!(text(&row, "message").contains(&bad));
}

#[tokio::test]
async fn an_undone_import_leaves_an_export_of_everything_as_it_was() {
    let desk = Desk::new().await;
    title(&desk, "qdc", &DC.replace("ISBN 0142437247", "urn:old:1"), &[("a.tif", b"a")]).await;
    let before = titles(&desk.client, &export(&desk, everything("JSONL")).await).await;

    let profile = desk.profile(json!({})).await;
    let table = b"dc:title,dc:identifier,file_name_1\nNew,urn:new:1,p1.tif\nOther,urn:new:2,p2.tif\n";
    let files: &[(&str, &[u8])] = &[("values.csv", table), ("p1.tif", b"1"), ("p2.tif", b"2")];
    let job = desk.import(&profile, "f", files).await;
    assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS", "{job}");
    let between = titles(&desk.client, &export(&desk, everything("JSONL")).await).await;
    assert_eq!(between.len(), 3, "{between:?}");

    let undo = format!("/conf/jobs/{}?op=undo", text(&job, "id"));
    let undo = text(&desk.client.post(&undo, Value::Null).await.ok(), "id");
    assert_eq!(desk.finish(&undo).await["status"]["value"], "COMPLETED_SUCCESS");
    let after = titles(&desk.client, &export(&desk, everything("JSONL")).await).await;
    assert_eq!(after, before);
}
