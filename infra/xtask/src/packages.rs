//! What the machine must have beside Rust and Python: named, or installed when we are root.

use anyhow::{Result, bail};
use std::process::Command;

use crate::tools::{exists, run};

/// A program and the Debian package that brings it.
pub const NEEDED: &[(&str, &str)] = &[
    ("cc", "gcc"),
    // The engine's environment.
    ("python3", "python3-venv"),
    // libjpeg-turbo is built from its source.
    ("cmake", "cmake"),
    ("nasm", "nasm"),
    // Pictures of video.
    ("ffmpeg", "ffmpeg"),
];

/// The same for tests.
pub const NEEDED_BY_TESTS: &[(&str, &str)] = &[
    // Looks at the viewer's page.
    ("chromium", "chromium"),
    // Draws the documents that a test writes.
    ("soffice", "libreoffice-writer-nogui"),
];

/// Makes sure that the needed programs are there.
///
/// # Errors
/// When some are missing and we may not install them; the error is the command that would.
pub fn ensure(needed: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<&str> =
        needed.iter().filter(|(program, _)| !exists(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let command = format!("apt-get install --yes --no-install-recommends {}", missing.join(" "));
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.trim_ascii() == b"0");
    if !is_root || !exists("apt-get") {
        bail!("these programs are missing; as root: {command}");
    }
    println!("installing {}", missing.join(", "));
    run(Command::new("apt-get").args(["update", "--quiet=2"]))?;
    run(Command::new("apt-get")
        .args(["install", "--yes", "--quiet=2", "--no-install-recommends"])
        .args(missing))
}
