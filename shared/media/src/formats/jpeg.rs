//! JPEG, decoded by libjpeg-turbo at the smallest DCT scale that leaves enough for a good resize.

use std::borrow::Cow;

use turbojpeg::{Colorspace, Decompressor, Image, PixelFormat, ScalingFactor};

use crate::draw::{Drawn, Result, Source, broken, check_held, check_streamed, over_limit};
use crate::exif::Orientation;
use crate::raster::{Layout, Raster};
use crate::request::Facts;

/// A progressive file with more scans than this only serves to burn CPU; encoders write about ten.
const MAX_SCANS: u32 = 200;

/// Draws a JPEG of any kind.
pub(crate) fn draw(source: &Source, target: u32) -> Result<Drawn> {
    let original = source.read_all()?;
    let mut decoder = Decompressor::new().map_err(broken)?;
    decoder.set_scan_limit(MAX_SCANS).map_err(broken)?;
    let mut damage = None;
    let (bytes, header) = match decoder.read_header(&original) {
        Ok(header) => (Cow::Borrowed(&original), header),
        Err(error) => {
            // The library says no more than that the header is odd, even where it could go on; every viewer does.
            let mended = mended(&original).ok_or_else(|| broken(&error))?;
            let header = decoder.read_header(&mended).map_err(|_| broken(&error))?;
            damage = Some(error.to_string());
            (Cow::Owned(mended), header)
        }
    };
    let width = u32::try_from(header.width).unwrap_or(u32::MAX);
    let height = u32::try_from(header.height).unwrap_or(u32::MAX);
    check_streamed(width, height)?;

    let (layout, format) = match header.colorspace {
        Colorspace::Gray => (Layout::Gray, PixelFormat::GRAY),
        Colorspace::RGB | Colorspace::YCbCr => (Layout::Rgb, PixelFormat::RGB),
        Colorspace::CMYK | Colorspace::YCCK => (Layout::Cmyk, PixelFormat::CMYK),
    };
    if header.is_progressive {
        // The library holds every coefficient, two bytes each, before the first row comes out.
        check_held(width, height, 2 * layout.channels() as u64)?;
    }
    let scale = if header.is_lossless { ScalingFactor::ONE } else { scale_for(width.max(height), target) };
    decoder.set_scaling_factor(scale).map_err(broken)?;
    let scaled = header.scaled(scale);
    let (scaled_width, scaled_height) = (clamp(scaled.width), clamp(scaled.height));
    check_held(scaled_width, scaled_height, layout.channels() as u64)?;

    let pitch = scaled.width * layout.channels();
    let mut pixels = vec![0; pitch * scaled.height];
    let output =
        Image { pixels: pixels.as_mut_slice(), width: scaled.width, pitch, height: scaled.height, format };
    let mut facts =
        Facts { width: Some(width), height: Some(height), pages: Some(1), damage, ..Facts::default() };
    if let Err(error) = decoder.decompress(&bytes, output) {
        // Damage in the data is reported only after as much as possible was drawn.
        let message = error.to_string();
        let recovered = ["Premature end", "Corrupt JPEG data"].iter().any(|known| message.contains(known));
        if message.contains("more than") && message.contains("scans") {
            return Err(over_limit(message));
        }
        if !recovered || is_flat(&pixels, layout.channels()) {
            return Err(broken(message));
        }
        facts.damage = Some(message);
    }
    let metadata = Metadata::read(&original);
    if layout == Layout::Cmyk && metadata.adobe {
        // Adobe stores inks inverted and marks its files; nothing else says so.
        pixels.iter_mut().for_each(|ink| *ink = 255 - *ink);
    }
    let raster = Raster::new(scaled_width, scaled_height, layout, pixels)?
        .shrunk_from(width, height, scale.denom() as f64 / scale.num() as f64)
        .with_icc(metadata.icc)
        .oriented(metadata.orientation);
    Ok(Drawn { raster, facts })
}

/// Decodes one strip or tile of a TIFF: an abbreviated stream whose tables are kept apart.
///
/// The stream rarely says how its colours are stored, so an Adobe segment is put in front that does. Inks come out as
/// stored. Source: TIFF Technical Note 2, Adobe TN 5116.
pub(super) fn decode_chunk(
    tables: &[u8],
    chunk: &[u8],
    layout: Layout,
    ycbcr: bool,
    (max_width, max_height): (usize, usize),
) -> Result<(usize, usize, Vec<u8>)> {
    const START: &[u8] = b"\xFF\xD8";
    const END: &[u8] = b"\xFF\xD9";
    let tables = tables.strip_prefix(START).unwrap_or(tables);
    let tables = tables.strip_suffix(END).unwrap_or(tables);
    let mut stream = Vec::with_capacity(chunk.len() + tables.len() + 18);
    stream.extend_from_slice(START);
    if layout != Layout::Gray {
        stream.extend_from_slice(b"\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00");
        stream.push(u8::from(ycbcr));
    }
    stream.extend_from_slice(tables);
    stream.extend_from_slice(chunk.strip_prefix(START).ok_or_else(|| broken("JPEG chunk without a start"))?);

    let mut decoder = Decompressor::new().map_err(broken)?;
    decoder.set_scan_limit(MAX_SCANS).map_err(broken)?;
    let header = decoder.read_header(&stream).map_err(broken)?;
    // Encoders round tiles up to whole blocks at most.
    if header.width > max_width + 64 || header.height > max_height + 64 {
        return Err(broken("JPEG chunk is larger than its place"));
    }
    let format = match layout {
        Layout::Gray => PixelFormat::GRAY,
        Layout::Rgb => PixelFormat::RGB,
        Layout::Cmyk => PixelFormat::CMYK,
    };
    let pitch = header.width * layout.channels();
    let mut pixels = vec![0; pitch * header.height];
    let output =
        Image { pixels: pixels.as_mut_slice(), width: header.width, pitch, height: header.height, format };
    decoder.decompress(&stream, output).map_err(broken)?;
    Ok((header.width, header.height, pixels))
}

/// Puts a header together anew from the segments that decoding needs, leaving out what lies between them and profiles
/// that are damaged. `None` when there is no scan.
fn mended(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut mended = vec![0xFF, 0xD8];
    let mut rest = bytes.get(2..)?;
    loop {
        let start = rest.windows(2).position(|pair| matches!(pair, [0xFF, 0xC0..=0xFE]))?;
        rest = rest.get(start..)?;
        let (&[_, marker], after) = rest.split_first_chunk::<2>()?;
        if marker == 0xDA {
            mended.extend_from_slice(rest);
            return Some(mended);
        }
        // Markers without a body do not belong into a header.
        if matches!(marker, 0xD0..=0xD9) {
            rest = after;
            continue;
        }
        let length = usize::from(u16::from_be_bytes(*after.first_chunk::<2>()?));
        let segment = rest.get(..length.checked_add(2)?)?;
        // Frame, tables, restart interval, and what the colours are: the frames and tables, JFIF and Adobe.
        if matches!(marker, 0xC0..=0xCF | 0xDB | 0xDD | 0xE0 | 0xEE) {
            mended.extend_from_slice(segment);
        }
        rest = rest.get(segment.len()..)?;
    }
}

fn clamp(side: usize) -> u32 {
    u32::try_from(side).unwrap_or(u32::MAX)
}

/// Picks the smallest scale that leaves about twice the target; the four that have SIMD code.
fn scale_for(long_side: u32, target: u32) -> ScalingFactor {
    let enough = target.saturating_mul(7) / 4;
    [ScalingFactor::ONE_EIGHTH, ScalingFactor::ONE_QUARTER, ScalingFactor::ONE_HALF]
        .into_iter()
        .find(|scale| scale.scale(long_side as usize) >= enough as usize)
        .unwrap_or(ScalingFactor::ONE)
}

/// Tells whether every pixel is the same: what a decoder paints when there was nothing to decode.
fn is_flat(pixels: &[u8], channels: usize) -> bool {
    let mut all = pixels.chunks_exact(channels);
    let first = all.next();
    all.all(|pixel| Some(pixel) == first)
}

/// What the marker segments before the first scan say.
#[derive(Default)]
struct Metadata {
    orientation: Orientation,
    icc: Option<Vec<u8>>,
    adobe: bool,
}

impl Metadata {
    fn read(bytes: &[u8]) -> Self {
        let mut found = Self::default();
        let mut exif_seen = false;
        let mut icc_parts: Vec<(u8, &[u8])> = Vec::new();
        for (marker, body) in Segments(bytes.get(2..).unwrap_or_default()) {
            match marker {
                0xE1 if !exif_seen && body.starts_with(b"Exif\0\0") => {
                    exif_seen = true;
                    found.orientation = Orientation::from_exif(body);
                }
                0xE2 => {
                    if let Some([sequence, _count, part @ ..]) = body.strip_prefix(b"ICC_PROFILE\0") {
                        icc_parts.push((*sequence, part));
                    }
                }
                0xEE if body.starts_with(b"Adobe") => found.adobe = true,
                _ => {}
            }
        }
        icc_parts.sort_by_key(|(sequence, _)| *sequence);
        if !icc_parts.is_empty() {
            found.icc = Some(icc_parts.into_iter().flat_map(|(_, part)| part.iter().copied()).collect());
        }
        found
    }
}

/// Walks marker segments up to the first scan. Source: ITU-T T.81 B.1.1.
struct Segments<'a>(&'a [u8]);

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.0.iter().position(|byte| *byte != 0xFF)?;
        let (&marker, rest) = self.0.get(start..)?.split_first()?;
        // Anything but fill bytes before a marker, a scan or the end of the image ends the walk.
        if start == 0 || matches!(marker, 0x00 | 0xDA | 0xD9) {
            return None;
        }
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let body_len = usize::from(u16::from_be_bytes(*length)).checked_sub(2)?;
        let (body, rest) = rest.split_at_checked(body_len)?;
        self.0 = rest;
        Some((marker, body))
    }
}
