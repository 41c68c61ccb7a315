//! The one font of marks: which glyph stands for a letter, how wide it is, how it is drawn, and the few glyphs of it that a
//! document takes along.

use resvg::tiny_skia::PathBuilder;
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, GlyphId, MetadataProvider};

use crate::draw::{DrawError, Result};
use crate::request::FailureCode;

/// Ubuntu Light: Latin, Greek and Cyrillic.
const DATA: &[u8] = epaint_default_fonts::UBUNTU_LIGHT;
/// How high a line is, in font sizes.
pub(super) const LINE: f32 = 1.25;

/// A letter of a mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Letter {
    pub character: char,
    pub glyph: u16,
    /// In font sizes
    pub advance: f32,
    /// Whether there is anything to be seen of it
    pub shows: bool,
}

pub(super) struct Font {
    font: FontRef<'static>,
}

fn failed(reason: impl std::fmt::Display) -> DrawError {
    DrawError::Failed(FailureCode::ThumbIo, format!("font of marks: {reason}"))
}

impl Font {
    pub fn load() -> Result<Self> {
        Ok(Self { font: FontRef::new(DATA).map_err(failed)? })
    }

    /// The letters of a text. White space is a blank; what turns or hides text is left out; a character that the font does
    /// not have is written as its number, `U+674E`, so that two names never look alike.
    pub fn letters(&self, text: &str) -> Vec<Letter> {
        let mut letters = Vec::new();
        for character in text.chars() {
            if character.is_whitespace() {
                letters.extend(self.letter(' '));
            } else if character.is_control() || is_format(character) {
            } else if let Some(letter) = self.letter(character) {
                letters.push(letter);
            } else {
                let number = format!("U+{:04X}", u32::from(character));
                letters.extend(number.chars().filter_map(|digit| self.letter(digit)));
            }
        }
        letters
    }

    fn letter(&self, character: char) -> Option<Letter> {
        let glyph = self.font.charmap().map(character).filter(|glyph| *glyph != GlyphId::NOTDEF)?;
        let metrics = self.font.glyph_metrics(Size::new(1.0), LocationRef::default());
        let advance = metrics.advance_width(glyph)?;
        let bounds = metrics.bounds(glyph);
        let shows = bounds.is_some_and(|it| it.x_max > it.x_min && it.y_max > it.y_min);
        Some(Letter { character, glyph: u16::try_from(glyph.to_u32()).ok()?, advance, shows })
    }

    /// Adds the outline of a glyph at `x`, in font sizes, with y upwards.
    pub fn draw(&self, glyph: u16, x: f32, path: &mut PathBuilder) -> Result<()> {
        let Some(outline) = self.font.outline_glyphs().get(GlyphId::from(glyph)) else { return Ok(()) };
        let settings = DrawSettings::unhinted(Size::new(1.0), LocationRef::default());
        outline.draw(settings, &mut Pen { path, x }).map_err(failed)?;
        Ok(())
    }

    /// The font with these glyphs alone, under the numbers that `remapper` gives them.
    pub fn subset(&self, remapper: &subsetter::GlyphRemapper) -> Result<Vec<u8>> {
        subsetter::subset(DATA, 0, remapper).map_err(failed)
    }

    /// Ascent, descent and height of capitals, in thousandths of a font size.
    pub fn heights(&self) -> [f32; 3] {
        let metrics = self.font.metrics(Size::new(1000.0), LocationRef::default());
        [metrics.ascent, metrics.descent, metrics.cap_height.unwrap_or(metrics.ascent)]
    }
}

/// Characters without a shape of their own: they join, hide or turn others.
fn is_format(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

struct Pen<'a> {
    path: &'a mut PathBuilder,
    x: f32,
}

impl OutlinePen for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x + x, y);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x + x, y);
    }
    fn quad_to(&mut self, cx0: f32, cy0: f32, x: f32, y: f32) {
        self.path.quad_to(self.x + cx0, cy0, self.x + x, y);
    }
    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        self.path.cubic_to(self.x + cx0, cy0, self.x + cx1, cy1, self.x + x, y);
    }
    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        Font::load().unwrap().letters(text).iter().map(|letter| letter.character).collect()
    }

    #[test]
    fn letters_are_those_of_the_text_and_none_is_lost() {
        for (text, letters) in [
            ("fay 2026-11-30", "fay 2026-11-30"),
            ("Müller\t Łódź\nСофия Ωmega", "Müller  Łódź София Ωmega"),
            ("李明", "U+674EU+660E"),
            ("🗺", "U+1F5FA"),
            ("a\u{202e}b\u{200b}c\u{0}d\u{feff}", "abcd"),
        ] {
            assert_eq!(read(text), letters);
        }
        let font = Font::load().unwrap();
        assert!(font.letters("fay").iter().all(|letter| letter.shows && letter.advance > 0.2));
        assert!(!font.letters(" \u{a0}\u{200b}").iter().any(|letter| letter.shows));
    }
}
