//! Imports: folders and metadata files become titles, through the queues and the API, against the real engine.

mod faults;
mod formats;
mod ingests;
mod kills;
mod outcomes;
mod runs;
mod scale;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use serde_json::{Value, json};
use vitrine_app::App;
use vitrine_domain::Timestamp;
use vitrine_domain::ids::JobId;
use vitrine_domain::outbox::seconds;
use vitrine_store::faults::{Faulty, Moment};
use vitrine_store::objects::Bucket;
use vitrine_store::queues::Queue;
use vitrine_testing::{Client, Stack, operator};
use vitrine_triggers::{Surroundings, exports_batch, imports_batch, incoming_batch};

use crate::walk::text;

/// A stack with a collection, and the means to import into it.
pub struct Desk {
    /// Lives as long as the desk: the engine goes with it.
    pub stack: Stack,
    pub app: App,
    pub client: Client,
    pub collection: String,
}

impl Desk {
    pub async fn new() -> Self {
        // What the product logs is shown beside a failure.
        let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_test_writer().try_init();
        let stack = Stack::new();
        let client = stack.client().await;
        let name = format!("Imports {}", Timestamp::now().as_nanosecond());
        let collection = client
            .post("/bibs/collections", json!({ "name": name, "library": { "value": "MAIN" } }))
            .await
            .ok();
        Self { app: stack.app(), collection: text(&collection["pid"], "value"), client, stack }
    }

    /// Creates a profile with these settings over the usual ones, and returns its id.
    pub async fn profile(&self, changes: Value) -> String {
        let mut settings = json!({
            "details": {
                "name": format!("profile {}", Timestamp::now().as_nanosecond()),
                "source_format": "CSV", "metadata_file": "values.csv", "target_format": "qdc", "active": true
            },
            "matching": {
                "method": "IDENTIFIER", "on_match": "MERGE", "on_multiple": "MANUAL", "on_none": "IMPORT"
            },
            "defaults": {
                "collection": self.collection, "usage_type": "PRESERVATION_MASTER", "library": "MAIN", "active": true
            }
        });
        merge(&mut settings, &changes);
        text(&self.client.post("/conf/md-import-profiles", settings).await.ok(), "id")
    }

    /// Puts objects into a folder of the profile as any S3 client would.
    pub async fn copy(&self, profile: &str, folder: &str, files: &[(&str, &[u8])]) {
        for (name, bytes) in files {
            let key = format!("upload/{profile}/{folder}/{name}");
            self.app
                .objects
                .put_small(Bucket::Incoming, &key, bytes.to_vec().into(), "application/octet-stream", false)
                .await
                .unwrap();
        }
    }

    /// Copies a folder, submits it, works until its job has ended, and returns the job.
    pub async fn import(&self, profile: &str, folder: &str, files: &[(&str, &[u8])]) -> Value {
        self.copy(profile, folder, files).await;
        let job = self.submit(profile, folder, false).await;
        self.finish(&job).await
    }

    pub async fn submit(&self, profile: &str, folder: &str, dry_run: bool) -> String {
        let path = format!("/conf/md-import-profiles/{profile}/ingests/{folder}?op=submit&dry_run={dry_run}");
        text(&self.client.post(&path, Value::Null).await.ok(), "job_id")
    }

    /// The job of an ingest.
    pub async fn job_of(&self, profile: &str, folder: &str) -> String {
        let path = format!("/conf/md-import-profiles/{profile}/ingests/{folder}");
        text(&self.client.get(&path).await.ok(), "job_id")
    }

    /// Works off the queues until a job has ended.
    pub async fn finish(&self, job: &str) -> Value {
        finish(&self.app, &self.client, job, &Timestamp::now).await
    }

    /// Works a job off on a clock that runs ahead by a quarter of a minute a look: what workers that died had not sent is
    /// asked for after minutes.
    pub async fn finish_later(&self, job: &str) -> Value {
        let looks = AtomicI64::new(0);
        let later = || {
            let ahead = seconds(15 * looks.fetch_add(1, Ordering::Relaxed));
            Timestamp::now().saturating_add(ahead).unwrap_or(Timestamp::MAX)
        };
        finish(&self.app, &self.client, job, &later).await
    }

    /// Works a job off with a worker that dies at a call, before or after it, and then with another that goes on; the job
    /// as it is then, and whether the first had ended it before it came to that call.
    pub async fn killed(
        &self,
        (app, faulty): &(App, Faulty),
        id: &JobId,
        (number, moment): (usize, Moment),
    ) -> (Value, bool) {
        let call = operator();
        let run = app.run_job(&call, id, &Timestamp::now, &|| true);
        let ended = faulty.killed_at(number, moment, Box::pin(run)).await.is_some();
        faulty.heal();
        if !ended {
            app.run_job(&operator(), id, &Timestamp::now, &|| true).await.unwrap();
        }
        (self.client.get(&format!("/conf/jobs/{id}")).await.ok(), ended)
    }

    /// The rows of a job, each as its number, outcome and code.
    pub async fn outcomes(&self, job: &str) -> Vec<(u64, String, String)> {
        let mut found = Vec::new();
        let mut next = String::new();
        loop {
            let page = self.client.get(&format!("/conf/jobs/{job}/rows?limit=100{next}")).await.ok();
            for row in page["row"].as_array().unwrap() {
                found.push((
                    row["number"].as_u64().unwrap(),
                    text(&row["outcome"], "value"),
                    row["code"].as_str().unwrap_or_default().to_owned(),
                ));
            }
            match page["next"].as_str() {
                Some(cursor) => next = format!("&next={cursor}"),
                None => return found,
            }
        }
    }

    /// How many rows the report of a job has.
    pub async fn report_lines(&self, job: &str) -> u64 {
        let link = self.client.get(&format!("/conf/jobs/{job}/report?as=csv")).await.ok();
        assert!(link["url"].is_string(), "{link}");
        let key = format!("reports/{job}.csv");
        let mut reader = self.app.objects.read(Bucket::Published, &key, None, None).await.unwrap();
        let mut lines = 0;
        while let Some(bytes) = reader.next().await.unwrap() {
            lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        lines - 1
    }

    pub async fn row(&self, job: &str, number: u64) -> Value {
        let page =
            self.client.get(&format!("/conf/jobs/{job}/rows?limit=1&offset={}", number - 1)).await.ok();
        page["row"][0].clone()
    }

    /// What the repository holds below the collection: titles with their metadata, representations and files.
    pub async fn tree(&self) -> Value {
        let members =
            self.client.get(&format!("/bibs/collections/{}/bibs?limit=100", self.collection)).await.ok();
        let mut titles = Vec::new();
        for member in members["bib"].as_array().unwrap() {
            let mms = text(member, "mms_id");
            let bib = self.client.get(&format!("/bibs/{mms}")).await.ok();
            let reps = self.client.get(&format!("/bibs/{mms}/representations?limit=100")).await.ok();
            let mut representations = Vec::new();
            for rep in reps["representation"].as_array().into_iter().flatten() {
                let id = text(rep, "id");
                let files =
                    self.client.get(&format!("/bibs/{mms}/representations/{id}/files?limit=100")).await.ok();
                let files: Vec<Value> = files["representation_file"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|file| json!([file["label"], file["sha256"]]))
                    .collect();
                representations.push(
                    json!({ "label": rep["label"], "usage": rep["usage_type"]["value"], "files": files }),
                );
            }
            titles.push(json!({ "title": bib["title"], "record": bib["anies"][0], "representations": representations }));
        }
        Value::Array(titles)
    }
}

/// Works off the queues until a job has ended.
pub async fn finish(
    app: &App,
    client: &Client,
    job: &str,
    now: &(dyn Fn() -> Timestamp + Send + Sync),
) -> Value {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(240) {
        work_at(app, now).await;
        let found = client.get(&format!("/conf/jobs/{job}")).await.ok();
        if found["end_time"].is_string() {
            return found;
        }
        // Where nothing is to be done yet, asking faster than callers may would end in a refusal.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the job did not end in time");
}

/// Works off what the queues hold now.
pub async fn work(app: &App) {
    work_at(app, &Timestamp::now).await;
}

async fn work_at(app: &App, now: &(dyn Fn() -> Timestamp + Send + Sync)) {
    for queue in [Queue::Imports, Queue::Exports, Queue::Incoming] {
        let received = app.queues.receive(queue, 10, 0).await.unwrap();
        for message in received {
            let event = batch(&message.body);
            let around = Surroundings { now, ..around() };
            let response = match queue {
                Queue::Imports => Box::pin(imports_batch(app, event, &around)).await,
                Queue::Exports => Box::pin(exports_batch(app, event, &around)).await,
                _ => Box::pin(incoming_batch(app, event, &around)).await,
            };
            if response.batch_item_failures.is_empty() {
                app.queues.delete(queue, &message.receipt).await.unwrap();
            }
        }
    }
}

pub fn around() -> Surroundings<'static> {
    Surroundings { now: &Timestamp::now, time_left: &|| true, metrics: &|_| {} }
}

pub fn batch(body: &str) -> SqsEvent {
    let mut event = SqsEvent::default();
    let mut message = SqsMessage::default();
    message.message_id = Some("m".to_owned());
    message.body = Some(body.to_owned());
    event.records.push(message);
    event
}

/// A counter of a job.
pub fn counter(job: &Value, name: &str) -> u64 {
    let counters = job["counter"].as_array().unwrap();
    counters.iter().find(|it| it["type"]["value"] == name).unwrap()["value"].as_u64().unwrap()
}

fn merge(into: &mut Value, changes: &Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (name, value) in changes {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (into, changes) => *into = changes.clone(),
    }
}
