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
use vitrine_testing::{Answer, Client, Stack, operator, poll_until};
use vitrine_triggers::{Surroundings, publish_batch};

use crate::walk::{batch, text};

const PROFILES: &str = "/conf/publishing-profiles";
const OAI: &str = "/view/oai/VITRINE/request";

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

/// What a harvest shows of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    deleted: bool,
    stamp: String,
    text: String,
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

async fn oai(client: &Client, query: &str) -> Answer {
    let answer = client.with_key(None).send("GET", &format!("{OAI}?{query}"), &[], String::new()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "text/xml; charset=utf-8");
    answer
}

/// What stands between two marks, each time.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    text.split(from).skip(1).filter_map(|rest| rest.split(to).next()).collect()
}

fn token(text: &str) -> Option<String> {
    let inner = between(text, "<resumptionToken", "</resumptionToken>").first().copied()?;
    let inner = inner.split_once('>')?.1.trim();
    (!inner.is_empty() && !inner.contains('<')).then(|| inner.to_owned())
}

/// The records of one answer.
fn records(text: &str) -> Vec<(String, Seen)> {
    text.split("<header")
        .skip(1)
        .map(|part| {
            let seen = Seen {
                deleted: part.starts_with(" status=\"deleted\""),
                stamp: between(part, "<datestamp>", "<")[0].to_owned(),
                text: between(part, "<metadata>", "</metadata>")
                    .first()
                    .copied()
                    .unwrap_or_default()
                    .to_owned(),
            };
            (between(part, "<identifier>", "<")[0].rsplit(':').next().unwrap().to_owned(), seen)
        })
        .collect()
}

/// A whole list: the records by title, and the time of the first answer.
async fn harvest(client: &Client, query: &str) -> (BTreeMap<String, Seen>, String) {
    let verb = query.split('&').next().unwrap().to_owned();
    let mut answer = oai(client, query).await;
    let began = between(&answer.text, "<responseDate>", "<")[0].to_owned();
    let mut all = BTreeMap::new();
    loop {
        all.extend(records(&answer.text));
        let Some(token) = token(&answer.text) else { return (all, began) };
        answer = oai(client, &format!("{verb}&resumptionToken={token}")).await;
    }
}
