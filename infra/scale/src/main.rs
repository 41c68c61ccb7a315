//! Long runs that no test has time for: `cargo xtask scale NAME` starts an engine for one of them.
//!
//! A run does the product's own work through its own doors, checks what it claims, and returns what it found as
//! Markdown, which `xtask` writes to `docs/benchmarks.md`. Progress goes to standard error.

mod book;
mod export;
mod five_gigabytes;
mod harvest;
mod import;
mod import_kills;
mod imports;
mod manifest;
mod oai;
mod registration;
mod walk;
mod worker;

use anyhow::{Result, bail};
use std::future::Future;
use std::pin::Pin;

type Running = Pin<Box<dyn Future<Output = Result<String>>>>;

/// A run: its name, what it shows, and how it is started.
struct Run {
    name: &'static str,
    shows: &'static str,
    start: fn() -> Running,
}

const RUNS: &[Run] = &[
    Run {
        name: "registration",
        shows: "a file costs the same AWS calls beside 10, 1,000 and 100,000 others",
        start: || Box::pin(registration::run()),
    },
    Run {
        name: "five-gigabytes",
        shows: "a file above S3's limit for one copy is uploaded in parts, registered and kept whole",
        start: || Box::pin(five_gigabytes::run()),
    },
    Run {
        name: "import",
        shows: "a row of an import costs the same calls and no more memory at the end of 100,000 rows",
        start: || Box::pin(import::run()),
    },
    Run {
        name: "import-kills",
        shows: "an import whose workers are killed 40 times ends like one that nobody disturbed",
        start: || Box::pin(import_kills::run()),
    },
    Run {
        name: "export",
        shows: "an export of 100,000 titles whose worker is killed again and again writes the same bytes in little memory",
        start: || Box::pin(export::run()),
    },
    Run {
        name: "oai",
        shows: "a page of a harvest costs the same calls and time at the first and at the 1,000,000th record",
        start: || Box::pin(oai::run()),
    },
    Run {
        name: "harvest",
        shows: "a harvest of 100,000 titles with 10,000 changes on the way, and one of what changed, give what there is",
        start: || Box::pin(harvest::run()),
    },
    Run {
        name: "book",
        shows: "a folder of 20,000 pages named by one row is one representation in their order",
        start: || Box::pin(book::run()),
    },
    Run {
        name: "manifest",
        shows: "a manifest and a page cost no call for each canvas",
        start: || Box::pin(manifest::run()),
    },
];

#[tokio::main]
async fn main() -> Result<()> {
    // The product's own words about what goes wrong.
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .init();
    let wanted = std::env::args().nth(1).unwrap_or_default();
    // What runs start this program for as another process.
    match wanted.as_str() {
        "worker" => return worker::run().await,
        "impatient" => return worker::impatient().await,
        "dump" => return worker::dump().await,
        _ => {}
    }
    let Some(run) = RUNS.iter().find(|run| run.name == wanted) else {
        let known: Vec<String> = RUNS.iter().map(|run| format!("  {:<16} {}", run.name, run.shows)).collect();
        bail!("no run `{wanted}`; there are\n{}", known.join("\n"));
    };
    println!("{}", (run.start)().await?);
    Ok(())
}
