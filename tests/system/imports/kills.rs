//! An import whose workers, processes of their own, are killed again and again (B21).
//!
//! The same job is run in two stacks, with the same ids, because the ids of what rows make follow from the job. A long
//! version of this is `cargo xtask scale import-kills`.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vitrine_app::collections::CollectionInput;
use vitrine_app::{App, Call};
use vitrine_domain::Timestamp;
use vitrine_domain::collection::CollectionFields;
use vitrine_domain::ids::JobId;
use vitrine_domain::job::{Job, JobStatus};
use vitrine_domain::outbox::seconds;
use vitrine_runtime::Config;
use vitrine_store::catalog::PageRequest;
use vitrine_store::faults::Seed;
use vitrine_store::objects::Bucket;
use vitrine_store::queues::Queue;
use vitrine_testing::{Stack, operator};
use vitrine_triggers::{Surroundings, imports_batch};

use super::{around, batch};
use crate::walk::register;

const ROWS: u64 = 300;
const KILLS: u64 = 8;
/// The test that a killed process runs.
const WORKER: &str = "imports::kills::works_on_imports_until_it_is_killed";
/// Only a process that is started to be killed has it.
const IS_WORKER: &str = "VITRINE_TEST_WORKER";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b21_an_import_whose_worker_processes_are_killed_ends_like_an_undisturbed_one() {
    let seed = Seed::new();
    let now = Timestamp::now();
    let calm = Side::new(now).await;
    let undisturbed = calm.work(0, Duration::ZERO, &seed).await;
    let stormy = Side::new(now).await;
    assert_eq!(stormy.job, calm.job);
    let pause = undisturbed.1 / u32::try_from(KILLS).unwrap();
    let disturbed = stormy.work(KILLS, pause, &seed).await;
    assert_eq!(undisturbed.0.tally, disturbed.0.tally);
    assert_eq!((disturbed.0.tally.created, disturbed.0.tally.files), (ROWS, ROWS), "{:?}", disturbed.0);
    assert!(disturbed.2 >= KILLS / 2, "{} kills", disturbed.2);
    assert_eq!(calm.report().await, stormy.report().await);
    let (calm, stormy) = (calm.made().await, stormy.made().await);
    for (calm, stormy) in calm.iter().zip(&stormy) {
        assert_eq!(calm, stormy);
    }
    assert_eq!((calm.len(), stormy.len()), (ROWS as usize, ROWS as usize));
}

/// Not a test: the process that is killed.
#[tokio::test]
#[ignore = "started by another test, to be killed"]
async fn works_on_imports_until_it_is_killed() {
    if std::env::var_os(IS_WORKER).is_none() {
        return;
    }
    let (config, clients) = (Config::from_environment().unwrap(), vitrine_runtime::clients().await);
    let app = vitrine_runtime::app(&config, &clients).unwrap();
    loop {
        for message in app.queues.receive(Queue::Imports, 1, 1).await.unwrap() {
            let around = around();
            let answer = Box::pin(imports_batch(&app, batch(&message.body), &around)).await;
            if answer.batch_item_failures.is_empty() {
                app.queues.delete(Queue::Imports, &message.receipt).await.unwrap();
            }
        }
    }
}

/// One of the two stacks, with its job.
struct Side {
    stack: Stack,
    app: App,
    job: JobId,
}

/// A process that dies with its owner.
struct Worker(Child);

impl Worker {
    fn start(stack: &Stack) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([WORKER, "--exact", "--ignored"]);
        command.env_clear().env(IS_WORKER, "1").envs(stack.environment());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self(child.unwrap())
    }
}

impl Drop for Worker {
    /// `SIGKILL`: nothing of it is run any more.
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Side {
    async fn new(now: Timestamp) -> Self {
        let stack = Stack::new();
        let counter = AtomicU64::new(1);
        let app = App { random: Arc::new(move || counter.fetch_add(1, Ordering::Relaxed)), ..stack.app() };
        let call = Call { now, ..operator() };
        app.put_library(&call, "MAIN".parse().unwrap(), "Main Library", None).await.unwrap();
        let collection = CollectionInput {
            parent: None,
            library: Some("MAIN".parse().unwrap()),
            title: None,
            suppressed: false,
            fields: CollectionFields { name: "Kills".to_owned(), ..CollectionFields::default() },
        };
        let collection = app.create_collection(&call, collection).await.unwrap();
        let settings = json!({
            "details": {
                "name": "Kills", "source_format": "CSV", "metadata_file": "values.csv", "target_format": "qdc",
                "active": true
            },
            "matching": {
                "method": "IDENTIFIER", "on_match": "MERGE", "on_multiple": "MANUAL", "on_none": "IMPORT"
            },
            "defaults": {
                "collection": collection.id, "usage_type": "PRESERVATION_MASTER", "library": "MAIN", "active": true
            }
        });
        let profile = app.create_profile(&call, serde_json::from_value(settings).unwrap()).await.unwrap();
        let (csv, mut files) = super::faults::table(u32::try_from(ROWS).unwrap());
        files.push(("values.csv".to_owned(), csv.into_bytes()));
        for (name, bytes) in files {
            let key = format!("upload/{}/kills/{name}", profile.id);
            app.objects.put_small(Bucket::Incoming, &key, bytes.into(), "text/plain", false).await.unwrap();
        }
        let ingest = app.submit_ingest(&call, &profile.id, &"kills".parse().unwrap(), false).await.unwrap();
        Self { stack, app, job: ingest.job.unwrap() }
    }

    /// Registers files here while a process works on the import, and kills that process so many times; the job, how
    /// long it took, and how many kills there were.
    async fn work(&self, kills: u64, pause: Duration, seed: &Seed) -> (Job, Duration, u64) {
        let started = Instant::now();
        let (mut killed, mut lots) = (0, seed.value());
        let mut worker = Worker::start(&self.stack);
        let mut next_kill = started + pause;
        loop {
            let job = self.app.catalog.job(&self.job).await.unwrap().unwrap();
            if job.ended_at.is_some() {
                return (job, started.elapsed(), killed);
            }
            assert!(started.elapsed() < Duration::from_secs(300), "seed {}: {job:?}", seed.value());
            if killed < kills && Instant::now() >= next_kill {
                drop(worker);
                killed += 1;
                // As the queue does when the message's time is over.
                let message = json!({ "job": self.job }).to_string();
                self.app.queues.send(Queue::Imports, message).await.unwrap();
                worker = Worker::start(&self.stack);
                lots = lots.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                next_kill = Instant::now() + pause.mul_f64((lots >> 33) as f64 / f64::from(1_u32 << 30));
            }
            let received = self.app.queues.receive(Queue::Incoming, 10, 0).await.unwrap();
            if received.is_empty() && job.status == JobStatus::Finalizing && killed == kills {
                self.ten_minutes_later().await;
            }
            for message in received {
                if register(&self.app, std::slice::from_ref(&message.body)).await.is_empty() {
                    self.app.queues.delete(Queue::Incoming, &message.receipt).await.unwrap();
                }
            }
        }
    }

    /// Lets the job look for its files as it does when it has waited for long: registrations that a worker was killed
    /// before it could send them are sent then.
    async fn ten_minutes_later(&self) {
        let later = || Timestamp::now().saturating_add(seconds(700)).unwrap();
        let around = Surroundings { now: &later, time_left: &|| true, metrics: &|_| {} };
        let body = json!({ "job": self.job }).to_string();
        let _ = Box::pin(imports_batch(&self.app, batch(&body), &around)).await;
    }

    async fn report(&self) -> String {
        let key = format!("reports/{}.jsonl", self.job);
        let mut reader = self.app.objects.read(Bucket::Published, &key, None, None).await.unwrap();
        let mut bytes = Vec::new();
        while let Some(more) = reader.next().await.unwrap() {
            bytes.extend_from_slice(&more);
        }
        String::from_utf8(bytes).unwrap()
    }

    /// What each row made, with every id.
    async fn made(&self) -> Vec<Value> {
        let mut made = Vec::new();
        for first in (1..=ROWS).step_by(100) {
            for row in self.app.catalog.row_results(&self.job, first, 100).await.unwrap() {
                let bib = self.app.catalog.bib(row.mms_id.as_ref().unwrap()).await.unwrap().unwrap();
                let page = PageRequest { limit: 100, ..PageRequest::default() };
                let representations = self.app.catalog.representations_of(&bib.mms_id, &page).await.unwrap();
                let mut files = Vec::new();
                for representation in &representations.items {
                    for file in self.app.catalog.files_of(&representation.id, &page).await.unwrap().items {
                        let content = file.content.unwrap();
                        files.push(json!([
                            representation.id,
                            file.id,
                            file.label,
                            file.order,
                            content.sha256,
                            content.key
                        ]));
                    }
                }
                made.push(json!([
                    row.number,
                    row.outcome,
                    row.files,
                    bib.mms_id,
                    bib.brief.title,
                    bib.collections,
                    bib.representation_count,
                    files
                ]));
            }
        }
        made
    }
}
