//! WebP through libwebp, which scales while it decodes. The only file of this crate that calls C directly.

use libwebp_sys as c;

use crate::draw::{Drawn, Result, Source, broken, check_held, check_streamed, over_limit};
use crate::exif::Orientation;
use crate::raster::{Layout, Raster, flatten_rgba};
use crate::request::Facts;

/// Draws a WebP; of an animated one, the first frame.
pub(crate) fn draw(source: &Source, target: u32) -> Result<Drawn> {
    let bytes = source.read_all()?;
    let features = features(&bytes)?;
    let (width, height) = (side(features.width), side(features.height));
    check_streamed(width, height)?;
    let raster = if features.has_animation != 0 {
        first_frame(&bytes, width, height)?
    } else {
        still(&bytes, width, height, features.has_alpha != 0, target)?
    };
    let orientation = chunk(&bytes, b"EXIF").map(Orientation::from_exif).unwrap_or_default();
    let icc = chunk(&bytes, b"ICCP").map(<[u8]>::to_vec);
    let facts = Facts { width: Some(width), height: Some(height), ..Facts::default() };
    Ok(Drawn { raster: raster.with_icc(icc).oriented(orientation), facts })
}

fn side(value: i32) -> u32 {
    u32::try_from(value).unwrap_or_default()
}

/// Returns the body of the first chunk of a kind. Source: WebP container specification, RIFF layout.
fn chunk<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    let mut rest = bytes.get(12..)?;
    loop {
        let (name, after) = rest.split_first_chunk::<4>()?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        if name == kind {
            return after.get(..length);
        }
        rest = after.get(length.checked_add(length & 1)?..)?;
    }
}

fn status(status: c::VP8StatusCode) -> Result<()> {
    match status {
        c::VP8StatusCode::VP8_STATUS_OK => Ok(()),
        c::VP8StatusCode::VP8_STATUS_OUT_OF_MEMORY => Err(over_limit("picture does not fit memory")),
        other => Err(broken(format!("{other:?}"))),
    }
}

#[expect(unsafe_code, reason = "libwebp is a C library")]
fn features(bytes: &[u8]) -> Result<c::WebPBitstreamFeatures> {
    let mut features = std::mem::MaybeUninit::zeroed();
    // SAFETY: the pointer and length describe `bytes`; the structure is plain integers, for which zero is valid.
    let (code, features) = unsafe {
        let code = c::WebPGetFeatures(bytes.as_ptr(), bytes.len(), features.as_mut_ptr());
        (code, features.assume_init())
    };
    status(code)?;
    Ok(features)
}

/// Decodes a still picture, scaled down to about twice the target.
#[expect(unsafe_code, reason = "libwebp is a C library")]
fn still(bytes: &[u8], width: u32, height: u32, alpha: bool, target: u32) -> Result<Raster> {
    let (scaled_width, scaled_height) = crate::codec::fitted(width, height, target.saturating_mul(2));
    let channels = if alpha { 4 } else { 3 };
    // Lossless data is decoded whole, at four bytes a pixel, whatever the output size.
    check_held(width, height, 4)?;
    let mut pixels = vec![0u8; scaled_width as usize * scaled_height as usize * channels];
    let mut config = c::WebPDecoderConfig::new().map_err(|()| broken("libwebp of another version"))?;
    config.options.use_scaling = i32::from((scaled_width, scaled_height) != (width, height));
    config.options.scaled_width = i32::try_from(scaled_width).map_err(over_limit)?;
    config.options.scaled_height = i32::try_from(scaled_height).map_err(over_limit)?;
    config.output.colorspace = if alpha { c::WEBP_CSP_MODE::MODE_RGBA } else { c::WEBP_CSP_MODE::MODE_RGB };
    config.output.is_external_memory = 1;
    config.output.u.RGBA = c::WebPRGBABuffer {
        rgba: pixels.as_mut_ptr(),
        stride: i32::try_from(scaled_width as usize * channels).map_err(over_limit)?,
        size: pixels.len(),
    };
    // SAFETY: the input pointer and length describe `bytes`; the output pointer, stride and size describe `pixels`,
    // which outlives the call; with external memory the library frees nothing.
    let code = unsafe { c::WebPDecode(bytes.as_ptr(), bytes.len(), &raw mut config) };
    status(code)?;
    let rgb = if alpha { flatten_rgba(&pixels) } else { pixels };
    Raster::new(scaled_width, scaled_height, Layout::Rgb, rgb)
}

/// Decodes the first frame of an animation on its canvas.
#[expect(unsafe_code, reason = "libwebp is a C library")]
fn first_frame(bytes: &[u8], width: u32, height: u32) -> Result<Raster> {
    // The library holds two canvases; ours is the third.
    check_held(width, height, 12)?;
    let data = c::WebPData { bytes: bytes.as_ptr(), size: bytes.len() };
    // SAFETY: `data` describes `bytes`, which outlives the decoder; null options mean the defaults.
    let decoder = unsafe { c::WebPAnimDecoderNew(&raw const data, std::ptr::null()) };
    if decoder.is_null() {
        return Err(broken("animation does not parse"));
    }
    let mut canvas: *mut u8 = std::ptr::null_mut();
    let mut timestamp = 0;
    // SAFETY: `decoder` is live until deleted below; on success it owns a canvas of width x height RGBA pixels that
    // stays valid until the next call, and it is copied before that.
    let rgb = unsafe {
        let drawn =
            c::WebPAnimDecoderGetNext(decoder, &raw mut canvas, &raw mut timestamp) != 0 && !canvas.is_null();
        let len = width as usize * height as usize * 4;
        let rgb = drawn.then(|| flatten_rgba(std::slice::from_raw_parts(canvas, len)));
        c::WebPAnimDecoderDelete(decoder);
        rgb
    };
    Raster::new(width, height, Layout::Rgb, rgb.ok_or_else(|| broken("first frame does not decode"))?)
}
