//! A small HTTP server of a test's own: the import API, the resource `uploads` and the storage behind them, strict
//! about what it is sent, and failing on demand.

mod imports;
mod storage;
mod uploads;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use md5::Md5;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The only key that is taken.
pub const KEY: &str = "l8xx-very-secret-key";
/// A word in each signed address; it must show up nowhere else.
pub const SIGNATURE: &str = "X-Amz-Signature=cafe";
/// How long a test waits for something to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// What goes wrong with a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The connection closes before anything is read or done.
    Drop,
    /// It closes in the middle of the body.
    Cut,
    /// The work is done and the answer is lost.
    LoseAnswer,
    /// The work is done and the answer breaks off in the middle.
    HalfAnswer,
    /// This status, with seconds for `Retry-After`.
    Status(u16, Option<u32>),
    /// S3 says that the address is not valid any more.
    Expired,
    /// 200 and something that is no answer.
    Nonsense,
}

#[derive(Debug, Default)]
pub struct StoredFile {
    pub bytes: Vec<u8>,
    pub etag: String,
}

#[derive(Debug, Default)]
pub struct Multipart {
    pub name: String,
    pub parts: BTreeMap<u64, Vec<u8>>,
}

#[derive(Debug)]
pub struct Ingest {
    pub status: &'static str,
    pub job: Option<String>,
    pub files: BTreeMap<String, StoredFile>,
}

#[derive(Debug)]
pub struct Upload {
    pub name: String,
    pub size: u64,
    pub sha256: String,
    pub state: &'static str,
    pub bytes: Option<Vec<u8>>,
    pub parts: BTreeMap<u64, Vec<u8>>,
}

#[derive(Debug, Clone)]
enum Signed {
    File { ingest: String, name: String, size: u64, sha256: String },
    Part { multipart: String, number: u64, sha256: String },
    Upload { id: String },
    UploadPart { id: String, number: u64, sha256: String },
    Report,
    Bag { path: String },
}

#[derive(Debug, Default)]
pub struct World {
    pub ingests: BTreeMap<String, Ingest>,
    pub multiparts: BTreeMap<String, Multipart>,
    pub uploads: BTreeMap<String, Upload>,
    pub profiles: Vec<Value>,
    /// Each request as `METHOD path`, without query and signature.
    pub log: Vec<String>,
    /// What was decided: the row, what, and the title.
    pub decisions: Vec<(u64, String, Option<String>)>,
    /// What the next jobs end as, and their counters.
    pub job_status: String,
    pub job_counters: Vec<(String, u64)>,
    pub rows: Vec<Value>,
    pub dry_runs: Vec<bool>,
    /// The files of a job's bag.
    pub bag: BTreeMap<String, Vec<u8>>,
    /// Files over this many bytes go in parts.
    pub single_bytes: u64,
    pub part_bytes: u64,
    /// A dry run leaves the ingest open.
    pub reopen_after_dry_run: bool,
    pub reject_uploads: bool,
    signed: HashMap<u64, Signed>,
    /// `METHOD path` begins with the first: the fault, and how often it strikes.
    faults: Vec<(String, Fault, u32)>,
    /// How many bodies the storage takes before it holds the next ones.
    gate: Option<u32>,
    held: u32,
    /// What was wrong with requests.
    pub complaints: Vec<String>,
    jobs: BTreeMap<String, (String, u32, bool)>,
    next_id: u64,
    /// Bodies that are being read.
    busy: u32,
}

/// The server; it ends with the test's process.
#[derive(Clone)]
pub struct Fake {
    pub port: u16,
    world: Arc<(Mutex<World>, Condvar)>,
}

struct Request {
    method: String,
    path: String,
    query: HashMap<String, String>,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Fake {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let world = World {
            single_bytes: 64 << 20,
            part_bytes: 16 << 20,
            decisions: Vec::new(),
            job_status: "COMPLETED_SUCCESS".to_owned(),
            job_counters: vec![("ROWS".to_owned(), 2), ("CREATED".to_owned(), 2)],
            profiles: vec![
                json!({"id": "7001", "name": "scanned-books", "digital_details": {"source_format": {"value": "CSV", "desc": "CSV"}}}),
            ],
            next_id: 81_000,
            ..World::default()
        };
        let fake = Self { port, world: Arc::new((Mutex::new(world), Condvar::new())) };
        let server = fake.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let server = server.clone();
                thread::spawn(move || server.serve(connection));
            }
        });
        fake
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/almaws/v1", self.port)
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the next `times` requests that begin with `what` fail.
    pub fn fail(&self, what: &str, fault: Fault, times: u32) {
        self.world().faults.push((what.to_owned(), fault, times));
    }

    /// Lets the storage take this many bodies, and hold the next ones until told otherwise.
    pub fn hold_after(&self, bodies: Option<u32>) {
        self.world().gate = bodies;
        self.world.1.notify_all();
    }

    /// Opens the gate after the client was killed, and waits until what it had sent has ended, one way or the other.
    pub fn release(&self) {
        self.hold_after(None);
        self.wait_for("an idle storage", |world| world.busy == 0);
    }

    /// Waits until a condition holds.
    pub fn wait_for(&self, what: &str, holds: impl Fn(&World) -> bool) {
        let until = Instant::now() + PATIENCE;
        let mut world = self.world();
        while !holds(&world) {
            assert!(Instant::now() < until, "waited in vain for: {what}; {:?}", world.log);
            world = self
                .world
                .1
                .wait_timeout(world, Duration::from_millis(50))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits until the storage holds bodies back.
    pub fn wait_until_held(&self, bodies: u32) {
        self.wait_for("bodies that are held back", |world| world.held >= bodies);
    }

    fn serve(&self, connection: TcpStream) {
        let _ = connection.set_nodelay(true);
        let mut reader = BufReader::new(connection.try_clone().unwrap());
        let mut writer = connection;
        while let Some((answer, whole)) = self.once(&mut reader) {
            let mut head =
                format!("HTTP/1.1 {} x\r\ncontent-length: {}\r\n", answer.status, answer.body.len());
            for (name, value) in &answer.headers {
                let _ = write!(head, "{name}: {value}\r\n");
            }
            head.push_str("\r\n");
            let sent = if whole { answer.body.len() } else { answer.body.len() / 2 };
            let written =
                writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(&answer.body[..sent]));
            if written.is_err() || !whole {
                return;
            }
        }
    }

    /// Reads one request and does it; `None` closes the connection, `false` does in the middle of the answer.
    fn once(&self, reader: &mut BufReader<TcpStream>) -> Option<(Answer, bool)> {
        let mut request = read_head(reader)?;
        let line = format!("{} {}", request.method, request.path);
        let fault = {
            let mut world = self.world();
            let at = world
                .faults
                .iter()
                .position(|(what, _, times)| *times > 0 && line.starts_with(what.as_str()));
            at.map(|at| {
                world.faults[at].2 -= 1;
                world.faults[at].1.clone()
            })
        };
        if matches!(fault, Some(Fault::Drop)) {
            return None;
        }
        let length: usize = match request.headers.get("content-length").map(|length| length.parse()) {
            Some(Ok(length)) => length,
            None => 0,
            Some(Err(_)) => {
                self.world().complaints.push(format!("{line}: a content-length that is no number"));
                return None;
            }
        };
        let storage = request.path.starts_with("/storage/");
        if matches!(fault, Some(Fault::Cut)) {
            let mut some = vec![0; length / 2];
            reader.read_exact(&mut some).ok()?;
            return None;
        }
        request.body = vec![0; length];
        if storage && request.method == "PUT" {
            self.world().busy += 1;
            self.pass_gate();
            let read = reader.read_exact(&mut request.body);
            self.world().busy -= 1;
            self.world.1.notify_all();
            read.ok()?;
        } else {
            reader.read_exact(&mut request.body).ok()?;
        }
        match fault {
            Some(Fault::Status(status, after)) => {
                self.note(&line);
                let headers =
                    after.map(|after| ("retry-after".to_owned(), after.to_string())).into_iter().collect();
                return Some((Answer { status, headers, body: b"{\"detail\":\"busy now\"}".to_vec() }, true));
            }
            Some(Fault::Expired) => {
                self.note(&line);
                let body = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
                    .to_vec();
                return Some((Answer { status: 403, headers: Vec::new(), body }, true));
            }
            Some(Fault::Nonsense) => {
                self.note(&line);
                let body = b"<html>hello</html>".to_vec();
                return Some((Answer { status: 200, headers: Vec::new(), body }, true));
            }
            _ => {}
        }
        let answer = {
            let mut world = self.world();
            world.log.push(line);
            if storage { world.storage(&request) } else { world.api(&request, self.port) }
        };
        self.world.1.notify_all();
        if matches!(fault, Some(Fault::LoseAnswer)) {
            None
        } else {
            Some((answer, !matches!(fault, Some(Fault::HalfAnswer))))
        }
    }

    fn note(&self, line: &str) {
        self.world().log.push(line.to_owned());
        self.world.1.notify_all();
    }

    /// Waits for the gate. A client that was killed meanwhile is noticed by reading on.
    fn pass_gate(&self) {
        let mut world = self.world();
        let mut held = false;
        loop {
            match &mut world.gate {
                None => break,
                Some(0) => {
                    if !held {
                        held = true;
                        world.held += 1;
                        self.world.1.notify_all();
                    }
                    world = self.world.1.wait(world).unwrap_or_else(PoisonError::into_inner);
                }
                Some(left) => {
                    *left -= 1;
                    break;
                }
            }
        }
        if held {
            world.held -= 1;
        }
    }
}

fn read_head(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), decode(value)))
        .collect();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Some(Request { method, path: path.to_owned(), query, headers, body: Vec::new() })
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match (first, after.get(..2)) {
            (b'%', Some(hex)) => {
                bytes.push(u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap());
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn md5(bytes: &[u8]) -> Vec<u8> {
    Md5::digest(bytes).to_vec()
}

fn ok(value: Value) -> Answer {
    Answer { status: 200, headers: Vec::new(), body: value.to_string().into_bytes() }
}

fn problem(status: u16, detail: &str) -> Answer {
    let body = json!({"title": "x", "status": status, "detail": detail, "errorsExist": true,
        "errorList": {"error": [{"errorCode": "1", "errorMessage": detail}]}});
    Answer { status, headers: Vec::new(), body: body.to_string().into_bytes() }
}

fn s3_error(status: u16, code: &str) -> Answer {
    Answer { status, headers: Vec::new(), body: format!("<Error><Code>{code}</Code></Error>").into_bytes() }
}

impl World {
    fn mint(&mut self) -> String {
        self.next_id += 1;
        self.next_id.to_string()
    }

    fn sign(&mut self, what: Signed, port: u16, sha256: &str) -> Value {
        self.next_id += 1;
        let token = self.next_id;
        self.signed.insert(token, what);
        json!({
            "method": "PUT",
            "url": format!("http://127.0.0.1:{port}/storage/{token}?{SIGNATURE}{token}"),
            "header": [{"name": "x-amz-checksum-sha256", "value": sha256}],
            "expires": "2026-11-24T12:00:00Z",
        })
    }

    fn api(&mut self, request: &Request, port: u16) -> Answer {
        if request.headers.get("authorization").map(String::as_str) != Some(&format!("apikey {KEY}")) {
            return problem(401, "no valid credential");
        }
        let Some(path) = request.path.strip_prefix("/almaws/v1/") else {
            return problem(404, "no such path");
        };
        let segments: Vec<&str> = path.split('/').collect();
        let body: Value = if request.body.is_empty() {
            Value::Null
        } else {
            match serde_json::from_slice(&request.body) {
                Ok(value) => value,
                Err(_) => return problem(400, "unreadable"),
            }
        };
        let op = request.query.get("op").map_or("", String::as_str);
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["conf", "md-import-profiles"]) => {
                let number = |name: &str| request.query.get(name).map_or(0, |text| text.parse().unwrap());
                let (limit, offset): (usize, usize) = (number("limit"), number("offset"));
                let page: Vec<_> = self.profiles.iter().skip(offset).take(limit).cloned().collect();
                ok(json!({"import_profile": page, "total_record_count": self.profiles.len()}))
            }
            ("POST", ["conf", "md-import-profiles"]) => {
                let mut made = body;
                if made["name"].is_string() {
                    self.complaints.push("a name that is to be read only was sent".to_owned());
                }
                made["id"] = json!(self.mint());
                made["name"] = made["details"]["name"].clone();
                self.profiles.push(made.clone());
                ok(made)
            }
            ("GET", ["conf", "md-import-profiles", id]) => {
                match self.profiles.iter().find(|profile| profile["id"] == **id) {
                    Some(profile) => ok(profile.clone()),
                    None => problem(404, "no such profile"),
                }
            }
            ("POST", ["conf", "md-import-profiles", profile, "ingests"]) => {
                let id = self.mint();
                let ingest = Ingest { status: "UPLOADING", job: None, files: BTreeMap::new() };
                self.ingests.insert(id.clone(), ingest);
                self.show_ingest(profile, &id)
            }
            (method, ["conf", "md-import-profiles", profile, "ingests", id, rest @ ..]) => {
                if !self.ingests.contains_key(*id) {
                    return problem(404, "no such ingest");
                }
                self.ingest(method, profile, id, rest, op, request, &body, port)
            }
            (method, ["conf", "jobs", id, rest @ ..]) => self.job(method, id, rest, op, request, port),
            ("GET", ["bibs", mms, "representations", rep]) => {
                if (*mms, *rep) == ("9912", "1234") {
                    ok(json!({"id": rep}))
                } else {
                    problem(404, "no such representation")
                }
            }
            (method, ["uploads", rest @ ..]) => self.upload(method, rest, &body, port),
            _ => problem(404, "no such path"),
        }
    }

    /// How many requests began with `what`.
    pub fn count(&self, what: &str) -> usize {
        self.log.iter().filter(|line| line.starts_with(what)).count()
    }
}
