//! Rows a CPU second of our readers of metadata files, and records a CPU second as harvests get them, against others on
//! the same files.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use vitrine_engine::{vitrine_home, workspace_root};

use super::peers::python;
use super::process::{Used, measure};
use crate::build::{Profile, binaries};
use crate::tools::{cargo, exists, output, run};

const TITLES: u32 = 50_000;
/// How often each reader reads each file; the least user time counts, as what others on the machine do only adds to it.
const RUNS: u32 = 3;

const FORMATS: [(&str, &str); 4] =
    [("CSV", "titles.csv"), ("XLSX", "titles.xlsx"), ("MARC", "titles.mrc"), ("MARCXML", "titles.xml")];

/// The formats of harvests.
const HARVESTED: [&str; 4] = ["oai_dc", "oai_qdc", "marc21", "mods"];

/// Measures every reader and returns the section of the page.
pub fn section() -> Result<String> {
    let (python, folder) = ready()?;
    let mut page = format!(
        "{TITLES} titles as each format, whole process, least user time of {RUNS} runs. Ours also checks each row and makes it a record \
         with its files, ready to be kept; `yaz-marcdump` writes MARCXML.\n\n\
         | format | MB | reader | rows a CPU second | ours / reader | peak, MiB |\n|---|---|---|---|---|---|\n"
    );
    for (format, name) in FORMATS {
        let file = folder.join(name);
        let megabytes = fs::metadata(&file)?.len() as f64 / 1e6;
        let all = readers(format, &file, &python);
        for (_, command) in all.iter().filter(|(reader, _)| *reader != "yaz-marcdump") {
            check(command)?;
        }
        page.push_str(&compared(&all, |reader, rows, ratio, peak| {
            format!("| {format} | {megabytes:.0} | {reader} | {rows:.0} | {ratio} | {peak:.0} |\n")
        })?);
    }
    if !exists("yaz-marcdump") {
        page.push_str("\nNot compared: `yaz-marcdump` is not installed.\n");
    }
    Ok(page)
}

/// Measures how records become what harvesters get, and returns the section of the page.
pub fn rendered() -> Result<String> {
    let (python, folder) = ready()?;
    let file = folder.join("titles.xml");
    let mut page = format!(
        "{TITLES} titles of one MARCXML file read and written in a format of harvests, whole process, least user time of {RUNS} runs. Ours \
         adds a link and checks each record before; `pymarc` and `yaz-marcdump` write MARCXML only.\n\n\
         | format | writer | records a CPU second | ours / writer | peak, MiB |\n|---|---|---|---|---|\n"
    );
    for wanted in HARVESTED {
        let mut all = readers("MARCXML", &file, &python);
        all.retain(|(name, _)| wanted == "marc21" || *name == "Vitrine");
        for (name, command) in &mut all {
            if *name != "yaz-marcdump" {
                command.arg(wanted);
                check(command)?;
            }
        }
        page.push_str(&compared(&all, |writer, rows, ratio, peak| {
            format!("| {wanted} | {writer} | {rows:.0} | {ratio} | {peak:.0} |\n")
        })?);
    }
    Ok(page)
}

/// A line of the page for each of some commands, the first of which is ours: its name, rows a CPU second, ours over its,
/// and its peak of memory in MiB.
fn compared(
    commands: &[(&'static str, Command)],
    line: impl Fn(&str, f64, String, f64) -> String,
) -> Result<String> {
    let (mut page, mut ours) = (String::new(), None);
    for (name, command) in commands {
        let used = least(command)?;
        let rows = f64::from(TITLES) / (used.user_ms / 1e3);
        let ratio = ours.map_or("-".to_owned(), |ours: f64| format!("{:.1}", ours / rows));
        ours.get_or_insert(rows);
        page.push_str(&line(name, rows, ratio, used.peak_mib));
    }
    Ok(page)
}

/// Builds our reader and makes the files; the Python with its peers, and the folder of the files.
fn ready() -> Result<(PathBuf, PathBuf)> {
    run(cargo().current_dir(workspace_root()).args([
        "build",
        "--release",
        "--package",
        "vitrine-metadata",
        "--example",
        "read_rows",
    ]))?;
    let python = python()?;
    let folder = vitrine_home().join("bench/readers");
    make(&python, &folder)?;
    Ok((python, folder))
}

/// Makes the files once.
fn make(python: &Path, folder: &Path) -> Result<()> {
    let script = scripts().join("readers_make.py");
    let wanted = format!("{TITLES}\n{}", fs::read_to_string(&script)?);
    let stamp = folder.join("made.txt");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    fs::create_dir_all(folder).context("cannot make the folder of metadata files")?;
    run(Command::new(python).arg(script).arg(folder).arg(TITLES.to_string()))?;
    fs::write(stamp, wanted)?;
    Ok(())
}

/// Who reads a format, ours first.
fn readers(format: &str, file: &Path, python: &Path) -> Vec<(&'static str, Command)> {
    let mut ours = Command::new(binaries(Profile::Release).join("examples/read_rows"));
    ours.arg(format).arg(file);
    let mut peer = Command::new(python);
    peer.arg(scripts().join("readers_peer.py")).arg(format).arg(file);
    let name = match format {
        "CSV" => "Python csv",
        "XLSX" => "openpyxl",
        _ => "pymarc",
    };
    let mut all = vec![("Vitrine", ours), (name, peer)];
    let input = match format {
        "MARC" => "marc",
        "MARCXML" => "marcxml",
        _ => return all,
    };
    if exists("yaz-marcdump") {
        let mut yaz = Command::new("yaz-marcdump");
        yaz.args(["-i", input, "-o", "marcxml"]).arg(file);
        all.push(("yaz-marcdump", yaz));
    }
    all
}

/// Fails unless a reader found every title.
fn check(command: &Command) -> Result<()> {
    let mut once = Command::new(command.get_program());
    once.args(command.get_args());
    let said = output(&mut once)?;
    if said.trim() != format!("{TITLES} rows, 0 errors") {
        bail!("`{}` found {said}", command.get_program().to_string_lossy());
    }
    Ok(())
}

fn least(command: &Command) -> Result<Used> {
    let mut least: Option<Used> = None;
    for _ in 0..RUNS {
        let used = measure(command)?;
        least = Some(least.filter(|least| least.user_ms <= used.user_ms).unwrap_or(used));
    }
    least.context("nothing was measured")
}

fn scripts() -> PathBuf {
    workspace_root().join("infra/xtask/bench")
}
