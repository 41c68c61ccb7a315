//! Ingests: the API's way and the vendor's folder contract (I16-I18).

use serde_json::{Value, json};
use vitrine_testing::send_signed;

use super::{Desk, counter};
use crate::walk::{sha256, text};

const CSV: &[u8] = b"dc:title,dc:identifier,file_name_1\nA Map,local:1,maps/a.txt\n";

#[tokio::test]
async fn i16_an_ingest_is_created_filled_seen_locked_submitted_and_deleted_by_the_api() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let ingests = format!("/conf/md-import-profiles/{profile}/ingests");
    let ingest = desk.client.post(&ingests, json!({ "name": "Maps of May" })).await.ok();
    assert_eq!(
        (ingest["locked"].as_bool(), ingest["status"]["value"].as_str()),
        (Some(true), Some("UPLOADING"))
    );
    let path = format!("{ingests}/{}", text(&ingest, "id"));
    let early = desk.client.post(&format!("{path}?op=submit"), Value::Null).await;
    assert_eq!(early.status, 400);
    assert!(early.text.contains("values.csv"), "{}", early.text);

    let files: &[(&str, &[u8])] = &[("values.csv", CSV), ("maps/a.txt", b"a map")];
    let wishes: Vec<Value> = files
        .iter()
        .map(|(name, bytes)| json!({ "name": name, "size": bytes.len(), "sha256": sha256(bytes) }))
        .collect();
    let signed = desk.client.post(&format!("{path}/files"), json!({ "file": wishes })).await.ok();
    for (ticket, (name, bytes)) in signed["file"].as_array().unwrap().iter().zip(files) {
        assert_eq!((ticket["name"].as_str(), ticket["method"]["value"].as_str()), (Some(*name), Some("PUT")));
        assert_eq!(send_signed(&ticket["request"], bytes), 200);
    }
    let there = desk.client.get(&format!("{path}/files")).await.ok();
    let names: Vec<_> = there["file"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (text(it, "name"), it["size"].as_u64().unwrap()))
        .collect();
    assert_eq!(names, [("maps/a.txt".to_owned(), 5), ("values.csv".to_owned(), CSV.len() as u64)]);

    let unlocked = desk.client.post(&format!("{path}?op=unlock"), Value::Null).await.ok();
    assert_eq!(unlocked["locked"], false);
    let submitted = desk.client.post(&format!("{path}?op=submit"), Value::Null).await.ok();
    let job = text(&submitted, "job_id");
    let closed = desk.client.post(&format!("{path}/files"), json!({ "file": wishes })).await;
    assert_eq!(closed.status, 400, "a folder that is being worked on takes no files");
    let done = desk.finish(&job).await;
    assert_eq!(counter(&done, "created"), 1, "{done}");
    assert_eq!(desk.client.get(&path).await.ok()["status"]["value"], "DONE");
    assert_eq!(desk.client.delete(&path).await.status, 204);
    assert_eq!(desk.client.get(&path).await.status, 404);
    assert_eq!(desk.tree().await.as_array().unwrap().len(), 1, "what was imported stays");
}

#[tokio::test]
async fn i17_i18_a_run_submits_unlocked_folders_once_and_skips_the_locked() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let other: &[u8] = b"dc:title,dc:identifier,file_name_1\nOther,local:2,b.txt\n";
    desk.copy(&profile, "ready", &[("values.csv", CSV), ("maps/a.txt", b"a")]).await;
    desk.copy(&profile, "loading", &[(".lock", b""), ("values.csv", other), ("b.txt", b"b")]).await;
    desk.copy(&profile, "no-metadata", &[("c.txt", b"c")]).await;
    let run = format!("/conf/md-import-profiles/{profile}?op=run");
    let started = desk.client.post(&run, Value::Null).await.ok();
    let runs = started["run"].as_array().unwrap();
    assert_eq!(runs.len(), 2, "{started}");
    let of = |name: &str| runs.iter().find(|it| it["ingest_id"] == name).unwrap();
    assert!(text(of("no-metadata"), "reason").contains("values.csv"));
    let job = desk.finish(&text(of("ready"), "job_id")).await;
    assert_eq!(counter(&job, "created"), 1);
    let again = desk.client.post(&run, Value::Null).await.ok();
    let names: Vec<_> = again["run"].as_array().unwrap().iter().map(|it| text(it, "ingest_id")).collect();
    assert_eq!(names, ["no-metadata"], "a folder is run once, and a locked one not at all");
}

#[tokio::test]
async fn names_that_lead_out_of_the_folder_are_refused_each_by_its_place() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let ingests = format!("/conf/md-import-profiles/{profile}/ingests");
    let ingest = text(&desk.client.post(&ingests, json!({})).await.ok(), "id");
    let bad = ["../x", "/x", "a//b", "a\\b", "%2e%2e/x", ""];
    let wishes: Vec<Value> = bad.iter().map(|name| json!({ "name": name, "size": 1 })).collect();
    let answer = desk.client.post(&format!("{ingests}/{ingest}/files"), json!({ "file": wishes })).await;
    assert_eq!(answer.status, 400);
    let fields: Vec<_> =
        answer.json()["fields"].as_array().unwrap().iter().map(|it| text(it, "field")).collect();
    assert_eq!(fields.len(), bad.len(), "{}", answer.text);
    assert_eq!(fields[2], "file[2].name");
}

#[tokio::test]
async fn i1_a_profile_is_written_read_copied_moved_as_json_and_refused_with_every_problem() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let path = format!("/conf/md-import-profiles/{profile}");
    let read = desk.client.get(&path).await.ok();
    let copy = desk.client.post(&format!("{path}/copy"), Value::Null).await.ok();
    assert!(text(&copy["details"], "name").ends_with("(copy)"));
    assert_eq!(copy["details"]["active"], false);
    let mut moved = read.clone();
    moved["details"]["name"] = json!("Moved from another installation");
    let created = desk.client.post("/conf/md-import-profiles", moved).await.ok();
    for section in ["normalization", "matching", "tags", "defaults"] {
        assert_eq!(created[section], read[section], "{section}");
    }
    let listed =
        desk.client.get("/conf/md-import-profiles?type=REPOSITORY&ie_type=DIGITAL&limit=100").await.ok();
    assert_eq!(listed["total_record_count"], 3);
    assert_eq!(listed["import_profile"][0]["digital_details"]["file_name_patterns"], "values.csv");

    let template = desk.client.get(&format!("{path}/template.csv")).await;
    assert!(template.text.starts_with("group_id,"), "{}", template.text);

    let mut bad = read;
    bad["details"]["name"] = json!("");
    bad["details"]["metadata_file"] = json!("a/b.csv");
    bad["details"]["schedule"] = json!({ "every": "DAY", "at": "25:00" });
    bad["normalization"]["steps"] = json!([{ "step": "DROP", "field": "245$a" }]);
    bad["defaults"]["library"] = json!("NOWHERE");
    bad["defaults"]["collection"] = json!("8100000000000000000000");
    let answer = desk.client.post("/conf/md-import-profiles", bad).await;
    assert_eq!(answer.status, 400);
    let mut fields: Vec<_> =
        answer.json()["fields"].as_array().unwrap().iter().map(|it| text(it, "field")).collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "defaults.collection",
            "defaults.library",
            "details.metadata_file",
            "details.name",
            "details.schedule.at",
            "normalization.steps[0]",
        ],
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn b13_a_schedule_submits_a_folder_once_at_its_instant_and_plans_the_next() {
    let desk = Desk::new().await;
    let profile =
        desk.profile(json!({ "details": { "schedule": { "every": "HOUR", "at": "00:30" } } })).await;
    desk.copy(&profile, "tonight", &[("values.csv", CSV), ("maps/a.txt", b"a")]).await;
    desk.copy(&profile, "loading", &[(".lock", b""), ("values.csv", CSV)]).await;
    let sweep = async |hours: i64| {
        let mut call = vitrine_testing::operator();
        call.now = call.now.saturating_add(vitrine_domain::outbox::seconds(hours * 3600)).unwrap();
        desk.app.sweep(&call, &|| true).await.unwrap();
    };
    let ingests = format!("/conf/md-import-profiles/{profile}/ingests");
    sweep(0).await;
    assert_eq!(desk.client.get(&ingests).await.ok()["total_record_count"], 0, "its instant has not come");
    sweep(2).await;
    sweep(2).await;
    sweep(4).await;
    let listed = desk.client.get(&ingests).await.ok();
    let names: Vec<_> = listed["ingest"].as_array().unwrap().iter().map(|it| text(it, "id")).collect();
    assert_eq!(names, ["tonight"], "the locked folder is skipped");
    let job = desk.finish(&text(&listed["ingest"][0], "job_id")).await;
    assert_eq!(counter(&job, "created"), 1, "{job}");
    assert_eq!(desk.client.get("/conf/jobs").await.ok()["total_record_count"], 1, "submitted once");
}

#[tokio::test]
async fn r6_staff_of_one_library_import_into_it_and_into_no_other() {
    use vitrine_domain::actor::{Grant, KeyPermission};
    use vitrine_domain::roles::Role;
    let desk = Desk::new().await;
    desk.client.put("/conf/libraries/LAW", json!({ "code": { "value": "LAW" }, "name": "Law" })).await;
    let profile = desk.profile(json!({})).await;
    let grant = |library: &str| Grant {
        role: Role::DigitalInventoryOperator,
        library: Some(library.parse().unwrap()),
    };
    let ours = desk.client.key_with(&[grant("MAIN")], KeyPermission::ReadWrite).await;
    let theirs = desk.client.key_with(&[grant("LAW")], KeyPermission::ReadWrite).await;
    let (ours, theirs) = (desk.client.with_key(Some(&ours)), desk.client.with_key(Some(&theirs)));
    let ingests = format!("/conf/md-import-profiles/{profile}/ingests");
    assert_eq!(theirs.get(&ingests).await.status, 200, "any staff role reads");
    assert_eq!(theirs.post(&ingests, json!({})).await.status, 403);
    desk.copy(&profile, "x", &[("values.csv", CSV), ("maps/a.txt", b"a")]).await;
    assert_eq!(theirs.post(&format!("{ingests}/x?op=submit"), Value::Null).await.status, 403);
    let job = text(&ours.post(&format!("{ingests}/x?op=submit"), Value::Null).await.ok(), "job_id");
    assert_eq!(theirs.post(&format!("/conf/jobs/{job}?op=cancel"), Value::Null).await.status, 403);
    let done = desk.finish(&job).await;
    assert_eq!(counter(&done, "created"), 1, "{done}");
    // A row that names another library may no more than its submitter.
    let csv: &[u8] = b"dc:title,dc:identifier,rep_library,file_name_1\nLaw book,local:7,LAW,b.txt\n";
    desk.copy(&profile, "y", &[("values.csv", csv), ("b.txt", b"b")]).await;
    let job = text(&ours.post(&format!("{ingests}/y?op=submit"), Value::Null).await.ok(), "job_id");
    desk.finish(&job).await;
    assert_eq!(desk.outcomes(&job).await, [(1, "FAILED".to_owned(), "NOT_PERMITTED".to_owned())]);
}
