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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use resvg::tiny_skia::{Pixmap, Transform};
    use resvg::usvg;

    use super::*;

    const FAMILIES: [(&str, Family); 9] = [
        ("image", Family::Image),
        ("document", Family::Document),
        ("presentation", Family::Presentation),
        ("spreadsheet", Family::Spreadsheet),
        ("ebook", Family::Ebook),
        ("video", Family::Video),
        ("audio", Family::Audio),
        ("text", Family::Text),
        ("other", Family::Other),
    ];

    /// With `UPDATE_ICONS` set, writes the pictures anew instead of comparing them.
    #[test]
    fn each_icon_is_its_drawing_rendered() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("icons");
        for (name, family) in FAMILIES {
            let drawing = std::fs::read(folder.join(format!("{name}.svg"))).unwrap();
            let tree = usvg::Tree::from_data(&drawing, &usvg::Options::default()).unwrap();
            let mut picture = Pixmap::new(256, 256).unwrap();
            let scale = 256.0 / tree.size().width().max(tree.size().height());
            resvg::render(&tree, Transform::from_scale(scale, scale), &mut picture.as_mut());
            let rendered = picture.encode_png().unwrap();
            if std::env::var_os("UPDATE_ICONS").is_some() {
                std::fs::write(folder.join(format!("{name}.png")), rendered).unwrap();
            } else {
                assert!(
                    icon(family).bytes == rendered,
                    "icons/{name}.png is stale: UPDATE_ICONS=1 renders it"
                );
                assert!(
                    picture.pixels().iter().any(|pixel| pixel.alpha() > 0),
                    "icons/{name}.svg draws nothing"
                );
            }
        }
    }
}
