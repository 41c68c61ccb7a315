//! Building what is deployed: one cargo run for all functions and the gateway, one zip a function.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use vitrine_engine::{workspace_root, zips_folder};
use zip::write::SimpleFileOptions;

use crate::tools::{cargo, run};

/// How to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build, for tests.
    Dev,
    /// What is deployed.
    Release,
}

/// Where the binaries of a profile are.
pub fn binaries(profile: Profile) -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace_root().join("target"), PathBuf::from);
    target.join(match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    })
}

/// The names of the functions: the folders of `functions/`.
pub fn functions() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(workspace_root().join("functions")).context("cannot list functions/")? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Builds every function and the gateway, and returns the zip of each function by its folder.
pub fn functions_and_gateway(profile: Profile) -> Result<BTreeMap<String, PathBuf>> {
    let names = functions()?;
    let mut command = cargo();
    command.current_dir(workspace_root()).arg("build");
    match profile {
        // All of it at once, with the features that tests switch on, so that nothing is compiled a second time.
        Profile::Dev => {
            command.args(["--workspace", "--bins", "--tests", "--all-features"]);
        }
        Profile::Release => {
            command.args(["--release", "--package", "vitrine-gateway"]);
            for name in &names {
                command.args(["--package", &format!("vitrine-{name}")]);
            }
        }
    }
    run(&mut command)?;
    zips(profile, &names)
}

/// Zips built binaries as Lambda wants them; a zip that is newer than its binary is kept.
fn zips(profile: Profile, names: &[String]) -> Result<BTreeMap<String, PathBuf>> {
    let folder = zips_folder(&format!("{profile:?}").to_lowercase());
    fs::create_dir_all(&folder).context("cannot make the folder of zips")?;
    let mut zips = BTreeMap::new();
    for name in names {
        let binary = binaries(profile).join(format!("vitrine-{name}"));
        let zip = folder.join(format!("{name}.zip"));
        if !is_newer(&zip, &binary) {
            write_zip(&binary, &zip).with_context(|| format!("cannot zip {name}"))?;
        }
        zips.insert(format!("functions/{name}"), zip);
    }
    Ok(zips)
}

fn is_newer(zip: &Path, binary: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
    matches!((time(zip), time(binary)), (Some(zip), Some(binary)) if zip > binary)
}

fn write_zip(binary: &Path, zip: &Path) -> Result<()> {
    let unfinished = zip.with_extension("part");
    let mut writer = zip::ZipWriter::new(File::create(&unfinished)?);
    // No time of day in it, so that the same binary is the same zip.
    let options =
        SimpleFileOptions::default().unix_permissions(0o755).last_modified_time(zip::DateTime::default());
    writer.start_file("bootstrap", options)?;
    io::copy(&mut File::open(binary)?, &mut writer)?;
    writer.finish()?;
    fs::rename(&unfinished, zip)?;
    Ok(())
}

/// Writes the generated documents anew.
pub fn docs() -> Result<()> {
    run(cargo().current_dir(workspace_root()).args([
        "run",
        "--quiet",
        "--package",
        "vitrine-gateway",
        "--",
        "docs",
        "docs",
    ]))
}
