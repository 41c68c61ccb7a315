//! Video and sound, through ffmpeg: a representative frame, or a picture of the waveform.
//!
//! ffmpeg is told which demuxer to use, by our own reading of the bytes, and may open nothing but the file: a playlist
//! that calls itself a film is refused by its bytes, and a film that points elsewhere points at nothing (B55).

use std::io::{self, Read};
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
/// More than ffmpeg says about any honest file.
const MAX_REPORT_BYTES: u64 = 64 << 10;

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
    let mut drawn = run(
        mime,
        job,
        &["-t", WAVEFORM_SECONDS],
        &["-filter_complex", &paper, "-map", "[out]", "-frames:v", "1"],
        target,
    )?;
    // The picture that some sounds carry has sides; the sound has none.
    (drawn.facts.width, drawn.facts.height) = (None, None);
    Ok(drawn)
}

fn run(mime: &str, job: &Job, before: &[&str], after: &[&str], target: u32) -> Result<Drawn> {
    let demuxer = demuxer(mime).ok_or_else(|| unsupported(format!("{mime} is not read here")))?;
    let Some((Tool::Ffmpeg, program)) = &job.tool else {
        return Err(DrawError::Needs(Tool::Ffmpeg, "ffmpeg is not there".to_owned()));
    };
    let frame = job.work_dir.join("frame.png");
    let (made, report) = ffmpeg(program, demuxer, before, &job.source, after, &frame)?;
    if !made || !frame.exists() {
        return Err(DrawError::Failed(
            FailureCode::ThumbTool,
            "ffmpeg found no picture in the file".to_owned(),
        ));
    }
    let drawn = png::draw(&Source::File(frame), target)?;
    Ok(Drawn { facts: facts_in(&report), ..drawn })
}

fn ffmpeg(
    program: &Path,
    demuxer: &str,
    before: &[&str],
    source: &Path,
    after: &[&str],
    frame: &Path,
) -> Result<(bool, String)> {
    let mut child = Command::new(program)
        .args(["-nostdin", "-hide_banner", "-loglevel", "info", "-nostats", "-y", "-threads", "1"])
        .args(["-protocol_whitelist", "file", "-format_whitelist", demuxer, "-f", demuxer])
        .args(before)
        .arg("-i")
        .arg(source)
        .args(after)
        .args(["-f", "image2", "-update", "1", "-c:v", "png"])
        .arg(frame)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut report = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        (&mut stderr).take(MAX_REPORT_BYTES).read_to_end(&mut report)?;
        io::copy(&mut stderr, &mut io::sink())?;
    }
    let made = child.wait()?.success();
    Ok((made, String::from_utf8_lossy(&report).into_owned()))
}

/// Reads what ffmpeg says about its input before it starts: playing time, and the sides of the first film track.
///
/// Values of the file itself stand on lines of their own that begin otherwise, so a file cannot easily speak for ffmpeg;
/// if it does, its facts are wrong and nothing else is.
fn facts_in(report: &str) -> Facts {
    let mut facts = Facts::default();
    for line in report.lines().map(str::trim_start).take_while(|line| !line.starts_with("Stream mapping:")) {
        if let Some(rest) = line.strip_prefix("Duration: ") {
            facts.duration_ms = facts.duration_ms.or_else(|| duration_ms(rest.split(',').next()?));
        } else if line.starts_with("Stream #") && line.contains(": Video: ") && facts.width.is_none() {
            let sides = line.split(", ").skip(1).find_map(sides);
            (facts.width, facts.height) = sides.unzip();
        }
    }
    facts
}

/// Reads `00:01:02.50`; none for `N/A`.
fn duration_ms(clock: &str) -> Option<u64> {
    let mut parts = clock.trim().split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let (seconds, hundredths) = seconds.split_once('.')?;
    let whole = u64::from(hours.parse::<u16>().ok()?) * 3600
        + u64::from(minutes.parse::<u8>().ok()?) * 60
        + u64::from(seconds.parse::<u8>().ok()?);
    Some(whole * 1000 + u64::from(hundredths.parse::<u8>().ok()?) * 10)
}

/// Reads `640x360`, with anything after a space.
fn sides(word: &str) -> Option<(u32, u32)> {
    let (width, height) = word.split(' ').next()?.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_from_what_ffmpeg_says_about_its_input_alone() {
        let report = "Input #0, mov,mp4, from 'a.mp4':
  Metadata:
    title           : Duration: 99:00:00.00, start: 0
  Duration: 01:00:06.50, start: 0.000000, bitrate: 78 kb/s
  Stream #0:0[0x1](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709), 640x360 [SAR 1:1 DAR 16:9], 25 fps
  Stream #0:1[0x2](und): Audio: aac (LC) (mp4a / 0x6134706D), 22050 Hz, mono
Stream mapping:
  Duration: 00:00:01.00
  Stream #0:0: Video: png, rgb24, 200x112
";
        let facts = facts_in(report);
        assert_eq!((facts.duration_ms, facts.width, facts.height), (Some(3_606_500), Some(640), Some(360)));
        assert_eq!(facts_in("  Duration: N/A, bitrate: N/A\n"), Facts::default());
        assert_eq!(duration_ms("99999999999999999999:00:00.00"), None);
    }
}
