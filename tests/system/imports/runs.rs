//! Whole runs: what a folder becomes, the same folder again, a dry run, an undo.

use serde_json::json;

use super::{Desk, counter};
use crate::walk::{sha256, text};

const CSV: &[u8] = b"group_id,dc:title,dc:identifier,rep_label,file_name_1,file_label_1,file_name_2\r\n\
book,The Whale,local:1,Volume 1,hi/1.tif,Cover,hi/2.tif\r\n\
,A Map,local:2,,map.jp2,,\r\n\
book,,,Volume 2,hi/3.tif,,\r\n";

const FILES: &[(&str, &[u8])] = &[
    ("values.csv", CSV),
    ("hi/1.tif", b"one"),
    ("hi/2.tif", b"two"),
    ("hi/3.tif", b"three"),
    ("map.jp2", b"map"),
];

#[tokio::test]
async fn a_folder_and_its_metadata_file_become_titles_with_their_files_in_order() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let job = desk.import(&profile, "first", FILES).await;
    assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS", "{job}");
    assert_eq!(job["progress"], 100);
    let counts =
        ["rows", "created", "updated", "failed", "representations", "files", "files_unnamed", "bytes"];
    let counts: Vec<u64> = counts.iter().map(|name| counter(&job, name)).collect();
    assert_eq!(counts, [3, 2, 1, 0, 3, 4, 0, 3 + 3 + 5 + 3]);
    let tree = desk.tree().await;
    let without_records: Vec<_> = tree
        .as_array()
        .unwrap()
        .iter()
        .map(|title| json!([title["title"], title["representations"]]))
        .collect();
    let file = |label: &str, bytes: &[u8]| json!([label, sha256(bytes)]);
    assert_eq!(
        json!(without_records),
        json!([
            ["A Map", [{ "label": null, "usage": "PRESERVATION_MASTER", "files": [file("map.jp2", b"map")] }]],
            ["The Whale", [
                { "label": "Volume 1", "usage": "PRESERVATION_MASTER", "files": [file("Cover", b"one"), file("2.tif", b"two")] },
                { "label": "Volume 2", "usage": "PRESERVATION_MASTER", "files": [file("3.tif", b"three")] },
            ]],
        ])
    );
    let left = desk.client.get(&format!("/conf/md-import-profiles/{profile}/ingests/first/files")).await.ok();
    let names: Vec<_> = left["file"].as_array().unwrap().iter().map(|file| text(file, "name")).collect();
    assert_eq!(names, ["values.csv"], "what is registered is moved out of the folder");
}

#[tokio::test]
async fn i23_the_same_folder_again_changes_nothing() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    desk.import(&profile, "first", FILES).await;
    let before = desk.tree().await;
    let again = desk.import(&profile, "second", FILES).await;
    assert_eq!(again["status"]["value"], "COMPLETED_SUCCESS", "{again}");
    assert_eq!((counter(&again, "unchanged"), counter(&again, "files")), (3, 0), "{again}");
    assert_eq!(counter(&again, "files_unnamed"), 0);
    assert_eq!(desk.tree().await, before);
    // The very same ingest, whose files have been moved, changes nothing either.
    let job = desk.submit(&profile, "first", false).await;
    let same = desk.finish(&job).await;
    assert_eq!(
        (same["status"]["value"].as_str(), counter(&same, "unchanged")),
        (Some("COMPLETED_SUCCESS"), 3)
    );
    assert_eq!(desk.tree().await, before);
}

#[tokio::test]
async fn i14_a_dry_run_reports_the_same_and_writes_nothing() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    desk.copy(&profile, "trial", FILES).await;
    let dry = desk.submit(&profile, "trial", true).await;
    let job = desk.finish(&dry).await;
    assert_eq!(job["dry_run"], true);
    assert_eq!(
        (counter(&job, "created"), counter(&job, "updated"), counter(&job, "failed")),
        (2, 1, 0),
        "{job}"
    );
    assert_eq!(desk.tree().await, json!([]));
    let difference = desk.row(&dry, 2).await["difference"].clone();
    let title = difference.as_array().unwrap().iter().find(|it| it["field"] == "dc:title").unwrap();
    assert_eq!((&title["before"], &title["after"]), (&json!([]), &json!(["A Map"])));
    let wet = desk.submit(&profile, "trial", false).await;
    desk.finish(&wet).await;
    assert_eq!(desk.outcomes(&dry).await, desk.outcomes(&wet).await);
    assert_eq!(desk.tree().await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_undo_takes_back_what_the_run_did_and_leaves_what_is_newer() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    desk.import(
        &profile,
        "old",
        &[
            ("values.csv", b"dc:title,dc:identifier,file_name_1\nA Map,local:2,old.tif\n"),
            ("old.tif", b"old"),
        ],
    )
    .await;
    let before = desk.tree().await;
    let job = desk.import(&profile, "new", FILES).await;
    assert_ne!(desk.tree().await, before);
    let job = text(&job, "id");
    let undo = text(&desk.client.post(&format!("/conf/jobs/{job}?op=undo"), json!(null)).await.ok(), "id");
    let undone = desk.finish(&undo).await;
    assert_eq!(undone["status"]["value"], "COMPLETED_SUCCESS", "{undone}");
    assert_eq!(counter(&undone, "undone"), 3);
    assert_eq!(desk.tree().await, before);

    let job = desk.import(&profile, "newer", FILES).await;
    let members = desk.client.get(&format!("/bibs/collections/{}/bibs", desk.collection)).await.ok();
    let whale = members["bib"].as_array().unwrap().iter().find(|it| it["title"] == "The Whale").unwrap();
    let mms = text(whale, "mms_id");
    let mut bib = desk.client.get(&format!("/bibs/{mms}")).await.ok();
    bib["anies"][0] = json!(bib["anies"][0].as_str().unwrap().replace("The Whale", "The White Whale"));
    desk.client.put(&format!("/bibs/{mms}"), bib).await.ok();
    let job = text(&job, "id");
    let undo = text(&desk.client.post(&format!("/conf/jobs/{job}?op=undo"), json!(null)).await.ok(), "id");
    let undone = desk.finish(&undo).await;
    assert_eq!((counter(&undone, "left"), counter(&undone, "undone")), (1, 2), "{undone}");
    assert_eq!(desk.report_lines(&undo).await, 3);
    let left = desk.row(&undo, 1).await;
    assert!(text(&left, "message").contains("was changed since"), "{left}");
}

#[tokio::test]
async fn an_undo_of_two_rows_that_changed_one_title_passes_through_its_states_backwards() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({ "matching": { "on_match": "OVERLAY" } })).await;
    desk.import(&profile, "base", &[("values.csv", b"dc:title,dc:identifier\nBase,local:1\n")]).await;
    let before = desk.tree().await;
    let twice: &[u8] = b"dc:title,dc:identifier,dc:creator\nFirst,local:1,A\nOther,local:2,\n";
    desk.import(&profile, "one", &[("values.csv", twice)]).await;
    let middle = desk.tree().await;
    let rows = b"dc:title,dc:identifier\nSecond,local:1\nThird,local:2\n";
    let job = desk.import(&profile, "two", &[("values.csv", rows)]).await;
    assert_eq!(counter(&job, "updated"), 2, "{job}");
    for (job, expected) in [(text(&job, "id"), middle), (desk.job_of(&profile, "one").await, before)] {
        let undo =
            text(&desk.client.post(&format!("/conf/jobs/{job}?op=undo"), json!(null)).await.ok(), "id");
        let undone = desk.finish(&undo).await;
        assert_eq!(counter(&undone, "left"), 0, "{undone}");
        assert_eq!(desk.tree().await, expected);
    }
}

#[tokio::test]
async fn a_book_of_more_pages_than_one_transaction_takes_is_one_representation() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let names: Vec<String> = (1..=230).map(|page| format!("pages/{page:04}.txt")).collect();
    let mut files: Vec<(&str, &[u8])> =
        vec![("values.csv", b"dc:title,dc:identifier,file_name_1\nA Long Book,local:9,pages/\n")];
    files.extend(names.iter().map(|name| (name.as_str(), name.as_bytes())));
    let job = desk.import(&profile, "book", &files).await;
    assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS", "{job}");
    assert_eq!(
        (counter(&job, "created"), counter(&job, "representations"), counter(&job, "files")),
        (1, 1, 230)
    );
    let tree = desk.tree().await;
    let labels: Vec<_> = tree[0]["representations"][0]["files"].as_array().unwrap()[..3].to_vec();
    assert_eq!(labels[0][0], "0001.txt");
    assert_eq!(labels[2][0], "0003.txt");
}

#[tokio::test]
async fn an_undo_leaves_a_representation_in_which_a_person_replaced_a_file() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let files: &[(&str, &[u8])] = &[
        ("values.csv", b"dc:title,dc:identifier,file_name_1\nA Map,local:1,a.txt\n"),
        ("a.txt", b"bad scan"),
    ];
    let job = text(&desk.import(&profile, "scan", files).await, "id");
    let row = desk.row(&job, 1).await;
    let (mms, rep) = (text(&row, "mms_id"), row["representation_id"][0].as_str().unwrap().to_owned());
    let path = format!("/bibs/{mms}/representations/{rep}/files");
    let listed = desk.client.get(&path).await.ok();
    let pid = text(&listed["representation_file"][0], "pid");
    assert_eq!(desk.client.delete(&format!("{path}/{pid}")).await.status, 204);
    crate::walk::upload(&desk.client, &rep, "a.txt", b"better scan").await;
    super::work(&desk.app).await;
    let undo = text(&desk.client.post(&format!("/conf/jobs/{job}?op=undo"), json!(null)).await.ok(), "id");
    let undone = desk.finish(&undo).await;
    assert_eq!(counter(&undone, "left"), 1, "{undone}");
    assert_eq!(desk.client.get(&path).await.ok()["total_record_count"], 1);
    let again = desk.client.post(&format!("/conf/jobs/{job}?op=resubmit"), json!(null)).await;
    assert_eq!(again.status, 400, "what is undone is not resubmitted: {}", again.text);
}
