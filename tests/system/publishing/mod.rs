//! Publishing: from a change to what harvesters and files show of it, against the real engine.

mod costs;
mod faults;
mod files;
mod harvests;
mod oai;
mod sets;
mod sftp;
mod sitemap;
mod webhook;

use std::collections::BTreeMap;

use aws_lambda_events::event::sqs::SqsEvent;
use serde_json::{Value, json};
use vitrine_app::App;
use vitrine_app::bibs::RecordInput;
use vitrine_domain::Timestamp;
use vitrine_domain::bib::RecordFormat;
use vitrine_store::queues::Queue;
use vitrine_testing::harvester::{OAI, Seen, ask as oai, between, harvest, records, token};
use vitrine_testing::{Answer, Client, Stack, operator, poll_until};
use vitrine_triggers::{Surroundings, publish_batch};

use crate::walk::{batch, text};

const PROFILES: &str = "/conf/publishing-profiles";

/// A stack with the means to publish from it.
struct House {
    stack: Stack,
    app: App,
    client: Client,
}

impl House {
    async fn new() -> Self {
        let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_test_writer().try_init();
        Self::over(Stack::new()).await
    }

    async fn over(stack: Stack) -> Self {
        let client = stack.client().await;
        Self { app: stack.app(), client, stack }
    }

    /// A title of its own that is not suppressed.
    async fn title(&self, name: &str) -> String {
        let input = RecordInput { format: RecordFormat::DublinCore, source: record(name), suppressed: false };
        self.app.create_bib(&operator(), input).await.unwrap().bib.mms_id.to_string()
    }

    async fn set(&self, spec: &str, more: Value) -> String {
        let mut body = json!({
            "name": format!("Set {spec}"),
            "selection": { "kind": "EVERYTHING" },
            "target": { "kind": "OAI", "set_spec": spec },
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = self.client.post(PROFILES, body).await.ok();
        self.settle().await;
        text(&made, "id")
    }

    /// Lets the worker do what the queue holds, until it holds nothing.
    async fn settle(&self) {
        settle(&self.app).await;
    }

    /// Gives what the queue holds now to a worker; how many messages that were.
    async fn work(&self, app: &App) -> usize {
        let received = self.app.queues.receive(Queue::Publish, 10, 0).await.unwrap();
        for message in &received {
            assert_eq!(
                publish(app, std::slice::from_ref(&message.body)).await,
                Vec::<String>::new(),
                "{}",
                message.body
            );
            self.app.queues.delete(Queue::Publish, &message.receipt).await.unwrap();
        }
        received.len()
    }

    /// What the queue holds, taken from it.
    async fn taken(&self) -> Vec<String> {
        let mut bodies = Vec::new();
        loop {
            let received = self.app.queues.receive(Queue::Publish, 10, 0).await.unwrap();
            if received.is_empty() {
                return bodies;
            }
            for message in received {
                self.app.queues.delete(Queue::Publish, &message.receipt).await.unwrap();
                bodies.push(message.body);
            }
        }
    }

    async fn oai(&self, query: &str) -> Answer {
        oai(&self.client, query).await
    }

    /// The state of every record of a list, harvested to its end at a clock that sees all that was written.
    async fn harvest(&self, query: &str) -> BTreeMap<String, Seen> {
        harvest(&self.client.later(10), query).await.0
    }

    /// Waits until harvesters see all that was written.
    async fn seen(&self, query: &str) {
        let all = self.harvest(query).await;
        poll_until("whole list", || async { (harvest(&self.client, query).await.0 == all).then_some(()) })
            .await;
    }

    /// Runs a profile and returns its job when that has ended.
    async fn run(&self, profile: &str, full: bool) -> Value {
        let job = self.client.post(&format!("{PROFILES}/{profile}?op=run&full={full}"), json!({})).await.ok();
        self.ended(&text(&job, "id")).await
    }

    async fn ended(&self, job: &str) -> Value {
        poll_until("end of the job", || async {
            self.work(&self.app).await;
            let job = self.client.get(&format!("/conf/jobs/{job}")).await.ok();
            job["end_time"].is_string().then_some(job)
        })
        .await
    }
}

fn record(name: &str) -> String {
    format!("<record xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title>{name}</dc:title></record>")
}

fn dc(name: &str, suppressed: bool) -> Value {
    let record = record(name);
    json!({ "record_format": { "value": "dc" }, "suppress_from_publishing": suppressed, "anies": [record] })
}

fn around() -> Surroundings<'static> {
    Surroundings { now: &Timestamp::now, time_left: &|| true, metrics: &|_| {} }
}

/// Lets the worker do what the queue holds, until it holds nothing.
pub async fn settle(app: &App) {
    loop {
        let received = app.queues.receive(Queue::Publish, 10, 0).await.unwrap();
        if received.is_empty() {
            return;
        }
        for message in received {
            assert!(publish(app, std::slice::from_ref(&message.body)).await.is_empty(), "{}", message.body);
            app.queues.delete(Queue::Publish, &message.receipt).await.unwrap();
        }
    }
}

/// Gives a batch to the worker and returns the ids of the messages to be tried again.
pub async fn publish(app: &App, bodies: &[String]) -> Vec<String> {
    let event: SqsEvent = batch(bodies);
    let response = publish_batch(app, event, &around()).await;
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}
