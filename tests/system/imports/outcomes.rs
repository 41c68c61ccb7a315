//! Each way in which a row or a file can end, reported and nothing else.

use serde_json::{Value, json};

use super::{Desk, counter};
use crate::walk::text;

fn outcomes(found: &[(u64, String, String)]) -> Vec<(u64, &str, &str)> {
    found.iter().map(|(number, outcome, code)| (*number, outcome.as_str(), code.as_str())).collect()
}

#[tokio::test]
async fn i22_a_bad_row_never_affects_the_others() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let csv = "dc:title,dc:identifier,mms_id,rep_usage_type,rep_library,rep_access_rights,collection_id,file_name_1\n\
        Good,local:1,,,,,,a.txt\n\
        ,,,,,,,\"b.txt\n\
        Bad path,local:3,,,,,,../secret\n\
        Bad usage,local:4,,BEST,,,,a2.txt\n\
        Bad library,local:5,,,NOWHERE,,,a3.txt\n\
        Bad policy,local:6,,,,Nobody,,a4.txt\n\
        Bad collection,local:7,,,,,8100000000000000000000,a5.txt\n\
        Bad id,local:8,12,,,,,a6.txt\n\
        ,,,,,,,a7.txt\n\
        Also good,local:10,,,,,,b.txt\n";
    // Row 2 opens a quote that is never closed on its line; the row is given up at the line's end.
    let csv = csv.replace("\"b.txt\n", "b\"b.txt\n");
    let files: Vec<(String, Vec<u8>)> = ["a", "a2", "a3", "a4", "a5", "a6", "a7", "b"]
        .iter()
        .map(|name| (format!("{name}.txt"), name.as_bytes().to_vec()))
        .collect();
    let mut all: Vec<(&str, &[u8])> = vec![("values.csv", csv.as_bytes())];
    all.extend(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    let job = desk.import(&profile, "mixed", &all).await;
    let found = desk.outcomes(&text(&job, "id")).await;
    let found = outcomes(&found);
    assert_eq!(found[0], (1, "CREATED", ""));
    assert_eq!(found[2], (3, "FAILED", "UNSAFE_FILE_NAME"));
    assert_eq!(found[3], (4, "FAILED", "UNKNOWN_USAGE_TYPE"));
    assert_eq!(found[4], (5, "FAILED", "UNKNOWN_LIBRARY"));
    assert_eq!(found[5], (6, "FAILED", "UNKNOWN_POLICY"));
    assert_eq!(found[6], (7, "FAILED", "UNKNOWN_COLLECTION"));
    assert_eq!(found[7], (8, "FAILED", "INVALID_MMS_ID"));
    assert_eq!(found[8], (9, "FAILED", "NO_METADATA"));
    assert_eq!(found[9], (10, "CREATED", ""));
    assert_eq!(job["status"]["value"], "COMPLETED_WITH_ERRORS");
    let rows = counter(&job, "rows");
    assert_eq!(rows, 10);
    let sum: u64 =
        ["created", "updated", "unchanged", "skipped", "failed", "missing_files", "waiting", "discarded"]
            .iter()
            .map(|name| counter(&job, name))
            .sum();
    assert_eq!(sum, rows, "every row ends in exactly one outcome");
    assert_eq!(desk.tree().await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn b27_missing_unnamed_twice_named_and_late_files_are_each_reported() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let csv: &[u8] = b"dc:title,dc:identifier,file_name_1,file_name_2\n\
        Whole,local:1,a.txt,b.txt\n\
        Late,local:2,late.txt,c.txt\n\
        Twice,local:3,a.txt,\n\
        Same twice,local:4,d.txt,d.txt\n";
    let files: &[(&str, &[u8])] = &[
        ("values.csv", csv),
        ("a.txt", b"a"),
        ("b.txt", b"b"),
        ("c.txt", b"c"),
        ("d.txt", b"d"),
        ("nobody.txt", b"n"),
    ];
    let job = desk.import(&profile, "files", files).await;
    let id = text(&job, "id");
    let found = desk.outcomes(&id).await;
    let ended: Vec<_> = outcomes(&found);
    assert_eq!(ended[1], (2, "MISSING_FILES", "MISSING_FILES"));
    assert_eq!(ended[3], (4, "FAILED", "NAMED_TWICE"));
    // Of the two rows that name `a.txt`, one has it and the other says so; rows of a page go side by side.
    let mut pair = [ended[0].1, ended[2].1];
    pair.sort_unstable();
    assert_eq!(pair, ["CREATED", "FAILED"]);
    assert_eq!(job["status"]["value"], "COMPLETED_WITH_ERRORS");
    assert_eq!(counter(&job, "missing_files"), 1);
    assert_eq!(counter(&job, "files_unnamed"), 1, "rows that were not imported name c and d: {job}");
    assert!(text(&desk.row(&id, 2).await, "message").contains("late.txt"));
    let report = desk.client.get(&format!("/conf/jobs/{id}/report?as=csv")).await.ok();
    let (status, bytes) = vitrine_testing::fetch_signed(report["url"].as_str().unwrap());
    let report = String::from_utf8(bytes).unwrap();
    assert_eq!(status, 200);
    assert!(report.contains("unnamed_file,,,,,,,,,,1,nobody.txt\r\n"), "{report}");
    assert!(report.contains("row,2,MISSING_FILES,"), "{report}");

    desk.copy(&profile, "files", &[("late.txt", b"late")]).await;
    let again = desk.client.post(&format!("/conf/jobs/{id}?op=resubmit"), Value::Null).await.ok();
    assert_eq!(again["status"]["value"], "PENDING");
    let job = desk.finish(&id).await;
    let found = desk.outcomes(&id).await;
    assert_eq!(outcomes(&found)[1], (2, "CREATED", ""), "{job}");
    assert_eq!(counter(&job, "missing_files"), 0);
    assert_eq!(counter(&job, "rows"), 4);
}

#[tokio::test]
async fn i13_each_merge_mode_does_what_it_says_to_a_title_that_is_there() {
    let desk = Desk::new().await;
    let first = desk.profile(json!({})).await;
    desk.import(
        &first,
        "base",
        &[("values.csv", b"dc:title,dc:creator,dc:identifier\nOld title,Old creator,local:1\n")],
    )
    .await;
    let record = |tree: &Value| text(&tree[0], "record");
    let base = record(&desk.tree().await);
    let csv: &[u8] = b"dc:title,dc:identifier,file_name_1\nNew title,local:1,f.txt\n";

    for (mode, protected, outcome, holds, lacks) in [
        ("DO_NOT_IMPORT", json!([]), "SKIPPED", vec!["Old title", "Old creator"], vec!["New title"]),
        ("FILES_ONLY", json!([]), "UPDATED", vec!["Old title", "Old creator"], vec!["New title"]),
        ("MERGE", json!(["dc:title"]), "UPDATED", vec!["Old title", "Old creator"], vec!["New title"]),
        ("MERGE", json!([]), "UPDATED", vec!["New title", "Old creator"], vec!["Old title"]),
        ("OVERLAY", json!([]), "UPDATED", vec!["New title"], vec!["Old title", "Old creator"]),
    ] {
        let profile = desk.profile(json!({ "matching": { "on_match": mode, "protected": protected } })).await;
        let folder = format!("m{}", profile.len());
        let job = desk.import(&profile, &folder, &[("values.csv", csv), ("f.txt", mode.as_bytes())]).await;
        assert_eq!(desk.outcomes(&text(&job, "id")).await[0].1, outcome, "{mode} {job}");
        let now = record(&desk.tree().await);
        for text in holds {
            assert!(now.contains(text), "{mode}: {now}");
        }
        for text in lacks {
            assert!(!now.contains(text), "{mode}: {now}");
        }
        if mode == "FILES_ONLY" {
            assert_eq!(now, base, "byte for byte (complaint 1)");
        }
    }
}

#[tokio::test]
async fn i21_a_row_that_matches_several_titles_waits_for_a_person() {
    let desk = Desk::new().await;
    let record = |title: &str| {
        format!(
            r#"<record xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title><dc:identifier>local:1</dc:identifier></record>"#
        )
    };
    let mut ids = Vec::new();
    for title in ["One", "Two"] {
        let body = json!({ "record_format": { "value": "qdc" }, "suppress_from_publishing": false, "anies": [record(title)] });
        ids.push(text(&desk.client.post("/bibs", body).await.ok(), "mms_id"));
    }
    let profile = desk.profile(json!({ "matching": { "on_match": "FILES_ONLY" } })).await;
    let job = desk
        .import(
            &profile,
            "several",
            &[
                (
                    "values.csv",
                    b"dc:title,dc:identifier,file_name_1\nWhich,local:1,f.txt\nOther,local:2,g.txt\n",
                ),
                ("f.txt", b"f"),
                ("g.txt", b"g"),
            ],
        )
        .await;
    let id = text(&job, "id");
    assert_eq!(job["status"]["value"], "MANUAL_HANDLING_REQUIRED", "{job}");
    let waiting = desk.client.get(&format!("/conf/jobs/{id}/rows?outcome=waiting")).await.ok();
    assert_eq!(waiting["row"][0]["code"], "SEVERAL_MATCHES");
    let mut candidates: Vec<_> = waiting["row"][0]["candidate"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap().to_owned())
        .collect();
    candidates.sort();
    ids.sort();
    assert_eq!(candidates, ids);
    let decide = format!("/conf/jobs/{id}/rows/1?op=match&mms_id={}", ids[1]);
    desk.client.post(&decide, Value::Null).await.ok();
    desk.client.post(&format!("/conf/jobs/{id}?op=resubmit"), Value::Null).await.ok();
    let job = desk.finish(&id).await;
    assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS", "{job}");
    let row = desk.row(&id, 1).await;
    assert_eq!(
        (row["outcome"]["value"].as_str(), row["mms_id"].as_str()),
        (Some("UPDATED"), Some(ids[1].as_str()))
    );
}

#[tokio::test]
async fn i11_errors_of_validation_wait_or_are_skipped_and_warnings_go_on() {
    let desk = Desk::new().await;
    let checks = json!([
        { "check": "REQUIRED", "field": "dc:creator", "severity": "ERROR" },
        { "check": "REQUIRED", "field": "dc:date", "severity": "WARNING" }
    ]);
    let csv: &[u8] = b"dc:title,dc:identifier,dc:creator\nNo creator,local:1,\nNo date,local:2,Somebody\n";
    let waits = desk.profile(json!({ "normalization": { "checks": checks } })).await;
    let job = desk.import(&waits, "w", &[("values.csv", csv)]).await;
    let id = text(&job, "id");
    let found = desk.outcomes(&id).await;
    assert_eq!(outcomes(&found), [(1, "WAITING", "INVALID"), (2, "CREATED", "")]);
    assert!(desk.row(&id, 2).await["warning"][0].as_str().unwrap().starts_with("dc:date"));
    desk.client.post(&format!("/conf/jobs/{id}/rows/1?op=force"), Value::Null).await.ok();
    desk.client.post(&format!("/conf/jobs/{id}?op=resubmit"), Value::Null).await.ok();
    let job = desk.finish(&id).await;
    assert_eq!((counter(&job, "created"), counter(&job, "waiting")), (2, 0), "{job}");

    let skips = desk.profile(json!({ "normalization": { "checks": checks, "skip_invalid": true } })).await;
    let csv = String::from_utf8_lossy(csv).replace("local:", "other:");
    let job = desk.import(&skips, "s", &[("values.csv", csv.as_bytes())]).await;
    assert_eq!(counter(&job, "skipped"), 1);
    assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS");
}

#[tokio::test]
async fn i10_filter_and_steps_change_what_is_imported() {
    let desk = Desk::new().await;
    let other = desk
        .client
        .post("/bibs/collections", json!({ "name": "Maps of rules", "library": { "value": "MAIN" } }))
        .await
        .ok();
    let profile = desk
        .profile(json!({ "normalization": {
            "filter": [{ "is": "PRESENT", "field": "dc:type" }],
            "steps": [
                { "step": "DROP", "field": "dc:description" },
                { "step": "SET", "field": "dc:rights", "value": "Public domain" },
                { "step": "RENAME", "from": "dc:source", "to": "dc:relation" },
                { "step": "ADD_TO_COLLECTION", "field": "dc:coverage" }
            ]
        } }))
        .await;
    let csv: &[u8] = b"dc:title,dc:identifier,dc:type,dc:description,dc:source,dc:coverage\n\
        Kept,local:1,Map,gone,moved,Maps of rules\nFiltered,local:2,,x,y,\n";
    let job = desk.import(&profile, "rules", &[("values.csv", csv)]).await;
    let found = desk.outcomes(&text(&job, "id")).await;
    assert_eq!(outcomes(&found), [(1, "CREATED", ""), (2, "SKIPPED", "FILTERED")]);
    let members =
        desk.client.get(&format!("/bibs/collections/{}/bibs", text(&other["pid"], "value"))).await.ok();
    let mms = text(&members["bib"][0], "mms_id");
    let record = desk.client.get(&format!("/bibs/{mms}")).await.ok()["anies"][0].as_str().unwrap().to_owned();
    assert!(record.contains("Public domain") && record.contains("moved"), "{record}");
    assert!(!record.contains("gone") && !record.contains("dc:source"), "{record}");
}

#[tokio::test]
async fn a_family_whose_title_is_there_is_left_out_whole() {
    let desk = Desk::new().await;
    let first = desk.profile(json!({})).await;
    desk.import(&first, "base", &[("values.csv", b"dc:title,dc:identifier\nA Map,local:1\n")]).await;
    let profile = desk.profile(json!({ "matching": { "on_match": "DO_NOT_IMPORT" } })).await;
    let csv: &[u8] = b"group_id,dc:title,dc:identifier,file_name_1\nm,A Map,local:1,a.txt\nm,,,b.txt\n";
    let job = desk.import(&profile, "family", &[("values.csv", csv), ("a.txt", b"a"), ("b.txt", b"b")]).await;
    let found = desk.outcomes(&text(&job, "id")).await;
    assert_eq!(outcomes(&found), [(1, "SKIPPED", "MATCHED"), (2, "SKIPPED", "MATCHED")]);
    assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS");
    assert_eq!(counter(&job, "files_unnamed"), 0, "rows that are left out name their files all the same");
}

#[tokio::test]
async fn many_rows_of_one_title_all_add_to_it() {
    let desk = Desk::new().await;
    let first = desk.profile(json!({})).await;
    desk.import(&first, "base", &[("values.csv", b"dc:title,dc:identifier\nA Book,local:1\n")]).await;
    let members = desk.client.get(&format!("/bibs/collections/{}/bibs", desk.collection)).await.ok();
    let mms = text(&members["bib"][0], "mms_id");
    // The vendor's safe form (domain.md 6.4): nothing but the title's id and a file.
    let profile = desk.profile(json!({ "matching": { "method": "MMS_ID", "on_match": "FILES_ONLY", "on_none": "DO_NOT_IMPORT" } })).await;
    let mut csv = "mms_id,rep_label,file_name_1\n".to_owned();
    let names: Vec<String> = (1..=24).map(|page| format!("{page}.txt")).collect();
    for name in &names {
        csv.push_str(&format!("{mms},{name},{name}\n"));
    }
    let mut files: Vec<(&str, &[u8])> = vec![("values.csv", csv.as_bytes())];
    files.extend(names.iter().map(|name| (name.as_str(), name.as_bytes())));
    let job = desk.import(&profile, "safe", &files).await;
    assert_eq!((counter(&job, "updated"), counter(&job, "failed")), (24, 0), "{job}");
    assert_eq!(desk.tree().await[0]["representations"].as_array().unwrap().len(), 24);
}

#[tokio::test]
async fn an_identifier_that_was_corrected_since_does_not_lead_to_the_title_any_more() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({ "matching": { "on_match": "OVERLAY" } })).await;
    desk.import(&profile, "first", &[("values.csv", b"dc:title,dc:identifier\nMisnumbered,local:1\n")]).await;
    let members = desk.client.get(&format!("/bibs/collections/{}/bibs", desk.collection)).await.ok();
    let mms = text(&members["bib"][0], "mms_id");
    let mut bib = desk.client.get(&format!("/bibs/{mms}")).await.ok();
    bib["anies"][0] = json!(bib["anies"][0].as_str().unwrap().replace("local:1", "local:2"));
    desk.client.put(&format!("/bibs/{mms}"), bib).await.ok();
    let job = desk
        .import(&profile, "second", &[("values.csv", b"dc:title,dc:identifier\nThe real one,local:1\n")])
        .await;
    assert_eq!(counter(&job, "created"), 1, "{job}");
    let titles: Vec<String> =
        desk.tree().await.as_array().unwrap().iter().map(|it| text(it, "title")).collect();
    assert_eq!(titles, ["Misnumbered", "The real one"]);
}

#[tokio::test]
async fn a_file_that_is_refused_is_tried_again_without_a_second_title() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({ "matching": { "method": "NONE" } })).await;
    desk.copy(
        &profile,
        "refused",
        &[("values.csv", b"dc:title,file_name_1\nA Map,a.txt\n"), ("a.txt", b"first")],
    )
    .await;
    let job = desk.submit(&profile, "refused", false).await;
    // The row is done, and then somebody overwrites the file with one of another size before it is registered.
    let around = super::around();
    let body = json!({ "job": job }).to_string();
    vitrine_triggers::imports_batch(&desk.app, super::batch(&body), &around).await;
    desk.copy(&profile, "refused", &[("a.txt", b"second and longer")]).await;
    let ended = desk.finish(&job).await;
    assert_eq!(
        (ended["status"]["value"].as_str(), counter(&ended, "files_refused")),
        (Some("COMPLETED_WITH_ERRORS"), 1),
        "{ended}"
    );
    desk.client.post(&format!("/conf/jobs/{job}?op=resubmit"), Value::Null).await.ok();
    let ended = desk.finish(&job).await;
    assert_eq!(
        (ended["status"]["value"].as_str(), counter(&ended, "created")),
        (Some("COMPLETED_SUCCESS"), 1),
        "{ended}"
    );
    let tree = desk.tree().await;
    assert_eq!(tree.as_array().unwrap().len(), 1);
    assert_eq!(tree[0]["representations"][0]["files"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_metadata_file_that_breaks_off_loses_its_end_and_nothing_before_it() {
    let desk = Desk::new().await;
    let profile = desk
        .profile(json!({
            "details": { "source_format": "DC", "metadata_file": "dc.xml", "target_format": "qdc" }
        }))
        .await;
    let xml = r#"<collection xmlns:dc="http://purl.org/dc/elements/1.1/"><record><dc:title>Whole</dc:title></record><record><dc:title>Cut o"#;
    let job = desk.import(&profile, "cut", &[("dc.xml", xml.as_bytes())]).await;
    let found = desk.outcomes(&text(&job, "id")).await;
    let ends: Vec<&str> = found.iter().map(|(_, outcome, _)| outcome.as_str()).collect();
    // The record that is cut, and the break itself.
    assert_eq!(ends, ["CREATED", "FAILED", "FAILED"], "{job}");
}
