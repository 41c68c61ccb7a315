//! A picture with a mark on it, as JPEG.

use resvg::tiny_skia::{Color, FillRule, IntSize, Paint, PathBuilder, Pixmap, Stroke, Transform};

use super::font::{Font, Letter};
use super::layout::lay_out;
use crate::codec;
use crate::draw::{Result, broken, over_limit};
use crate::raster::{Layout as Channels, Raster};

/// The least that a mark can be read on, in pixels: long side and short side; and the same for a long text. A smaller picture
/// is enlarged and set on white.
const LEAST: (u32, u32) = (400, 160);
const LEAST_FOR_LONG: (u32, u32) = (800, 600);
const LONG_TEXT: usize = 400;
/// The smallest letters that can be read, in pixels.
const FLOOR: f32 = 9.0;
/// How much of the ground the letters and their edge cover.
const LIGHT: f32 = 0.45;
const DARK: f32 = 0.45;
/// How wide the letters are made, which are thin, and how wide they are with their edge, in font sizes.
const BODY: f32 = 0.04;
const EDGE: f32 = 0.12;

/// Writes a mark on a picture of at most `long_side` pixels.
pub(super) fn mark(raster: Raster, long_side: u32, font: &Font, letters: &[Letter]) -> Result<Vec<u8>> {
    let picture = codec::finished(raster, long_side)?;
    let mut ground = ground(picture, letters.len())?;
    let (width, height) = (ground.width(), ground.height());
    let layout = lay_out(letters, width as f32, height as f32, FLOOR);
    let mut paths = Vec::with_capacity(layout.lines.len());
    for line in &layout.lines {
        let mut path = PathBuilder::new();
        let mut x = 0.0;
        for letter in line {
            font.draw(letter.glyph, x, &mut path)?;
            x += letter.advance;
        }
        paths.push(path.finish());
    }
    let paint = |gray: f32, alpha: f32| {
        let mut paint = Paint { anti_alias: true, ..Paint::default() };
        paint.set_color(Color::from_rgba(gray, gray, gray, alpha).unwrap_or(Color::BLACK));
        paint
    };
    let (light, dark) = (paint(1.0, LIGHT), paint(0.0, DARK));
    let (body, edge) =
        (Stroke { width: BODY, ..Stroke::default() }, Stroke { width: EDGE, ..Stroke::default() });
    for place in &layout.places {
        let Some(path) = paths.get(place.line).and_then(Option::as_ref) else { continue };
        let (size, (cos, sin), (x, y)) = (place.size, place.slope, place.at);
        // Letters are drawn with y upwards, pixels go down.
        let there =
            Transform::from_row(size * cos, -size * sin, -size * sin, -size * cos, x, height as f32 - y);
        ground.stroke_path(path, &dark, &edge, there, None);
        ground.stroke_path(path, &light, &body, there, None);
        ground.fill_path(path, &light, FillRule::Winding, there, None);
    }
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
    for pixel in ground.data().chunks_exact(4) {
        pixels.extend_from_slice(pixel.get(..3).unwrap_or(&[0; 3]));
    }
    codec::encode(&Raster::new(width, height, Channels::Rgb, pixels)?)
}

/// The picture as something to draw on, enlarged and set on white where a mark could not be read on it.
fn ground(picture: Raster, letters: usize) -> Result<Pixmap> {
    let (long, short) = if letters > LONG_TEXT { LEAST_FOR_LONG } else { LEAST };
    let times = long.div_ceil(picture.width.max(picture.height)).max(1);
    let (width, height) = (picture.width * times, picture.height * times);
    let lies = width >= height;
    let (least_width, least_height) = if lies { (long, short) } else { (short, long) };
    let (full_width, full_height) = (width.max(least_width), height.max(least_height));
    let (left, top) = ((full_width - width) / 2, (full_height - height) / 2);
    let channels = picture.layout.channels();
    let mut rgba = vec![255; full_width as usize * full_height as usize * 4];
    let rows = rgba.chunks_exact_mut(full_width as usize * 4).skip(top as usize).take(height as usize);
    for (y, row) in rows.enumerate() {
        let from = y / times as usize * picture.width as usize * channels;
        for (x, pixel) in row.chunks_exact_mut(4).skip(left as usize).take(width as usize).enumerate() {
            let at = from + x / times as usize * channels;
            let color =
                picture.pixels.get(at..at + channels).ok_or_else(|| broken("picture of fewer pixels"))?;
            for (to, from) in pixel.iter_mut().zip(color.iter().cycle().take(3)) {
                *to = *from;
            }
        }
    }
    let size = IntSize::from_wh(full_width, full_height).ok_or_else(|| broken("picture without a size"))?;
    Pixmap::from_vec(rgba, size).ok_or_else(|| over_limit("picture does not fit memory"))
}
