//! From a strip or tile on disk to rows of samples: compression and prediction.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use weezl::{BitOrder, LzwStatus};

use super::directory::{Data, Directory, Endian};
use super::sample::Samples;
use super::{Layout, tag};
use crate::draw::{MAX_HELD_BYTES, MAX_READ_BYTES, Result, broken, over_limit, unsupported};
use crate::formats::jpeg;
use crate::raster;

/// Small, because a row of tiles keeps many open.
const BUFFER_BYTES: usize = 16 << 10;
/// Larger where a row is one strip and one buffer is open at a time.
const STRIP_BUFFER_BYTES: usize = 64 << 10;

/// Several ends of line of group 3, whatever bit the data before ends at. Source: ITU-T T.4 section 4.1.
const END_OF_PAGE: [u8; 8] = [0x00, 0x01, 0x00, 0x10, 0x01, 0x00, 0x10, 0x01];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    FaxG3,
    FaxG4,
    Lzw,
    Jpeg,
    Deflate,
    PackBits,
}

/// How the chunks of one page are stored.
pub(super) struct Codec<'a> {
    data: &'a Data<'a>,
    layout: &'a Layout,
    compression: Compression,
    predict: bool,
    reversed_bits: bool,
    jpeg_tables: Vec<u8>,
    jpeg_layout: raster::Layout,
    /// Photometric interpretation says luma and chroma; libjpeg turns them to RGB
    ycbcr: bool,
}

impl<'a> Codec<'a> {
    pub fn read(page: &'a Directory<'a>, layout: &'a Layout, samples: &Samples) -> Result<Self> {
        let compression = match page.first(tag::COMPRESSION)?.unwrap_or(1) {
            1 => Compression::None,
            3 if page.first(tag::T4_OPTIONS)?.unwrap_or(0) & 1 == 0 => Compression::FaxG3,
            4 => Compression::FaxG4,
            5 => Compression::Lzw,
            7 => Compression::Jpeg,
            8 | 32946 => Compression::Deflate,
            32773 => Compression::PackBits,
            other => return Err(unsupported(format!("TIFF compression {other}"))),
        };
        let ycbcr = samples.is_ycbcr();
        if ycbcr && compression != Compression::Jpeg {
            return Err(unsupported("TIFF of luma and chroma without JPEG"));
        }
        let predict = match page.first(tag::PREDICTOR)?.unwrap_or(1) {
            2 => matches!(compression, Compression::Lzw | Compression::Deflate),
            3 => return Err(unsupported("TIFF with floating-point prediction")),
            _ => false,
        };
        if matches!(compression, Compression::FaxG3 | Compression::FaxG4) && !samples.is_bilevel() {
            return Err(broken("fax compression of more than one bit"));
        }
        let per_chunk = if layout.planes == 1 { samples.per_pixel } else { 1 };
        let jpeg_layout = match per_chunk {
            1 => raster::Layout::Gray,
            3 => raster::Layout::Rgb,
            4 => raster::Layout::Cmyk,
            _ if compression == Compression::Jpeg => {
                return Err(unsupported("JPEG of an odd number of channels"));
            }
            _ => raster::Layout::Gray,
        };
        let whole = layout.chunk_width as u64 * layout.chunk_height as u64;
        let held = match compression {
            Compression::Jpeg => whole * per_chunk as u64 * layout.columns as u64,
            Compression::FaxG3 | Compression::FaxG4 => whole / 8 * layout.columns as u64,
            _ => 0,
        };
        if held > MAX_HELD_BYTES {
            return Err(over_limit("chunks do not fit memory"));
        }
        Ok(Self {
            data: &page.file.data,
            layout,
            compression,
            predict,
            reversed_bits: page.first(tag::FILL_ORDER)? == Some(2),
            jpeg_tables: page.bytes(tag::JPEG_TABLES, 1 << 20)?.unwrap_or_default(),
            jpeg_layout,
            ycbcr,
        })
    }

    /// Tells whether samples arrive as 8-bit RGB although the page says otherwise.
    pub fn gives_rgb(&self) -> bool {
        self.ycbcr
    }

    /// Opens a chunk of which `rows` rows are wanted.
    pub fn open(&self, index: usize, rows: usize) -> Result<Box<dyn Read + 'a>> {
        let (Some(&at), Some(&length)) = (self.layout.offsets.get(index), self.layout.byte_counts.get(index))
        else {
            return Err(broken("chunk is missing"));
        };
        let segment = Segment { data: self.data, at, left: length, reversed: self.reversed_bits };
        let alone = self.layout.columns == 1 && self.layout.planes == 1;
        let capacity = if alone { STRIP_BUFFER_BYTES } else { BUFFER_BYTES };
        let buffered = BufReader::with_capacity(capacity, segment);
        Ok(match self.compression {
            Compression::None => Box::new(buffered),
            Compression::PackBits => Box::new(PackBits { input: buffered, run: Run::Literal(0) }),
            Compression::Lzw => Box::new(Lzw {
                input: buffered,
                decoder: weezl::decode::Configuration::with_tiff_size_switch(BitOrder::Msb, 8)
                    .with_yield_on_full_buffer(true)
                    .build(),
            }),
            Compression::Deflate => Box::new(flate2::bufread::ZlibDecoder::new(buffered)),
            Compression::Jpeg => Box::new(Cursor::new(self.jpeg(buffered)?)),
            Compression::FaxG3 | Compression::FaxG4 => Box::new(Cursor::new(self.fax(buffered, rows)?)),
        })
    }

    fn jpeg(&self, input: impl Read) -> Result<Vec<u8>> {
        let mut chunk = Vec::new();
        input.take(MAX_READ_BYTES).read_to_end(&mut chunk)?;
        let (width, height, pixels) =
            jpeg::decode_chunk(&self.jpeg_tables, &chunk, self.jpeg_layout, self.ycbcr, self.chunk_sides())?;
        let channels = self.jpeg_layout.channels();
        let wanted = self.layout.chunk_width * channels;
        if width < self.layout.chunk_width || height == 0 {
            return Err(broken("JPEG chunk is narrower than its place"));
        }
        if width == self.layout.chunk_width {
            return Ok(pixels);
        }
        Ok(pixels
            .chunks_exact(width * channels)
            .flat_map(|row| row.get(..wanted).unwrap_or_default())
            .copied()
            .collect())
    }

    fn chunk_sides(&self) -> (usize, usize) {
        (self.layout.chunk_width, self.layout.chunk_height)
    }

    fn fax(&self, input: impl Read, rows: usize) -> Result<Vec<u8>> {
        let width = u32::try_from(self.layout.chunk_width).map_err(over_limit)?;
        let row_len = self.layout.chunk_width.div_ceil(8);
        let mut packed: Vec<u8> = Vec::new();
        let mut push = |transitions: &[u32]| {
            if packed.len() < rows * row_len {
                let start = packed.len();
                packed.resize(start + row_len, 0);
                if let Some(row) = packed.get_mut(start..) {
                    blacken(row, transitions, width);
                }
            }
        };
        let bytes = io::BufReader::new(input).bytes().map_while(io::Result::ok);
        match self.compression {
            Compression::FaxG4 => {
                fax::decoder::decode_g4(bytes, width, u32::try_from(rows).ok(), &mut push);
            }
            _ => {
                // Many writers end the last line with the strip; the decoder wants to see its end.
                fax::decoder::decode_g3(bytes.chain(END_OF_PAGE), &mut push);
            }
        }
        Ok(packed)
    }

    /// Turns differences back into samples. Source: TIFF 6.0 section 14.
    pub fn undo_prediction(&self, row: &mut [u8], per_chunk: usize, samples: &Samples) {
        if !self.predict {
            return;
        }
        match samples.bits {
            8 => {
                for index in per_chunk..row.len() {
                    let before = row.get(index - per_chunk).copied().unwrap_or_default();
                    if let Some(sample) = row.get_mut(index) {
                        *sample = sample.wrapping_add(before);
                    }
                }
            }
            16 => {
                type Codec = (fn([u8; 2]) -> u16, fn(u16) -> [u8; 2]);
                let (read, write): Codec = match samples.endian {
                    Endian::Little => (u16::from_le_bytes, u16::to_le_bytes),
                    Endian::Big => (u16::from_be_bytes, u16::to_be_bytes),
                };
                let row = row.as_chunks_mut::<2>().0;
                for index in per_chunk..row.len() {
                    let before = row.get(index - per_chunk).copied().map(read).unwrap_or_default();
                    if let Some(sample) = row.get_mut(index) {
                        *sample = write(read(*sample).wrapping_add(before));
                    }
                }
            }
            _ => {}
        }
    }
}

/// Sets the bits of black runs. `transitions` are the columns where the colour changes, starting from white.
fn blacken(row: &mut [u8], transitions: &[u32], width: u32) {
    for pair in transitions.chunks(2) {
        let (Some(&start), end) = (pair.first(), pair.get(1).copied().unwrap_or(width)) else { continue };
        for column in start.min(width)..end.min(width) {
            if let Some(byte) = row.get_mut(column as usize / 8) {
                *byte |= 0x80 >> (column % 8);
            }
        }
    }
}

/// A chunk's bytes on disk.
struct Segment<'a> {
    data: &'a Data<'a>,
    at: u64,
    left: u64,
    reversed: bool,
}

impl Read for Segment<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..limit).unwrap_or_default();
        let read = self.data.read_at(buffer, self.at)?;
        self.at = self.at.saturating_add(read as u64);
        self.left -= (read as u64).min(self.left);
        if self.reversed {
            buffer.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        Ok(read)
    }
}

struct Lzw<R> {
    input: R,
    decoder: weezl::decode::Decoder,
}

impl<R: BufRead> Read for Lzw<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() && !self.decoder.has_ended() {
            let input = self.input.fill_buf()?;
            let at_end = input.is_empty();
            let result = self.decoder.decode_bytes(input, buffer);
            self.input.consume(result.consumed_in);
            let status = result.status.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if result.consumed_out > 0 {
                return Ok(result.consumed_out);
            }
            if matches!(status, LzwStatus::Done) || at_end {
                break;
            }
        }
        Ok(0)
    }
}

enum Run {
    Literal(usize),
    Repeat(usize, u8),
}

/// Source: TIFF 6.0 section 9.
struct PackBits<R> {
    input: R,
    run: Run,
}

impl<R: BufRead> Read for PackBits<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Run::Literal(0) | Run::Repeat(0, _) = self.run {
            let mut head = [0];
            if self.input.read(&mut head)? == 0 {
                return Ok(0);
            }
            let [count] = head;
            self.run = match count {
                0..=127 => Run::Literal(usize::from(count) + 1),
                128 => continue,
                129.. => {
                    let mut value = [0];
                    self.input.read_exact(&mut value)?;
                    let [value] = value;
                    Run::Repeat(257 - usize::from(count), value)
                }
            };
        }
        match &mut self.run {
            Run::Literal(left) => {
                let limit = buffer.len().min(*left);
                let read = self.input.read(buffer.get_mut(..limit).unwrap_or_default())?;
                *left -= read;
                Ok(read)
            }
            Run::Repeat(left, value) => {
                let count = buffer.len().min(*left);
                buffer.get_mut(..count).unwrap_or_default().fill(*value);
                *left -= count;
                Ok(count)
            }
        }
    }
}
