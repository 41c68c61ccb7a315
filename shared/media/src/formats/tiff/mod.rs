//! TIFF, strip by strip or tile by tile: a scan of 100 MB needs a few rows of memory.
//!
//! The container is read here, the compressions by their libraries. Follows TIFF 6.0, with BigTIFF, Adobe's deflate
//! and JPEG-in-TIFF (Technical Note 2). `tiff` 0.11 was tried first: it holds a strip whole, refuses palettes and CIE
//! Lab, and panics on tiled planes (media.md, "hostile input").

mod chunk;
mod directory;
mod sample;

use directory::{Directory, TiffFile};
use sample::Samples;

use crate::draw::{Drawn, Result, Source, broken, check_streamed, over_limit};
use crate::exif::Orientation;
use crate::reduce::RowReducer;
use crate::request::Facts;

/// More pages than this are counted as this many.
const MAX_PAGES: usize = 10_000;
/// Most columns of tiles: each keeps a decompressor open while its row of tiles is read.
const MAX_TILE_COLUMNS: usize = 4096;

mod tag {
    pub const NEW_SUBFILE_TYPE: u16 = 254;
    pub const IMAGE_WIDTH: u16 = 256;
    pub const IMAGE_LENGTH: u16 = 257;
    pub const BITS_PER_SAMPLE: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const ORIENTATION: u16 = 274;
    pub const SAMPLES_PER_PIXEL: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTE_COUNTS: u16 = 279;
    pub const PLANAR_CONFIGURATION: u16 = 284;
    pub const T4_OPTIONS: u16 = 292;
    pub const PREDICTOR: u16 = 317;
    pub const COLOR_MAP: u16 = 320;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_LENGTH: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTE_COUNTS: u16 = 325;
    pub const EXTRA_SAMPLES: u16 = 338;
    pub const SAMPLE_FORMAT: u16 = 339;
    pub const JPEG_TABLES: u16 = 347;
    pub const ICC_PROFILE: u16 = 34675;
}

/// Draws the first full page.
pub(crate) fn draw(source: &Source, target: u32) -> Result<Drawn> {
    let file = TiffFile::open(source)?;
    let (page, pages) = first_page(&file)?;
    let width = page.required(tag::IMAGE_WIDTH)?;
    let height = page.required(tag::IMAGE_LENGTH)?;
    check_streamed(width, height)?;
    let layout = Layout::read(&page, width, height)?;
    let samples = Samples::read(&page, file.endian())?;
    let mut reducer = RowReducer::new(width, height, samples.layout(), target)?;
    let damage = read_rows(&page, &layout, &samples, &mut reducer)?;
    let facts =
        Facts { width: Some(width), height: Some(height), pages: Some(pages), damage, ..Facts::default() };
    let icc = if samples.is_lab() { None } else { page.bytes(tag::ICC_PROFILE, 8 << 20)? };
    let orientation = page.first(tag::ORIENTATION)?.unwrap_or(1);
    let orientation = Orientation::from_tag(u32::try_from(orientation).unwrap_or(1));
    Ok(Drawn { raster: reducer.finish()?.with_icc(icc).oriented(orientation), facts })
}

/// Finds the first page that is not a preview of another, and counts pages.
fn first_page<'a>(file: &'a TiffFile<'a>) -> Result<(Directory<'a>, u32)> {
    let mut pages = 0;
    let mut seen = std::collections::HashSet::new();
    let mut next = file.first_directory()?;
    let mut chosen: Option<Directory<'a>> = None;
    while next != 0 && seen.len() < MAX_PAGES {
        // A loop or a damaged later page does not spoil the first.
        let Some(directory) = seen.insert(next).then(|| file.directory(next)).and_then(|read| match read {
            Ok(directory) => Some(Ok(directory)),
            Err(error) if chosen.is_none() => Some(Err(error)),
            Err(_) => None,
        }) else {
            break;
        };
        let directory = directory?;
        let preview = directory.first(tag::NEW_SUBFILE_TYPE)?.unwrap_or(0) & 1 == 1;
        if !preview {
            pages += 1;
        }
        next = directory.next();
        if chosen.is_none() || (pages == 1 && !preview) {
            chosen = Some(directory);
        }
    }
    match chosen {
        Some(page) => Ok((page, pages.max(1))),
        None => Err(broken("no page")),
    }
}

/// How the picture is cut into chunks.
pub(super) struct Layout {
    pub width: usize,
    pub height: usize,
    pub chunk_width: usize,
    pub chunk_height: usize,
    pub columns: usize,
    /// Planes stored apart: the number of samples, or 1 when samples lie side by side
    pub planes: usize,
    pub offsets: Vec<u64>,
    pub byte_counts: Vec<u64>,
}

impl Layout {
    fn read(page: &Directory<'_>, width: u32, height: u32) -> Result<Self> {
        let (width, height) = (width as usize, height as usize);
        let tiled = page.first(tag::TILE_WIDTH)?.is_some();
        let side = |value: u32| usize::try_from(value).ok().filter(|side| (1..=1 << 16).contains(side));
        let (chunk_width, chunk_height) = if tiled {
            let sides = (side(page.required(tag::TILE_WIDTH)?), side(page.required(tag::TILE_LENGTH)?));
            let (Some(tile_width), Some(tile_height)) = sides else {
                return Err(over_limit("tiles of absurd size"));
            };
            (tile_width, tile_height)
        } else {
            let rows = page.first(tag::ROWS_PER_STRIP)?.and_then(|rows| usize::try_from(rows).ok());
            (width, rows.unwrap_or(height).clamp(1, height))
        };
        let columns = width.div_ceil(chunk_width);
        if columns > MAX_TILE_COLUMNS {
            return Err(over_limit(format!("{columns} columns of tiles")));
        }
        let samples = usize::try_from(page.first(tag::SAMPLES_PER_PIXEL)?.unwrap_or(1)).unwrap_or(usize::MAX);
        let planes = if page.first(tag::PLANAR_CONFIGURATION)? == Some(2) { samples.min(16) } else { 1 };
        let (offsets, counts) = if tiled {
            (tag::TILE_OFFSETS, tag::TILE_BYTE_COUNTS)
        } else {
            (tag::STRIP_OFFSETS, tag::STRIP_BYTE_COUNTS)
        };
        let chunks = columns * height.div_ceil(chunk_height) * planes;
        let offsets = page.all(offsets, chunks)?;
        let mut byte_counts = page.all(counts, chunks)?;
        if offsets.is_empty() {
            return Err(broken("picture without data"));
        }
        if byte_counts.is_empty() {
            // Some old writers leave the counts out; the end of the file bounds the read.
            byte_counts = vec![u64::MAX; offsets.len()];
        }
        Ok(Self { width, height, chunk_width, chunk_height, columns, planes, offsets, byte_counts })
    }
}

/// Feeds every row to `reducer`; returns what was damaged, if anything was.
fn read_rows(
    page: &Directory<'_>,
    layout: &Layout,
    samples: &Samples,
    reducer: &mut RowReducer,
) -> Result<Option<String>> {
    let codec = chunk::Codec::read(page, layout, samples)?;
    let samples = samples.after(&codec);
    let per_chunk = if layout.planes == 1 { samples.per_pixel } else { 1 };
    let mut stored = vec![0u8; samples.row_bytes(layout.chunk_width, per_chunk)];
    let mut unpacked = vec![0u8; layout.chunk_width * per_chunk];
    let mut row = vec![0u8; layout.width * samples.per_pixel];
    let mut out = Vec::new();
    let mut damage: Option<String> = None;
    let mut any_good = false;

    // Rows that need no change go on as they are read.
    let direct = layout.columns == 1 && per_chunk == samples.per_pixel && samples.are_pixels();
    for (band, top) in (0..layout.height).step_by(layout.chunk_height).enumerate() {
        let bands = layout.height.div_ceil(layout.chunk_height);
        let rows = layout.chunk_height.min(layout.height - top);
        let mut streams = Vec::with_capacity(layout.planes * layout.columns);
        for plane in 0..layout.planes {
            for column in 0..layout.columns {
                let index = (plane * bands + band) * layout.columns + column;
                let stream = codec.open(index, rows).map_err(|error| note(&mut damage, error, index));
                streams.push(stream.ok());
            }
        }
        for _ in 0..rows {
            if direct && let Some(Some(stream)) = streams.first_mut() {
                match stream.read_exact(&mut stored) {
                    Ok(()) => {
                        any_good = true;
                        codec.undo_prediction(&mut stored, per_chunk, &samples);
                        reducer.push(stored.get(..row.len()).unwrap_or_default())?;
                        continue;
                    }
                    Err(error) => {
                        note(&mut damage, error.into(), band);
                        streams.clear();
                    }
                }
            }
            row.fill(samples.paper());
            for (number, slot) in streams.iter_mut().enumerate() {
                let Some(stream) = slot else { continue };
                if let Err(error) = stream.read_exact(&mut stored) {
                    note(&mut damage, error.into(), band * layout.columns + number);
                    *slot = None;
                    continue;
                }
                any_good = true;
                codec.undo_prediction(&mut stored, per_chunk, &samples);
                samples.unpack(&stored, &mut unpacked);
                let (plane, column) = (number / layout.columns, number % layout.columns);
                place(&mut row, &unpacked, layout, column, plane, samples.per_pixel, per_chunk);
            }
            out.clear();
            samples.convert(&row, &mut out);
            reducer.push(&out)?;
        }
        if !any_good {
            return Err(broken(damage.unwrap_or_else(|| "no data".into())));
        }
    }
    Ok(damage)
}

fn note(damage: &mut Option<String>, error: crate::draw::DrawError, chunk: usize) {
    let reason = match error {
        crate::draw::DrawError::Failed(_, reason) | crate::draw::DrawError::Unsupported(reason) => reason,
        crate::draw::DrawError::Needs(_, reason) => reason,
    };
    damage.get_or_insert_with(|| format!("chunk {chunk} does not decode: {reason}"));
}

/// Copies a chunk's samples to their place in the row.
fn place(
    row: &mut [u8],
    unpacked: &[u8],
    layout: &Layout,
    column: usize,
    plane: usize,
    per_pixel: usize,
    per_chunk: usize,
) {
    let left = column * layout.chunk_width;
    let pixels = layout.chunk_width.min(layout.width - left);
    let to = row.get_mut(left * per_pixel..(left + pixels) * per_pixel).unwrap_or_default();
    if per_chunk == per_pixel {
        let from = unpacked.get(..to.len()).unwrap_or_default();
        if from.len() == to.len() {
            to.copy_from_slice(from);
        }
        return;
    }
    for (pixel, sample) in to.chunks_exact_mut(per_pixel).zip(unpacked) {
        if let Some(slot) = pixel.get_mut(plane) {
            *slot = *sample;
        }
    }
}
