//! Where the tools keep what they make (`.vitrine/`), and the Python environment that holds the engine.

use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the root of the checkout this crate was built from.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Returns the folder for everything the tools make: `VITRINE_HOME`, or `.vitrine` at the workspace root.
pub fn vitrine_home() -> PathBuf {
    match std::env::var_os("VITRINE_HOME") {
        Some(home) => PathBuf::from(home),
        None => workspace_root().join(".vitrine"),
    }
}

/// Returns the folder with the launcher, the template reader and the pinned requirements.
pub(crate) fn local_dir() -> PathBuf {
    workspace_root().join("infra/local")
}

/// Returns the interpreter of the engine's virtual environment, which is made first if need be.
///
/// # Errors
/// When no Python 3.11 or newer is found, or an installation fails (its output is part of the error).
pub fn python() -> Result<PathBuf> {
    Ok(venv()?.join("bin/python"))
}

/// The virtual environment with the hash-pinned engine.
///
/// # Errors
/// When no Python 3.11 or newer is found, or an installation fails (its output is part of the error).
pub fn venv() -> Result<PathBuf> {
    environment("venv", "requirements.txt")
}

/// The virtual environment with the programs that ours are tried and measured against. One of its own: the engine's pins must
/// stay what they are.
///
/// # Errors
/// When no Python 3.11 or newer is found, or an installation fails (its output is part of the error).
pub fn peers() -> Result<PathBuf> {
    environment("peers", "peers.txt")
}

/// Makes a virtual environment of hash-pinned packages, once, and returns its folder.
///
/// Safe to call from many processes at a time: one installs, the others wait. Installed again when the list has changed since.
///
/// # Errors
/// When no Python 3.11 or newer is found, or an installation fails (its output is part of the error).
fn environment(name: &str, list: &str) -> Result<PathBuf> {
    let home = vitrine_home();
    let venv = home.join(name);
    let stamp = venv.join("installed.txt");
    let list = local_dir().join(list);
    let wanted = fs::read(&list).with_context(|| format!("cannot read `{}`", list.display()))?;
    let is_ready = || fs::read(&stamp).is_ok_and(|have| have == wanted);
    if is_ready() {
        return Ok(venv);
    }

    fs::create_dir_all(&home).with_context(|| format!("cannot make `{}`", home.display()))?;
    let lock = File::create(home.join(format!("{name}.lock")))
        .context("cannot make the lock file of the environment")?;
    lock.lock().context("cannot lock the environment")?;
    if is_ready() {
        return Ok(venv);
    }
    if venv.exists() {
        fs::remove_dir_all(&venv).context("cannot remove the old environment")?;
    }
    let interpreter = find_python()?;
    run(Command::new(interpreter).args(["-m", "venv"]).arg(&venv))
        .context("cannot make a virtual environment (on Debian: the package python3-venv)")?;
    run(Command::new(venv.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--no-input", "--require-hashes", "-r"])
        .arg(&list))
    .with_context(|| format!("cannot install what `{}` lists", list.display()))?;
    // Last of all: an installation that was interrupted is not taken for a whole one.
    fs::write(&stamp, &wanted).context("cannot mark the environment as complete")?;
    Ok(venv)
}

/// Finds an interpreter new enough for the pinned requirements; `VITRINE_PYTHON` names another one.
fn find_python() -> Result<String> {
    let named = std::env::var("VITRINE_PYTHON").ok();
    let candidates =
        named.into_iter().chain(["python3.11", "python3", "python3.13", "python3.12"].map(String::from));
    for candidate in candidates {
        let check = "import sys; sys.exit(sys.version_info < (3, 11))";
        let ok = Command::new(&candidate).args(["-c", check]).output().is_ok_and(|out| out.status.success());
        if ok {
            return Ok(candidate);
        }
    }
    bail!("no Python 3.11 or newer found; install one, or name it in VITRINE_PYTHON")
}

/// Runs a command to its end and makes its output part of the error when it fails.
pub(crate) fn run(command: &mut Command) -> Result<Vec<u8>> {
    let out = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !out.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&out.stderr).trim());
    }
    Ok(out.stdout)
}
