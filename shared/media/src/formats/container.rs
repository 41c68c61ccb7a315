//! Files inside zip containers: found by name, read up to a limit, never unpacked as a whole (B24).

use std::io::Read;

use zip::ZipArchive;

use crate::draw::{BufReadSeek, Drawn, Result, Source, broken, over_limit, unsupported};
use crate::identify;
use crate::job::Job;

/// More entries than any document has.
const MAX_ENTRIES: usize = 20_000;
/// The largest picture or document part that is read.
const MAX_ENTRY_BYTES: u64 = 32 << 20;

/// An opened container.
pub(super) struct Container<'a>(ZipArchive<Box<dyn BufReadSeek + 'a>>);

impl<'a> Container<'a> {
    /// Opens a container by its directory.
    pub fn open(source: &'a Source) -> Result<Self> {
        let archive = ZipArchive::new(source.open()?).map_err(broken)?;
        if archive.len() > MAX_ENTRIES {
            return Err(over_limit(format!("container of {} entries", archive.len())));
        }
        Ok(Self(archive))
    }

    /// Reads the entry of that name; `None` where there is none.
    pub fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        let entry = match self.0.by_name(name) {
            Ok(entry) => entry,
            Err(zip::result::ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(broken(error)),
        };
        let mut bytes = Vec::new();
        entry.take(MAX_ENTRY_BYTES + 1).read_to_end(&mut bytes).map_err(broken)?;
        if bytes.len() as u64 > MAX_ENTRY_BYTES {
            return Err(over_limit(format!("`{name}` is larger than {MAX_ENTRY_BYTES} bytes")));
        }
        Ok(Some(bytes))
    }
}

/// Draws a picture that was found inside a container; only pictures, so that containers do not nest.
pub(super) fn draw_picture(bytes: Vec<u8>, name: &str, target: u32, job: &Job) -> Result<Drawn> {
    let found = identify(&bytes, name);
    if !found.mime.starts_with("image/") {
        return Err(unsupported(format!("`{name}` inside the document is no picture")));
    }
    super::draw(&Source::Bytes(bytes), &found.mime, target, job)
}
