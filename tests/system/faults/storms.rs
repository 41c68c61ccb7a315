//! Bad weather: throttling, conflicts, outages, and all of it at once from a seed that a failing test says.

use std::collections::BTreeSet;

use serde_json::json;
use vitrine_app::App;
use vitrine_domain::bib::RecordSource;
use vitrine_domain::ids::{JobId, MmsId, UploadId};
use vitrine_domain::import::row::RowTicket;
use vitrine_domain::outbox::{Work, seconds};
use vitrine_store::faults::{Fault, Plan, Rates, Seed};
use vitrine_store::queues::Queue;
use vitrine_testing::operator;

use super::{Scene, message};
use crate::walk::{DC, derive, next, register, text};

/// More often than the queue delivers a message (`template.yaml`: 5 times): it waits 90 minutes in between, and no storm
/// is as bad for so long as the one here.
const MAX_DELIVERIES: usize = 15;

/// Delivers a message as the queue does and returns how often it took.
async fn delivered(app: &App, upload: &UploadId, most: usize) -> usize {
    let body = [message(upload)];
    for count in 1..=most {
        if register(app, &body).await.is_empty() {
            return count;
        }
    }
    panic!("{upload} was not registered in {most} deliveries");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b29_everything_registers_while_one_call_in_three_is_throttled_and_transactions_conflict() {
    let scene = Scene::new().await;
    let mut uploads = Vec::new();
    for number in 0..12 {
        uploads.push(scene.arrived_as(&format!("{number}.png")).await);
    }
    let seed = Seed::new();
    // As many tries as in the product.
    let (app, faulty) = scene.stack.faulty_app_trying(4);
    faulty.heal();
    assert!(register(&app, &[message(&scene.arrived().await)]).await.is_empty());
    let clean = faulty.calls().len();

    faulty.storm(Plan::new(&seed, Rates { throttled: 30, conflicted: 10, ..Rates::default() }));
    let mut running = tokio::task::JoinSet::new();
    for upload in uploads.clone() {
        let app = app.clone();
        running.spawn(async move { delivered(&app, &upload, MAX_DELIVERIES).await });
    }
    let deliveries: usize = running.join_all().await.into_iter().sum();
    let (calls, injected) = (faulty.calls().len(), faulty.injected());
    faulty.heal();

    assert!(injected * 4 > calls, "{injected} faults in {calls} calls");
    assert!(deliveries <= 3 * uploads.len(), "{deliveries} deliveries");
    // A call is tried 4 times by the SDK, a transaction up to 6 times by us.
    assert!(calls <= deliveries * (clean * 4 + 6 * 4), "{calls} calls in {deliveries} deliveries");
    for upload in &uploads {
        // A repetition clears away an object that could not be deleted, as the bucket's own rule does later.
        assert!(register(&app, &[message(upload)]).await.is_empty());
        scene.is_registered_once(upload, "throttled").await;
    }
    assert_eq!(scene.count_files().await, 13);
}

#[tokio::test]
async fn b29_a_service_that_only_throttles_is_asked_a_few_times_and_no_more() {
    let scene = Scene::new().await;
    let upload = scene.arrived().await;
    let (app, faulty) = scene.stack.faulty_app_trying(2);
    for (service, calls) in [("DynamoDB.GetItem", 2), ("S3.", 2), ("DynamoDB.TransactWriteItems", 12)] {
        faulty.fail_all(service, Fault::Throttled);
        assert_eq!(register(&app, &[message(&upload)]).await, ["m0"], "{service}");
        let asked = faulty.calls().iter().filter(|name| name.starts_with(service)).count();
        assert!((2..=calls).contains(&asked), "{service}: {asked}");
    }
    faulty.fail_all("DynamoDB.TransactWriteItems", Fault::Conflicted);
    assert_eq!(register(&app, &[message(&upload)]).await, ["m0"]);
    assert_eq!(faulty.injected(), 6, "a transaction that meets others is sent six times");

    // SQS that throttles does not undo what is registered: the thumbnail is owed and the sweep will ask for it.
    faulty.fail_all("SQS.", Fault::Throttled);
    assert!(register(&app, &[message(&upload)]).await.is_empty());
    assert_eq!(faulty.injected(), 2);
    faulty.heal();
    scene.is_registered_once(&upload, "throttled").await;
}

#[tokio::test]
async fn b12_after_a_day_without_a_relay_the_sweep_sends_everything() {
    let scene = Scene::new().await;
    let (app, faulty) = scene.stack.faulty_app();
    let mut uploads = Vec::new();
    for _ in 0..8 {
        uploads.push(scene.arrived().await);
    }
    // Nothing reaches a queue: of half of the uploads not even the event of their arrival is known.
    let (known, unknown) = uploads.split_at(4);
    faulty.fail_all("SQS.", Fault::Before);
    for upload in known {
        assert!(register(&app, &[message(upload)]).await.is_empty());
    }
    assert_eq!(faulty.injected(), 4);
    for _ in 0..8 {
        drop(next(&scene.app, Queue::Incoming).await);
    }
    assert_eq!(scene.owed().await.len(), 8, "four thumbnails, four uploads to look for");

    let mut call = operator();
    call.now += seconds(25 * 3600);
    // The relay comes back with a bad connection: a run that fails in its middle loses nothing.
    faulty.fail_all("SQS.", Fault::After);
    let swept = app.sweep(&call, &|| true).await.unwrap();
    assert_eq!((swept.due, swept.failed), (8, 8));
    faulty.heal();
    let swept = app.sweep(&call, &|| true).await.unwrap();
    assert_eq!((swept.due, swept.waiting), (8, 8));

    // Everything was sent, in part twice, as the answers of the first run were lost.
    for _ in 0..8 {
        assert!(register(&app, &[next(&scene.app, Queue::Incoming).await]).await.is_empty());
    }
    for upload in unknown {
        scene.is_registered_once(upload, "a day late").await;
    }
    for _ in 0..8 + 4 {
        assert!(derive(&app, &[next(&scene.app, Queue::Derivatives).await]).await.is_empty());
    }
    for upload in &uploads {
        assert_eq!(scene.is_drawn(upload, "a day late").await.version, 2);
    }
    assert_eq!(scene.owed().await, []);
    call.now += seconds(25 * 3600);
    assert_eq!(app.sweep(&call, &|| true).await.unwrap(), Default::default(), "a second run is empty");
}

#[tokio::test]
async fn b10_work_converges_in_any_weather() {
    let scene = Scene::new().await;
    let seed = Seed::new();
    let (app, faulty) = scene.stack.faulty_app();
    let mut uploads = Vec::new();
    for _ in 0..10 {
        uploads.push(scene.arrived().await);
    }
    let rates = Rates { before: 5, after: 5, throttled: 5, conflicted: 5, delayed: 5, twice: 5 };
    faulty.storm(Plan::new(&seed, rates));
    for upload in &uploads {
        delivered(&app, upload, 50).await;
    }
    let mut due: Vec<_> = Vec::new();
    for (event, work) in scene.owed().await {
        let Work::MakeDerivatives { file } = work else { panic!("{work:?} is still owed") };
        due.push(vitrine_app::make_derivatives::Message { event, file });
    }
    assert_eq!(due.len(), uploads.len());
    for asked in &due {
        let body = [asked.to_json()];
        let mut tries = 0;
        while !derive(&app, &body).await.is_empty() {
            tries += 1;
            assert!(tries < 50, "{asked:?}");
        }
    }
    assert!(faulty.injected() > 20, "{}", faulty.injected());
    faulty.heal();
    for upload in &uploads {
        // A repetition clears away what was left behind, as the repeated event or the bucket's own rule does.
        assert!(register(&app, &[message(upload)]).await.is_empty());
        assert_eq!(scene.is_drawn(upload, "any weather").await.version, 2);
    }
    assert_eq!(scene.count_files().await, 10);
}

#[tokio::test]
async fn b29_what_a_batch_leaves_over_is_asked_again() {
    let scene = Scene::new().await;
    let (app, faulty) = scene.stack.faulty_app();
    let record =
        json!({ "record_format": { "value": "dc" }, "suppress_from_publishing": false, "anies": [DC] });
    let mut ids: Vec<MmsId> = vec![scene.title.mms.parse().unwrap()];
    for _ in 0..4 {
        let bib = scene.client.post("/bibs", record.clone()).await.ok();
        ids.push(text(&bib, "mms_id").parse().unwrap());
    }
    let asked: Vec<_> = ids.iter().chain(&ids).cloned().collect();
    faulty.fail_all("DynamoDB.BatchGetItem", Fault::LeftOver);
    let found: BTreeSet<_> =
        app.catalog.bibs(&asked).await.unwrap().into_iter().map(|bib| bib.mms_id).collect();
    assert_eq!(found, ids.iter().cloned().collect());
    assert_eq!(faulty.calls().len(), 3, "five: three and two left, one and one left, one");

    let job: JobId = app.minter.job(operator().now, 1);
    let content = RecordSource::Inline("{}".to_owned());
    let tickets: Vec<_> = (1..=30)
        .map(|number| RowTicket {
            job: job.clone(),
            number,
            files_before: 0,
            chain: None,
            content: content.clone(),
        })
        .collect();
    faulty.fail_all("DynamoDB.BatchWriteItem", Fault::LeftOver);
    app.catalog.put_tickets(&tickets).await.unwrap();
    assert_eq!(faulty.calls().len(), 5 + 3, "25 as 13, 6, 3, 2, 1; 5 as 3, 1, 1");
    assert_eq!(app.catalog.row_tickets(&job, 1, 100).await.unwrap(), tickets);
}
