//! Imports that are killed, repeated and run against each other.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use vitrine_domain::Timestamp;
use vitrine_store::queues::Queue;
use vitrine_triggers::{Surroundings, imports_batch};

use super::{Desk, batch, counter, work};
use crate::walk::text;

pub(super) fn table(rows: u32) -> (String, Vec<(String, Vec<u8>)>) {
    let mut csv = "dc:title,dc:identifier,file_name_1\n".to_owned();
    let mut files = Vec::new();
    for row in 1..=rows {
        csv.push_str(&format!("Title {row:05},local:{row},f/{row:05}.txt\n"));
        files.push((format!("f/{row:05}.txt"), format!("file {row}").into_bytes()));
    }
    (csv, files)
}

pub(super) async fn bring(desk: &Desk, profile: &str, folder: &str, csv: &str, files: &[(String, Vec<u8>)]) {
    let mut all: Vec<(&str, &[u8])> = vec![("values.csv", csv.as_bytes())];
    all.extend(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    desk.copy(profile, folder, &all).await;
}

#[tokio::test]
async fn b22_two_runs_at_once_make_one_title_of_each_identifier() {
    let desk = Desk::new().await;
    let one = desk.profile(json!({ "matching": { "on_match": "FILES_ONLY" } })).await;
    let other = desk.profile(json!({ "matching": { "on_match": "FILES_ONLY" } })).await;
    let (csv, files) = table(40);
    bring(&desk, &one, "a", &csv, &files).await;
    bring(&desk, &other, "b", &csv, &files).await;
    let jobs = [desk.submit(&one, "a", false).await, desk.submit(&other, "b", false).await];
    let messages = jobs.clone().map(|job| json!({ "job": job }).to_string());
    let around = super::around();
    let run = |body: &str| imports_batch(&desk.app, batch(body), &around);
    let (_, _) = tokio::join!(run(&messages[0]), run(&messages[1]));
    let ended = [desk.finish(&jobs[0]).await, desk.finish(&jobs[1]).await];
    let created: u64 = ended.iter().map(|job| counter(job, "created")).sum();
    let failed: u64 = ended.iter().map(|job| counter(job, "failed")).sum();
    assert_eq!((created, failed), (40, 0), "{ended:?}");
    assert_eq!(desk.tree().await.as_array().unwrap().len(), 40);
}

#[tokio::test]
async fn b21_a_run_that_stops_after_every_few_calls_ends_like_one_that_was_not_disturbed() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let (csv, files) = table(130);
    bring(&desk, &profile, "stopped", &csv, &files).await;
    let job = desk.submit(&profile, "stopped", false).await;
    // Each worker is dropped in the middle of whatever it does after some milliseconds: a kill at an await.
    let kills = AtomicU32::new(0);
    let body = json!({ "job": job }).to_string();
    let around = super::around();
    for round in 0..60_u64 {
        let worker = imports_batch(&desk.app, batch(&body), &around);
        let limit = std::time::Duration::from_millis(15 + round * 7 % 90);
        if tokio::time::timeout(limit, Box::pin(worker)).await.is_err() {
            kills.fetch_add(1, Ordering::Relaxed);
        }
    }
    assert!(kills.load(Ordering::Relaxed) > 10, "the run was disturbed");
    let ended = desk.finish_later(&job).await;
    let counts: Vec<u64> = ["rows", "created", "failed", "files", "files_unnamed"]
        .iter()
        .map(|name| counter(&ended, name))
        .collect();
    assert_eq!(counts, [130, 130, 0, 130, 0], "{ended}");
    let mut ids: Vec<String> = Vec::new();
    for number in [1_u64, 57, 101, 130] {
        ids.push(text(&desk.row(&job, number).await, "mms_id"));
    }
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn a_run_whose_time_is_over_goes_on_with_the_next_message() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let (csv, files) = table(120);
    bring(&desk, &profile, "slow", &csv, &files).await;
    let job = desk.submit(&profile, "slow", false).await;
    let body = json!({ "job": job }).to_string();
    let around = Surroundings { now: &Timestamp::now, time_left: &|| false, metrics: &|_| {} };
    let response = imports_batch(&desk.app, batch(&body), &around).await;
    assert!(response.batch_item_failures.is_empty());
    let progress = desk.client.get(&format!("/conf/jobs/{job}")).await.ok();
    assert_ne!(progress["status"]["value"], "PENDING", "one step was done: {progress}");
    let ended = desk.finish(&job).await;
    assert_eq!(counter(&ended, "created"), 120, "{ended}");
}

#[tokio::test]
async fn a_job_that_is_cancelled_stops_between_pages_and_can_be_gone_on_with() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let (csv, files) = table(30);
    bring(&desk, &profile, "stop", &csv, &files).await;
    let job = desk.submit(&profile, "stop", false).await;
    // It reads its rows and begins with them, then has no time for more.
    let body = json!({ "job": job }).to_string();
    let around = Surroundings { now: &Timestamp::now, time_left: &|| false, metrics: &|_| {} };
    for _ in 0..2 {
        imports_batch(&desk.app, batch(&body), &around).await;
    }
    desk.client.post(&format!("/conf/jobs/{job}?op=cancel"), json!(null)).await.ok();
    let ended = desk.finish(&job).await;
    assert_eq!(ended["status"]["value"], "ABORTED");
    // What was done until then is counted exactly, and reported.
    let done = counter(&ended, "created");
    assert!((1..30).contains(&done), "{ended}");
    assert_eq!(desk.tree().await.as_array().unwrap().len() as u64, done);
    assert_eq!(desk.report_lines(&job).await, done);
    desk.client.post(&format!("/conf/jobs/{job}?op=resubmit"), json!(null)).await.ok();
    let ended = desk.finish(&job).await;
    assert_eq!(
        (ended["status"]["value"].as_str(), counter(&ended, "created")),
        (Some("COMPLETED_SUCCESS"), 30)
    );
}

#[tokio::test]
async fn a_job_whose_message_was_lost_is_sent_again_by_the_sweep() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let (csv, files) = table(2);
    bring(&desk, &profile, "lost", &csv, &files).await;
    let job = desk.submit(&profile, "lost", false).await;
    let message = crate::walk::next(&desk.app, Queue::Imports).await;
    assert!(message.contains(&job), "the message is taken and nobody works on it");
    let later = Timestamp::now().saturating_add(vitrine_domain::outbox::seconds(400)).unwrap();
    let mut call = vitrine_testing::operator();
    call.now = later;
    desk.app.sweep(&call, &|| true).await.unwrap();
    work(&desk.app).await;
    assert_eq!(counter(&desk.finish(&job).await, "created"), 2);
}

#[tokio::test]
async fn a_folder_of_pages_that_are_moved_while_the_row_is_killed_again_and_again_is_whole_in_the_end() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let names: Vec<String> = (1..=300).map(|page| format!("pages/{page:04}.txt")).collect();
    let files: Vec<(String, Vec<u8>)> =
        names.iter().map(|name| (name.clone(), name.clone().into_bytes())).collect();
    bring(&desk, &profile, "book", "dc:title,dc:identifier,file_name_1\nBook,local:1,pages/\n", &files).await;
    let job = desk.submit(&profile, "book", false).await;
    let body = json!({ "job": job }).to_string();
    let around = super::around();
    for round in 0..12_u64 {
        let worker = imports_batch(&desk.app, batch(&body), &around);
        let limit = std::time::Duration::from_millis(60 + round * 37 % 200);
        let _ = tokio::time::timeout(limit, Box::pin(worker)).await;
        // What was written down so far is registered, and so moved out of the folder.
        work(&desk.app).await;
    }
    let ended = desk.finish(&job).await;
    assert_eq!((counter(&ended, "representations"), counter(&ended, "files")), (1, 300), "{ended}");
    assert_eq!(counter(&ended, "files_unnamed"), 0, "{ended}");
}
