//! Writes a table of what Vite put into `dist/`. An empty folder is fine: the page works without a script.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    // The folder is there in a fresh clone, so that this runs again only when something is built.
    println!("cargo::rerun-if-changed=dist");
    println!("cargo::rerun-if-changed=build.rs");
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("dist");
    let mut files = Vec::new();
    list(&folder, &mut files)?;
    let mut files: Vec<(String, PathBuf)> = files
        .into_iter()
        .filter_map(|path| {
            let name = path.strip_prefix(&folder).ok()?.to_string_lossy().into_owned();
            Some((name.strip_suffix(".gz").map_or_else(|| name.clone(), str::to_owned), path))
        })
        .filter(|(name, _)| !name.starts_with('.') && name != "entry")
        .collect();
    // Looked up by halving.
    files.sort();
    let entry = fs::read_to_string(folder.join("entry")).unwrap_or_default();
    let mut table = String::from("pub(crate) static ASSETS: &[(&str, Asset)] = &[\n");
    for (name, path) in &files {
        let gzip = path.extension().is_some_and(|it| it == "gz");
        let _ = writeln!(
            table,
            "    ({name:?}, Asset {{ bytes: include_bytes!({path:?}), mime: {:?}, gzip: {gzip} }}),",
            mime(name),
        );
    }
    table.push_str("];\n");
    let mut lines = entry.lines();
    let (script, icon) = (lines.next(), lines.next());
    let styles: Vec<&str> = lines.collect();
    let _ = writeln!(table, "pub(crate) static SCRIPT: Option<&str> = {script:?};");
    let _ = writeln!(table, "pub(crate) static ICON: Option<&str> = {icon:?};");
    let _ = writeln!(table, "pub(crate) static STYLES: &[&str] = &{styles:?};");
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("assets.rs"), table)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { list(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

fn mime(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("gif") => "image/gif",
        Some("png") => "image/png",
        Some("wasm") => "application/wasm",
        Some("ttf") => "font/ttf",
        _ => "application/octet-stream",
    }
}
