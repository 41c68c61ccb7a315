//! PDF: the letters that its pages draw, also those of an invisible layer that OCR laid under a scan.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hayro::hayro_interpret::font::{Glyph, GlyphRun};
use hayro::hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro::hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, SoftMask, interpret_page,
};
use hayro::hayro_syntax::{LoadPdfError, Pdf};

use super::Text;
use super::page::{Letter, Lines};
use crate::draw::{Result, Source, broken, unsupported};

/// The most pages that are read.
const MAX_PAGES: usize = 10_000;
/// After so long no further page is begun: what was read is worth more than a limit that was passed. The child's own limits end
/// a page that takes longer.
const LONGEST: Duration = Duration::from_secs(12);

/// The text of all pages.
pub(super) fn read(source: &Source) -> Result<Text> {
    let begun = Instant::now();
    let pdf = Pdf::new(Arc::new(source.read_all()?)).map_err(|error| match error {
        LoadPdfError::Decryption(_) => unsupported("document is protected by a password"),
        error => broken(format!("{error:?}")),
    })?;
    let pages = pdf.pages();
    if pages.is_empty() {
        return Err(broken("document without pages"));
    }
    let cache = InterpreterCache::new();
    let mut text = Text::new();
    let mut reader = Reader::default();
    for (index, page) in pages.iter().enumerate() {
        if index >= MAX_PAGES || text.is_full() || begun.elapsed() > LONGEST {
            text.cut();
            break;
        }
        let (width, height) = page.render_dimensions();
        let transform = Affine::new(page.initial_transform(true).as_coeffs());
        let bounds = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
        let settings = InterpreterSettings::default();
        let mut context = Context::new(transform, bounds, &cache, page.xref(), settings);
        interpret_page(page, &mut context, &mut reader);
        text.page();
        reader.lines.write(&mut text);
    }
    if text.is_empty() && reader.unnamed > 0 {
        return Err(unsupported("its fonts do not tell which letters they draw"));
    }
    Ok(text)
}

/// A device that draws nothing and takes down which letters are where.
#[derive(Default)]
struct Reader {
    lines: Lines,
    /// Letters of which nothing tells what they are
    unnamed: usize,
}

impl<'a> Device<'a> for Reader {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        if self.lines.is_full() {
            return;
        }
        for glyph in run.glyphs() {
            let place = props.transform * glyph.transform();
            let advance = match &**glyph {
                Glyph::Outline(outline) => outline.advance_width(),
                Glyph::Type3(drawn) => drawn.advance_width(),
            };
            let advance = f64::from(advance.unwrap_or(500.0));
            let along = match run.writing_mode() {
                WritingMode::Horizontal => Vec2::new(advance, 0.0),
                WritingMode::Vertical => Vec2::new(0.0, -1000.0),
            };
            let start = place * Point::ZERO;
            let end = place * along.to_point();
            let size = (place * Point::new(0.0, 1000.0)).distance(start);
            let letters = match glyph.as_unicode() {
                Some(BfString::Char(letter)) => letter.to_string(),
                Some(BfString::String(letters)) => letters,
                None => {
                    self.unnamed += 1;
                    String::new()
                }
            };
            self.lines.push(Letter { letters, start, end, size });
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
