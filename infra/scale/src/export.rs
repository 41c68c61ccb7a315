//! An export whose worker is killed again and again writes the bytes of one that nobody disturbed, in little memory (S17).

use anyhow::{Context, Result, bail};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};
use vitrine_app::{App, hex};
use vitrine_domain::ids::JobId;
use vitrine_domain::job::{Job, JobStatus, JobWork};
use vitrine_store::faults::Seed;
use vitrine_store::objects::Bucket;
use vitrine_testing::{Client, Stack};

use crate::imports::{memory_of, number_from, rate};
use crate::walk::{ok, text};
use crate::worker::{self, Worker, lot};

/// How many titles are made side by side.
const MADE_AT_ONCE: usize = 16;
/// Every so many-th title has a representation.
const WITH_REPRESENTATION: u64 = 10;
const DEADLINE: Duration = Duration::from_secs(2 * 3600);

/// What came of a run.
struct Outcome {
    job: Job,
    kills: u64,
    took: Duration,
    /// The most memory that any worker had, in MiB.
    memory: f64,
    /// Digest of each written file, in their order.
    files: Vec<String>,
}

/// Makes titles, exports them twice and compares.
pub async fn run() -> Result<String> {
    let titles = number_from("VITRINE_SCALE_TITLES", 100_000)?;
    let wanted = number_from("VITRINE_SCALE_KILLS", 20)?;
    let seed = Seed::new();
    eprintln!("seed {0}; the same again: VITRINE_FAULT_SEED={0}", seed.value());
    let mut stack = Stack::new();
    // The titles are made faster than any caller may ask.
    stack.config.requests_per_second = 1_000_000;
    worker::make_impatient(&stack)?;
    let client = stack.client().await;
    let begun = Instant::now();
    make_titles(&client, titles).await?;
    eprintln!("{titles} titles are there after {:.0} s", begun.elapsed().as_secs_f64());

    let export = json!({ "name": "All", "everything": true, "format": { "value": "JSONL" }, "records_per_file": 10_000 });
    let export = text(&ok(client.post("/conf/exports", export).await)?, "/id")?;
    let undisturbed = work(&stack, &client, &export, 0, Duration::ZERO, &seed).await?;
    eprintln!("undisturbed in {:.0} s", undisturbed.took.as_secs_f64());
    let pause = undisturbed.took / u32::try_from(wanted.max(1))?;
    let disturbed = work(&stack, &client, &export, wanted, pause, &seed).await?;
    if (titles_of(&undisturbed.job), titles_of(&disturbed.job)) != (titles, titles) {
        bail!("{} and {} titles were exported", titles_of(&undisturbed.job), titles_of(&disturbed.job));
    }
    if undisturbed.files != disturbed.files {
        bail!("the files differ: {:?}, {:?}", undisturbed.files, disturbed.files);
    }
    let row = |name: &str, run: &Outcome| {
        format!(
            "| {name} | {} | {:.0} | {:.0} | {} | {} | {:.0} MiB |\n",
            run.kills,
            run.took.as_secs_f64(),
            rate(titles, run.took),
            titles_of(&run.job),
            run.files.len(),
            run.memory
        )
    };
    Ok(format!(
        "{titles} titles, every tenth with a representation, as JSON Lines, by one worker process; `kill -9` at moments from seed \
         {}.\n\n| run | kills | s | titles/s | titles | files | most memory of a worker |\n|---|---|---|---|---|---|---|\n{}{}\n\
         The SHA-256 of each file is the same in both runs.\n",
        seed.value(),
        row("undisturbed", &undisturbed),
        row("killed", &disturbed),
    ))
}

async fn make_titles(client: &Client, titles: u64) -> Result<()> {
    let wish = json!({ "name": "Scale", "library": { "value": "MAIN" } });
    let collection = text(&ok(client.post("/bibs/collections", wish).await)?, "/pid/value")?;
    let members = &format!("/bibs/collections/{collection}/bibs");
    stream::iter(0..titles)
        .map(|number| async move {
            let record = format!(
                "<record xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title>Title {number}</dc:title>\
                 <dc:creator>Author {}</dc:creator></record>",
                number % 977
            );
            let wish = json!({ "record_format": { "value": "dc" }, "anies": [record] });
            let mms = text(&ok(client.post("/bibs", wish).await)?, "/mms_id")?;
            if number % WITH_REPRESENTATION == 0 {
                ok(client.post(members, json!({ "mms_id": mms })).await)?;
                let wish = json!({ "is_remote": false, "library": { "value": "MAIN" }, "usage_type": { "value": "AUXILIARY" } });
                ok(client.post(&format!("/bibs/{mms}/representations"), wish).await)?;
            }
            if number % 5_000 == 4_999 {
                eprintln!("{} titles", number + 1);
            }
            Ok(())
        })
        .buffer_unordered(MADE_AT_ONCE)
        .try_collect()
        .await
}

/// Runs the export by one worker, which is killed so many times.
async fn work(
    stack: &Stack,
    client: &Client,
    export: &str,
    wanted: u64,
    pause: Duration,
    seed: &Seed,
) -> Result<Outcome> {
    let app = stack.app();
    let job = ok(client.post(&format!("/conf/exports/{export}?op=run"), Value::Null).await)?;
    let id: JobId = text(&job, "/id")?.parse()?;
    let (started, mut kills, mut lots, mut memory) = (Instant::now(), 0, seed.value(), 0.0_f64);
    let mut worker = Worker::start(stack)?;
    let mut next_kill = started + pause.mul_f64(lot(&mut lots) * 2.0);
    let job = loop {
        let job = app.catalog.job(&id).await?.context("the job is gone")?;
        worker.check()?;
        memory = memory.max(memory_of(worker.id(), "VmHWM")?);
        if job.ended_at.is_some() {
            break job;
        }
        if kills < wanted && Instant::now() >= next_kill {
            drop(worker);
            worker = Worker::start(stack)?;
            kills += 1;
            eprintln!("kill {kills} at {:.1} s: {} titles", started.elapsed().as_secs_f64(), titles_of(&job));
            next_kill = Instant::now() + pause.mul_f64(lot(&mut lots) * 2.0);
        }
        if started.elapsed() > DEADLINE {
            bail!("the job does not end: {job:?}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let took = started.elapsed();
    if job.status != JobStatus::CompletedSuccess {
        bail!("the job ended as {job:?}");
    }
    let files = digests(&app, client, &id).await?;
    Ok(Outcome { job, kills, took, memory, files })
}

fn titles_of(job: &Job) -> u64 {
    match &job.work {
        JobWork::Export(run) => run.written.titles,
        _ => 0,
    }
}

/// The SHA-256 of what each file of a run holds.
async fn digests(app: &App, client: &Client, job: &JobId) -> Result<Vec<String>> {
    let list = ok(client.get(&format!("/conf/jobs/{job}/files?limit=100")).await)?;
    let mut digests = Vec::new();
    for file in list.get("file").and_then(Value::as_array).into_iter().flatten() {
        let key = format!("exports/{job}/data/{}", text(file, "/name")?);
        let mut reader = app.objects.read(Bucket::Published, &key, None, None).await?;
        let mut digest = Sha256::new();
        while let Some(more) = reader.next().await? {
            digest.update(&more);
        }
        digests.push(hex(&digest.finalize()));
    }
    Ok(digests)
}
