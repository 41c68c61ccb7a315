//! Small versions of the long runs of `infra/scale`: what a row costs, rows of many files and much metadata, a service
//! that throttles.

use std::collections::BTreeMap;

use serde_json::json;
use vitrine_domain::Timestamp;
use vitrine_domain::ids::JobId;
use vitrine_store::catalog::PageRequest;
use vitrine_store::faults::{Plan, Rates, Seed};
use vitrine_store::queues::Queue;
use vitrine_triggers::{Surroundings, imports_batch};

use super::faults::{bring, table};
use super::{Desk, batch, counter};
use crate::walk::register;

/// What one item of the table may come to, far below DynamoDB's 400 KB.
const SMALL: usize = 64 * 1024;

/// Gives a message to run-import, whose time is over after one step of the job.
async fn one_step(app: &vitrine_app::App, job: &str) -> bool {
    let around = Surroundings { now: &Timestamp::now, time_left: &|| false, metrics: &|_| {} };
    let body = json!({ "job": job }).to_string();
    Box::pin(imports_batch(app, batch(&body), &around)).await.batch_item_failures.is_empty()
}

/// Registers all that the queue holds.
async fn register_all(desk: &Desk) {
    loop {
        let received = desk.app.queues.receive(Queue::Incoming, 10, 0).await.unwrap();
        let bodies: Vec<String> = received.iter().map(|message| message.body.clone()).collect();
        assert!(register(&desk.app, &bodies).await.is_empty());
        for message in &received {
            desk.app.queues.delete(Queue::Incoming, &message.receipt).await.unwrap();
        }
        if received.is_empty() {
            return;
        }
    }
}

/// The calls of each page of rows of an import whose profile matches by `method`, by name.
async fn calls_of_pages(method: &str) -> Vec<BTreeMap<String, usize>> {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({ "matching": { "method": method } })).await;
    let (csv, files) = table(300);
    bring(&desk, &profile, "counted", &csv, &files).await;
    let job = desk.submit(&profile, "counted", false).await;
    let (app, counted) = desk.stack.faulty_app();
    // The metadata file is read first.
    assert!(one_step(&app, &job).await);
    let body = json!({ "job": job }).to_string();
    let mut pages = Vec::new();
    while pages.len() < 3 {
        let before = desk.client.get(&format!("/conf/jobs/{job}")).await.ok();
        counted.heal();
        // Its time is over when it has looked at the last file of a page.
        let heads = || counted.calls().iter().filter(|name| *name == "S3.HeadObject").count();
        let around = Surroundings { now: &Timestamp::now, time_left: &|| heads() < 100, metrics: &|_| {} };
        let answer = Box::pin(imports_batch(&app, batch(&body), &around)).await;
        assert!(answer.batch_item_failures.is_empty());
        if before["status"]["value"] == "RUNNING" {
            let mut calls = BTreeMap::new();
            for name in counted.calls() {
                *calls.entry(name).or_insert(0) += 1;
            }
            pages.push(calls);
        }
    }
    assert_eq!(counter(&desk.finish(&job).await, "created"), 300);
    pages
}

#[tokio::test]
async fn b57_a_new_title_with_a_file_costs_the_same_few_calls_on_every_page() {
    for (method, reads) in [("NONE", 0), ("IDENTIFIER", 1)] {
        let pages = calls_of_pages(method).await;
        assert!(pages.iter().all(|page| page == &pages[0]), "{method}: {pages:#?}");
        let calls = |name: &str| pages[0].get(name).copied().unwrap_or(0);
        // A page's own: the job, the collection that all its rows name, rows, results and libraries.
        let read = calls("DynamoDB.Query") + calls("DynamoDB.GetItem");
        assert_eq!(read, 100 * reads + 5, "{method}: {pages:#?}");
        assert_eq!(calls("S3.HeadObject"), 100, "{method}: {pages:#?}");
        assert_eq!(calls("DynamoDB.TransactWriteItems"), 100 + 1, "{method}: the page itself is saved too");
        // One a file, one a title that is to be published, and the one that the page's worker got.
        assert!(calls("SQS.SendMessage") <= 201, "{method}: {pages:#?}");
    }
}

#[tokio::test]
async fn b28_a_record_of_500_kilobytes_is_kept_whole_and_leaves_every_item_small() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let long = "long text ".repeat(50_000);
    let csv = format!("dc:title,dc:identifier,dc:description,file_name_1\nLong,local:1,{long},a.txt\n");
    let ended = desk.import(&profile, "long", &[("values.csv", csv.as_bytes()), ("a.txt", b"a")]).await;
    assert_eq!((counter(&ended, "created"), counter(&ended, "files")), (1, 1), "{ended}");
    let tree = desk.tree().await;
    assert!(tree[0]["record"].as_str().unwrap().contains(long.trim()), "the record is whole");
    let job: JobId = ended["id"].as_str().unwrap().parse().unwrap();
    let result = desk.app.catalog.row_result(&job, 1).await.unwrap().unwrap();
    let bib = desk.app.catalog.bib(result.mms_id.as_ref().unwrap()).await.unwrap().unwrap();
    let tickets = desk.app.catalog.row_tickets(&job, 1, 1).await.unwrap();
    for (what, size) in [
        ("the ticket", json!(tickets).to_string().len()),
        ("the result", json!(result).to_string().len()),
        ("the title", json!(bib).to_string().len()),
    ] {
        assert!(size < SMALL, "{what} has {size} bytes");
    }
}

#[tokio::test]
async fn b28_a_row_that_names_5000_files_leaves_every_item_small() {
    let desk = Desk::new().await;
    let profile = desk
        .profile(json!({ "details": { "source_format": "MARCXML", "metadata_file": "values.xml", "target_format": "marc21" } }))
        .await;
    let mut fields = String::new();
    for page in 1..=5_000 {
        fields.push_str(&format!(
            r#"<datafield tag="856" ind1="4" ind2="0"><subfield code="u">a long name of a folder of pages/{page:05}.txt</subfield></datafield>"#
        ));
    }
    let record = format!(
        r#"<collection xmlns="http://www.loc.gov/MARC21/slim"><record><leader>00000nam a2200000 a 4500</leader><controlfield tag="001">1</controlfield><datafield tag="245" ind1="0" ind2="0"><subfield code="a">Many pages</subfield></datafield>{fields}</record></collection>"#
    );
    let ended = desk.import(&profile, "many", &[("values.xml", record.as_bytes())]).await;
    assert_eq!(counter(&ended, "missing_files"), 1, "{ended}");
    let job: JobId = ended["id"].as_str().unwrap().parse().unwrap();
    let result = desk.app.catalog.row_result(&job, 1).await.unwrap().unwrap();
    assert!(result.message.as_ref().unwrap().ends_with("and 4980 more"), "{result:?}");
    let tickets = desk.app.catalog.row_tickets(&job, 1, 1).await.unwrap();
    assert!(json!(tickets).to_string().len() < SMALL && json!(result).to_string().len() < SMALL);
}

#[tokio::test]
async fn a_folder_of_pages_loses_none_when_pages_are_moved_away_while_the_row_is_written() {
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let names: Vec<String> = (1..=230).map(|page| format!("pages/{page:04}.txt")).collect();
    let mut files: Vec<(&str, &[u8])> =
        vec![("values.csv", b"dc:title,dc:identifier,file_name_1\nA Long Book,local:9,pages/\n")];
    files.extend(names.iter().map(|name| (name.as_str(), name.as_bytes())));
    desk.copy(&profile, "book", &files).await;
    let job = desk.submit(&profile, "book", false).await;
    // Each message gets one transaction's time, and what it began is registered, so moved, before the next one.
    let mut ended = json!(null);
    for _ in 0..40 {
        assert!(one_step(&desk.app, &job).await);
        register_all(&desk).await;
        ended = desk.client.get(&format!("/conf/jobs/{job}")).await.ok();
        if ended["end_time"].is_string() {
            break;
        }
    }
    assert_eq!((counter(&ended, "created"), counter(&ended, "files")), (1, 230), "{ended}");
    let job: JobId = job.parse().unwrap();
    let result = desk.app.catalog.row_result(&job, 1).await.unwrap().unwrap();
    assert_eq!((result.files, result.files_begun, result.representations.len()), (230, 230, 1), "{result:?}");
    let all = PageRequest { limit: 1000, ..PageRequest::default() };
    let listed = desk.app.catalog.files_of(&result.representations[0], &all).await.unwrap();
    let found: Vec<String> = listed.items.iter().map(|file| format!("pages/{}", file.file_name)).collect();
    assert_eq!(found, names, "every page, in its place");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b29_an_import_completes_while_one_call_in_three_is_throttled_and_transactions_conflict() {
    const ROWS: u32 = 60;
    let desk = Desk::new().await;
    let profile = desk.profile(json!({})).await;
    let (csv, files) = table(ROWS);
    bring(&desk, &profile, "throttled", &csv, &files).await;
    let job = desk.submit(&profile, "throttled", false).await;
    let seed = Seed::new();
    // As many tries as in the product.
    let (app, faulty) = desk.stack.faulty_app_trying(4);
    faulty.storm(Plan::new(&seed, Rates { throttled: 30, conflicted: 10, ..Rates::default() }));
    let around = super::around();
    let body = json!({ "job": job }).to_string();
    let mut deliveries = 0;
    // Until every row is done; what happens to the files is register-file's own test.
    while desk.app.catalog.row_results(&job.parse().unwrap(), 1, 100).await.unwrap().len() < ROWS as usize {
        deliveries += 1;
        assert!(deliveries <= 15, "{deliveries} deliveries");
        let _ = Box::pin(imports_batch(&app, batch(&body), &around)).await;
    }
    let (calls, injected) = (faulty.calls().len(), faulty.injected());
    faulty.heal();
    assert!(injected * 4 > calls, "{injected} faults in {calls} calls");
    // Without faults a row takes 5 calls; each is tried 4 times by the SDK, a transaction up to 6 times by us.
    assert!(calls < deliveries * ROWS as usize * 5 * 4, "{calls} calls in {deliveries} deliveries");
    // Registrations that could not be sent are sent when the job has waited for ten minutes.
    let later = || Timestamp::now().saturating_add(vitrine_domain::outbox::seconds(700)).unwrap();
    let around = Surroundings { now: &later, time_left: &|| true, metrics: &|_| {} };
    while desk.app.catalog.job(&job.parse().unwrap()).await.unwrap().unwrap().ended_at.is_none() {
        register_all(&desk).await;
        assert!(
            Box::pin(imports_batch(&desk.app, batch(&body), &around)).await.batch_item_failures.is_empty()
        );
    }
    let ended = desk.client.get(&format!("/conf/jobs/{job}")).await.ok();
    let counts = ["created", "failed", "representations", "files"].map(|name| counter(&ended, name));
    assert_eq!(counts, [60, 0, 60, 60], "{ended}");
    let path = format!("/bibs/collections/{}/bibs?limit=100", desk.collection);
    let members = desk.client.get(&path).await.ok();
    assert_eq!(members["bib"].as_array().unwrap().len(), ROWS as usize, "one title a row");
    let all = PageRequest { limit: 100, ..PageRequest::default() };
    for row in desk.app.catalog.row_results(&job.parse().unwrap(), 1, 100).await.unwrap() {
        let made = desk.app.catalog.representations_of(row.mms_id.as_ref().unwrap(), &all).await.unwrap();
        let ids: Vec<_> = made.items.iter().map(|it| it.id.clone()).collect();
        assert_eq!(ids, row.representations, "row {}", row.number);
        let files = desk.app.catalog.files_of(&ids[0], &all).await.unwrap().items;
        assert_eq!((ids.len(), files.len()), (1, 1), "row {}", row.number);
    }
}
