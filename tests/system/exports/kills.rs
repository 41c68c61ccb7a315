//! Exports whose workers die at any call, or get no time: the same bytes as if nothing had happened; and what a title
//! costs.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vitrine_domain::Timestamp;
use vitrine_domain::ids::JobId;
use vitrine_domain::job::JobStatus;
use vitrine_store::faults::Moment;
use vitrine_testing::operator;

use super::objects::{in_objects, paths, storage_root};
use super::{EXPORTS, counter, everything, export, title, written};
use crate::imports::Desk;
use crate::walk::{DC, text};

/// The contents of a run's files, without the job's id in their names.
async fn contents(desk: &Desk, job: &Value) -> Vec<String> {
    written(&desk.client, job).await.into_iter().map(|(_, file)| file).collect()
}

async fn begin(desk: &Desk, body: &Value) -> JobId {
    let made = desk.client.post(EXPORTS, body.clone()).await.ok();
    let job = desk.client.post(&format!("{EXPORTS}/{}?op=run", text(&made, "id")), Value::Null).await.ok();
    text(&job, "id").parse().unwrap()
}

#[tokio::test]
async fn an_export_that_is_killed_at_any_call_writes_the_same_bytes() {
    let desk = Desk::new().await;
    for number in 0..5 {
        let record = DC.replace("Moby-Dick", &format!("Book {number}"));
        title(&desk, "dc", &record, if number == 0 { &[("a.tif", b"a")] } else { &[] }).await;
    }
    let mut body = everything("MARCXML");
    body["records_per_file"] = json!(2);
    body["include_files"] = json!(true);
    let undisturbed = contents(&desk, &export(&desk, body.clone()).await).await;
    assert_eq!(undisturbed.len(), 3);
    let worker = desk.stack.faulty_app();
    let mut number = 0;
    let calls = loop {
        let id = begin(&desk, &body).await;
        let moment = if number % 2 == 0 { Moment::After } else { Moment::Before };
        let (job, ended) = desk.killed(&worker, &id, (number, moment)).await;
        assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS", "killed at {number}: {job}");
        assert_eq!(contents(&desk, &job).await, undisturbed, "killed at {number}");
        assert_eq!((counter(&job, "titles"), counter(&job, "copied_files")), (5, 1), "killed at {number}");
        if ended {
            break number;
        }
        number += 3;
    };
    assert!(calls > 30, "only {calls} calls were tried");
}

/// A storage root without what differs between two runs: the job and when it was ordered.
async fn objects(desk: &Desk, job: &Value) -> BTreeMap<String, Value> {
    let found = storage_root(desk, job, "ocfl-killed").await;
    let without_run = |(id, (_, mut inventory)): (String, (_, Value))| {
        let version = inventory["versions"]["v1"].as_object_mut().unwrap();
        assert!(version.remove("created").is_some() && version.remove("message").is_some());
        (id, inventory)
    };
    found.into_iter().map(without_run).collect()
}

#[tokio::test]
async fn an_export_in_objects_that_is_killed_at_any_call_writes_the_same_storage_root() {
    let desk = Desk::new().await;
    title(&desk, "dc", DC, &[("a.tif", b"a"), ("b.tif", b"b")]).await;
    title(&desk, "dc", &DC.replace("Moby-Dick", "Another book"), &[]).await;
    let body = in_objects("MARCXML");
    let undisturbed = objects(&desk, &export(&desk, body.clone()).await).await;
    assert_eq!(undisturbed.values().map(|it| paths(it).len()).collect::<Vec<_>>(), [3, 1]);
    let worker = desk.stack.faulty_app();
    let mut number = 0;
    let calls = loop {
        let id = begin(&desk, &body).await;
        let moment = if number % 2 == 0 { Moment::After } else { Moment::Before };
        let (job, ended) = desk.killed(&worker, &id, (number, moment)).await;
        assert_eq!(job["status"]["value"], "COMPLETED_SUCCESS", "killed at {number}: {job}");
        assert!(objects(&desk, &job).await == undisturbed, "killed at {number}");
        let counted = (counter(&job, "written_files"), counter(&job, "copied_files"));
        assert_eq!(counted, (2, 2), "killed at {number}");
        if ended {
            break number;
        }
        number += 3;
    };
    assert!(calls > 30, "only {calls} calls were tried");
}

#[tokio::test]
async fn a_file_of_several_parts_is_the_same_through_kills_and_for_want_of_time() {
    let desk = Desk::new().await;
    let long = "lorem ipsum ".repeat(15_000);
    for number in 0..44 {
        let record = DC.replace("Moby-Dick", &format!("Book {number} {long}"));
        desk.client
            .post("/bibs", json!({ "record_format": { "value": "dc" }, "anies": [record] }))
            .await
            .ok();
    }
    let body = everything("JSONL");
    let undisturbed = contents(&desk, &export(&desk, body.clone()).await).await;
    assert!(undisturbed[0].len() > 7 << 20, "{} bytes are no two parts", undisturbed[0].len());
    let (app, faulty) = desk.stack.faulty_app();
    // No time at all: every call of the function does one page, and keeps the rest aside. Every other one is killed, each
    // time one call later, so that some die between what they kept and the place that says so.
    let id = begin(&desk, &body).await;
    let (mut killed, mut number) = (0, 0);
    let job = loop {
        let call = operator();
        let run = app.run_job(&call, &id, &Timestamp::now, &|| false);
        killed += u32::from(faulty.killed_at(number, Moment::After, Box::pin(run)).await.is_none());
        faulty.heal();
        app.run_job(&operator(), &id, &Timestamp::now, &|| false).await.unwrap();
        number = (number + 1) % 60;
        let job = desk.client.get(&format!("/conf/jobs/{id}")).await.ok();
        if job["end_time"].is_string() {
            break job;
        }
    };
    assert!(killed > 0);
    assert!(contents(&desk, &job).await == undisturbed, "{job}");
    let parts = |calls: Vec<String>| {
        calls
            .into_iter()
            .enumerate()
            .filter(|(_, name)| name.contains("Multipart") || name.contains("UploadPart"))
            .map(|(number, _)| number)
            .collect::<Vec<_>>()
    };
    faulty.heal();
    let id = begin(&desk, &body).await;
    app.run_job(&operator(), &id, &Timestamp::now, &|| true).await.unwrap();
    let around_parts = parts(faulty.calls());
    assert!(around_parts.len() >= 4, "{around_parts:?}");
    for number in around_parts.into_iter().flat_map(|number| [number, number + 1]) {
        let id = begin(&desk, &body).await;
        let call = operator();
        let run = app.run_job(&call, &id, &Timestamp::now, &|| true);
        let ended = faulty.killed_at(number, Moment::After, Box::pin(run)).await;
        faulty.heal();
        assert!(ended.is_none());
        app.run_job(&operator(), &id, &Timestamp::now, &|| true).await.unwrap();
        let job = app.catalog.job(&id).await.unwrap().unwrap();
        assert_eq!(job.status, JobStatus::CompletedSuccess);
        let job = desk.client.get(&format!("/conf/jobs/{id}")).await.ok();
        assert!(contents(&desk, &job).await == undisturbed, "killed at {number}");
    }
}

#[tokio::test]
async fn a_title_costs_two_calls_and_six_more_as_an_object_and_a_page_a_few() {
    let desk = Desk::new().await;
    let mut costs: BTreeMap<&str, Vec<BTreeMap<String, usize>>> = BTreeMap::new();
    for more in [4, 8] {
        for number in 0..more {
            title(&desk, "dc", &DC.replace("Moby-Dick", &format!("Book {more} {number}")), &[]).await;
        }
        let (app, faulty) = desk.stack.faulty_app();
        let set = json!({
            "name": format!("{more}"), "rule": { "collection": [{ "value": desk.collection }] }
        });
        let set = text(&desk.client.post("/conf/sets", set).await.ok(), "id");
        for layout in ["BAGIT", "OCFL"] {
            let body = json!({
                "name": "set", "set": { "value": set }, "format": { "value": "JSONL" },
                "layout": { "value": layout },
            });
            let id = begin(&desk, &body).await;
            faulty.heal();
            app.run_job(&operator(), &id, &Timestamp::now, &|| true).await.unwrap();
            let mut calls: BTreeMap<String, usize> = BTreeMap::new();
            for call in faulty.calls() {
                *calls.entry(call).or_default() += 1;
            }
            costs.entry(layout).or_default().push(calls);
        }
    }
    // 8 titles more: each one query for its representations and one for their files; an object six small files.
    let more = |layout: &str| -> BTreeMap<String, usize> {
        let costs = &costs[layout];
        costs[1]
            .iter()
            .map(|(name, count)| (name.clone(), count - costs[0].get(name).copied().unwrap_or_default()))
            .filter(|(_, more)| *more > 0)
            .collect()
    };
    let queries = ("DynamoDB.Query".to_owned(), 16);
    assert_eq!(more("BAGIT"), BTreeMap::from([queries.clone()]), "{costs:?}");
    assert_eq!(more("OCFL"), BTreeMap::from([queries, ("S3.PutObject".to_owned(), 48)]), "{costs:?}");
}

#[tokio::test]
async fn an_export_that_was_stopped_goes_on_where_it_was() {
    let desk = Desk::new().await;
    for number in 0..3 {
        title(&desk, "dc", &DC.replace("Moby-Dick", &format!("Book {number}")), &[]).await;
    }
    let mut body = everything("JSONL");
    body["records_per_file"] = json!(1);
    let undisturbed = contents(&desk, &export(&desk, body.clone()).await).await;
    let id = begin(&desk, &body).await;
    let path = format!("/conf/jobs/{id}");
    desk.client.post(&format!("{path}?op=cancel"), Value::Null).await.ok();
    let job = desk.finish(id.as_str()).await;
    assert_eq!(job["status"]["value"], "ABORTED");
    desk.client.post(&format!("{path}?op=resubmit"), Value::Null).await.ok();
    let job = desk.finish(id.as_str()).await;
    assert_eq!(contents(&desk, &job).await, undisturbed);
    assert_eq!(desk.client.post(&format!("{path}?op=resubmit"), Value::Null).await.status, 400);
    assert_eq!(desk.client.post(&format!("{path}?op=undo"), Value::Null).await.status, 400);
}
