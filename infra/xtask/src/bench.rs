//! Figures that the design's budgets speak of, written to `docs/benchmarks.md`. Never a test: machines differ.
//!
//! A tool is compared with a peer on the same file, in turn, whole process against whole process; the median of the
//! ratios is what to quote. Peers that are not there are left out and said to be.

use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use vitrine_engine::{vitrine_home, workspace_root};

use crate::build::{Profile, binaries, functions, functions_and_gateway};
use crate::tools::{cargo, exists, run};

const RUNS: usize = 5;

/// What a process used.
#[derive(Clone, Copy)]
struct Used {
    user_s: f64,
    peak_mib: f64,
}

/// Measures everything and writes the page.
pub fn all() -> Result<()> {
    run(cargo().current_dir(workspace_root()).args([
        "build",
        "--release",
        "--package",
        "vitrine-media",
        "--bin",
        "thumbnail",
    ]))?;
    let zips = functions_and_gateway(Profile::Release)?;
    let mut page = String::from(
        "# Measured\n\nWritten by `cargo xtask bench`. Medians of five runs in turn; compare within a row only.\n\n\
         ## Thumbnails of 400 px, whole process\n\n| file | ours, user s | peer | peer, user s | ratio | ours, MiB | peer, MiB |\n|---|---|---|---|---|---|---|\n",
    );
    for (name, file) in inputs()? {
        for row in thumbnails(&name, &file)? {
            page.push_str(&row);
        }
    }
    page.push_str(
        "\n## Functions\n\n| function | zip, MB | CPU until ready for the first event, ms (in steps of 10) |\n|---|---|---|\n",
    );
    for name in functions()? {
        let zip = zips.get(&format!("functions/{name}")).context("a function without a zip")?;
        let megabytes = fs::metadata(zip)?.len() as f64 / 1e6;
        page.push_str(&format!("| {name} | {megabytes:.1} | {:.0} |\n", cold_start_ms(&name)?));
    }
    page.push_str(
        "\n## AWS calls\n\nCounted, not timed, by `tests/system/registration.rs`: a registered file costs the calls of its snapshot, \
         whichever file it is.\n",
    );
    fs::write(workspace_root().join("docs/benchmarks.md"), &page)?;
    print!("{page}");
    Ok(())
}

/// The files that are drawn: made by the sample set's recipes and ffmpeg, never fetched.
fn inputs() -> Result<Vec<(String, PathBuf)>> {
    let folder = vitrine_home().join("bench");
    let samples = vitrine_home().join("samples");
    fs::create_dir_all(&folder)?;
    run(Command::new("python3").arg(workspace_root().join("samples/make.py")).arg(&samples))?;
    let photo = folder.join("photo-12mp.jpg");
    if !photo.exists() {
        let noise = "noise=alls=12:allf=u,scale=4000:3000:flags=bicubic";
        run(Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-y", "-i"])
            .arg(samples.join("sea.jpg"))
            .args(["-vf", noise, "-frames:v", "1", "-update", "1", "-q:v", "3", "-pix_fmt", "yuvj420p"])
            .arg(&photo))?;
    }
    Ok(vec![
        ("12 MP JPEG".to_owned(), photo),
        ("40 MB TIFF".to_owned(), samples.join("page-scan-600dpi.tif")),
        ("PNG page".to_owned(), samples.join("page.png")),
    ])
}

fn thumbnails(name: &str, file: &Path) -> Result<Vec<String>> {
    let out = vitrine_home().join("bench/out");
    fs::create_dir_all(&out)?;
    let ours = || {
        let mut command = Command::new(binaries(Profile::Release).join("thumbnail"));
        command.arg(file).arg(&out).arg("400");
        command
    };
    let mut rows = Vec::new();
    let vips = || {
        let mut command = Command::new("vipsthumbnail");
        command.arg(file).args(["--size", "400", "-o"]).arg(out.join("vips.jpg"));
        command
    };
    let peers: [(&str, &dyn Fn() -> Command); 1] = [("vipsthumbnail", &vips)];
    for (peer, command) in peers {
        if !exists(peer) {
            rows.push(format!("| {name} | - | {peer}: not there | - | - | - | - |\n"));
            continue;
        }
        let (mut pairs, mut ratios) = (Vec::new(), Vec::new());
        for turn in 0..=RUNS {
            let (a, b) = (measure(&mut ours())?, measure(&mut command())?);
            // The first turn warms the caches.
            if turn > 0 {
                ratios.push(a.user_s / b.user_s.max(0.001));
                pairs.push((a, b));
            }
        }
        let of = |pick: fn(&(Used, Used)) -> f64| median(pairs.iter().map(pick).collect());
        rows.push(format!(
            "| {name} | {:.3} | {peer} | {:.3} | {:.2} | {:.0} | {:.0} |\n",
            of(|pair| pair.0.user_s),
            of(|pair| pair.1.user_s),
            median(ratios),
            of(|pair| pair.0.peak_mib),
            of(|pair| pair.1.peak_mib)
        ));
    }
    Ok(rows)
}

/// Runs a command under `/usr/bin/time`, which sums up the children that it waited for.
fn measure(command: &mut Command) -> Result<Used> {
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["-f", "%U %M"]).arg(command.get_program()).args(command.get_args());
    let done =
        timed.stdin(Stdio::null()).stdout(Stdio::null()).output().context("cannot start /usr/bin/time")?;
    let said = String::from_utf8_lossy(&done.stderr);
    let line = said.lines().last().unwrap_or_default();
    let mut words = line.split(' ').map(str::parse::<f64>);
    match (words.next(), words.next()) {
        (Some(Ok(user_s)), Some(Ok(kib))) if done.status.success() => {
            Ok(Used { user_s, peak_mib: kib / 1024.0 })
        }
        _ => bail!("`{}` failed: {said}", command.get_program().to_string_lossy()),
    }
}

/// The CPU time that a function has used when it asks for its first event.
fn cold_start_ms(function: &str) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let runtime = TcpListener::bind("127.0.0.1:0")?;
        let mut child = Command::new(binaries(Profile::Release).join(format!("vitrine-{function}")))
            .env_clear()
            .envs(environment())
            .env("AWS_LAMBDA_RUNTIME_API", runtime.local_addr()?.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {function}"))?;
        let (mut connection, _) = runtime.accept()?;
        let mut head = [0_u8; 16];
        connection.read_exact(&mut head)?;
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
        child.kill()?;
        child.wait()?;
        let _ = connection.flush();
        if !head.starts_with(b"GET ") {
            bail!("{function} did not ask for an event");
        }
        // After the name in brackets: user and system time are the 12th and 13th word, in hundredths of a second.
        let after = stat.rsplit(')').next().unwrap_or_default();
        let ticks: f64 =
            after.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok()).sum();
        times.push(ticks * 10.0);
    }
    Ok(median(times))
}

fn environment() -> Vec<(&'static str, &'static str)> {
    vec![
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("VITRINE_INSTITUTION", "VITRINE"),
        ("VITRINE_INSTITUTION_SUFFIX", "0101"),
        ("VITRINE_CATALOG_TABLE", "catalog"),
        ("VITRINE_AUDIT_TABLE", "audit"),
        ("VITRINE_INCOMING_BUCKET", "incoming"),
        ("VITRINE_CONTENT_BUCKET", "content"),
        ("VITRINE_DERIVATIVES_BUCKET", "derivatives"),
        ("VITRINE_INCOMING_QUEUE_URL", "http://127.0.0.1/incoming"),
        ("VITRINE_DERIVATIVES_QUEUE_URL", "http://127.0.0.1/derivatives"),
    ]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
