//! The tools that are compared: ours, and others fetched into `.vitrine/bench` where that can be.

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use vitrine_engine::{vitrine_home, workspace_root};

use crate::build::{Profile, binaries};
use crate::tools::{exists, output};

/// The long side of the pictures.
pub const SIZE: &str = "400";
/// The JPEG quality of ours (`shared/media/src/codec.rs`), given to the others.
const QUALITY: &str = "82";

/// A way to make a thumbnail with a process.
pub struct Tool {
    pub name: &'static str,
    program: PathBuf,
    /// Arguments with which it only starts; without them its start is part of the product.
    start: Option<Vec<String>>,
    draw: fn(&str, &str) -> Vec<String>,
    /// What comes before the arguments of `draw`.
    script: Option<PathBuf>,
    /// The picture that it leaves.
    pub picture: PathBuf,
}

impl Tool {
    /// The command that draws `source`.
    pub fn draw(&self, source: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.script);
        command.args((self.draw)(&source.to_string_lossy(), &self.picture.to_string_lossy()));
        command
    }

    /// The command that starts and does nothing.
    pub fn start(&self) -> Option<Command> {
        let arguments = self.start.as_ref()?;
        let mut command = Command::new(&self.program);
        command.args(&self.script).args(arguments);
        Some(command)
    }
}

fn folder() -> PathBuf {
    vitrine_home().join("bench")
}

fn scripts() -> PathBuf {
    workspace_root().join("infra/xtask/bench")
}

/// The tools that are there, ours first, and what is said of those that are not.
///
/// # Errors
/// When the folder for pictures cannot be made.
pub fn tools() -> Result<(Vec<Tool>, Vec<String>)> {
    let out = folder().join("out");
    fs::create_dir_all(&out).context("cannot make the folder of pictures")?;
    let mut tools = vec![Tool {
        name: "Vitrine",
        program: binaries(Profile::Release).join("thumbnail"),
        start: None,
        draw: |source, picture| {
            let folder = Path::new(picture).parent().unwrap_or(Path::new("."));
            vec![source.to_owned(), folder.to_string_lossy().into_owned(), SIZE.to_owned()]
        },
        script: None,
        picture: out.join(format!("{SIZE}.jpg")),
    }];
    let mut missing = Vec::new();
    if exists("vipsthumbnail") {
        tools.push(Tool {
            name: "vipsthumbnail",
            program: "vipsthumbnail".into(),
            start: Some(vec!["--vips-version".to_owned()]),
            draw: |source, picture| {
                let target = format!("{picture}[Q={QUALITY}]");
                [source, "--size", SIZE, "-o", &target].map(str::to_owned).to_vec()
            },
            script: None,
            picture: out.join("vips.jpg"),
        });
    } else {
        missing.push("vipsthumbnail is not installed".to_owned());
    }
    let draw = |source: &str, picture: &str| [source, picture, SIZE, QUALITY].map(str::to_owned).to_vec();
    match sharp() {
        Ok(script) => tools.push(Tool {
            name: "sharp",
            program: "node".into(),
            start: Some(Vec::new()),
            draw,
            script: Some(script),
            picture: out.join("sharp.jpg"),
        }),
        Err(error) => missing.push(format!("sharp could not be installed ({error:#})")),
    }
    match python() {
        Ok(python) => tools.push(Tool {
            name: "Pillow",
            program: python,
            start: Some(Vec::new()),
            draw,
            script: Some(scripts().join("pillow_thumbnail.py")),
            picture: out.join("pillow.jpg"),
        }),
        Err(error) => missing.push(format!("Pillow could not be installed ({error:#})")),
    }
    Ok((tools, missing))
}

/// sharp in a folder of its own, and the script that calls it, which has to lie beside it.
fn sharp() -> Result<PathBuf> {
    let home = folder().join("node");
    fs::create_dir_all(&home)?;
    let wanted = fs::read_to_string(scripts().join("package.json"))?;
    let script = home.join("sharp_thumbnail.mjs");
    fs::copy(scripts().join("sharp_thumbnail.mjs"), &script)?;
    let stamp = home.join("installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(script);
    }
    fs::write(home.join("package.json"), &wanted)?;
    output(
        Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--no-package-lock", "--prefix"])
            .arg(&home),
    )?;
    fs::write(stamp, wanted)?;
    Ok(script)
}

/// The Python that has Pillow, NumPy and the readers.
pub fn python() -> Result<PathBuf> {
    Ok(vitrine_engine::peers()?.join("bin/python"))
}

/// How like the picture itself each thumbnail is, from 0 to 1; nothing where it cannot be told.
pub fn likeness(source: &Path, pictures: &[&Path]) -> Vec<Option<f64>> {
    let told = python().and_then(|python| {
        output(Command::new(python).arg(scripts().join("likeness.py")).arg(source).args(pictures))
    });
    let told = told.unwrap_or_default();
    let mut lines = told.lines();
    pictures.iter().map(|_| lines.next().and_then(|line| line.parse().ok())).collect()
}
