//! From samples of any depth and meaning to 8-bit grey, RGB or CMYK.

use super::chunk::Codec;
use super::directory::{Directory, Endian};
use super::tag;
use crate::draw::{Result, broken, unsupported};
use crate::raster::{Layout, on_white};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    Ycbcr,
    /// CIE L*a*b*; a and b are signed in TIFF's own form and offset in ICC's
    Lab {
        signed: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alpha {
    None,
    /// Colours are already multiplied by it
    Associated,
    Unassociated,
}

/// What the samples of one page are.
#[derive(Clone)]
pub(super) struct Samples {
    pub bits: u32,
    pub per_pixel: usize,
    pub endian: Endian,
    meaning: Meaning,
    float: bool,
    alpha: Alpha,
    /// RGB triples, 8 bits
    palette: Vec<[u8; 3]>,
}

impl Samples {
    pub fn read(page: &Directory<'_>, endian: Endian) -> Result<Self> {
        let per_pixel =
            usize::try_from(page.first(tag::SAMPLES_PER_PIXEL)?.unwrap_or(1)).unwrap_or(usize::MAX);
        let depths = page.all(tag::BITS_PER_SAMPLE, 16)?;
        let bits = depths.first().copied().unwrap_or(1);
        if !(1..=16).contains(&per_pixel) || depths.iter().any(|depth| *depth != bits) {
            return Err(unsupported("TIFF of mixed sample depths"));
        }
        let float = match page.first(tag::SAMPLE_FORMAT)?.unwrap_or(1) {
            1 | 4 => false,
            3 => true,
            other => return Err(unsupported(format!("TIFF sample format {other}"))),
        };
        match (bits, float) {
            (1 | 2 | 4 | 8 | 16 | 32, false) | (32, true) => {}
            _ => return Err(unsupported(format!("TIFF of {bits}-bit samples"))),
        }
        let meaning = match page.first(tag::PHOTOMETRIC)?.unwrap_or(1) {
            0 => Meaning::WhiteIsZero,
            1 => Meaning::BlackIsZero,
            2 => Meaning::Rgb,
            3 => Meaning::Palette,
            5 => Meaning::Cmyk,
            6 => Meaning::Ycbcr,
            8 => Meaning::Lab { signed: true },
            9 => Meaning::Lab { signed: false },
            other => return Err(unsupported(format!("TIFF photometric interpretation {other}"))),
        };
        let colors = match meaning {
            Meaning::WhiteIsZero | Meaning::BlackIsZero | Meaning::Palette => 1,
            Meaning::Rgb | Meaning::Ycbcr | Meaning::Lab { .. } => 3,
            Meaning::Cmyk => 4,
        };
        if per_pixel < colors {
            return Err(broken(format!("{per_pixel} samples where {colors} are needed")));
        }
        let alpha = match page.first(tag::EXTRA_SAMPLES)? {
            Some(1) if per_pixel > colors => Alpha::Associated,
            Some(2) if per_pixel > colors => Alpha::Unassociated,
            _ => Alpha::None,
        };
        let palette = if meaning == Meaning::Palette { read_palette(page, bits)? } else { Vec::new() };
        Ok(Self { bits: u32::try_from(bits).unwrap_or(8), per_pixel, endian, meaning, float, alpha, palette })
    }

    /// The samples as they come out of `codec`.
    pub fn after(&self, codec: &Codec<'_>) -> Self {
        let meaning = if codec.gives_rgb() { Meaning::Rgb } else { self.meaning };
        Self { meaning, ..self.clone() }
    }

    pub fn layout(&self) -> Layout {
        match self.meaning {
            Meaning::WhiteIsZero | Meaning::BlackIsZero => Layout::Gray,
            Meaning::Cmyk => Layout::Cmyk,
            _ => Layout::Rgb,
        }
    }

    pub fn is_ycbcr(&self) -> bool {
        self.meaning == Meaning::Ycbcr
    }

    pub fn is_lab(&self) -> bool {
        matches!(self.meaning, Meaning::Lab { .. })
    }

    pub fn is_bilevel(&self) -> bool {
        self.bits == 1 && self.per_pixel == 1
    }

    /// Tells whether a row of samples as stored is a row of pixels in [`Self::layout`].
    pub fn are_pixels(&self) -> bool {
        let wanted = match self.meaning {
            Meaning::BlackIsZero => 1,
            Meaning::Rgb => 3,
            Meaning::Cmyk => 4,
            _ => return false,
        };
        self.bits == 8 && self.per_pixel == wanted
    }

    /// The sample value that stands for what was lost.
    pub fn paper(&self) -> u8 {
        if matches!(self.meaning, Meaning::WhiteIsZero | Meaning::Cmyk) { 0 } else { 255 }
    }

    pub fn row_bytes(&self, pixels: usize, per_chunk: usize) -> usize {
        (pixels * per_chunk * self.bits as usize).div_ceil(8)
    }

    /// Spreads stored samples to one byte each. Palette indices keep their value; everything else fills 0 to 255.
    pub fn unpack(&self, stored: &[u8], unpacked: &mut [u8]) {
        let keep = self.meaning == Meaning::Palette;
        match self.bits {
            8 => {
                for (to, from) in unpacked.iter_mut().zip(stored) {
                    *to = *from;
                }
            }
            16 => {
                let high = if self.endian == Endian::Big { 0 } else { 1 };
                for (to, from) in unpacked.iter_mut().zip(stored.as_chunks::<2>().0) {
                    *to = from.get(high).copied().unwrap_or_default();
                }
            }
            32 => {
                for (to, from) in unpacked.iter_mut().zip(stored.as_chunks::<4>().0) {
                    let bits = if self.endian == Endian::Big {
                        u32::from_be_bytes(*from)
                    } else {
                        u32::from_le_bytes(*from)
                    };
                    // Float to integer casts saturate, and turn what is not a number into zero.
                    *to = if self.float {
                        (f32::from_bits(bits) * 255.0 + 0.5) as u8
                    } else {
                        (bits >> 24) as u8
                    };
                }
            }
            bits => {
                let per_byte = 8 / bits as usize;
                let mask = (1u32 << bits) - 1;
                let spread = if keep { 1 } else { 255 / mask };
                for (byte, samples) in stored.iter().zip(unpacked.chunks_mut(per_byte)) {
                    for (index, sample) in samples.iter_mut().enumerate() {
                        let shift = 8 - bits * (u32::try_from(index).unwrap_or_default() + 1);
                        *sample = ((u32::from(*byte) >> shift & mask) * spread) as u8;
                    }
                }
            }
        }
    }

    /// Appends a row of pixels in [`Self::layout`] for a row of samples.
    pub fn convert(&self, row: &[u8], out: &mut Vec<u8>) {
        let pixels = row.chunks_exact(self.per_pixel);
        match self.meaning {
            Meaning::BlackIsZero if self.per_pixel == 1 => out.extend_from_slice(row),
            Meaning::Rgb if self.per_pixel == 3 => out.extend_from_slice(row),
            Meaning::Cmyk if self.per_pixel == 4 => out.extend_from_slice(row),
            Meaning::WhiteIsZero | Meaning::BlackIsZero => {
                for pixel in pixels {
                    let value = pixel.first().copied().unwrap_or_default();
                    let value = if self.meaning == Meaning::WhiteIsZero { 255 - value } else { value };
                    out.push(self.lay(value, pixel.get(1)));
                }
            }
            Meaning::Palette => {
                for pixel in pixels {
                    let index = pixel.first().copied().unwrap_or_default();
                    out.extend(self.palette.get(usize::from(index)).copied().unwrap_or([255; 3]));
                }
            }
            Meaning::Rgb | Meaning::Ycbcr => {
                for pixel in pixels {
                    out.extend(pixel.iter().take(3).map(|value| self.lay(*value, pixel.get(3))));
                }
            }
            Meaning::Cmyk => {
                for pixel in pixels {
                    // White is no ink, so the ink is laid the other way round.
                    out.extend(pixel.iter().take(4).map(|ink| 255 - self.lay(255 - ink, pixel.get(4))));
                }
            }
            Meaning::Lab { signed } => {
                for pixel in pixels {
                    if let &[l, a, b, ..] = pixel {
                        out.extend(lab_to_srgb(l, a, b, signed));
                    }
                }
            }
        }
    }

    fn lay(&self, value: u8, alpha: Option<&u8>) -> u8 {
        match (self.alpha, alpha) {
            (Alpha::Associated, Some(alpha)) => value.saturating_add(255 - alpha),
            (Alpha::Unassociated, Some(alpha)) => on_white(value, *alpha),
            _ => value,
        }
    }
}

fn read_palette(page: &Directory<'_>, bits: u64) -> Result<Vec<[u8; 3]>> {
    if bits > 8 {
        return Err(unsupported("TIFF palette of more than 256 colours"));
    }
    let size = 1usize << bits;
    let map = page.all(tag::COLOR_MAP, 3 * size)?;
    // Entries are 16 bits; some writers fill only the lower eight.
    let shift = if map.iter().all(|value| *value < 256) { 0 } else { 8 };
    let channel = |offset: usize, index: usize| {
        let value = map.get(offset * size + index).copied().unwrap_or_default() >> shift;
        u8::try_from(value).unwrap_or(u8::MAX)
    };
    Ok((0..size).map(|index| [channel(0, index), channel(1, index), channel(2, index)]).collect())
}

/// CIE L*a*b* at D50 to sRGB, with the Bradford-adapted matrix. Source: ICC.1:2022 annex D, IEC 61966-2-1.
fn lab_to_srgb(l: u8, a: u8, b: u8, signed: bool) -> [u8; 3] {
    let chroma = |value: u8| if signed { f32::from(value.cast_signed()) } else { f32::from(value) - 128.0 };
    let fy = (f32::from(l) / 2.55 + 16.0) / 116.0;
    let (fx, fz) = (fy + chroma(a) / 500.0, fy - chroma(b) / 200.0);
    let inverse = |t: f32| if t > 6.0 / 29.0 { t * t * t } else { (t - 4.0 / 29.0) * (108.0 / 841.0) };
    let (x, y, z) = (0.9642 * inverse(fx), inverse(fy), 0.8249 * inverse(fz));
    let linear = [
        3.1339 * x - 1.6169 * y - 0.4906 * z,
        -0.9788 * x + 1.9161 * y + 0.0335 * z,
        0.0719 * x - 0.2290 * y + 1.4052 * z,
    ];
    linear.map(|value| {
        let encoded =
            if value <= 0.003_130_8 { 12.92 * value } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 };
        (encoded * 255.0 + 0.5) as u8
    })
}
