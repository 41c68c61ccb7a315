//! Damage is found and named, and nothing else is called damage (domain.md E9; reliability.md B14, B15).

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use vitrine_app::App;
use vitrine_app::fixity::FixityRun;
use vitrine_domain::Timestamp;
use vitrine_domain::file::DigitalFile;
use vitrine_domain::ids::FileId;
use vitrine_store::faults::{Fault, Moment};
use vitrine_store::objects::Bucket;
use vitrine_testing::{Client, Stack, operator};

use crate::walk::{Title, register, sha256, text, title, upload};

const BYTES: &[u8] =
    b"Call me Ishmael. Some years ago - never mind how long precisely - having little or no money";

struct Room {
    stack: Stack,
    client: Client,
    app: App,
    title: Title,
}

impl Room {
    /// A content bucket with versions, as the template makes it.
    async fn new() -> Self {
        let stack = Stack::new();
        let client = stack.client().await;
        let title = title(&client).await;
        Self { app: stack.app(), stack, client, title }
    }

    /// One where someone has switched versions off, so that bytes can be changed behind our back.
    async fn without_versions() -> Self {
        let room = Self::new().await;
        let bucket = room.app.objects.bucket_name(Bucket::Content);
        room.stack.suspend_versions(bucket);
        room
    }

    async fn file(&self, name: &str, bytes: &[u8]) -> FileId {
        let wished = upload(&self.client, &self.title.rep, name, bytes).await;
        let message = serde_json::json!({ "work": "REGISTER", "upload": wished["id"] }).to_string();
        assert_eq!(register(&self.app, &[message]).await, Vec::<String>::new());
        let pid = text(&self.client.get(&format!("/uploads/{}", text(&wished, "id"))).await.ok(), "pid");
        pid.parse().unwrap()
    }

    async fn stored(&self, file: &FileId) -> DigitalFile {
        self.app.catalog.file(file).await.unwrap().unwrap()
    }

    fn path(&self, file: &FileId) -> String {
        format!("{}/{file}", self.title.files())
    }

    async fn fixity(&self, file: &FileId) -> Value {
        self.client.get(&format!("{}?expand=fixity", self.path(file))).await.ok()["fixity"].clone()
    }

    async fn status(&self, file: &FileId) -> String {
        text(&self.fixity(file).await["status"], "value")
    }

    /// Asks for a check of the file, and lets a run do it.
    async fn check(&self, file: &FileId) -> FixityRun {
        self.client.post(&format!("{}/fixity", self.path(file)), Value::Null).await.ok();
        run(&self.app, Timestamp::now()).await
    }

    async fn overwrite(&self, file: &FileId, bytes: &[u8]) {
        let content = self.stored(file).await.content.unwrap();
        let bytes = bytes.to_vec().into();
        self.app.objects.put_small(Bucket::Content, &content.key, bytes, "text/plain", false).await.unwrap();
    }

    async fn report(&self, status: &str) -> Vec<String> {
        let answer = self.client.get(&format!("/conf/fixity?status={status}&limit=100")).await.ok();
        let files = answer["file"].as_array().unwrap();
        assert_eq!(answer["total_record_count"], files.len());
        files.iter().map(|file| text(file, "pid")).collect()
    }
}

async fn run(app: &App, now: Timestamp) -> FixityRun {
    let call = vitrine_app::Call { now, ..operator() };
    app.check_due_files(&call, &move || now, &|| true).await.unwrap()
}

fn days(count: i64) -> Timestamp {
    Timestamp::now() + vitrine_domain::outbox::seconds(count * 86_400)
}

#[tokio::test]
async fn b14_other_bytes_of_the_same_length_a_cut_and_a_lost_object_are_found_and_named() {
    let room = Room::without_versions().await;
    let mut flipped = BYTES.to_vec();
    flipped[40] ^= 1;
    let files = [
        room.file("whole.txt", BYTES).await,
        room.file("flipped.txt", BYTES).await,
        room.file("cut.txt", BYTES).await,
        room.file("lost.txt", BYTES).await,
    ];
    let [whole, other, cut, lost] = &files;
    assert_eq!(room.status(whole).await, "WAITING");
    room.overwrite(other, &flipped).await;
    room.overwrite(cut, &BYTES[..50]).await;
    let key = room.stored(lost).await.content.unwrap().key;
    room.app.objects.delete_version(Bucket::Content, &key, None).await.unwrap();

    let done = run(&room.app, days(9)).await;
    assert_eq!((done.checked, done.damaged, done.unread, done.failed), (4, 3, 0, 0), "{done:?}");
    for (file, status) in files.iter().zip(["HEALTHY", "MISMATCH", "SIZE", "MISSING"]) {
        assert_eq!(room.status(file).await, status);
    }
    let told = room.fixity(other).await;
    assert_eq!(text(&told["expected"], "sha256"), sha256(BYTES));
    assert_eq!(text(&told["found"], "sha256"), sha256(&flipped));
    assert_eq!(room.fixity(cut).await["found"]["size"], 50);
    let mut named = room.report("damaged").await;
    named.sort();
    let mut damaged: Vec<String> = [other, cut, lost].map(ToString::to_string).to_vec();
    damaged.sort();
    assert_eq!(named, damaged);
    assert_eq!(room.report("unreadable").await, Vec::<String>::new());
    let history = room.client.get(&format!("{}/history", room.path(other))).await.ok();
    assert!(
        history["event"].as_array().unwrap().iter().any(|event| event["action"] == "file.fixity"),
        "{history}"
    );

    // Nothing was deleted or changed, and the whole file is not read again before its time.
    assert_eq!(run(&room.app, days(9)).await, FixityRun::default());
    // Put back, the file is whole again, and it is shown since when.
    room.overwrite(other, BYTES).await;
    let done = room.check(other).await;
    assert_eq!((done.recovered, done.damaged), (1, 0), "{done:?}");
    let told = room.fixity(other).await;
    assert_eq!(text(&told["status"], "value"), "HEALTHY");
    assert!(told["recovered_at"].is_string() && told["found"].is_null(), "{told}");
    assert!(!room.report("damaged").await.contains(&other.to_string()));
}

#[tokio::test]
async fn b14_a_version_that_is_gone_is_missing_and_one_that_is_put_back_is_taken() {
    let room = Room::new().await;
    let file = room.file("a.txt", BYTES).await;
    let content = room.stored(&file).await.content.unwrap();
    assert!(content.version_id.is_some(), "the bucket keeps versions");
    // A newer version under the key is not the file, and no damage of it.
    room.overwrite(&file, b"someone else's").await;
    assert_eq!(room.check(&file).await.damaged, 0);
    assert_eq!(room.status(&file).await, "HEALTHY");

    let version = content.version_id.as_deref();
    room.app.objects.delete_version(Bucket::Content, &content.key, version).await.unwrap();
    assert_eq!(room.check(&file).await.damaged, 1);
    assert_eq!(room.status(&file).await, "MISSING");
    assert_eq!(
        room.stored(&file).await.content.unwrap(),
        content,
        "other bytes are never taken for the file"
    );

    let mut like = BYTES.to_vec();
    like[0] ^= 1;
    room.overwrite(&file, &like).await;
    assert_eq!(room.check(&file).await.damaged, 1, "the same length is not the same bytes");
    assert_eq!(room.status(&file).await, "MISSING");

    room.overwrite(&file, BYTES).await;
    let done = room.check(&file).await;
    assert_eq!((done.damaged, done.recovered), (0, 1), "{done:?}");
    assert_eq!(room.status(&file).await, "HEALTHY");
    let now = room.stored(&file).await.content.unwrap();
    assert!(now.version_id.is_some() && now.version_id != content.version_id);
    assert_eq!(now.sha256, content.sha256);
    let link = room.client.get(&format!("{}?expand=url", room.path(&file))).await.ok();
    assert_eq!(vitrine_testing::fetch_signed(&text(&link, "url")), (200, BYTES.to_vec()));
}

#[tokio::test]
async fn b15_no_fault_on_the_way_to_the_bytes_is_taken_for_damage() {
    let room = Room::new().await;
    let file = room.file("a.txt", BYTES).await;
    room.check(&file).await;
    let healthy_at = room.fixity(&file).await["healthy_at"].clone();
    let (app, faulty) = room.stack.faulty_app();
    // Behind the instant at which the call asks for the check, whatever the machine is busy with.
    let mut now = Timestamp::now() + vitrine_domain::outbox::seconds(1);
    for (prefix, fault) in [
        ("S3.HeadObject", Fault::Before),
        ("S3.HeadObject", Fault::Throttled),
        ("S3.HeadObject", Fault::Denied),
        ("S3.GetObject", Fault::Before),
        ("S3.GetObject", Fault::After),
        ("S3.GetObject", Fault::Throttled),
        ("S3.GetObject", Fault::Denied),
    ] {
        room.client.post(&format!("{}/fixity", room.path(&file)), Value::Null).await.ok();
        for failure in 1..=6_u32 {
            faulty.fail_all(prefix, fault);
            let done = run(&app, now).await;
            assert!(faulty.injected() > 0, "{prefix} {fault:?}");
            assert_eq!((done.unread, done.damaged), (1, 0), "{prefix} {fault:?}: {done:?}");
            let told = room.fixity(&file).await;
            let expected = if failure < 5 { "HEALTHY" } else { "UNREADABLE" };
            assert_eq!(text(&told["status"], "value"), expected, "{prefix} {fault:?} {failure}: {told}");
            assert_eq!(told["healthy_at"], healthy_at, "what was known stays known");
            now += vitrine_domain::outbox::seconds(6 * 3600);
        }
        assert_eq!(room.report("damaged").await, Vec::<String>::new());
        assert_eq!(room.report("unreadable").await, [file.to_string()]);
        faulty.heal();
        assert_eq!(run(&app, now).await.read, 1);
        assert_eq!(room.status(&file).await, "HEALTHY");
        assert_eq!(room.report("unreadable").await, Vec::<String>::new());
        // The clock of the room stands still; that of the runs went on.
        let fixity = room.app.catalog.fixity(&file).await.unwrap().unwrap();
        room.app
            .catalog
            .save_fixity(&vitrine_domain::fixity::Fixity {
                healthy_at: Some(healthy_at.as_str().unwrap().parse().unwrap()),
                ..fixity
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn b15_a_stream_that_ends_early_is_gone_on_with_and_is_not_damage() {
    let room = Room::new().await;
    let file = room.file("a.txt", BYTES).await;
    let (app, faulty) = room.stack.faulty_app();
    room.client.post(&format!("{}/fixity", room.path(&file)), Value::Null).await.ok();
    faulty.fail_all("S3.GetObject", Fault::CutShort);
    let (mut now, mut before) = (Timestamp::now(), 0);
    for _ in 0..4 {
        let done = run(&app, now).await;
        assert_eq!((done.unread, done.damaged, done.unreadable), (1, 0, 0), "{done:?}");
        let so_far = room.fixity(&file).await["read_so_far"].as_u64().unwrap();
        assert!(so_far > before && so_far < BYTES.len() as u64);
        before = so_far;
        now += vitrine_domain::outbox::seconds(600);
    }
    faulty.heal();
    let done = run(&app, now).await;
    assert_eq!((done.read, done.read_bytes), (1, BYTES.len() as u64 - before), "{done:?}");
    assert_eq!(room.status(&file).await, "HEALTHY");
}

#[tokio::test]
async fn b15_one_wrong_reading_is_not_damage() {
    let room = Room::new().await;
    let file = room.file("a.txt", BYTES).await;
    let (app, faulty) = room.stack.faulty_app();
    room.client.post(&format!("{}/fixity", room.path(&file)), Value::Null).await.ok();
    faulty.fail_first("S3.GetObject", Fault::Flipped);
    let done = run(&app, Timestamp::now()).await;
    assert_eq!(faulty.injected(), 1);
    assert_eq!((done.damaged, done.unread, done.read), (0, 0, 1), "{done:?}");
    assert_eq!(room.status(&file).await, "HEALTHY");
}

#[tokio::test]
async fn a_check_costs_the_same_calls_for_every_file() {
    let room = Room::new().await;
    let file = room.file("a.txt", BYTES).await;
    let (app, faulty) = room.stack.faulty_app();
    run(&app, Timestamp::now()).await;
    let idle = faulty.calls().len();
    assert!(faulty.calls().iter().all(|call| call == "DynamoDB.Query"), "nothing is due");
    faulty.heal();
    assert_eq!(run(&app, days(9)).await.read, 1);
    let mut calls = faulty.calls();
    calls.retain(|call| call != "DynamoDB.Query");
    assert_eq!(
        calls,
        ["DynamoDB.GetItem", "S3.HeadObject", "S3.GetObject", "DynamoDB.TransactWriteItems"],
        "all bytes read"
    );
    faulty.heal();
    assert_eq!(run(&app, days(18)).await.checked, 1);
    let mut calls = faulty.calls();
    assert_eq!(calls.len(), idle + 3);
    calls.retain(|call| call != "DynamoDB.Query");
    assert_eq!(calls, ["DynamoDB.GetItem", "S3.HeadObject", "DynamoDB.PutItem"], "a look");
    assert_eq!(room.status(&file).await, "HEALTHY");
}

#[tokio::test]
async fn a_worker_that_dies_at_any_call_leaves_the_file_due_and_the_next_one_ends_the_check() {
    let room = Room::without_versions().await;
    let (app, faulty) = room.stack.faulty_app();
    let mut at = 0;
    loop {
        let file = room.file(&format!("{at}.txt"), BYTES).await;
        let mut flipped = BYTES.to_vec();
        flipped[at % BYTES.len()] ^= 0x40;
        room.overwrite(&file, &flipped).await;
        room.client.post(&format!("{}/fixity", room.path(&file)), Value::Null).await.ok();
        let moment = if at % 2 == 0 { Moment::After } else { Moment::Before };
        let ended = faulty.killed_at(at, moment, run(&app, Timestamp::now())).await;
        let done = run(&room.app, Timestamp::now()).await;
        assert_eq!((done.unread, done.failed), (0, 0), "killed at {at}: {done:?}");
        assert_eq!(room.status(&file).await, "MISMATCH", "killed at {at}");
        if ended.is_some() {
            break;
        }
        at += 1;
    }
    assert!(at > 20, "a run makes more calls than {at}");
    assert_eq!(room.report("damaged").await.len(), at + 1);
}

#[tokio::test]
async fn a_reading_that_runs_out_of_time_goes_on_where_it_was() {
    let room = Room::new().await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let file = room.file("large.bin", &bytes).await;
    room.client.post(&format!("{}/fixity", room.path(&file)), Value::Null).await.ok();
    let mut before = 0;
    let (mut runs, mut read_bytes) = (0, 0);
    loop {
        // So many questions for time until it is over: the file comes in chunks, with a question after each.
        let left = AtomicU64::new(4);
        let time_left =
            || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        let call = operator();
        let done = room.app.check_due_files(&call, &Timestamp::now, &time_left).await.unwrap();
        runs += 1;
        read_bytes += done.read_bytes;
        if done.read == 1 {
            break;
        }
        assert_eq!((done.continued, done.unread), (1, 0), "{done:?}");
        let so_far = room.fixity(&file).await["read_so_far"].as_u64().unwrap();
        assert!(so_far > before, "it gets on");
        before = so_far;
        assert!(runs < 1000);
    }
    assert!(runs > 2, "{runs}");
    assert_eq!(read_bytes, bytes.len() as u64, "no byte is read twice");
    assert_eq!(room.status(&file).await, "HEALTHY");
}

#[tokio::test]
async fn e9_the_cycle_reaches_every_file_once_also_those_that_come_while_it_goes() {
    let room = Room::new().await;
    let mut files = Vec::new();
    for number in 0..12 {
        files.push(room.file(&format!("{number}.txt"), format!("page {number}").as_bytes()).await);
    }
    let mut readings = 0;
    for day in 0..=140 {
        if day == 30 {
            // It is registered at the clock's time, which for the cycle is a month ago.
            files.push(room.file("late.txt", b"late").await);
        }
        let done = run(&room.app, days(day)).await;
        assert_eq!(
            (done.damaged, done.unread, done.failed, done.behind),
            (0, 0, 0, day == 30),
            "{day}: {done:?}"
        );
        readings += done.read;
    }
    // Read within the first days, and once in the cycle of 90 days after that.
    assert_eq!(readings, 2 * 13);
    for file in &files {
        let state = room.app.catalog.fixity(file).await.unwrap().unwrap();
        assert!(state.read_at.unwrap() > days(80) && state.due_at.unwrap() > days(140), "{state:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_deleted_or_replaced_while_it_is_read_gives_no_alarm() {
    let room = Room::without_versions().await;
    let (app, faulty) = room.stack.faulty_app();
    let file = room.file("a.txt", BYTES).await;
    room.client.post(&format!("{}/fixity", room.path(&file)), Value::Null).await.ok();
    let held = faulty.hold_first("S3.GetObject", Moment::Before);
    let work = tokio::spawn({
        let app = app.clone();
        async move { run(&app, Timestamp::now()).await }
    });
    held.reached().await;
    // While it is about to be read, it is deleted, and its bytes with it.
    room.client.delete(&room.path(&file)).await.ok();
    let key = room.stored(&file).await.content.unwrap().key;
    room.app.objects.delete_version(Bucket::Content, &key, None).await.unwrap();
    held.release();
    let done = work.await.unwrap();
    assert_eq!(done.damaged, 0, "{done:?}");
    let later = run(&room.app, days(1)).await;
    assert_eq!((later.damaged, later.unread), (0, 0), "{later:?}");
    assert_eq!(room.report("damaged").await, Vec::<String>::new());
    let state = room.app.catalog.fixity(&file).await.unwrap().unwrap();
    assert_eq!(state.due_at, None, "a deleted file is not checked");
}

#[tokio::test]
async fn staff_have_a_representation_checked_file_by_file() {
    let room = Room::new().await;
    let mut files = Vec::new();
    for number in 0..5 {
        files.push(room.file(&format!("{number}.txt"), b"page").await);
    }
    let path = format!("/bibs/{}/representations/{}/fixity", room.title.mms, room.title.rep);
    assert_eq!(room.client.post(&path, Value::Null).await.status, 204);
    // The sweep is stopped on the way, and goes on.
    let left = AtomicU64::new(4);
    let call = operator();
    let time_left =
        || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    room.app.sweep(&call, &time_left).await.unwrap();
    room.app.sweep(&operator(), &|| true).await.unwrap();
    assert_eq!(run(&room.app, Timestamp::now()).await.read, 5);
    room.app.sweep(&operator(), &|| true).await.unwrap();
    assert_eq!(run(&room.app, Timestamp::now()).await.read, 0, "each is asked for once");
    for file in &files {
        let told = room.fixity(file).await;
        assert_eq!(text(&told["status"], "value"), "HEALTHY");
        assert!(told["asked_by"].is_null());
    }
    let listed = room.client.get(&format!("{}?expand=fixity", room.title.files())).await.ok();
    assert!(
        listed["representation_file"]
            .as_array()
            .unwrap()
            .iter()
            .all(|file| file["fixity"]["status"]["value"] == "HEALTHY")
    );
    assert_eq!(room.client.get("/conf/fixity?status=lost").await.status, 400);
}
