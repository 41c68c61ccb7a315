//! Orientation from Exif: which of the eight ways the camera was held, and turning pixels upright.

use exif::{In, Tag};

/// Exif orientation 1 to 8. Source: Exif 2.32 §4.6.4 A, tag 274.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Orientation(u8);

impl Default for Orientation {
    fn default() -> Self {
        Self(1)
    }
}

impl Orientation {
    /// Takes a tag's value; anything outside 1 to 8 means upright.
    pub fn from_tag(value: u32) -> Self {
        match u8::try_from(value) {
            Ok(value @ 1..=8) => Self(value),
            _ => Self::default(),
        }
    }

    /// Reads the tag out of an Exif block that starts at its TIFF header.
    pub fn from_exif(block: &[u8]) -> Self {
        let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
        // Longer blocks hold camera previews; the tag sits in the first directory.
        let mut reader = exif::Reader::new();
        reader.continue_on_error(true);
        let fields = match reader.read_raw(block.to_vec()) {
            Ok(fields) => fields,
            Err(exif::Error::PartialResult(partial)) => partial.into_inner().0,
            Err(_) => return Self::default(),
        };
        let value = fields.get_field(Tag::Orientation, In::PRIMARY).and_then(|field| field.value.get_uint(0));
        value.map(Self::from_tag).unwrap_or_default()
    }

    /// Tells whether turning upright swaps width and height.
    pub fn swaps_sides(self) -> bool {
        self.0 >= 5
    }

    /// Turns pixels upright. Returns the new width, height and pixels.
    pub fn apply(self, width: u32, height: u32, channels: usize, pixels: Vec<u8>) -> (u32, u32, Vec<u8>) {
        if self.0 == 1 {
            return (width, height, pixels);
        }
        let (w, h) = (width as usize, height as usize);
        let (new_w, new_h) = if self.swaps_sides() { (h, w) } else { (w, h) };
        let mut upright = Vec::with_capacity(pixels.len());
        for y in 0..new_h {
            for x in 0..new_w {
                let (from_x, from_y) = match self.0 {
                    2 => (w - 1 - x, y),
                    3 => (w - 1 - x, h - 1 - y),
                    4 => (x, h - 1 - y),
                    5 => (y, x),
                    6 => (y, h - 1 - x),
                    7 => (w - 1 - y, h - 1 - x),
                    _ => (w - 1 - y, x),
                };
                let start = (from_y * w + from_x) * channels;
                upright.extend_from_slice(pixels.get(start..start + channels).unwrap_or_default());
            }
        }
        let (width, height) = if self.swaps_sides() { (height, width) } else { (width, height) };
        (width, height, upright)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 2 x 3 picture as each orientation stores it; all must come out as the first.
    #[test]
    fn all_eight_orientations_come_out_upright() {
        let upright: &[u8] = b"abcdef";
        let stored: [(u8, u32, u32, &[u8]); 8] = [
            (1, 2, 3, b"abcdef"),
            (2, 2, 3, b"badcfe"),
            (3, 2, 3, b"fedcba"),
            (4, 2, 3, b"efcdab"),
            (5, 3, 2, b"acebdf"),
            (6, 3, 2, b"bdface"),
            (7, 3, 2, b"fdbeca"),
            (8, 3, 2, b"ecafdb"),
        ];
        for (tag, width, height, pixels) in stored {
            let turned = Orientation::from_tag(tag.into()).apply(width, height, 1, pixels.to_vec());
            assert_eq!(turned, (2, 3, upright.to_vec()), "orientation {tag}");
        }
    }

    #[test]
    fn garbage_means_upright() {
        assert_eq!(Orientation::from_exif(b"MM\0*\xff\xff\xff\xff"), Orientation::default());
        assert_eq!(Orientation::from_tag(9), Orientation::default());
    }
}
