//! Figures that the design's budgets speak of, written to `docs/benchmarks.md`. Never a test: machines differ.

mod decisions;
mod peers;
mod process;
mod readers;
mod thumbnails;

use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use vitrine_engine::workspace_root;

use crate::build::{Profile, binaries, functions, functions_and_gateway};
use crate::page;
use crate::tools::{cargo, run};

const RUNS: usize = 5;

/// Measures everything and writes the page.
pub fn all() -> Result<()> {
    run(cargo().current_dir(workspace_root()).args([
        "build",
        "--release",
        "--package",
        "vitrine-media",
        "--bin",
        "thumbnail",
    ]))?;
    for (title, measured) in [
        ("Thumbnails of 400 px, whole process", thumbnails::section()?),
        ("Imports", readers::section()?),
        ("Decisions on access rights", decisions::section()?),
        ("Functions", functions_section()?),
    ] {
        println!("{measured}");
        page::put(title, &measured)?;
    }
    Ok(())
}

/// What is shipped, and what it uses before it has done anything.
fn functions_section() -> Result<String> {
    let zips = functions_and_gateway(Profile::Release)?;
    let mut section = String::from(
        "| function | zip, MB | CPU until ready for the first event, ms (in steps of 10) |\n|---|---|---|\n",
    );
    for name in functions()? {
        let zip = zips.get(&format!("functions/{name}")).context("a function without a zip")?;
        let megabytes = fs::metadata(zip)?.len() as f64 / 1e6;
        section.push_str(&format!("| {name} | {megabytes:.1} | {:.0} |\n", cold_start_ms(&name)?));
    }
    Ok(section)
}

/// The CPU time that a function has used when it asks for its first event.
fn cold_start_ms(function: &str) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let runtime = TcpListener::bind("127.0.0.1:0")?;
        let mut child = Command::new(binaries(Profile::Release).join(format!("vitrine-{function}")))
            .env_clear()
            .envs(environment())
            .env("AWS_LAMBDA_RUNTIME_API", runtime.local_addr()?.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {function}"))?;
        let (mut connection, _) = runtime.accept()?;
        let mut head = [0_u8; 16];
        connection.read_exact(&mut head)?;
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
        child.kill()?;
        child.wait()?;
        let _ = connection.flush();
        if !head.starts_with(b"GET ") {
            bail!("{function} did not ask for an event");
        }
        // After the name in brackets: user and system time are the 12th and 13th word, in hundredths of a second.
        let after = stat.rsplit(')').next().unwrap_or_default();
        let ticks: f64 =
            after.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok()).sum();
        times.push(ticks * 10.0);
    }
    Ok(median(times))
}

fn environment() -> Vec<(&'static str, &'static str)> {
    vec![
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("VITRINE_INSTITUTION", "VITRINE"),
        ("VITRINE_INSTITUTION_SUFFIX", "0101"),
        ("VITRINE_CATALOG_TABLE", "catalog"),
        ("VITRINE_AUDIT_TABLE", "audit"),
        ("VITRINE_USAGE_TABLE", "usage"),
        ("VITRINE_INCOMING_BUCKET", "incoming"),
        ("VITRINE_CONTENT_BUCKET", "content"),
        ("VITRINE_DERIVATIVES_BUCKET", "derivatives"),
        ("VITRINE_PUBLISHED_BUCKET", "published"),
        ("VITRINE_AUDIT_BUCKET", "audit"),
        ("VITRINE_INCOMING_QUEUE_URL", "http://127.0.0.1/incoming"),
        ("VITRINE_DERIVATIVES_QUEUE_URL", "http://127.0.0.1/derivatives"),
        ("VITRINE_IMPORTS_QUEUE_URL", "http://127.0.0.1/imports"),
        ("VITRINE_PUBLISH_QUEUE_URL", "http://127.0.0.1/publish"),
        ("VITRINE_PUBLISHED_TABLE", "t"),
    ]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
