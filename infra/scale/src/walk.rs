//! The steps that runs are made of: a title, a message from the queue, a batch for register-file.

use anyhow::{Context, Result, bail};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use vitrine_app::App;
use vitrine_domain::Timestamp;
use vitrine_store::queues::Queue;
use vitrine_testing::{Answer, Client};
use vitrine_triggers::{Surroundings, incoming_batch};

const DEADLINE: Duration = Duration::from_secs(60);

/// A title with an empty representation, as the API names them.
pub struct Title {
    pub mms: String,
    pub rep: String,
}

/// The body of an answer that has to be a success.
pub fn ok(answer: Answer) -> Result<Value> {
    if !answer.status.is_success() {
        bail!("{} {}", answer.status, answer.text);
    }
    if answer.text.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&answer.text)?) }
}

/// A member that has to be a text.
pub fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    Ok(found.with_context(|| format!("no `{pointer}` in {value}"))?.to_owned())
}

/// Makes a title in a collection, with a representation.
pub async fn title(client: &Client) -> Result<Title> {
    let record = r#"<record xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Scale</dc:title></record>"#;
    let wish = json!({ "name": "Scale", "library": { "value": "MAIN" } });
    let collection = text(&ok(client.post("/bibs/collections", wish).await)?, "/pid/value")?;
    let wish =
        json!({ "record_format": { "value": "dc" }, "suppress_from_publishing": false, "anies": [record] });
    let mms = text(&ok(client.post("/bibs", wish).await)?, "/mms_id")?;
    ok(client.post(&format!("/bibs/collections/{collection}/bibs"), json!({ "mms_id": mms })).await)?;
    let wish = json!({ "is_remote": false, "library": { "value": "MAIN" }, "usage_type": { "value": "PRESERVATION_MASTER" } });
    let rep = text(&ok(client.post(&format!("/bibs/{mms}/representations"), wish).await)?, "/id")?;
    Ok(Title { mms, rep })
}

/// The next message of a queue, taken from it; not the one with which S3 tries a new notification.
pub async fn next(app: &App, queue: Queue) -> Result<String> {
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        if let Some(received) = app.queues.receive(queue, 1, 1).await?.into_iter().next() {
            app.queues.delete(queue, &received.receipt).await?;
            if !received.body.contains("s3:TestEvent") {
                return Ok(received.body);
            }
        }
    }
    bail!("no message in time");
}

/// Gives one message to register-file, as Lambda would, with so much time for it.
pub async fn register(app: &App, body: String, time: Duration) -> Result<()> {
    let mut message = SqsMessage::default();
    message.message_id = Some("m0".to_owned());
    message.body = Some(body);
    let mut event = SqsEvent::default();
    event.records.push(message);
    let started = Instant::now();
    let around =
        Surroundings { now: &Timestamp::now, time_left: &|| started.elapsed() < time, metrics: &|_| {} };
    let answer = incoming_batch(app, event, &around).await;
    if !answer.batch_item_failures.is_empty() {
        bail!("register-file wants the message again");
    }
    Ok(())
}
