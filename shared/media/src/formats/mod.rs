//! One renderer a format. Each checks declared sizes first, decodes close to the target, and flattens on white.

mod jpeg;

use crate::draw::{Drawn, Result, Source, unsupported};
use crate::job::Job;

/// Draws `source` as the type it was identified as.
///
/// `target` is the longest side wanted; a renderer may return anything from there up, and should return little more.
pub(crate) fn draw(source: &Source, mime: &str, target: u32, _job: &Job) -> Result<Drawn> {
    match mime {
        "image/jpeg" => jpeg::draw(source, target),
        _ => Err(unsupported(format!("no renderer for {mime}"))),
    }
}
