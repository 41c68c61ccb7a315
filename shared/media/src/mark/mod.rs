//! Marks: a copy of a picture or of a document with a text laid over it (domain.md A14). Runs in the child only.
//!
//! A mark says who looks, and is to be seen on every part of what is taken along: it is written across the whole, again and
//! again, and once along the foot. Its letters are light with a dark edge, so that they show on any ground. What can not
//! be marked has no copy: nothing here returns the source as it is.

mod document;
mod font;
mod layout;
mod picture;

use crate::draw::{DrawError, Result, over_limit, unsupported};
use crate::formats;
use crate::job::{Job, Mark};
use crate::request::{FailureCode, MarkedAs, marked_as};
use font::Font;

/// The longest text that is drawn, in letters; a longer one would have to be cut, and its end may be the viewer's name.
const MAX_LETTERS: usize = 4000;
/// Smaller pictures are tried where the wanted one is more than a decoder may hold.
const SMALLER: [u32; 2] = [2048, 1024];

/// A marked copy on disk.
pub(crate) struct MarkedCopy {
    pub mime: &'static str,
    pub size_bytes: u64,
}

/// Writes the marked copy of a job's source.
pub(crate) fn mark(job: &Job, wish: &Mark) -> Result<MarkedCopy> {
    let font = Font::load()?;
    let letters = font.letters(&wish.text);
    if !letters.iter().any(|letter| letter.shows) {
        return Err(unsupported("the mark has no letters that show"));
    }
    if letters.len() > MAX_LETTERS {
        return Err(over_limit(format!("a mark of {} letters", letters.len())));
    }
    let source = crate::draw::Source::File(job.source.clone());
    let (mime, bytes) = match marked_as(&job.mime) {
        Some(MarkedAs::Document) => ("application/pdf", document::mark(&source, &font, &letters)?),
        Some(MarkedAs::Picture) => {
            let drawn = largest(wish.long_side, |side| formats::draw(&source, &job.mime, side, job))?;
            let (raster, side) = drawn;
            ("image/jpeg", picture::mark(raster.raster, side, &font, &letters)?)
        }
        None => return Err(unsupported(format!("{} can not be marked", job.mime))),
    };
    std::fs::write(&wish.out, &bytes)
        .map_err(|error| DrawError::Failed(FailureCode::ThumbIo, format!("copy not written: {error}")))?;
    Ok(MarkedCopy { mime, size_bytes: bytes.len() as u64 })
}

/// Draws as large as `side` where that can be held, else smaller.
fn largest<T>(side: u32, mut draw: impl FnMut(u32) -> Result<T>) -> Result<(T, u32)> {
    let mut last = draw(side).map(|drawn| (drawn, side));
    for smaller in SMALLER.into_iter().filter(|smaller| *smaller < side) {
        match last {
            Err(DrawError::Failed(FailureCode::ThumbLimit, _)) => {
                last = draw(smaller).map(|drawn| (drawn, smaller));
            }
            _ => break,
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_to_hold_is_drawn_smaller_and_what_is_broken_is_not() {
        let holds = |most: u32| move |side: u32| if side > most { Err(over_limit("large")) } else { Ok(()) };
        assert_eq!(largest(3000, holds(4000)).unwrap().1, 3000);
        assert_eq!(largest(3000, holds(2500)).unwrap().1, 2048);
        assert_eq!(largest(3000, holds(1500)).unwrap().1, 1024);
        assert!(largest(3000, holds(1000)).is_err());
        let mut tries = 0;
        let broken = largest(3000, |_| {
            tries += 1;
            Err::<(), _>(crate::draw::broken("damaged"))
        });
        assert!(broken.is_err());
        assert_eq!(tries, 1);
    }
}
