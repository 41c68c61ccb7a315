//! Loads the sample set through the public API and presigned uploads, as any client would.
#![allow(clippy::indexing_slicing, reason = "a member that JSON does not have reads as null")]

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use vitrine_engine::{python, vitrine_home, workspace_root};

use crate::tools;

const COLLECTION: &str = "Sample set";
const SCANNED: &str = "scanned-books";
const DEADLINE: Duration = Duration::from_secs(180);

/// The API of a running stack.
struct Api {
    base: String,
    key: String,
}

impl Api {
    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let url = format!("{}{path}", self.base);
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let authorization = format!("apikey {}", self.key);
        let mut answer = match (method, body) {
            ("POST", Some(body)) => agent
                .post(&url)
                .header("authorization", &authorization)
                .header("accept", "application/json")
                .send_json(body)?,
            ("PUT", Some(body)) => agent
                .put(&url)
                .header("authorization", &authorization)
                .header("accept", "application/json")
                .send_json(body)?,
            _ => agent
                .get(&url)
                .header("authorization", &authorization)
                .header("accept", "application/json")
                .call()?,
        };
        let text = answer.body_mut().read_to_string()?;
        let value: Value =
            serde_json::from_str(&text).with_context(|| format!("{method} {path} gave no JSON: {text}"))?;
        if !answer.status().is_success() {
            bail!("{method} {path}: {} {}", answer.status(), value["detail"].as_str().unwrap_or(&text));
        }
        Ok(value)
    }
}

/// Whether the API takes a key.
pub fn is_valid_key(origin: &str, key: &str) -> bool {
    let api = Api { base: format!("{origin}/almaws/v1"), key: key.to_owned() };
    api.call("GET", "/permissions", None).is_ok()
}

/// Sees to it that the catalogue knows a reader as a student.
pub fn put_reader(origin: &str, key: &str, user: &str) -> Result<()> {
    let api = Api { base: format!("{origin}/almaws/v1"), key: key.to_owned() };
    let address = format!("/users/{user}");
    if api.call("GET", &address, None).is_err() {
        let student = json!({ "full_name": "A reader", "user_group": ["STUDENT"] });
        api.call("PUT", &address, Some(&student))?;
    }
    Ok(())
}

/// One file of the set.
struct Sample {
    path: PathBuf,
    title: String,
    media_type: String,
}

/// Uploads what is not there yet and prints what arrived.
pub fn load(origin: &str, key: &str) -> Result<()> {
    let samples = make()?;
    let api = Api { base: format!("{origin}/almaws/v1"), key: key.to_owned() };
    scanned_books(&api)?;
    let collection = collection(&api, COLLECTION, "Files of every kind that Vitrine draws")?;
    let representation = representation(&api, &collection)?;
    let (mms, rep) = (text(&representation, "mms_id"), text(&representation, "id"));
    let files = format!("/bibs/{mms}/representations/{rep}/files");
    let there = api.call("GET", &format!("{files}?limit=100"), None)?;
    let names: Vec<&str> = there["representation_file"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|file| file["file_name"].as_str())
        .collect();
    let mut sent = 0;
    for sample in &samples {
        let name = file_name(&sample.path);
        if !names.contains(&name.as_str()) {
            upload(&api, &rep, sample).with_context(|| format!("cannot upload {name}"))?;
            sent += 1;
        }
    }
    println!("sample set: {sent} of {} files uploaded", samples.len());
    let arrived = wait(&api, &files, samples.len())?;
    print(&arrived);
    Ok(())
}

/// Makes the samples that are too large to be kept, and lists all of them.
fn make() -> Result<Vec<Sample>> {
    let folder = workspace_root().join("samples");
    let made = vitrine_home().join("samples");
    fs::create_dir_all(&made)?;
    tools::run(std::process::Command::new(python()?).arg(folder.join("make.py")).arg(&made))?;
    let manifest: Value = serde_json::from_str(&fs::read_to_string(folder.join("manifest.json"))?)?;
    let mut samples = Vec::new();
    for entry in manifest.as_array().context("samples/manifest.json is no list")? {
        let file = text(entry, "file");
        let kept = folder.join(&file);
        let path = if kept.exists() { kept } else { made.join(&file) };
        if !path.exists() {
            println!("left out: {file} could not be made here");
            continue;
        }
        samples.push(Sample { path, title: text(entry, "title"), media_type: text(entry, "media_type") });
    }
    Ok(samples)
}

/// Makes a folder of page images to import, and the profile that imports it, unless they are there.
fn scanned_books(api: &Api) -> Result<()> {
    let samples = workspace_root().join("samples");
    tools::run(
        std::process::Command::new(python()?)
            .arg(samples.join("scanned_books.py"))
            .arg(samples.join(SCANNED)),
    )?;
    let found = api.call("GET", "/conf/md-import-profiles?limit=100", None)?;
    if found["import_profile"].as_array().into_iter().flatten().any(|one| one["name"] == SCANNED) {
        return Ok(());
    }
    let collection = collection(api, "Scanned books", "What `vitrine ingest` brings")?;
    let profile = fs::read_to_string(samples.join("scanned-books.profile.json"))?;
    let profile: Value = serde_json::from_str(&profile.replace("COLLECTION", &collection))?;
    api.call("POST", "/conf/md-import-profiles", Some(&profile))?;
    Ok(())
}

fn collection(api: &Api, name: &str, description: &str) -> Result<String> {
    let found = api.call("GET", "/bibs/collections?limit=100", None)?;
    let known = found["collection"].as_array().into_iter().flatten().find(|one| one["name"] == name);
    let collection = match known {
        Some(collection) => collection.clone(),
        None => {
            let wish = json!({ "name": name, "library": { "value": "MAIN" }, "description": description });
            api.call("POST", "/bibs/collections", Some(&wish))?
        }
    };
    Ok(text(&collection["pid"], "value"))
}

/// The representation that the set goes into, with the id of its title.
fn representation(api: &Api, collection: &str) -> Result<Value> {
    let members = api.call("GET", &format!("/bibs/collections/{collection}/bibs"), None)?;
    let mms = match members["bib"].get(0) {
        Some(bib) => text(bib, "mms_id"),
        None => {
            let record = "<record xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title>Files of every kind</dc:title><dc:creator>Vitrine</dc:creator><dc:date>2026</dc:date></record>";
            let wish = json!({ "record_format": { "value": "dc" }, "suppress_from_publishing": false, "anies": [record] });
            let bib = api.call("POST", "/bibs", Some(&wish))?;
            let mms = text(&bib, "mms_id");
            api.call(
                "POST",
                &format!("/bibs/collections/{collection}/bibs"),
                Some(&json!({ "mms_id": mms })),
            )?;
            mms
        }
    };
    let path = format!("/bibs/{mms}/representations");
    let found = api.call("GET", &path, None)?;
    let mut representation = match found["representation"].get(0) {
        Some(representation) => representation.clone(),
        None => {
            let wish = json!({ "is_remote": false, "library": { "value": "MAIN" }, "usage_type": { "value": "PRESERVATION_MASTER" }, "label": "Samples" });
            api.call("POST", &path, Some(&wish))?
        }
    };
    representation["mms_id"] = json!(mms);
    Ok(representation)
}

fn upload(api: &Api, rep: &str, sample: &Sample) -> Result<()> {
    let bytes = fs::read(&sample.path)?;
    let wish = json!({
        "representation_id": rep,
        "file_name": file_name(&sample.path),
        "label": sample.title,
        "size": bytes.len(),
        "mime_type": sample.media_type,
        "sha256": hex(&Sha256::digest(&bytes)),
    });
    let upload = api.call("POST", "/uploads", Some(&wish))?;
    let request = &upload["request"];
    let mut put = ureq::put(text(request, "url"));
    for header in request["header"].as_array().into_iter().flatten() {
        let name = text(header, "name");
        if !name.eq_ignore_ascii_case("content-length") {
            put = put.header(name, text(header, "value"));
        }
    }
    put.send(bytes.as_slice())?;
    Ok(())
}

/// Waits until every file is registered and its thumbnail decided.
fn wait(api: &Api, files: &str, wanted: usize) -> Result<Vec<Value>> {
    let started = Instant::now();
    loop {
        let found = api.call("GET", &format!("{files}?limit=100"), None)?;
        let found = found["representation_file"].as_array().cloned().unwrap_or_default();
        let done = found
            .iter()
            .filter(|file| file["thumbnail"]["state"] != "PENDING" && file["status"]["value"] != "PENDING")
            .count();
        if done >= wanted || started.elapsed() > DEADLINE {
            return Ok(found);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn print(files: &[Value]) {
    println!("\n{:<28} {:<44} {:>11}  {:<14} thumbnail", "file", "type", "bytes", "SHA-256");
    for file in files {
        let sha: String = text(file, "sha256").chars().take(12).collect();
        let thumbnail = &file["thumbnail"];
        let size = match (thumbnail["width"].as_u64(), thumbnail["height"].as_u64()) {
            (Some(width), Some(height)) => format!("{width} x {height}"),
            _ => text(thumbnail, "reason"),
        };
        let (name, mime, bytes) =
            (text(file, "file_name"), text(file, "mime_type"), file["size"].as_u64().unwrap_or(0));
        println!("{name:<28} {mime:<44} {bytes:>11}  {sha:<14} {} {size}", text(thumbnail, "state"));
    }
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_default().to_owned()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
