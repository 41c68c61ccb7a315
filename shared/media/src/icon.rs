//! Type icons: what stands in for a thumbnail that does not exist (domain.md T5).
//!
//! Drawn by us as SVG in `icons/`, rendered once by the test below, and committed beside their sources.

use crate::media_type::Family;

/// A small picture, ready to be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icon {
    /// The picture's bytes
    pub bytes: &'static [u8],
    /// Its MIME type
    pub mime: &'static str,
}

/// Returns the icon of a family: 256 x 256 pixels, PNG.
pub fn icon(family: Family) -> Icon {
    let bytes: &'static [u8] = match family {
        Family::Image => include_bytes!("../icons/image.png"),
        Family::Document => include_bytes!("../icons/document.png"),
        Family::Presentation => include_bytes!("../icons/presentation.png"),
        Family::Spreadsheet => include_bytes!("../icons/spreadsheet.png"),
        Family::Ebook => include_bytes!("../icons/ebook.png"),
        Family::Video => include_bytes!("../icons/video.png"),
        Family::Audio => include_bytes!("../icons/audio.png"),
        Family::Text => include_bytes!("../icons/text.png"),
        Family::Other => include_bytes!("../icons/other.png"),
    };
    Icon { bytes, mime: "image/png" }
}
