//! GIF: the first frame on its canvas.

use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};

use crate::draw::{DrawError, Drawn, MAX_HELD_BYTES, Result, Source, broken, check_held, over_limit};
use crate::raster::{Layout, Raster, flatten_rgba};
use crate::request::Facts;

/// Draws the first frame; what it leaves free of the canvas is white.
pub(crate) fn draw(source: &Source) -> Result<Drawn> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    if let Some(limit) = NonZeroU64::new(MAX_HELD_BYTES) {
        options.set_memory_limit(MemoryLimit::Bytes(limit));
    }
    let mut decoder = options.read_info(source.open()?).map_err(failure)?;
    let (canvas_width, canvas_height) = (u32::from(decoder.width()), u32::from(decoder.height()));
    if canvas_width > 0 && canvas_height > 0 {
        check_held(canvas_width, canvas_height, 7)?;
    }
    let frame = decoder.read_next_frame().map_err(failure)?.ok_or_else(|| broken("no frame"))?;
    let (frame_width, frame_height) = (u32::from(frame.width), u32::from(frame.height));
    check_held(frame_width, frame_height, 7)?;
    let rgb = flatten_rgba(&frame.buffer);

    let facts = Facts { width: Some(canvas_width), height: Some(canvas_height), ..Facts::default() };
    let covers =
        frame.left == 0 && frame.top == 0 && frame_width >= canvas_width && frame_height >= canvas_height;
    if covers {
        return Ok(Drawn { raster: Raster::new(frame_width, frame_height, Layout::Rgb, rgb)?, facts });
    }
    let canvas_row = canvas_width as usize * 3;
    let mut canvas = vec![255; canvas_row * canvas_height as usize];
    let left = usize::from(frame.left) * 3;
    let rows = canvas.chunks_exact_mut(canvas_row.max(1)).skip(usize::from(frame.top));
    for (to, from) in rows.zip(rgb.chunks_exact(frame_width as usize * 3)) {
        let to = to.get_mut(left..).unwrap_or_default();
        for (to, from) in to.iter_mut().zip(from) {
            *to = *from;
        }
    }
    Ok(Drawn { raster: Raster::new(canvas_width, canvas_height, Layout::Rgb, canvas)?, facts })
}

fn failure(error: DecodingError) -> DrawError {
    match error {
        DecodingError::OutOfMemory | DecodingError::MemoryLimit => over_limit("frame does not fit memory"),
        error => broken(error),
    }
}
