//! Text: what can be read of a file that is no text itself (domain.md D19). Runs in the child only.
//!
//! PDF gives the letters that it draws, those of an invisible OCR layer too; ALTO and hOCR are what OCR writes of a page. All of it is
//! plain text in UTF-8 at the end, a line a line, pages apart by form feeds, and never longer than [`MAX_TEXT_BYTES`].

mod alto;
mod hocr;
mod markup;
mod page;
mod pdf;

use std::path::Path;

use crate::draw::{DrawError, Result, Source, broken, unsupported};
use crate::job::Job;
use crate::request::{FailureCode, MAX_TEXT_BYTES};

/// What was read.
pub(crate) struct Read {
    pub size_bytes: u64,
    pub cut: bool,
}

/// Writes the text of a job's source to `out`; nothing is written where there is none.
pub(crate) fn read(job: &Job, out: &Path) -> Result<Read> {
    let source = Source::File(job.source.clone());
    let text = match job.mime.as_str() {
        "application/pdf" => pdf::read(&source)?,
        "application/xml" | "text/xml" | "application/xhtml+xml" | "text/html" => {
            let document = markup::decoded(&source)?;
            match markup::kind(&document)? {
                Some(markup::Kind::Alto) => alto::read(&document)?,
                Some(markup::Kind::Hocr) => hocr::read(&document)?,
                None => return Err(unsupported("it is neither ALTO nor hOCR")),
            }
        }
        mime => return Err(unsupported(format!("no text is read from {mime}"))),
    };
    let cut = text.is_full();
    let text = text.finished();
    if !text.is_empty() {
        std::fs::write(out, &text)
            .map_err(|error| DrawError::Failed(FailureCode::ThumbIo, format!("text not written: {error}")))?;
    }
    Ok(Read { size_bytes: text.len() as u64, cut })
}

/// Text that is being put together: words, lines and pages with one mark between any two, and nothing at either end.
pub(crate) struct Text {
    out: String,
    /// What comes before the next word
    gap: Gap,
    most: usize,
    full: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Word,
    Line,
    Paragraph,
    Page,
}

impl Text {
    pub fn new() -> Self {
        Self::of_at_most(MAX_TEXT_BYTES)
    }

    fn of_at_most(most: usize) -> Self {
        Self { out: String::new(), gap: Gap::None, most, full: false }
    }

    /// Goes on with the line; what controls a terminal or turns the direction of what follows is left out.
    pub fn push(&mut self, piece: &str) {
        for letter in piece.chars() {
            match letter {
                c if c.is_whitespace() => self.space(),
                c if c.is_control() || is_turning(c) => {}
                c => self.letter(c),
            }
        }
    }

    pub fn letter(&mut self, letter: char) {
        let between = match self.gap {
            _ if self.out.is_empty() => "",
            Gap::None => "",
            Gap::Word => " ",
            Gap::Line => "\n",
            Gap::Paragraph => "\n\n",
            Gap::Page => "\n\u{c}",
        };
        if self.full || self.out.len() + between.len() + letter.len_utf8() > self.most {
            self.full = true;
            return;
        }
        self.out.push_str(between);
        self.out.push(letter);
        self.gap = Gap::None;
    }

    pub fn space(&mut self) {
        self.gap = self.gap.max(Gap::Word);
    }

    pub fn line(&mut self) {
        self.gap = self.gap.max(Gap::Line);
    }

    pub fn paragraph(&mut self) {
        self.gap = self.gap.max(Gap::Paragraph);
    }

    pub fn page(&mut self) {
        self.gap = self.gap.max(Gap::Page);
    }

    /// Takes back the end of a line, where a word goes on in the next.
    pub fn join(&mut self) {
        if self.gap < Gap::Paragraph {
            self.gap = Gap::None;
        }
    }

    /// Says that there is more that is not read.
    pub fn cut(&mut self) {
        self.full = true;
    }

    /// Whether there is more than is kept.
    pub fn is_full(&self) -> bool {
        self.full
    }

    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// What a part of a text says, to be put elsewhere.
    pub fn as_str(&self) -> &str {
        &self.out
    }

    fn finished(mut self) -> String {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }
}

/// Characters that turn the direction of the text that follows, or join it unseen.
fn is_turning(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}

/// A document that ends in the middle or is not what it claims.
fn damaged(error: impl std::fmt::Display) -> DrawError {
    broken(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_mark_between_any_two_words_and_none_at_the_ends() {
        let mut text = Text::new();
        text.page();
        text.push("  Call\u{202e} me\u{7}  ");
        text.line();
        text.space();
        text.push("Ish");
        text.line();
        text.join();
        text.push("mael.");
        text.paragraph();
        text.line();
        text.push("Some years\u{a0}ago");
        text.line();
        text.page();
        text.join();
        text.push("never");
        text.page();
        assert_eq!(text.finished(), "Call me\nIshmael.\n\nSome years ago\n\u{c}never\n");
        assert_eq!(Text::new().finished(), "");
    }

    #[test]
    fn what_is_too_long_is_cut_between_two_letters() {
        let mut text = Text::of_at_most(5);
        text.push("aé");
        text.push(" éé");
        assert!(text.is_full());
        assert_eq!(text.finished(), "aé \n".replace(' ', ""));
        let mut text = Text::of_at_most(4);
        text.push("abcd");
        assert!(!text.is_full());
    }
}
