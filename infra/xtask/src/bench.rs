//! Figures that the design's budgets speak of, written to `docs/benchmarks.md`. Never a test: machines differ.

mod decisions;
mod peers;
mod process;
mod readers;
mod thumbnails;

use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;
use vitrine_engine::{Outputs, workspace_root};

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
    for (title, measure) in SECTIONS {
        let measured = measure()?;
        println!("{measured}");
        page::put(title, &measured)?;
    }
    Ok(())
}

type Section = (&'static str, fn() -> Result<String>);

const SECTIONS: &[Section] = &[
    ("Thumbnails of 400 px, whole process", thumbnails::section),
    ("Imports", readers::section),
    ("Records for harvests", readers::rendered),
    ("Decisions on access rights", decisions::section),
    ("Functions", functions_section),
];

/// What is shipped, and what it uses before it has done anything.
fn functions_section() -> Result<String> {
    let zips = functions_and_gateway(Profile::Release)?;
    let mut section =
        String::from("| function | zip, MB | CPU until ready for the first event, ms |\n|---|---|---|\n");
    for name in functions()? {
        let zip = zips.get(&format!("functions/{name}")).context("a function without a zip")?;
        let megabytes = fs::metadata(zip)?.len() as f64 / 1e6;
        section.push_str(&format!("| {name} | {megabytes:.1} | {:.1} |\n", cold_start_ms(&name)?));
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
        let mut connection =
            asked_by(&mut child, &runtime).with_context(|| format!("{function} did not start"))?;
        let mut head = [0_u8; 16];
        connection.read_exact(&mut head)?;
        let used = fs::read_to_string(format!("/proc/{}/schedstat", child.id()))?;
        child.kill()?;
        child.wait()?;
        if !head.starts_with(b"GET ") {
            bail!("{function} did not ask for an event");
        }
        // The first word: nanoseconds on a processor. The functions have one thread until then.
        let nanoseconds: f64 = used.split_whitespace().next().unwrap_or_default().parse()?;
        times.push(nanoseconds / 1e6);
    }
    Ok(median(times))
}

/// The connection of a function to its runtime. A function that ends before is a failure, not a wait without end.
fn asked_by(child: &mut Child, runtime: &TcpListener) -> Result<TcpStream> {
    runtime.set_nonblocking(true)?;
    loop {
        match runtime.accept() {
            Ok((connection, _)) => {
                connection.set_nonblocking(false)?;
                return Ok(connection);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if let Some(status) = child.try_wait()? {
                    bail!("it ended with {status}");
                }
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What a function has on the cloud: the names of the stack's things, which nobody looks up before an event.
fn environment() -> impl Iterator<Item = (&'static str, &'static str)> {
    const LAMBDA: [(&str, &str); 6] = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ];
    let stack = Outputs::variables().filter_map(|name| match name {
        "VITRINE_INSTITUTION" => Some((name, "VITRINE")),
        "VITRINE_INSTITUTION_SUFFIX" => Some((name, "0101")),
        _ if name.ends_with("_QUEUE_URL") => Some((name, "http://127.0.0.1/queue")),
        _ if name.ends_with("_TABLE") || name.ends_with("_BUCKET") => Some((name, "bench")),
        // The rest have defaults.
        _ => None,
    });
    LAMBDA.into_iter().chain(stack)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
