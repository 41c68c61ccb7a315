//! PDF: the first page.

use std::sync::Arc;

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::{LoadPdfError, Pdf};
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};

use crate::draw::{Drawn, Result, Source, broken, unsupported};
use crate::raster::{Layout, Raster, flatten_rgba};
use crate::request::Facts;

/// Draws the first page at the target size, on white.
pub(crate) fn draw(source: &Source, target: u32) -> Result<Drawn> {
    let pdf = Pdf::new(Arc::new(source.read_all()?)).map_err(|error| match error {
        LoadPdfError::Decryption(_) => unsupported("document is protected by a password"),
        error => broken(format!("{error:?}")),
    })?;
    let pages = pdf.pages();
    let page = pages.first().ok_or_else(|| broken("document without pages"))?;
    let (page_width, page_height) = page.render_dimensions();
    let long = page_width.max(page_height);
    if !long.is_finite() || page_width <= 0.0 || page_height <= 0.0 {
        return Err(broken("page without a size"));
    }
    // Half a pixel more, because the renderer rounds down.
    let scale = (target as f32 + 0.5) / long;
    let at_least_one = |side: f32| if side * scale < 1.0 { 1.01 / side } else { scale };
    let settings = PixmapSettings {
        x_scale: at_least_one(page_width),
        y_scale: at_least_one(page_height),
        bg_color: WHITE,
    };
    let pixmap = render(
        page,
        &RenderCache::new(),
        &InterpreterSettings::default(),
        &RenderSettings::default(),
        &settings,
    );
    let rgb = flatten_rgba(pixmap.data_as_u8_slice());
    let raster = Raster::new(pixmap.width().into(), pixmap.height().into(), Layout::Rgb, rgb)?;
    let facts = Facts { pages: u32::try_from(pages.len()).ok(), ..Facts::default() };
    Ok(Drawn { raster, facts })
}
