//! Bytes of a text file as they come, seen as UTF-8, with the place of each in the file.

use serde::{Deserialize, Serialize};

use super::error::FileError;

/// How a file's text is encoded; told by its byte order mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

/// What is not read yet. A half surrogate pair or a half unit of UTF-16 shows as bytes that are no UTF-8, so that
/// the row it stands in is refused and no other.
pub(super) struct Input {
    encoding: Option<Encoding>,
    /// The first bytes, until there are enough to tell the encoding; later what ends within a character.
    carry: Vec<u8>,
    buffer: Vec<u8>,
    start: usize,
    /// Place in the file of the first unread byte.
    offset: u64,
}

impl Input {
    /// Starts at the beginning of a file, or at `offset` of one whose encoding is known.
    pub(super) fn new(encoding: Option<Encoding>, offset: u64) -> Self {
        Self { encoding, carry: Vec::new(), buffer: Vec::new(), start: 0, offset }
    }

    pub(super) fn encoding(&self) -> Option<Encoding> {
        self.encoding
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns what is not consumed yet.
    pub(super) fn data(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Returns the place in the file of a position in [`Self::data`].
    pub(super) fn offset_at(&self, position: usize) -> u64 {
        self.offset + self.source_length(self.data().get(..position).unwrap_or_default())
    }

    pub(super) fn consume(&mut self, length: usize) {
        let length = length.min(self.data().len());
        self.offset = self.offset_at(length);
        self.start += length;
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        match self.encoding {
            Some(encoding) => self.append(encoding, bytes),
            None => {
                self.carry.extend_from_slice(bytes);
                if self.carry.len() >= 4 {
                    self.detect()?;
                }
            }
        }
        Ok(())
    }

    /// Says that no more bytes come.
    pub(super) fn finish(&mut self) -> Result<(), FileError> {
        if self.encoding.is_none() {
            self.detect()?;
        }
        let rest = std::mem::take(&mut self.carry);
        let mut units = rest.chunks(2);
        for unit in &mut units {
            match unit {
                // The high half of a surrogate pair, as three bytes that are no UTF-8.
                [_, _] => self.buffer.extend_from_slice(&[0xED, 0xA0, 0x80]),
                _ => self.buffer.push(0xFF),
            }
        }
        Ok(())
    }

    fn detect(&mut self) -> Result<(), FileError> {
        let head = std::mem::take(&mut self.carry);
        let (encoding, mark) = match head.as_slice() {
            [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => {
                return Err(refused("UTF-32 is not read: use UTF-8"));
            }
            [0xEF, 0xBB, 0xBF, ..] => (Encoding::Utf8, 3),
            [0xFF, 0xFE, ..] => (Encoding::Utf16Le, 2),
            [0xFE, 0xFF, ..] => (Encoding::Utf16Be, 2),
            [_, 0, ..] | [0, _, ..] => {
                return Err(refused("UTF-16 without a byte order mark is not read"));
            }
            _ => (Encoding::Utf8, 0),
        };
        self.encoding = Some(encoding);
        self.offset += u64::try_from(mark).unwrap_or_default();
        self.append(encoding, head.get(mark..).unwrap_or_default());
        Ok(())
    }

    fn append(&mut self, encoding: Encoding, bytes: &[u8]) {
        let read: fn([u8; 2]) -> u16 = match encoding {
            Encoding::Utf8 => return self.buffer.extend_from_slice(bytes),
            Encoding::Utf16Le => u16::from_le_bytes,
            Encoding::Utf16Be => u16::from_be_bytes,
        };
        let mut all = std::mem::take(&mut self.carry);
        all.extend_from_slice(bytes);
        let (pairs, _) = all.as_chunks::<2>();
        let mut whole = pairs.len();
        if pairs.last().is_some_and(|p| (0xD800..0xDC00).contains(&read(*p))) {
            whole -= 1;
        }
        for c in char::decode_utf16(pairs.iter().take(whole).map(|p| read(*p))) {
            match c {
                Ok(c) => self.buffer.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(half) => {
                    let code = half.unpaired_surrogate().to_be_bytes();
                    let low = |byte: u8| 0x80 | (byte & 0x3F);
                    let middle = (u16::from_be_bytes(code) >> 6).to_be_bytes();
                    self.buffer.extend_from_slice(&[0xED, low(middle[1]), low(code[1])]);
                }
            }
        }
        self.carry = all.get(2 * whole..).unwrap_or_default().to_vec();
    }

    /// Returns how many bytes of the file the text took.
    fn source_length(&self, text: &[u8]) -> u64 {
        let length = match self.encoding {
            Some(Encoding::Utf16Le | Encoding::Utf16Be) => {
                let characters = text.iter().filter(|b| **b & 0xC0 != 0x80).count();
                let pairs = text.iter().filter(|b| **b >= 0xF0 && **b != 0xFF).count();
                2 * (characters + pairs)
            }
            _ => text.len(),
        };
        u64::try_from(length).unwrap_or(u64::MAX)
    }
}

fn refused(message: &str) -> FileError {
    FileError::Encoding { message: message.to_owned() }
}
