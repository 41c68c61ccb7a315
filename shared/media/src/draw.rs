//! Which renderer draws which type, and the errors renderers share. Runs in the child only.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::PathBuf;

use crate::job::{Job, Tool};
use crate::raster::Raster;
use crate::request::{Facts, FailureCode, Thumbnail};
use crate::{codec, formats};

/// Largest width or height that is decoded at all. Source: media.md, "hostile input".
pub(crate) const MAX_SIDE: u32 = 30_000;
/// Most pixels of a picture that is decoded row by row and never held whole.
const MAX_STREAMED_PIXELS: u64 = 600_000_000;
/// Most bytes of a picture that a decoder must hold whole; leaves room under the child's address space.
pub(crate) const MAX_HELD_BYTES: u64 = 320 << 20;
/// Largest compressed file that is read into memory whole.
pub(crate) const MAX_READ_BYTES: u64 = 256 << 20;

/// Why there is no picture.
#[derive(Debug)]
pub(crate) enum DrawError {
    Unsupported(String),
    /// Our own code has nothing for the file; a program outside may
    Needs(Tool, String),
    Failed(FailureCode, String),
}

pub(crate) type Result<T> = std::result::Result<T, DrawError>;

/// The bytes are damaged or not what they claim.
pub(crate) fn broken(reason: impl std::fmt::Display) -> DrawError {
    DrawError::Failed(FailureCode::ThumbBroken, plain(reason))
}

/// A limit of ours is passed.
pub(crate) fn over_limit(reason: impl std::fmt::Display) -> DrawError {
    DrawError::Failed(FailureCode::ThumbLimit, plain(reason))
}

/// Nothing here draws this.
pub(crate) fn unsupported(reason: impl std::fmt::Display) -> DrawError {
    DrawError::Unsupported(plain(reason))
}

/// Keeps a library's message short and on one line: it is shown to staff and may quote the file.
fn plain(reason: impl std::fmt::Display) -> String {
    reason.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

impl From<io::Error> for DrawError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                broken(error)
            }
            _ => Self::Failed(FailureCode::ThumbIo, plain(error)),
        }
    }
}

/// A picture and what was learned on the way.
pub(crate) struct Drawn {
    pub raster: Raster,
    pub facts: Facts,
}

/// Where a renderer's bytes come from: the file itself, or something found inside a container.
pub(crate) enum Source {
    File(PathBuf),
    Bytes(Vec<u8>),
}

impl Source {
    /// Opens the bytes for reading in order.
    pub fn open(&self) -> Result<Box<dyn BufReadSeek + '_>> {
        Ok(match self {
            Self::File(path) => Box::new(BufReader::with_capacity(64 << 10, File::open(path)?)),
            Self::Bytes(bytes) => Box::new(Cursor::new(bytes.as_slice())),
        })
    }

    /// Reads everything, up to [`MAX_READ_BYTES`].
    pub fn read_all(&self) -> Result<Vec<u8>> {
        match self {
            Self::File(path) => {
                let file = File::open(path)?;
                let len = file.metadata()?.len();
                if len > MAX_READ_BYTES {
                    return Err(over_limit(format!("file of {len} bytes is too large for this format")));
                }
                let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or_default());
                file.take(MAX_READ_BYTES).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
            Self::Bytes(bytes) => Ok(bytes.clone()),
        }
    }
}

pub(crate) trait BufReadSeek: io::BufRead + Seek {}
impl<T: io::BufRead + Seek> BufReadSeek for T {}

/// Refuses declared dimensions that are absurd or too large to stream.
pub(crate) fn check_streamed(width: u32, height: u32) -> Result<()> {
    check_sides(width, height)?;
    if u64::from(width) * u64::from(height) > MAX_STREAMED_PIXELS {
        return Err(over_limit(format!("declares {width} x {height} pixels")));
    }
    Ok(())
}

/// Refuses declared dimensions that a decoder could not hold whole at `bytes_per_pixel`.
pub(crate) fn check_held(width: u32, height: u32, bytes_per_pixel: u64) -> Result<()> {
    check_sides(width, height)?;
    if u64::from(width) * u64::from(height) * bytes_per_pixel > MAX_HELD_BYTES {
        return Err(over_limit(format!("declares {width} x {height} pixels")));
    }
    Ok(())
}

fn check_sides(width: u32, height: u32) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(broken("declares a side of zero pixels"));
    }
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(over_limit(format!("declares {width} x {height} pixels")));
    }
    Ok(())
}

/// Draws the job's source and writes every wanted size.
pub(crate) fn draw(job: &Job) -> Result<(Vec<Thumbnail>, Facts)> {
    let target = job.sizes.iter().copied().max().unwrap_or(1);
    let source = Source::File(job.source.clone());
    let drawn = formats::draw(&source, &job.mime, target, job)?;
    let thumbnails = codec::write_sizes(drawn.raster, &job.sizes, &job.out_dir)?;
    Ok((thumbnails, drawn.facts))
}
