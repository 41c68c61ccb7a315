//! BMP, held whole: its rows usually start at the bottom.

use std::io::{Read, Seek};

use image::codecs::bmp::BmpDecoder;
use image::{ColorType, ImageDecoder, ImageError};

use crate::draw::{DrawError, Drawn, Result, Source, broken, check_held, over_limit, unsupported};
use crate::raster::{Layout, Raster, flatten_rgba};
use crate::request::Facts;

/// Draws a BMP of any header version.
pub(crate) fn draw(source: &Source) -> Result<Drawn> {
    let mut input = source.open()?;
    check_declared(&mut input)?;
    let mut decoder = BmpDecoder::new(input).map_err(failure)?;
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    check_held(width, height, u64::from(color.bytes_per_pixel()) + 3)?;
    let icc = decoder.icc_profile().ok().flatten();
    let mut pixels = vec![0; usize::try_from(decoder.total_bytes()).map_err(broken)?];
    decoder.read_image(&mut pixels).map_err(failure)?;
    let (layout, pixels) = match color {
        ColorType::L8 => (Layout::Gray, pixels),
        ColorType::Rgb8 => (Layout::Rgb, pixels),
        ColorType::Rgba8 => (Layout::Rgb, flatten_rgba(&pixels)),
        other => return Err(unsupported(format!("bitmap of {other:?} samples"))),
    };
    let facts = Facts { width: Some(width), height: Some(height), pages: Some(1), ..Facts::default() };
    Ok(Drawn { raster: Raster::new(width, height, layout, pixels)?.with_icc(icc), facts })
}

/// Judges the sides before the decoder does, which calls large ones damaged. Source: BITMAPINFOHEADER.
fn check_declared(input: &mut (impl Read + Seek)) -> Result<()> {
    let mut head = [0; 26];
    input.read_exact(&mut head)?;
    input.rewind()?;
    let [.., w0, w1, w2, w3, h0, h1, h2, h3] = head;
    // Headers of 12 bytes have sides of 16 bits, which cannot be too large.
    if head.get(14).is_some_and(|len| *len >= 40)
        && let Ok(width) = u32::try_from(i32::from_le_bytes([w0, w1, w2, w3]))
    {
        check_held(width, i32::from_le_bytes([h0, h1, h2, h3]).unsigned_abs(), 1)?;
    }
    Ok(())
}

fn failure(error: ImageError) -> DrawError {
    match error {
        ImageError::Unsupported(error) => unsupported(error),
        ImageError::Limits(error) => over_limit(error),
        error => broken(error),
    }
}
