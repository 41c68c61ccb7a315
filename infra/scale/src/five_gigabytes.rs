//! A file above 5 GB, which S3 takes only in parts and copies only in parts: uploaded, registered, read back.
//!
//! Its bytes are made as they are sent and never lie on our disk. Registration gets a few seconds at a time, so that it
//! is interrupted and goes on while it hashes and while it copies.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};
use vitrine_app::hex;
use vitrine_domain::upload::part_length;
use vitrine_store::objects::Bucket;
use vitrine_store::queues::Queue;
use vitrine_testing::{Client, Stack, send_signed};

use crate::walk::{next, ok, register, text, title};

const SIZE_BYTES: u64 = 5_100_000_000;
/// What one invocation gets; Lambda gives 15 minutes. The engine reads a version from its beginning with each of them.
const TIME: Duration = Duration::from_secs(30);
const MAX_INVOCATIONS: u32 = 200;

/// Uploads, registers and reads back.
pub async fn run() -> Result<String> {
    let size = match std::env::var("VITRINE_SCALE_BYTES") {
        Ok(given) => given.parse().context("VITRINE_SCALE_BYTES is no number")?,
        Err(_) => SIZE_BYTES,
    };
    let stack = Stack::new();
    let client = stack.client().await;
    let title = title(&client).await?;
    let sha256 = digest_of(size);
    let wish = json!({
        "representation_id": title.rep, "file_name": "reel.mxf", "size": size, "sha256": sha256,
        "method": { "value": "MULTIPART" },
    });
    let upload = ok(client.post("/uploads", wish).await)?;
    let sending = Instant::now();
    let parts = send(&client, &upload, size).await?;
    let sent = sending.elapsed();
    eprintln!("sent in {:.0} s", sent.as_secs_f64());

    let app = stack.app();
    let id = text(&upload, "/id")?;
    let registering = Instant::now();
    let mut invocations = 0;
    let mut state = String::new();
    while state != "REGISTERED" {
        if invocations == MAX_INVOCATIONS {
            bail!("the upload is {state} after {invocations} invocations");
        }
        invocations += 1;
        register(&app, next(&app, Queue::Incoming).await?, TIME).await?;
        let upload = ok(client.get(&format!("/uploads/{id}")).await)?;
        state = text(&upload, "/state")?;
        if !["ISSUED", "REGISTERED"].contains(&state.as_str()) {
            bail!("the upload ended otherwise: {upload}");
        }
        eprintln!("invocation {invocations}: {state}");
    }
    let registered = registering.elapsed();

    let path = format!("/bibs/{}/representations/{}/files", title.mms, title.rep);
    let files = ok(client.get(&path).await)?;
    let file = files.pointer("/representation_file/0").context("no file was made")?;
    if text(file, "/sha256")? != sha256 || file.get("size").and_then(Value::as_u64) != Some(size) {
        bail!("the file is not what was sent: {file}");
    }
    let held = app.catalog.file(&text(file, "/pid")?.parse()?).await?.context("the file is gone")?;
    let content = held.content.context("the file has no bytes")?;
    let mut kept = Sha256::new();
    let mut reader =
        app.objects.read(Bucket::Content, &content.key, content.version_id.as_deref(), None).await?;
    while let Some(bytes) = reader.next().await? {
        kept.update(&bytes);
    }
    if hex(&kept.finalize()) != sha256 {
        bail!("the bytes that are kept are not those that were sent");
    }
    Ok(format!(
        "| bytes | parts | invocations of register-file, {} s each | upload, s | registration, s | SHA-256 |\n|---|---|---|---|---|---|\n\
         | {size} | {parts} | {invocations} | {:.0} | {:.0} | `{}...`, of what was sent, of the file in the API, of what the content bucket holds |\n",
        TIME.as_secs(),
        sent.as_secs_f64(),
        registered.as_secs_f64(),
        sha256.get(..16).unwrap_or_default()
    ))
}

/// Sends every part to the address that was signed for it, then has them put together.
async fn send(client: &Client, upload: &Value, size: u64) -> Result<u64> {
    let id = text(upload, "/id")?;
    let part_bytes = upload.get("part_size").and_then(Value::as_u64).context("no part size")?;
    let count = upload.get("part_count").and_then(Value::as_u64).context("no part count")?;
    for number in 1..=count {
        let length = part_length(size, part_bytes, number).context("a part without bytes")?;
        let bytes = bytes_at((number - 1) * part_bytes, length);
        let mut digest = Sha256::new();
        digest.update(&bytes);
        let wish = json!({ "part": [{ "part_number": number, "sha256": hex(&digest.finalize()) }] });
        let signed = ok(client.post(&format!("/uploads/{id}/parts"), wish).await)?;
        let request = signed.pointer("/request/0").context("the part was not signed")?;
        let status = send_signed(request, &bytes);
        if status != 200 {
            bail!("part {number} answered {status}");
        }
    }
    ok(client.post(&format!("/uploads/{id}/complete"), json!({})).await)?;
    Ok(count)
}

/// The bytes at a place of the file: every 8 of them count on, so that no two parts are alike.
fn bytes_at(start: u64, length: u64) -> Vec<u8> {
    let words = start / 8..(start + length).div_ceil(8);
    let mut bytes: Vec<u8> =
        words.flat_map(|word| word.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()).collect();
    bytes.drain(..usize::try_from(start % 8).unwrap_or_default());
    bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
    bytes
}

fn digest_of(size: u64) -> String {
    const STEP: u64 = 16 << 20;
    let mut digest = Sha256::new();
    let mut start = 0;
    while start < size {
        digest.update(bytes_at(start, STEP.min(size - start)));
        start += STEP;
    }
    hex(&digest.finalize())
}
