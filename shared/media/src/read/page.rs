//! Letters with their places, as a page draws them, made into words and lines.
//!
//! Letters come in the order in which they are drawn, which is that of reading in nearly every document. Only where the next one
//! stands tells whether a word or a line has ended.

use hayro::hayro_interpret::kurbo::{Point, Vec2};

use super::Text;

/// Of the size of the letters: a gap that is wider ends a word.
const WORD_GAP: f64 = 0.15;
/// Of the size of the letters: a step across the line that is larger ends it.
const LINE_STEP: f64 = 0.4;
/// Of the size of the letters: a step back along the line that is larger ends it.
const STEP_BACK: f64 = 1.0;
/// Of the size of the letters: a step across that is larger ends a paragraph.
const PARAGRAPH_STEP: f64 = 1.9;
/// The most letters of a page; more are drawn by no page that somebody reads.
const MAX_LETTERS: usize = 200_000;
/// So near is a letter that is drawn twice, to look bold or to have an edge, to its first.
const SAME_PLACE: f64 = 0.1;

/// One letter, or several that one shape draws; none where it is not known which.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Letter {
    pub letters: String,
    pub start: Point,
    /// Where the next of the same word begins
    pub end: Point,
    /// How large the letters are
    pub size: f64,
}

/// The letters of a page.
#[derive(Debug, Default)]
pub(super) struct Lines {
    letters: Vec<Letter>,
    /// Whether there are more than are kept
    full: bool,
}

impl Lines {
    pub fn push(&mut self, letter: Letter) {
        let is_placed = [letter.start.x, letter.start.y, letter.end.x, letter.end.y, letter.size]
            .into_iter()
            .all(f64::is_finite);
        match self.letters.len() {
            _ if !is_placed => {}
            MAX_LETTERS.. => self.full = true,
            _ => self.letters.push(letter),
        }
    }

    /// Whether no more letters of the page are kept.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Writes the page and forgets it.
    pub fn write(&mut self, text: &mut Text) {
        let letters = std::mem::take(&mut self.letters);
        let mut before: Option<&Letter> = None;
        let mut drawn_again = Repeats::default();
        for letter in &letters {
            if drawn_again.is_one(letter) {
                continue;
            }
            if let Some(before) = before {
                match step(before, letter) {
                    Step::Goes => {}
                    Step::Word => text.space(),
                    Step::Line => text.line(),
                    Step::Paragraph => text.paragraph(),
                }
            }
            text.push(&letter.letters);
            before = Some(letter);
        }
        if std::mem::take(&mut self.full) {
            text.cut();
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Goes,
    Word,
    Line,
    Paragraph,
}

fn step(before: &Letter, next: &Letter) -> Step {
    let size = before.size.max(next.size).max(1e-6);
    let way = before.end - before.start;
    let way = if way.hypot() > 1e-9 { way / way.hypot() } else { Vec2::new(1.0, 0.0) };
    let gap = next.start - before.end;
    let (along, across) = (gap.dot(way) / size, gap.cross(way).abs() / size);
    if across > PARAGRAPH_STEP {
        Step::Paragraph
    } else if across > LINE_STEP || along < -STEP_BACK {
        Step::Line
    } else if along > WORD_GAP {
        Step::Word
    } else {
        Step::Goes
    }
}

/// Tells letters that are drawn over ones that were drawn a moment ago.
#[derive(Default)]
struct Repeats {
    /// The last letters, by where they are
    last: std::collections::VecDeque<(String, Point, f64)>,
}

/// So many letters are remembered: a line that is drawn twice.
const REMEMBERED: usize = 160;

impl Repeats {
    fn is_one(&mut self, letter: &Letter) -> bool {
        let near = SAME_PLACE * letter.size;
        let again = self
            .last
            .iter()
            .any(|(letters, at, _)| *letters == letter.letters && at.distance(letter.start) <= near);
        if !again {
            if self.last.len() == REMEMBERED {
                self.last.pop_front();
            }
            self.last.push_back((letter.letters.clone(), letter.start, letter.size));
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes letters of ten units, each half as wide, from a place on.
    fn write(lines: &mut Lines, at: (f64, f64), text: &str) {
        for (index, letter) in text.chars().enumerate() {
            let start = Point::new(at.0 + index as f64 * 5.0, at.1);
            let end = start + Vec2::new(5.0, 0.0);
            let letters = if letter == '?' { String::new() } else { letter.to_string() };
            lines.push(Letter { letters, start, end, size: 10.0 });
        }
    }

    fn read(pieces: &[((f64, f64), &str)]) -> String {
        let mut lines = Lines::default();
        pieces.iter().for_each(|(at, text)| write(&mut lines, *at, text));
        let mut text = Text::new();
        lines.write(&mut text);
        text.as_str().to_owned()
    }

    #[test]
    fn gaps_end_words_and_steps_end_lines_and_paragraphs() {
        let found = read(&[
            ((0.0, 0.0), "Ca"),
            ((10.5, 0.0), "ll"),
            ((23.0, 0.0), "me"),
            ((0.0, 12.0), "Ishmael"),
            ((35.5, 9.0), "2"),
            ((0.0, 40.0), "Some"),
            ((100.0, 40.0), "years"),
            ((60.0, 40.0), "ago"),
        ]);
        assert_eq!(found, "Call me\nIshmael2\n\nSome years\nago");
    }

    #[test]
    fn what_is_drawn_twice_is_read_once_and_what_has_no_letter_is_left_out() {
        let found = read(&[((0.0, 0.0), "bold"), ((0.3, 0.0), "bold"), ((20.0, 0.0), "er?s")]);
        assert_eq!(found, "bolders");
        assert_eq!(read(&[((0.0, 0.0), "boot"), ((0.0, 40.0), "boot")]), "boot\n\nboot");
    }

    #[test]
    fn places_that_are_none_are_left_out() {
        let mut lines = Lines::default();
        let nowhere = Point::new(f64::NAN, 0.0);
        lines.push(Letter { letters: "x".into(), start: nowhere, end: nowhere, size: f64::INFINITY });
        assert!(lines.letters.is_empty());
    }
}
