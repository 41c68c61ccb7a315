//! Thumbnails against other tools: the same file, whole process against whole process, in turn.

use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use vitrine_engine::{vitrine_home, workspace_root};

use super::peers::{SIZE, Tool, likeness, tools};
use super::process::{Used, measure};
use crate::tools::run;

/// How often each tool draws each file. The kernel tells user from system time by samples, so sums are compared.
const RUNS: u32 = 9;

/// Measures every tool on every file and returns the section of the page.
pub fn section() -> Result<String> {
    let (tools, missing) = tools()?;
    let mut page = format!(
        "Long side {SIZE} px, JPEG of one quality. Means of {RUNS} runs in turn. `start` is what the tool uses before it looks at a file; \
         a service that stays up pays it once, so the last ratio leaves it out. SSIM: against the picture decoded whole and brought \
         down by Pillow's Lanczos filter.\n\n\
         | file | tool | user CPU, ms | of it start | ours / tool | without the tool's start | peak, MiB | SSIM | KB |\n\
         |---|---|---|---|---|---|---|---|---|\n"
    );
    for (name, file) in inputs()? {
        page.push_str(&rows(&name, &file, &tools)?);
    }
    for reason in missing {
        page.push_str(&format!("\nNot compared: {reason}.\n"));
    }
    Ok(page)
}

fn rows(name: &str, file: &Path, tools: &[Tool]) -> Result<String> {
    let mut drawn = vec![Used::default(); tools.len()];
    let mut started = vec![0.0; tools.len()];
    for turn in 0..=RUNS {
        for ((tool, drawn), started) in tools.iter().zip(&mut drawn).zip(&mut started) {
            let used = measure(&tool.draw(file))?;
            let start = tool.start().map(|start| measure(&start)).transpose()?.unwrap_or_default();
            // The first turn warms the caches.
            if turn > 0 {
                drawn.user_ms += used.user_ms / f64::from(RUNS);
                drawn.peak_mib += used.peak_mib / f64::from(RUNS);
                *started += start.user_ms / f64::from(RUNS);
            }
        }
    }
    let ours = drawn.first().copied().unwrap_or_default().user_ms;
    let pictures: Vec<&Path> = tools.iter().map(|tool| tool.picture.as_path()).collect();
    let like = likeness(file, &pictures);
    let mut rows = String::new();
    for (index, ((tool, drawn), (started, like))) in
        tools.iter().zip(&drawn).zip(started.iter().zip(&like)).enumerate()
    {
        let kilobytes = fs::metadata(&tool.picture)?.len() as f64 / 1e3;
        let like = like.map_or("-".to_owned(), |like| format!("{like:.4}"));
        let (start, ratio, warm) = if index == 0 {
            ("counted".to_owned(), "-".to_owned(), "-".to_owned())
        } else {
            let work = (drawn.user_ms - started).max(0.1);
            (
                format!("{started:.0}"),
                format!("{:.2}", ours / drawn.user_ms.max(0.1)),
                format!("{:.2}", ours / work),
            )
        };
        rows.push_str(&format!(
            "| {name} | {} | {:.0} | {start} | {ratio} | {warm} | {:.0} | {like} | {kilobytes:.0} |\n",
            tool.name, drawn.user_ms, drawn.peak_mib
        ));
    }
    Ok(rows)
}

/// The files that are drawn: made by the sample set's recipes and ffmpeg, never fetched.
fn inputs() -> Result<Vec<(String, PathBuf)>> {
    let folder = vitrine_home().join("bench");
    let samples = vitrine_home().join("samples");
    fs::create_dir_all(&folder)?;
    run(Command::new("python3").arg(workspace_root().join("samples/make.py")).arg(&samples))?;
    // A photograph's grain in every pixel, so that its decoder has as much to do as with a real one.
    let grain = "scale=4000:3000:flags=bicubic,noise=alls=20:allf=u";
    let mut inputs = Vec::new();
    for (name, file, options) in [
        ("12 MP JPEG", "photo.jpg", ["-q:v", "2", "-pix_fmt", "yuvj420p"]),
        ("12 MP PNG", "photo.png", ["-compression_level", "6", "-pix_fmt", "rgb24"]),
        ("12 MP WebP", "photo.webp", ["-quality", "80", "-pix_fmt", "yuv420p"]),
    ] {
        let path = folder.join(file);
        if !path.exists() {
            run(Command::new("ffmpeg")
                .args(["-nostdin", "-loglevel", "error", "-y", "-i"])
                .arg(samples.join("sea.jpg"))
                .args(["-vf", grain, "-frames:v", "1", "-update", "1"])
                .args(options)
                .arg(&path))?;
        }
        inputs.push((name.to_owned(), path));
    }
    inputs.push(("40 MB TIFF".to_owned(), samples.join("page-scan-600dpi.tif")));
    inputs.push(("PNG page".to_owned(), samples.join("page.png")));
    Ok(inputs)
}
