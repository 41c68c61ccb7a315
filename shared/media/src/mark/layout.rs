//! Where a mark is written on something of given sides: across the whole, again and again, and once along the foot.
//!
//! One layout serves pictures and pages: the unit is whatever the sides are in, y goes up from the lower left corner.

use super::font::{LINE, Letter};

/// The steepest slope, in radians: text that climbs more is hard to read.
const STEEPEST: f32 = 0.6;
/// How large the letters across are where there is room, and the smallest, against the long side.
const LARGE: f32 = 1.0 / 25.0;
const SMALL: f32 = 9.0 / 400.0;
/// The letters along the foot, against those across.
const FOOT: f32 = 0.55;
/// How much of a side a block may take.
const SHARE: f32 = 0.94;
/// More blocks than this make nothing clearer.
const MAX_BLOCKS: f32 = 400.0;

/// A line at its place: its letters begin at `at` and run along `slope`, which is cosine and sine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    /// Which of the lines
    pub line: usize,
    /// How far its block is from the middle, in steps
    block: i32,
    pub size: f32,
    pub at: (f32, f32),
    pub slope: (f32, f32),
}

/// Lines and where they go. The lines of the foot come after those that go across.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub lines: Vec<Vec<Letter>>,
    pub places: Vec<Place>,
}

/// Lays a mark out on `width` by `height`, with letters no smaller than `floor`.
pub(super) fn lay_out(letters: &[Letter], width: f32, height: f32, floor: f32) -> Layout {
    let long = width.max(height);
    let angle = height.atan2(width).min(STEEPEST);
    let slope = (angle.cos(), angle.sin());
    let smallest = (long * SMALL).min(floor.max(long * SMALL / 4.0));
    // Upright room that a block takes once it is turned.
    let turned = |(w, h): (f32, f32)| (w * slope.0 + h * slope.1, w * slope.1 + h * slope.0);
    let (mut lines, size) = fitted(letters, long * LARGE, smallest, |block| {
        let (w, h) = turned(block);
        w <= width * SHARE && h <= height * SHARE
    });
    let mut places = across(&lines, size, slope, width, height);
    let first = lines.len();
    let foot_smallest = smallest.min(size * FOOT).max(floor.min(size));
    let (foot, size) = fitted(letters, (size * FOOT).max(foot_smallest), foot_smallest, |(w, h)| {
        w <= width * SHARE && h <= height / 2.0
    });
    // Where both were written nobody could read either, but for the block in the middle.
    let (top, half) = (size * (0.6 + foot.len() as f32 * LINE), widest(&foot) * size / 2.0);
    places.retain(|place| {
        let run = lines.get(place.line).map_or(0.0, |line| measure(line)) * place.size;
        let (from, to) = (place.at.0, place.at.0 + run * place.slope.0);
        let beside = to < width / 2.0 - half || from - place.size > width / 2.0 + half;
        place.at.1 - place.size * 0.3 > top || beside || place.block == 0
    });
    for (number, line) in foot.iter().enumerate() {
        let above = (foot.len() - number - 1) as f32;
        let at = ((width - measure(line) * size) / 2.0, size * 0.6 + above * size * LINE);
        places.push(Place { line: first + number, block: 0, size, at, slope: (1.0, 0.0) });
    }
    lines.extend(foot);
    Layout { lines, places }
}

/// The largest size from `largest` down to `smallest` at which the letters, broken into lines, fit; else the smallest, in
/// as many lines as bring it nearest to a square.
fn fitted(
    letters: &[Letter],
    largest: f32,
    smallest: f32,
    fits: impl Fn((f32, f32)) -> bool,
) -> (Vec<Vec<Letter>>, f32) {
    let total = measure(letters);
    let block = |lines: &[Vec<Letter>], size: f32| (widest(lines) * size, lines.len() as f32 * size * LINE);
    let most = (total * 0.8).sqrt().ceil().max(1.0) as usize + 1;
    let broken: Vec<_> = (1..=most).map(|lines| break_lines(letters, total / lines as f32)).collect();
    let mut size = largest;
    while size > smallest {
        if let Some(lines) = broken.iter().find(|lines| fits(block(lines, size))) {
            return (lines.clone(), size);
        }
        size *= 0.9;
    }
    let found = broken.iter().find(|lines| fits(block(lines, smallest))).or(broken.last());
    (found.cloned().unwrap_or_default(), smallest)
}

fn widest(lines: &[Vec<Letter>]) -> f32 {
    lines.iter().map(|line| measure(line)).fold(0.0, f32::max)
}

pub(super) fn measure(line: &[Letter]) -> f32 {
    line.iter().map(|letter| letter.advance).sum()
}

/// Breaks letters into lines of about `width`, at blanks where there are any.
fn break_lines(letters: &[Letter], width: f32) -> Vec<Vec<Letter>> {
    let mut lines: Vec<Vec<Letter>> = Vec::new();
    let mut line: Vec<Letter> = Vec::new();
    // A tenth more, so that two lines do not become three by a letter.
    let limit = width * 1.1 + 0.01;
    for letter in letters {
        if measure(&line) + letter.advance > limit && line.iter().any(|letter| letter.shows) {
            let blank = line.iter().rposition(|letter| !letter.shows).filter(|at| *at > line.len() / 3);
            let rest = blank.map(|at| line.split_off(at)).unwrap_or_default();
            lines.push(trimmed(std::mem::replace(&mut line, trimmed(rest))));
        }
        line.push(*letter);
    }
    lines.push(trimmed(line));
    lines.retain(|line| !line.is_empty());
    lines
}

fn trimmed(line: Vec<Letter>) -> Vec<Letter> {
    let shows = |letter: &Letter| letter.shows;
    match (line.iter().position(shows), line.iter().rposition(shows)) {
        (Some(first), Some(last)) => line.get(first..=last).map(<[Letter]>::to_vec).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Blocks of lines over the whole, the first of them in the middle; every other row is shifted by half a block.
fn across(lines: &[Vec<Letter>], size: f32, (cos, sin): (f32, f32), width: f32, height: f32) -> Vec<Place> {
    let block_width = widest(lines) * size;
    let block_height = lines.len() as f32 * size * LINE;
    let (mut step_x, mut step_y) = (block_width + size * 2.5, block_height + size * 2.2);
    let reach = width.hypot(height) / 2.0;
    let blocks = (2.0 * reach / step_x + 2.0) * (2.0 * reach / step_y + 2.0);
    if blocks > MAX_BLOCKS {
        step_x *= (blocks / MAX_BLOCKS).sqrt();
        step_y *= (blocks / MAX_BLOCKS).sqrt();
    }
    let rows = (reach / step_y).ceil() as i32;
    let columns = (reach / step_x).ceil() as i32 + 1;
    let mut places = Vec::new();
    for row in -rows..=rows {
        for column in -columns..=columns {
            let shift = if row % 2 == 0 { 0.0 } else { 0.5 };
            let (x, y) = ((column as f32 + shift) * step_x, row as f32 * step_y);
            let middle = (width / 2.0 + x * cos - y * sin, height / 2.0 + x * sin + y * cos);
            let (half_w, half_h) = (
                (block_width * cos + block_height * sin) / 2.0,
                (block_width * sin + block_height * cos) / 2.0,
            );
            let outside = middle.0 + half_w < 0.0
                || middle.0 - half_w > width
                || middle.1 + half_h < 0.0
                || middle.1 - half_h > height;
            if outside {
                continue;
            }
            for (number, line) in lines.iter().enumerate() {
                let along = -measure(line) * size / 2.0;
                // The baseline is a quarter of a size above the lower edge of its line.
                let up = block_height / 2.0 - (number as f32 + 1.0) * size * LINE + size * 0.3;
                let at = (middle.0 + along * cos - up * sin, middle.1 + along * sin + up * cos);
                places.push(Place {
                    line: number,
                    block: row.abs() + column.abs(),
                    size,
                    at,
                    slope: (cos, sin),
                });
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::super::font::Font;
    use super::*;

    const SIDES: [(f32, f32); 7] = [
        (3000.0, 2000.0),
        (2000.0, 3000.0),
        (400.0, 160.0),
        (160.0, 400.0),
        (595.0, 842.0),
        (3000.0, 160.0),
        (20.0, 30.0),
    ];

    fn corners(place: &Place, line: &[Letter]) -> [(f32, f32); 2] {
        let run = measure(line) * place.size;
        let (x, y) = place.at;
        [(x, y), (x + run * place.slope.0, y + run * place.slope.1)]
    }

    #[test]
    fn every_letter_is_whole_on_it_once_across_and_once_along_the_foot() {
        let font = Font::load().unwrap();
        let long =
            "Provided to fay@library.example for private study. Copies may not be passed on. ".repeat(4);
        for text in ["x", "fay 2026-11-30", "{user}", &long] {
            let letters = font.letters(text);
            let shown: Vec<char> = letters.iter().filter(|it| it.shows).map(|it| it.character).collect();
            for (width, height) in SIDES {
                let layout = lay_out(&letters, width, height, 9.0);
                let inside = |(x, y): (f32, f32)| x >= 0.0 && y >= 0.0 && x <= width && y <= height;
                let whole =
                    |place: &&Place| corners(place, &layout.lines[place.line]).into_iter().all(inside);
                let mut across: Vec<usize> = Vec::new();
                let mut foot: Vec<usize> = Vec::new();
                for place in layout.places.iter().filter(whole) {
                    let lines = if place.slope == (1.0, 0.0) { &mut foot } else { &mut across };
                    lines.push(place.line);
                }
                for mut lines in [across, foot] {
                    lines.sort_unstable();
                    lines.dedup();
                    let said: Vec<char> = lines
                        .iter()
                        .flat_map(|line| &layout.lines[*line])
                        .filter(|it| it.shows)
                        .map(|it| it.character)
                        .collect();
                    assert_eq!(said, shown, "{text} on {width} x {height}");
                }
            }
        }
    }

    #[test]
    fn a_mark_covers_the_whole_and_its_number_of_lines_is_bounded() {
        let font = Font::load().unwrap();
        for text in ["x", "fay 2026-11-30"] {
            for (width, height) in SIDES {
                let layout = lay_out(&font.letters(text), width, height, 9.0);
                assert!(layout.places.len() < 1000, "{} places", layout.places.len());
                // No quarter of it is without a beginning or an end of a line, and no half of a strip.
                let strip = width > height * 10.0;
                for (left, low) in [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)] {
                    if strip && low > 0.0 {
                        continue;
                    }
                    let (left, low) = (left * width, low * height);
                    let touched = layout.places.iter().any(|place| {
                        corners(place, &layout.lines[place.line]).iter().any(|(x, y)| {
                            (left..=left + width / 2.0).contains(x)
                                && (low..=low + if strip { height } else { height / 2.0 }).contains(y)
                        })
                    });
                    assert!(touched, "{text} on {width} x {height} at {left}, {low}");
                }
            }
        }
    }

    #[test]
    fn nothing_makes_it_loop_or_divide_by_nothing() {
        let font = Font::load().unwrap();
        let letters = font.letters(&"MW".repeat(2000));
        for (width, height) in [(0.1, 0.1), (1.0, 30_000.0), (1e6, 1.0), (14_400.0, 14_400.0)] {
            for letters in [&letters[..], &letters[..1]] {
                let layout = lay_out(letters, width, height, 9.0);
                assert!(
                    layout
                        .places
                        .iter()
                        .all(|it| it.at.0.is_finite() && it.at.1.is_finite() && it.size > 0.0)
                );
                assert!(layout.places.len() < 100_000);
            }
        }
    }
}
