//! One renderer a format. Each checks declared sizes first, decodes close to the target, and flattens on white.

mod bmp;
mod gif;
mod jp2;
mod jpeg;
mod pdf;
mod png;
mod svg;
mod tiff;
mod webp;

use crate::draw::{Drawn, Result, Source, unsupported};
use crate::job::Job;

/// Draws `source` as the type it was identified as.
///
/// `target` is the longest side wanted; a renderer may return anything from there up, and should return little more.
pub(crate) fn draw(source: &Source, mime: &str, target: u32, _job: &Job) -> Result<Drawn> {
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
        _ => Err(unsupported(format!("no renderer for {mime}"))),
    }
}
