//! PNG, row by row. Interlaced files are held whole: their first rows come last.

use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Transformations};

use crate::draw::{Drawn, Result, Source, broken, check_held, check_streamed, over_limit};
use crate::exif::Orientation;
use crate::raster::{Layout, flatten_gray_alpha, flatten_rgba};
use crate::reduce::RowReducer;
use crate::request::Facts;

/// What the decoder may allocate beside rows: profiles and palettes, decompressed.
const MAX_SIDE_DATA_BYTES: usize = 16 << 20;

/// Draws a PNG; of an animated one, the still picture.
pub(crate) fn draw(source: &Source, target: u32) -> Result<Drawn> {
    let mut decoder = Decoder::new_with_limits(source.open()?, Limits { bytes: MAX_SIDE_DATA_BYTES });
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::normalize_to_color8());
    let header = decoder.read_header_info().map_err(failure)?;
    let (width, height) = (header.width, header.height);
    check_streamed(width, height)?;
    if header.interlaced {
        check_held(width, height, header.bytes_per_pixel() as u64)?;
    }
    let mut reader = decoder.read_info().map_err(failure)?;
    let (color, depth) = reader.output_color_type();
    if depth != BitDepth::Eight {
        return Err(broken("samples did not become 8 bits"));
    }
    let layout = match color {
        ColorType::Grayscale | ColorType::GrayscaleAlpha => Layout::Gray,
        _ => Layout::Rgb,
    };
    let icc = reader.info().icc_profile.as_deref().map(<[u8]>::to_vec);
    let orientation = reader.info().exif_metadata.as_deref().map(Orientation::from_exif).unwrap_or_default();
    let mut facts = Facts { width: Some(width), height: Some(height), pages: Some(1), ..Facts::default() };
    let mut reducer = RowReducer::new(width, height, layout, target)?;
    let flatten = |row: &[u8], reducer: &mut RowReducer| match color {
        ColorType::Rgba => reducer.push(&flatten_rgba(row)),
        ColorType::GrayscaleAlpha => reducer.push(&flatten_gray_alpha(row)),
        _ => reducer.push(row),
    };
    if reader.info().interlaced {
        let size = reader.output_buffer_size().ok_or_else(|| over_limit("picture does not fit memory"))?;
        check_held(width, height, size as u64 / (u64::from(width) * u64::from(height)))?;
        let mut whole = vec![0; size];
        reader.next_frame(&mut whole).map_err(failure)?;
        for row in whole.chunks_exact(size / height as usize) {
            flatten(row, &mut reducer)?;
        }
    } else {
        loop {
            match reader.next_row() {
                Ok(Some(row)) => flatten(row.data(), &mut reducer)?,
                Ok(None) => break,
                Err(error) if reducer.rows_seen() > 0 => {
                    facts.damage =
                        Some(format!("picture breaks off after {} rows: {error}", reducer.rows_seen()));
                    break;
                }
                Err(error) => return Err(failure(error)),
            }
        }
    }
    Ok(Drawn { raster: reducer.finish()?.with_icc(icc).oriented(orientation), facts })
}

fn failure(error: DecodingError) -> crate::draw::DrawError {
    match error {
        DecodingError::LimitsExceeded => over_limit("side data does not fit memory"),
        DecodingError::IoError(error) => error.into(),
        error => broken(error),
    }
}
