//! BMP, held whole: its rows usually start at the bottom.

use image::codecs::bmp::BmpDecoder;
use image::{ColorType, ImageDecoder};

use crate::draw::{Drawn, Result, Source, broken, check_held, unsupported};
use crate::raster::{Layout, Raster, flatten_rgba};
use crate::request::Facts;

/// Draws a BMP of any header version.
pub(crate) fn draw(source: &Source) -> Result<Drawn> {
    let mut decoder = BmpDecoder::new(source.open()?).map_err(broken)?;
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    check_held(width, height, u64::from(color.bytes_per_pixel()) + 3)?;
    let icc = decoder.icc_profile().ok().flatten();
    let mut pixels = vec![0; usize::try_from(decoder.total_bytes()).map_err(broken)?];
    decoder.read_image(&mut pixels).map_err(broken)?;
    let (layout, pixels) = match color {
        ColorType::L8 => (Layout::Gray, pixels),
        ColorType::Rgb8 => (Layout::Rgb, pixels),
        ColorType::Rgba8 => (Layout::Rgb, flatten_rgba(&pixels)),
        other => return Err(unsupported(format!("bitmap of {other:?} samples"))),
    };
    let facts = Facts { width: Some(width), height: Some(height), pages: Some(1), ..Facts::default() };
    Ok(Drawn { raster: Raster::new(width, height, layout, pixels)?.with_icc(icc), facts })
}
