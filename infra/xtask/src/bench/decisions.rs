//! Decisions on access rights a CPU second: the pure function alone, without the reads before it.

use anyhow::Result;
use std::process::Command;
use vitrine_engine::workspace_root;

use super::process::measure;
use crate::build::{Profile, binaries};
use crate::tools::{cargo, run};

const DECISIONS: f64 = 1e6;
const RUNS: u32 = 3;

/// Measures, and returns the section of the page.
pub fn section() -> Result<String> {
    run(cargo().current_dir(workspace_root()).args([
        "build",
        "--release",
        "--package",
        "vitrine-domain",
        "--example",
        "decide",
    ]))?;
    let command = Command::new(binaries(Profile::Release).join("examples/decide"));
    let mut least = f64::INFINITY;
    for _ in 0..RUNS {
        least = least.min(measure(&command)?.user_ms);
    }
    Ok(format!(
        "A policy of ten rules (groups with a campus, 20 ranges, a date, courses), 16 viewers, each decision with its trace; least user time \
         of {RUNS} runs of {DECISIONS:.0}.\n\n| decisions a CPU second | a decision, µs |\n|---|---|\n| {:.0} | {:.2} |\n",
        DECISIONS / (least / 1e3),
        least * 1e3 / DECISIONS
    ))
}
