//! Headers and directories of TIFF and BigTIFF. Source: TIFF 6.0 section 2.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use crate::draw::{Result, Source, broken, over_limit};

/// More tags than any writer uses.
const MAX_TAGS: u64 = 4096;

/// Byte order of numbers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endian {
    Little,
    Big,
}

/// Bytes that can be read from any place, by several readers at once.
pub(super) enum Data<'a> {
    File(File),
    Bytes(&'a [u8]),
}

impl Data<'_> {
    pub fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read_at(buffer, at),
            Self::Bytes(bytes) => {
                let start = usize::try_from(at).unwrap_or(usize::MAX);
                let from = bytes.get(start..).unwrap_or_default();
                let mut from = from;
                from.read(buffer)
            }
        }
    }

    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            let rest = buffer.get_mut(done..).unwrap_or_default();
            match self.read_at(rest, at.saturating_add(done as u64))? {
                0 => return Err(broken("file ends early")),
                read => done += read,
            }
        }
        Ok(())
    }
}

/// An open file and how to read its numbers.
pub(super) struct TiffFile<'a> {
    pub data: Data<'a>,
    endian: Endian,
    big: bool,
}

impl<'a> TiffFile<'a> {
    pub fn open(source: &'a Source) -> Result<Self> {
        let data = match source {
            Source::File(path) => Data::File(File::open(path)?),
            Source::Bytes(bytes) => Data::Bytes(bytes),
        };
        let mut header = [0; 4];
        data.read_exact_at(&mut header, 0)?;
        let (endian, big) = match &header {
            b"II\x2a\0" => (Endian::Little, false),
            b"MM\0\x2a" => (Endian::Big, false),
            b"II\x2b\0" => (Endian::Little, true),
            b"MM\0\x2b" => (Endian::Big, true),
            _ => return Err(broken("not a TIFF header")),
        };
        Ok(Self { data, endian, big })
    }

    pub fn endian(&self) -> Endian {
        self.endian
    }

    pub fn first_directory(&self) -> Result<u64> {
        if self.big { self.number(8, 8) } else { self.number(4, 4) }
    }

    fn number(&self, at: u64, len: usize) -> Result<u64> {
        let mut bytes = [0; 8];
        let bytes = bytes.get_mut(..len).unwrap_or_default();
        self.data.read_exact_at(bytes, at)?;
        Ok(to_u64(bytes, self.endian))
    }

    /// Reads the directory at `at`; values that do not fit in it stay on disk.
    pub fn directory(&'a self, at: u64) -> Result<Directory<'a>> {
        let (count_len, entry_len, pointer_len) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let count = self.number(at, count_len)?;
        if count == 0 || count > MAX_TAGS {
            return Err(broken(format!("directory of {count} tags")));
        }
        let start = at.saturating_add(count_len as u64);
        let mut raw = vec![0; usize::try_from(count).unwrap_or_default() * entry_len];
        self.data.read_exact_at(&mut raw, start)?;
        let mut entries = HashMap::new();
        for entry in raw.chunks_exact(entry_len) {
            let field = |from: usize, len: usize| {
                to_u64(entry.get(from..from + len).unwrap_or_default(), self.endian)
            };
            let mut value = [0; 8];
            for (to, from) in value.iter_mut().zip(entry.get(entry_len - pointer_len..).unwrap_or_default()) {
                *to = *from;
            }
            let tag = u16::try_from(field(0, 2)).unwrap_or_default();
            let count = field(4, pointer_len);
            entries.entry(tag).or_insert(Entry { kind: field(2, 2), count, value });
        }
        // A file cut off after its directory still has a first page.
        let next = self.number(start.saturating_add(raw.len() as u64), pointer_len).unwrap_or(0);
        Ok(Directory { file: self, entries, next })
    }
}

struct Entry {
    kind: u64,
    count: u64,
    /// The value itself or, when longer, where it is
    value: [u8; 8],
}

/// One page's tags.
pub(super) struct Directory<'a> {
    pub file: &'a TiffFile<'a>,
    entries: HashMap<u16, Entry>,
    next: u64,
}

impl Directory<'_> {
    /// Where the next directory is, 0 at the end.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Returns a tag's values as whole numbers, at most `limit` of them; none when the tag is absent.
    pub fn all(&self, tag: u16, limit: usize) -> Result<Vec<u64>> {
        let Some(entry) = self.entries.get(&tag) else { return Ok(Vec::new()) };
        let size = match entry.kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 13 => 4,
            16..=18 => 8,
            other => return Err(broken(format!("tag {tag} of type {other}"))),
        };
        let raw = self.raw(entry, size, limit)?;
        Ok(raw.chunks_exact(size).map(|number| to_u64(number, self.file.endian)).collect())
    }

    fn raw(&self, entry: &Entry, size: usize, limit: usize) -> Result<Vec<u8>> {
        let count = usize::try_from(entry.count).unwrap_or(usize::MAX);
        let wanted = count.min(limit).saturating_mul(size);
        let whole = count.saturating_mul(size);
        let inline = if self.file.big { 8 } else { 4 };
        if whole <= inline {
            return Ok(entry.value.get(..wanted).unwrap_or_default().to_vec());
        }
        let at = to_u64(entry.value.get(..inline).unwrap_or_default(), self.file.endian);
        // Read in pieces: a count alone must not cost memory.
        let mut bytes = Vec::new();
        while bytes.len() < wanted {
            let start = bytes.len();
            bytes.resize((start + (1 << 20)).min(wanted), 0);
            let piece = bytes.get_mut(start..).unwrap_or_default();
            self.file.data.read_exact_at(piece, at.saturating_add(start as u64))?;
        }
        Ok(bytes)
    }

    /// Returns a tag's first value.
    pub fn first(&self, tag: u16) -> Result<Option<u64>> {
        Ok(self.all(tag, 1)?.first().copied())
    }

    /// Returns a tag's value where a picture cannot do without.
    pub fn required(&self, tag: u16) -> Result<u32> {
        let value = self.first(tag)?.ok_or_else(|| broken(format!("tag {tag} is missing")))?;
        Ok(u32::try_from(value).unwrap_or(u32::MAX))
    }

    /// Returns a tag's bytes, none when absent.
    pub fn bytes(&self, tag: u16, limit: usize) -> Result<Option<Vec<u8>>> {
        let Some(entry) = self.entries.get(&tag).filter(|entry| matches!(entry.kind, 1 | 7)) else {
            return Ok(None);
        };
        if entry.count > limit as u64 {
            return Err(over_limit(format!("tag {tag} of {} bytes", entry.count)));
        }
        self.raw(entry, 1, limit).map(Some)
    }
}

fn to_u64(bytes: &[u8], endian: Endian) -> u64 {
    let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    match endian {
        Endian::Big => bytes.iter().fold(0, add),
        Endian::Little => bytes.iter().rev().fold(0, add),
    }
}
