//! JPEG 2000, decoded at the lowest resolution level that leaves enough for the target.

use hayro_jpeg2000::{ColorSpace, DecodeSettings, DecoderContext, Image};

use crate::draw::{Drawn, Result, Source, broken, check_held, check_streamed, unsupported};
use crate::raster::{Layout, Raster, on_white};
use crate::request::Facts;

/// The decoder keeps samples as 4-byte floats, and transforms them in a second buffer.
const BYTES_PER_SAMPLE: u64 = 9;

/// Draws a JP2 file or a bare codestream.
pub(crate) fn draw(source: &Source, target: u32) -> Result<Drawn> {
    let bytes = source.read_all()?;
    let full = Image::new(&bytes, &DecodeSettings::default()).map_err(broken)?;
    let (full_width, full_height) = (full.width(), full.height());
    check_streamed(full_width, full_height)?;
    let facts =
        Facts { width: Some(full_width), height: Some(full_height), pages: Some(1), ..Facts::default() };
    drop(full);

    let long = u64::from(full_width.max(full_height));
    let enough = u64::from(target) * 3 / 2;
    let wanted =
        |side: u32| u32::try_from((u64::from(side) * enough).div_ceil(long)).unwrap_or(u32::MAX).max(1);
    let settings = DecodeSettings {
        target_resolution: (long > enough).then(|| (wanted(full_width), wanted(full_height))),
        ..DecodeSettings::default()
    };
    let image = Image::new(&bytes, &settings).map_err(broken)?;
    let (width, height, alpha) = (image.width(), image.height(), image.has_alpha());
    let (color_channels, layout, icc) = match image.color_space() {
        ColorSpace::Gray => (1, Layout::Gray, None),
        ColorSpace::RGB => (3, Layout::Rgb, None),
        ColorSpace::CMYK => (4, Layout::Cmyk, None),
        ColorSpace::Icc { profile, num_channels } => {
            let layout = match num_channels {
                1 => Layout::Gray,
                3 => Layout::Rgb,
                4 => Layout::Cmyk,
                other => return Err(unsupported(format!("JPEG 2000 of {other} colour channels"))),
            };
            (usize::from(*num_channels), layout, Some(profile.clone()))
        }
        ColorSpace::Unknown { num_channels } => {
            return Err(unsupported(format!("JPEG 2000 of {num_channels} unknown channels")));
        }
    };
    let channels = color_channels + usize::from(alpha);
    check_held(width, height, BYTES_PER_SAMPLE * channels as u64)?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(broken)?;
    if decoded.components().len() != channels {
        return Err(broken(format!(
            "{} components where {channels} were declared",
            decoded.components().len()
        )));
    }
    let samples = width as usize * height as usize;
    if decoded.components().iter().any(|component| component.samples().len() != samples) {
        return Err(unsupported("JPEG 2000 with subsampled components"));
    }
    let mut pixels = decoded.data_u8();
    if alpha {
        let paper_is_zero = layout == Layout::Cmyk;
        pixels = flatten(&pixels, channels, paper_is_zero);
    }
    Ok(Drawn { raster: Raster::new(width, height, layout, pixels)?.with_icc(icc), facts })
}

fn flatten(pixels: &[u8], channels: usize, paper_is_zero: bool) -> Vec<u8> {
    let mut flat = Vec::with_capacity(pixels.len() / channels * (channels - 1));
    for pixel in pixels.chunks_exact(channels) {
        let Some((alpha, colors)) = pixel.split_last() else { continue };
        let laid = |value: &u8| {
            if paper_is_zero { 255 - on_white(255 - value, *alpha) } else { on_white(*value, *alpha) }
        };
        flat.extend(colors.iter().map(laid));
    }
    flat
}
