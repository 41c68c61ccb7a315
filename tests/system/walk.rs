//! The steps that walks are made of.

use std::path::PathBuf;

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use vitrine_app::App;
use vitrine_domain::Timestamp;
use vitrine_media::Tools;
use vitrine_store::queues::Queue;
use vitrine_testing::{Client, poll_until, send_signed};
use vitrine_triggers::{Surroundings, derivatives_batch, incoming_batch};

pub const DC: &str = r#"<record xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Moby-Dick</dc:title><dc:identifier>ISBN 0142437247</dc:identifier></record>"#;

/// A title in a collection with an empty representation.
pub struct Title {
    pub collection: String,
    pub mms: String,
    pub rep: String,
}

impl Title {
    pub fn files(&self) -> String {
        format!("/bibs/{}/representations/{}/files", self.mms, self.rep)
    }
}

pub async fn title(client: &Client) -> Title {
    let name = format!("Books {}", Timestamp::now().as_nanosecond());
    let collection =
        client.post("/bibs/collections", json!({ "name": name, "library": { "value": "MAIN" } })).await.ok();
    let collection = text(&collection["pid"], "value");
    let bib = client
        .post(
            "/bibs",
            json!({ "record_format": { "value": "dc" }, "suppress_from_publishing": false, "anies": [DC] }),
        )
        .await
        .ok();
    let mms = text(&bib, "mms_id");
    client.post(&format!("/bibs/collections/{collection}/bibs"), json!({ "mms_id": mms })).await.ok();
    let rep = client
        .post(&format!("/bibs/{mms}/representations"), representation("PRESERVATION_MASTER"))
        .await
        .ok();
    Title { collection, mms, rep: text(&rep, "id") }
}

pub fn representation(usage: &str) -> Value {
    json!({ "is_remote": false, "library": { "value": "MAIN" }, "usage_type": { "value": usage } })
}

pub fn wish(rep: &str, name: &str, bytes: &[u8]) -> Value {
    json!({ "representation_id": rep, "file_name": name, "size": bytes.len(), "sha256": sha256(bytes) })
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Asks for an upload and sends its bytes; returns the upload.
pub async fn upload(client: &Client, rep: &str, name: &str, bytes: &[u8]) -> Value {
    let upload = client.post("/uploads", wish(rep, name, bytes)).await.ok();
    assert_eq!(send_signed(&upload["request"], bytes), 200);
    upload
}

pub fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_else(|| panic!("no `{member}` in {value}")).to_owned()
}

/// A program of the workspace, in the target folder in which the test is.
pub fn built(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let program = here.ancestors().nth(2).unwrap().join(name);
    assert!(program.exists(), "there is no `{name}`, build it first: cargo build --workspace --bins");
    program
}

pub fn tools() -> Tools {
    // The test is no decoding child; the crate's own tool is one.
    Tools { child_program: Some(built("thumbnail")), ..Tools::from_path() }
}

pub fn batch(bodies: &[String]) -> SqsEvent {
    let mut event = SqsEvent::default();
    for (index, body) in bodies.iter().enumerate() {
        let mut message = SqsMessage::default();
        message.message_id = Some(format!("m{index}"));
        message.body = Some(body.clone());
        event.records.push(message);
    }
    event
}

fn around() -> Surroundings<'static> {
    Surroundings { now: &Timestamp::now, time_left: &|| true, metrics: &|_| {} }
}

/// Gives a batch to register-file and returns the ids of the messages to be tried again.
pub async fn register(app: &App, bodies: &[String]) -> Vec<String> {
    let response = incoming_batch(app, batch(bodies), &around()).await;
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

/// Gives a batch to make-derivatives.
pub async fn derive(app: &App, bodies: &[String]) -> Vec<String> {
    let response = derivatives_batch(app, batch(bodies), &tools(), &around()).await;
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

/// The next message of a queue, taken from it; not the one with which S3 tries a new notification.
pub async fn next(app: &App, queue: Queue) -> String {
    poll_until("message", || async {
        let received = app.queues.receive(queue, 1, 0).await.unwrap().into_iter().next()?;
        app.queues.delete(queue, &received.receipt).await.unwrap();
        Some(received.body).filter(|body| !body.contains("s3:TestEvent"))
    })
    .await
}

/// Lets the two workers do what the queues hold until a file of the title has `state` as its thumbnail's.
pub async fn settle(app: &App) {
    let event = next(app, Queue::Incoming).await;
    assert_eq!(register(app, &[event]).await, Vec::<String>::new());
    let message = next(app, Queue::Derivatives).await;
    assert_eq!(derive(app, &[message]).await, Vec::<String>::new());
}

/// A small picture: a red PNG of one pixel, made by hand.
pub fn red_png() -> Vec<u8> {
    let hex = "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000000301010018dd8db00000000049454e44ae426082";
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// A document of so many pages of text, as small as it goes.
pub fn pdf(pages: usize) -> Vec<u8> {
    let kids: Vec<String> = (0..pages).map(|n| format!("{} 0 R", 4 + 2 * n)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [{}] /Count {pages} >>", kids.join(" ")),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    for number in 0..pages {
        let text = format!("BT /F1 24 Tf 72 700 Td (Page {} of the whale) Tj ET", number + 1);
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R /Resources << /Font << /F1 3 0 R >> >> >>",
            5 + 2 * number
        ));
        objects.push(format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()));
    }
    let mut out = "%PDF-1.4\n".to_owned();
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let start = out.len();
    out.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    places.iter().for_each(|place| out.push_str(&format!("{place:010} 00000 n \n")));
    out.push_str(&format!(
        "trailer << /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n",
        objects.len() + 1
    ));
    out.into_bytes()
}
