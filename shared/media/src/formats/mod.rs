//! One renderer a format. Each checks declared sizes first, decodes close to the target, and flattens on white.

mod av;
mod bmp;
mod container;
mod epub;
mod gif;
mod jp2;
mod jpeg;
mod office;
mod pdf;
mod png;
mod svg;
mod text;
mod tiff;
mod webp;

use crate::draw::{Drawn, Result, Source, unsupported};
use crate::job::Job;

/// Draws `source` as the type it was identified as.
///
/// `target` is the longest side wanted; a renderer may return anything from there up, and should return little more.
pub(crate) fn draw(source: &Source, mime: &str, target: u32, job: &Job) -> Result<Drawn> {
    match mime {
        "image/jpeg" => jpeg::draw(source, target),
        "image/png" => png::draw(source, target),
        "image/gif" => gif::draw(source),
        "image/webp" => webp::draw(source, target),
        "image/bmp" => bmp::draw(source),
        "image/jp2" | "image/x-jp2-codestream" => jp2::draw(source, target),
        "image/tiff" => tiff::draw(source, target),
        "image/svg+xml" => svg::draw(source, target),
        "application/pdf" => pdf::draw(source, target),
        "application/epub+zip" => epub::draw(source, target, job),
        "text/plain" | "text/csv" | "text/markdown" => text::draw(source, target),
        "application/msword"
        | "application/vnd.ms-excel"
        | "application/vnd.ms-powerpoint"
        | "application/rtf"
        | "text/rtf" => office::draw_binary(target, job),
        office if office.contains("officedocument") || office.contains("opendocument") => {
            office::draw(source, target, job)
        }
        video if video.starts_with("video/") => av::draw_video(mime, target, job),
        audio if audio.starts_with("audio/") => av::draw_audio(mime, target, job),
        _ => Err(unsupported(format!("no renderer for {mime}"))),
    }
}
