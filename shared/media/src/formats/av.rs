//! Video and sound, through ffmpeg: a representative frame, or a picture of the waveform.
//!
//! ffmpeg is told which demuxer to use, by our own reading of the bytes, and may open nothing but the file: a playlist
//! that calls itself a film is refused by its bytes, and a film that points elsewhere points at nothing (B55).

use std::path::Path;
use std::process::{Command, Stdio};

use super::png;
use crate::draw::{DrawError, Drawn, Result, Source, unsupported};
use crate::job::{Job, Tool};
use crate::request::{Facts, FailureCode};

/// The frames that one is chosen from.
const FRAMES: u32 = 100;
/// The sound that a waveform shows, in seconds.
const WAVEFORM_SECONDS: &str = "1200";

/// The demuxer that reads a type; none for a type that we do not hand to ffmpeg.
fn demuxer(mime: &str) -> Option<&'static str> {
    Some(match mime {
        "video/mp4" | "video/quicktime" | "video/3gpp" | "audio/mp4" => "mov",
        "video/webm" | "video/x-matroska" | "audio/webm" | "audio/x-matroska" => "matroska",
        "video/x-msvideo" => "avi",
        "video/mpeg" => "mpeg",
        "video/mp2t" => "mpegts",
        "video/ogg" | "audio/ogg" => "ogg",
        "video/x-flv" => "flv",
        "video/x-ms-asf" => "asf",
        "audio/wav" => "wav",
        "audio/mpeg" => "mp3",
        "audio/flac" => "flac",
        "audio/aac" => "aac",
        "audio/aiff" => "aiff",
        "audio/basic" => "au",
        "audio/amr" => "amr",
        "audio/x-caf" => "caf",
        "audio/x-wavpack" => "wv",
        "audio/x-ape" => "ape",
        _ => return None,
    })
}

/// Draws a representative frame: of frames from the second second on, the one most like the others, so not a black one.
pub(crate) fn draw_video(mime: &str, target: u32, job: &Job) -> Result<Drawn> {
    let fit = format!("thumbnail={FRAMES},scale='min({target},iw*sar)':-2,setsar=1");
    // A film shorter than a second has no frame there.
    match run(mime, job, &["-ss", "1"], &["-vf", &fit, "-frames:v", "1"], target) {
        Err(DrawError::Failed(FailureCode::ThumbTool, _)) => {
            run(mime, job, &[], &["-vf", &fit, "-frames:v", "1"], target)
        }
        other => other,
    }
}

/// Draws the waveform.
pub(crate) fn draw_audio(mime: &str, target: u32, job: &Job) -> Result<Drawn> {
    let height = (target * 3 / 8).max(1);
    let wave =
        format!("[0:a:0]aformat=channel_layouts=mono,showwavespic=s={target}x{height}:colors=0x2d5d7b[wave]");
    let paper = format!("color=white:s={target}x{height}[paper];{wave};[paper][wave]overlay=shortest=1[out]");
    run(
        mime,
        job,
        &["-t", WAVEFORM_SECONDS],
        &["-filter_complex", &paper, "-map", "[out]", "-frames:v", "1"],
        target,
    )
}

fn run(mime: &str, job: &Job, before: &[&str], after: &[&str], target: u32) -> Result<Drawn> {
    let demuxer = demuxer(mime).ok_or_else(|| unsupported(format!("{mime} is not read here")))?;
    let Some((Tool::Ffmpeg, program)) = &job.tool else {
        return Err(DrawError::Needs(Tool::Ffmpeg, "ffmpeg is not there".to_owned()));
    };
    let frame = job.work_dir.join("frame.png");
    let made = ffmpeg(program, demuxer, before, &job.source, after, &frame)?;
    if !made || !frame.exists() {
        return Err(DrawError::Failed(
            FailureCode::ThumbTool,
            "ffmpeg found no picture in the file".to_owned(),
        ));
    }
    let drawn = png::draw(&Source::File(frame), target)?;
    Ok(Drawn { facts: Facts::default(), ..drawn })
}

fn ffmpeg(
    program: &Path,
    demuxer: &str,
    before: &[&str],
    source: &Path,
    after: &[&str],
    frame: &Path,
) -> Result<bool> {
    let status = Command::new(program)
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-threads", "1"])
        .args(["-protocol_whitelist", "file", "-format_whitelist", demuxer, "-f", demuxer])
        .args(before)
        .arg("-i")
        .arg(source)
        .args(after)
        .args(["-f", "image2", "-update", "1", "-c:v", "png"])
        .arg(frame)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    Ok(status.success())
}
