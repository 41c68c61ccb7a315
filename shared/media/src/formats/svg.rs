//! SVG, drawn as a picture: no script, no animation, no file or address outside the drawing.

use std::sync::Arc;

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{self, fontdb};

use crate::draw::{DrawError, Drawn, Result, Source, broken, over_limit};
use crate::raster::{Layout, Raster, flatten_rgba};
use crate::request::Facts;

/// Larger drawings are maps or data; a picture of them takes longer than a thumbnail may.
const MAX_SVG_BYTES: usize = 24 << 20;

/// A drawing that says it is larger says nothing.
const LARGEST_FACT: f32 = 1e6;

/// Draws an SVG at the target size: a drawing has no size of its own that could be exceeded.
pub(crate) fn draw(source: &Source, target: u32) -> Result<Drawn> {
    let bytes = source.read_all()?;
    if bytes.len() > MAX_SVG_BYTES {
        return Err(over_limit(format!("drawing of {} bytes", bytes.len())));
    }
    draw_bytes(&bytes, target)
}

/// Draws SVG bytes; also the way text files and waveforms become pictures.
pub(crate) fn draw_bytes(bytes: &[u8], target: u32) -> Result<Drawn> {
    if bytes.starts_with(&[0x1F, 0x8B]) {
        // The parser would inflate it without a limit.
        return Err(broken("compressed drawing"));
    }
    let tree = usvg::Tree::from_data(bytes, &options()).map_err(failure)?;
    let size = tree.size();
    let scale = target as f32 / size.width().max(size.height());
    let side = |side: f32| ((side * scale).round() as u32).clamp(1, target);
    let (width, height) = (side(size.width()), side(size.height()));
    let mut pixmap = Pixmap::new(width, height).ok_or_else(|| over_limit("drawing does not fit memory"))?;
    pixmap.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    let raster = Raster::new(width, height, Layout::Rgb, flatten_rgba(pixmap.data()))?;
    let declared = |side: f32| (side < LARGEST_FACT).then_some(side.round() as u32);
    let facts = Facts {
        width: declared(size.width()),
        height: declared(size.height()),
        pages: Some(1),
        ..Facts::default()
    };
    Ok(Drawn { raster, facts })
}

fn failure(error: usvg::Error) -> DrawError {
    match error {
        usvg::Error::ElementsLimitReached
        | usvg::Error::ParsingFailed(usvg::roxmltree::Error::NodesLimitReached) => over_limit(error),
        error => broken(error),
    }
}

fn options() -> usvg::Options<'static> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    fonts.load_font_data(epaint_default_fonts::HACK_REGULAR.to_vec());
    for set_family in [
        fontdb::Database::set_serif_family::<&str>,
        fontdb::Database::set_sans_serif_family,
        fontdb::Database::set_cursive_family,
        fontdb::Database::set_fantasy_family,
    ] {
        set_family(&mut fonts, "Ubuntu");
    }
    fonts.set_monospace_family("Hack");
    usvg::Options {
        resources_dir: None,
        font_family: "Ubuntu".into(),
        fontdb: Arc::new(fonts),
        image_href_resolver: usvg::ImageHrefResolver {
            // Pictures inside the drawing are part of it; anything it points at is not.
            resolve_data: usvg::ImageHrefResolver::default_data_resolver(),
            resolve_string: Box::new(|_, _| None),
        },
        ..usvg::Options::default()
    }
}
