//! Files inside zip containers: found by name, read up to limits, never unpacked as a whole (B24).

use std::io::{self, Read, SeekFrom};

use zip::ZipArchive;

use crate::draw::{BufReadSeek, Drawn, Result, Source, broken, over_limit, unsupported};
use crate::identify;
use crate::job::Job;

/// More entries than any document has.
const MAX_ENTRIES: u64 = 20_000;
/// The largest picture or document part that is read.
const MAX_ENTRY_BYTES: u64 = 32 << 20;
/// The most that is read out of one container, all entries together.
const MAX_TOTAL_BYTES: u64 = 64 << 20;
/// Pictures do not shrink and markup shrinks to a tenth; only bombs unpack to more than this many times their size.
const MAX_RATIO: u64 = 100;
/// Entries below this size may have any ratio.
const RATIO_FREE_BYTES: u64 = 1 << 20;

/// An opened container.
pub(super) struct Container<'a> {
    archive: ZipArchive<Box<dyn BufReadSeek + 'a>>,
    left_bytes: u64,
}

impl<'a> Container<'a> {
    /// Opens a container by its directory.
    ///
    /// # Errors
    /// When it has too many entries, or two of one name: programs differ in which of the two they show.
    pub fn open(source: &'a Source) -> Result<Self> {
        let mut input = source.open()?;
        // Asked first, because the library holds the whole directory.
        let declared = declared_entries(&mut input)?;
        if declared.is_some_and(|count| count > MAX_ENTRIES) {
            return Err(over_limit(format!("container of {} entries", declared.unwrap_or_default())));
        }
        let archive = ZipArchive::new(input).map_err(broken)?;
        if declared.is_some_and(|count| count != archive.len() as u64) {
            return Err(broken("container with two entries of one name"));
        }
        Ok(Self { archive, left_bytes: MAX_TOTAL_BYTES })
    }

    /// Reads the entry of that name; `None` where there is none.
    pub fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        let entry = match self.archive.by_name(name) {
            Ok(entry) => entry,
            Err(zip::result::ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(broken(error)),
        };
        let by_ratio = entry.compressed_size().saturating_mul(MAX_RATIO).max(RATIO_FREE_BYTES);
        let limit = MAX_ENTRY_BYTES.min(self.left_bytes).min(by_ratio);
        let too_large = || over_limit(format!("`{name}` unpacks to more than {limit} bytes"));
        if entry.size() > limit {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        // What is declared may be a lie: what comes counts.
        entry.take(limit + 1).read_to_end(&mut bytes).map_err(broken)?;
        let len = bytes.len() as u64;
        if len > limit {
            return Err(too_large());
        }
        self.left_bytes -= len;
        Ok(Some(bytes))
    }
}

/// Returns how many entries the end of the directory declares. Source: APPNOTE.TXT 4.3.14 to 4.3.16.
fn declared_entries(input: &mut Box<dyn BufReadSeek + '_>) -> io::Result<Option<u64>> {
    // The record's 22 bytes, the longest comment, and zip64's locator before them.
    const TAIL_BYTES: u64 = 22 + 0xFFFF + 20;
    let len = input.seek(SeekFrom::End(0))?;
    input.seek(SeekFrom::Start(len.saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    input.by_ref().take(TAIL_BYTES).read_to_end(&mut tail)?;
    let mut count = None;
    if let Some(at) = tail.windows(4).rposition(|bytes| bytes == b"PK\x05\x06") {
        let short = number(tail.get(at + 10..at + 12));
        let locator = at.checked_sub(20).and_then(|start| tail.get(start..at));
        let mut long = None;
        if let Some(locator) = locator.filter(|bytes| bytes.starts_with(b"PK\x06\x07")) {
            input.seek(SeekFrom::Start(number(locator.get(8..16)).unwrap_or_default()))?;
            let mut record = Vec::new();
            input.by_ref().take(40).read_to_end(&mut record)?;
            long = number(record.get(32..40));
        }
        // All bits set refer to the longer record; where both give a number, readers may believe either.
        count = if short == Some(0xFFFF) { long.or(short) } else { short.max(long) };
    }
    input.rewind()?;
    Ok(count)
}

fn number(little_endian: Option<&[u8]>) -> Option<u64> {
    Some(little_endian?.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// Draws a picture that was found inside a container; only pictures, so that containers do not nest.
pub(super) fn draw_picture(bytes: Vec<u8>, name: &str, target: u32, job: &Job) -> Result<Drawn> {
    let found = identify(&bytes, name);
    if !found.mime.starts_with("image/") {
        return Err(unsupported(format!("`{name}` inside the document is no picture")));
    }
    super::draw(&Source::Bytes(bytes), &found.mime, target, job)
}
