//! Pixels on their way from a decoder to a thumbnail, still in the source's colour space and orientation.

use crate::draw::{Result, broken};
use crate::exif::Orientation;

/// What one pixel holds, 8 bits a channel. Alpha does not occur: decoders flatten on white as they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Gray,
    Rgb,
    /// 0 is no ink
    Cmyk,
}

impl Layout {
    pub fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// A decoded picture.
pub(crate) struct Raster {
    pub width: u32,
    pub height: u32,
    pub layout: Layout,
    /// Rows from the top, without padding. INVARIANT: `width * height * channels` bytes.
    pub pixels: Vec<u8>,
    /// How much of the pixels the picture covers: where it was shrunk on the way, its edge rarely ends with a pixel
    pub extent: (f64, f64),
    /// ICC profile of the source, as found
    pub icc: Option<Vec<u8>>,
    pub orientation: Orientation,
}

impl Raster {
    /// Takes pixels over after checking that there are as many as the sides say.
    pub fn new(width: u32, height: u32, layout: Layout, pixels: Vec<u8>) -> Result<Self> {
        let expected = width as usize * height as usize * layout.channels();
        if expected == 0 || pixels.len() != expected {
            return Err(broken(format!("decoded {} bytes for {width} x {height} pixels", pixels.len())));
        }
        let extent = (f64::from(width), f64::from(height));
        Ok(Self { width, height, layout, pixels, extent, icc: None, orientation: Orientation::default() })
    }

    /// Says that the picture was shrunk by `factor` from these sides.
    pub fn shrunk_from(mut self, width: u32, height: u32, factor: f64) -> Self {
        let covered = |side: u32, pixels: u32| (f64::from(side) / factor).clamp(0.5, f64::from(pixels));
        self.extent = (covered(width, self.width), covered(height, self.height));
        self
    }

    pub fn with_icc(mut self, icc: Option<Vec<u8>>) -> Self {
        self.icc = icc;
        self
    }

    pub fn oriented(mut self, orientation: Orientation) -> Self {
        self.orientation = orientation;
        self
    }
}

/// Lays a sample of `value` with opacity `alpha` on white.
pub(crate) fn on_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    let sum = value * alpha + 255 * (255 - alpha);
    // Exact rounding division by 255; the result fits because both weights add up to 255.
    u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX)
}

/// Drops the alpha channel of RGBA pixels by laying them on white.
pub(crate) fn flatten_rgba(rgba: &[u8]) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(rgba.len() / 4 * 3);
    for pixel in rgba.chunks_exact(4) {
        if let &[r, g, b, a] = pixel {
            match a {
                255 => rgb.extend_from_slice(&[r, g, b]),
                0 => rgb.extend_from_slice(&[255; 3]),
                _ => rgb.extend_from_slice(&[on_white(r, a), on_white(g, a), on_white(b, a)]),
            }
        }
    }
    rgb
}

/// Drops the alpha channel of grey-alpha pixels by laying them on white.
pub(crate) fn flatten_gray_alpha(pixels: &[u8]) -> Vec<u8> {
    pixels.chunks_exact(2).map(|pixel| if let &[v, a] = pixel { on_white(v, a) } else { 255 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparent_becomes_white_and_half_becomes_the_middle() {
        assert_eq!(
            flatten_rgba(&[9, 9, 9, 0, 0, 0, 0, 255, 0, 100, 200, 128]),
            [255, 255, 255, 0, 0, 0, 127, 177, 227]
        );
    }
}
