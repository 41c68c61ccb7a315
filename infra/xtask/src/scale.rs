//! Long runs: an engine with its objects on disk, one run of `vitrine-scale`, its result in `docs/benchmarks.md`.

use anyhow::{Context, Result};
use std::fs;
use std::process::Stdio;
use vitrine_engine::{Engine, EngineOptions, vitrine_home, workspace_root};

use crate::page;
use crate::tools::cargo;

/// Starts the run `name`; without a name, or with one that there is not, the runs are listed.
pub fn one(name: &str) -> Result<()> {
    let state = vitrine_home().join("scale");
    if state.exists() {
        fs::remove_dir_all(&state).context("cannot clear away an earlier run")?;
    }
    let engine = Engine::start(&EngineOptions {
        state: Some(state.clone()),
        // A snapshot stops the engine for seconds, and nothing here is kept.
        snapshot_seconds: 86_400,
        ..EngineOptions::default()
    })?;
    let done = cargo()
        .current_dir(workspace_root())
        .env("VITRINE_ENGINE", engine.endpoint())
        .args(["run", "--quiet", "--release", "--package", "vitrine-scale", "--", name])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo");
    drop(engine);
    let done = done?;
    if !done.status.success() {
        anyhow::bail!("the run failed ({})", done.status);
    }
    let body = String::from_utf8(done.stdout).context("the run wrote no text")?;
    print!("{body}");
    page::put(&format!("Scale: {name}"), &body)?;
    // Last: what was found in hours is not lost by what cannot be deleted. The next run clears it away too.
    fs::remove_dir_all(&state).context("cannot clear away the run")
}
