//! What runs of imports share: a folder of rows with a file each, a job of which every id is known beforehand, and its
//! results.

use anyhow::{Context, Result, bail};
use futures_util::{StreamExt, TryStreamExt, stream};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde_json::json;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use vitrine_app::collections::CollectionInput;
use vitrine_app::{App, Call};
use vitrine_domain::Timestamp;
use vitrine_domain::collection::CollectionFields;
use vitrine_domain::ids::{IngestId, JobId, ProfileId};
use vitrine_domain::job::Job;
use vitrine_store::objects::Bucket;
use vitrine_testing::operator;

/// The folder that is imported.
pub const FOLDER: &str = "scale";
/// How many objects are put side by side.
const PUT_AT_ONCE: usize = 8;

/// A number from the environment, or else this one.
pub fn number_from(variable: &str, default: u64) -> Result<u64> {
    match std::env::var(variable) {
        Ok(given) => given.parse().with_context(|| format!("{variable} is no number")),
        Err(_) => Ok(default),
    }
}

/// A stack's use cases with a collection and a profile, made at one moment and from one row of numbers: a second one
/// of the same moment has the same ids.
pub struct Desk {
    pub app: App,
    pub call: Call,
    pub profile: ProfileId,
}

impl Desk {
    pub async fn new(app: App, now: Timestamp) -> Result<Self> {
        let counter = AtomicU64::new(1);
        let app = App { random: Arc::new(move || counter.fetch_add(1, Ordering::Relaxed)), ..app };
        let call = Call { now, ..operator() };
        app.put_library(&call, "MAIN".parse()?, "Main Library", None).await?;
        let input = CollectionInput {
            parent: None,
            library: Some("MAIN".parse()?),
            title: None,
            suppressed: false,
            fields: CollectionFields { name: "Scale".to_owned(), ..CollectionFields::default() },
        };
        let collection = app.create_collection(&call, input).await?;
        let settings = json!({
            "details": {
                "name": "Scale", "source_format": "CSV", "metadata_file": "values.csv", "target_format": "qdc",
                "active": true
            },
            "matching": {
                "method": "IDENTIFIER", "on_match": "MERGE", "on_multiple": "MANUAL", "on_none": "IMPORT"
            },
            "defaults": {
                "collection": collection.id, "usage_type": "PRESERVATION_MASTER", "library": "MAIN", "active": true
            }
        });
        let profile = app.create_profile(&call, serde_json::from_value(settings)?).await?;
        Ok(Self { app, call, profile: profile.id })
    }

    /// Where an object of the folder is kept.
    pub fn key(&self, name: &str) -> String {
        format!("upload/{}/{FOLDER}/{name}", self.profile)
    }

    /// Puts one object into the folder, as any S3 client would.
    pub async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let key = self.key(name);
        self.app
            .objects
            .put_small(Bucket::Incoming, &key, bytes.into(), "application/octet-stream", false)
            .await?;
        Ok(())
    }

    /// Puts many objects into the folder, each with bytes of its own.
    pub async fn put_all(&self, names: impl Iterator<Item = String>) -> Result<()> {
        stream::iter(names.enumerate())
            .map(|(place, name)| async move {
                if place % 5_000 == 4_999 {
                    eprintln!("{} objects are there", place + 1);
                }
                self.put(&name, format!("the bytes of {name}\n").into_bytes()).await
            })
            .buffer_unordered(PUT_AT_ONCE)
            .try_collect()
            .await
    }

    /// A metadata file of so many rows, and a file for each.
    pub async fn put_rows(&self, rows: u64) -> Result<()> {
        let mut csv = String::from("dc:title,dc:identifier,file_name_1\n");
        for row in 1..=rows {
            csv.push_str(&format!("Title {row:07},local:{row},{}\n", file_of(row)));
        }
        self.put("values.csv", csv.into_bytes()).await?;
        self.put_all((1..=rows).map(file_of)).await
    }

    /// Submits the folder and returns the job.
    pub async fn submit(&self) -> Result<JobId> {
        let ingest: IngestId = FOLDER.parse()?;
        let ingest = self.app.submit_ingest(&self.call, &self.profile, &ingest, false).await?;
        ingest.job.context("no job was made")
    }

    pub async fn job(&self, id: &JobId) -> Result<Job> {
        self.app.catalog.job(id).await?.context("the job is gone")
    }

    /// The report's lines.
    pub async fn report(&self, id: &JobId) -> Result<String> {
        let key = format!("reports/{id}.jsonl");
        let mut reader = self.app.objects.read(Bucket::Published, &key, None, None).await?;
        let mut bytes = Vec::new();
        while let Some(more) = reader.next().await? {
            bytes.extend_from_slice(&more);
        }
        Ok(String::from_utf8(bytes)?)
    }
}

/// The file that a row names.
pub fn file_of(row: u64) -> String {
    format!("f/{row:07}.txt")
}

/// Fails unless every row made a title with a representation and one file.
pub fn check_all_created(job: &Job, rows: u64) -> Result<()> {
    let tally = &job.tally;
    let found = (tally.created, tally.representations, tally.files, tally.failed + tally.files_refused);
    if found != (rows, rows, rows, 0) {
        bail!("{rows} rows ended as {:?}", job.tally);
    }
    Ok(())
}

/// What of this process is in memory, in MiB, as `/proc` says.
pub fn memory_mib(field: &str) -> Result<f64> {
    memory_of(std::process::id(), field)
}

/// The same of any process.
pub fn memory_of(process: u32, field: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("the kernel does not tell")?;
    let line = status.lines().find(|line| line.starts_with(field)).context("the kernel does not tell")?;
    let kib: f64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
    Ok(kib / 1024.0)
}

/// The processor time of this process so far.
pub fn cpu_seconds() -> Result<f64> {
    let used = getrusage(UsageWho::RUSAGE_SELF).context("the kernel does not tell")?;
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(used.user_time()) + seconds(used.system_time()))
}

/// A rate a second.
pub fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-3)
}
