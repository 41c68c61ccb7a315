//! Binary MARC 21 (ISO 2709), record by record.
//!
//! A record ends at the first record terminator, whatever its leader says, so a broken one never takes the next with
//! it. Its leader, directory and fields are checked, it is written as MARCXML in Unicode, and then parsed as such.

use memchr::memchr;
use serde::{Deserialize, Serialize};

use crate::Format;
use crate::limits::MAX_RECORD_BYTES;
use crate::marc::{is_control_tag, is_data_tag};
use crate::marcxml::MARC_NS;
use crate::xml_text::{escape_attribute, first_illegal, push_escaped};

use super::error::{FileError, RowError, RowErrorCode};
use super::marc8;
use super::row::SourceRow;
use super::xml_record::{self, Place};

const RECORD_END: u8 = 0x1D;
const FIELD_END: u8 = 0x1E;
const SUBFIELD: u8 = 0x1F;
const LEADER: usize = 24;
const ENTRY: usize = 12;

/// What a reader of binary records knows beside its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MarcState {
    started: bool,
    skipping: bool,
}

/// A file of binary records and how far it is read.
pub(super) struct MarcReader {
    buffer: Vec<u8>,
    start: usize,
    offset: u64,
    number: u64,
    started: bool,
    /// Whether the rest of a record is passed over that was refused for its length.
    skipping: bool,
    /// How many of the unread bytes are known to hold no end of a record.
    searched: usize,
}

type Out = Vec<Result<SourceRow, RowError>>;

impl MarcReader {
    pub(super) fn new() -> Self {
        Self::resume(0, 0, MarcState { started: false, skipping: false })
    }

    pub(super) fn resume(offset: u64, number: u64, state: MarcState) -> Self {
        let MarcState { started, skipping } = state;
        Self { buffer: Vec::new(), start: 0, offset, number, started, skipping, searched: 0 }
    }

    /// Records have numbers and no lines.
    pub(super) fn place(&self) -> (u64, u64, u64) {
        (self.offset, self.number, self.number + 1)
    }

    pub(super) fn state(&self) -> MarcState {
        MarcState { started: self.started, skipping: self.skipping }
    }

    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Out) -> Result<(), FileError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
        self.run(false, out)
    }

    pub(super) fn finish(&mut self, out: &mut Out) -> Result<(), FileError> {
        self.run(true, out)?;
        if !self.started {
            return Err(FileError::Empty);
        }
        Ok(())
    }

    fn data(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn consume(&mut self, length: usize) {
        self.start += length;
        self.offset += u64::try_from(length).unwrap_or_default();
        self.searched = 0;
    }

    fn run(&mut self, whole: bool, out: &mut Out) -> Result<(), FileError> {
        loop {
            if !self.skipping {
                let padding =
                    self.data().iter().take_while(|b| matches!(b, b'\r' | b'\n' | 0 | 0x1A)).count();
                if padding > 0 {
                    self.consume(padding);
                }
                if !self.started && !self.begin(whole)? {
                    return Ok(());
                }
            }
            let data = self.data();
            if data.is_empty() {
                return Ok(());
            }
            let from = self.searched.min(data.len());
            let end = memchr(RECORD_END, data.get(from..).unwrap_or_default()).map(|at| from + at + 1);
            let place = Place { number: self.number + 1, line: self.number + 1 };
            let refuse = |code, message: String| Err(problem(place, code, None, message));
            match end {
                Some(length) if self.skipping => {
                    self.skipping = false;
                    self.consume(length);
                }
                None if self.skipping => {
                    self.consume(data.len());
                    return Ok(());
                }
                Some(length) if length <= MAX_RECORD_BYTES => {
                    let row = data
                        .get(..length)
                        .map_or(Ok(None), |record| read(record, place).map(Some))
                        .transpose();
                    self.number += 1;
                    out.extend(row);
                    self.consume(length);
                }
                _ if data.len() > MAX_RECORD_BYTES => {
                    let message = format!("the record is longer than {MAX_RECORD_BYTES} bytes");
                    out.push(refuse(RowErrorCode::RowTooLong, message));
                    self.number += 1;
                    self.skipping = true;
                    self.searched = 0;
                }
                _ if whole => {
                    let message = "the file ends inside the record: is it complete?".to_owned();
                    out.push(refuse(RowErrorCode::BadStructure, message));
                    self.consume(data.len());
                    self.number += 1;
                    return Ok(());
                }
                _ => {
                    self.searched = data.len();
                    return Ok(());
                }
            }
        }
    }

    /// Looks at the first bytes: a file of another kind is told as one, not as one bad record. Returns whether there
    /// were enough of them.
    fn begin(&mut self, whole: bool) -> Result<bool, FileError> {
        let data = self.data();
        if data.len() < 5 && !whole {
            return Ok(false);
        }
        if data.is_empty() {
            return Ok(true);
        }
        if data.starts_with(b"\xEF\xBB\xBF") {
            self.consume(3);
            return self.begin(whole);
        }
        if !data.iter().take(5).all(|b| b.is_ascii_digit() || *b == b' ') {
            let message = "no binary MARC: a record starts with its length in five digits".to_owned();
            return Err(FileError::BrokenDocument { line: 1, kind: RowErrorCode::WrongRoot, message });
        }
        self.started = true;
        Ok(true)
    }
}

fn problem(place: Place, code: RowErrorCode, column: Option<&str>, message: String) -> RowError {
    let Place { number, line } = place;
    let message = match column {
        Some(column) => format!("{column}: {message}"),
        None => message,
    };
    RowError { number, group: None, code, line, column: column.map(str::to_owned), message }
}

/// Reads one record, its terminator included.
fn read(record: &[u8], place: Place) -> Result<SourceRow, RowError> {
    let text = to_xml(record, place)?;
    xml_record::read(Format::Marc21, &text, place, true)
}

/// How a record's text is encoded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Charset {
    Utf8,
    Marc8,
}

fn to_xml(record: &[u8], place: Place) -> Result<String, RowError> {
    let bad =
        |column: &str, message: String| problem(place, RowErrorCode::BadStructure, Some(column), message);
    let leader = record.get(..LEADER).filter(|leader| leader.is_ascii());
    let Some(leader) = leader.and_then(|l| std::str::from_utf8(l).ok()) else {
        return Err(bad("leader", "24 ASCII characters are wanted".to_owned()));
    };
    let length = leader.get(..5).and_then(digits);
    if length != Some(record.len()) {
        let message = format!(
            "it says `{}` bytes, the record has {}",
            leader.get(..5).unwrap_or_default(),
            record.len()
        );
        return Err(bad("leader", message));
    }
    let charset = match leader.as_bytes().get(9) {
        Some(b'a') => Charset::Utf8,
        // Text that is UTF-8 with other characters than ASCII cannot be MARC-8 that makes sense: its diacritics come
        // before ASCII letters. Systems that forget to say so are common.
        Some(b' ') if !record.is_ascii() && std::str::from_utf8(record).is_ok() => Charset::Utf8,
        Some(b' ') => Charset::Marc8,
        _ => return Err(bad("leader", "position 9 is neither `a` nor blank".to_owned())),
    };
    let base = leader.get(12..17).and_then(digits).filter(|base| *base > LEADER && *base < record.len());
    let directory = base.and_then(|base| record.get(LEADER..base - 1));
    let (Some(base), Some(directory)) = (base, directory) else {
        return Err(bad("leader", "the base address of data points to nothing".to_owned()));
    };
    if directory.len() % ENTRY != 0 || record.get(base - 1) != Some(&FIELD_END) {
        return Err(bad("directory", "it does not end where the data begin".to_owned()));
    }
    let mut out = String::with_capacity(record.len() * 2);
    out.push_str(&format!("<record xmlns=\"{MARC_NS}\"><leader>"));
    // What is written is Unicode, whatever was read.
    push_escaped(&mut out, leader.get(..9).unwrap_or_default());
    out.push('a');
    push_escaped(&mut out, leader.get(10..).unwrap_or_default());
    out.push_str("</leader>");
    let mut total = 0;
    for entry in directory.chunks_exact(ENTRY) {
        let (tag, numbers) = entry.split_at(3);
        let tag = std::str::from_utf8(tag).ok().filter(|tag| is_control_tag(tag) || is_data_tag(tag));
        let Some(tag) = tag else {
            return Err(bad("directory", format!("`{}` is no tag", entry.escape_ascii())));
        };
        let numbers = std::str::from_utf8(numbers).unwrap_or_default();
        let place_of = |range| numbers.get(range).and_then(digits);
        let (Some(length), Some(start)) = (place_of(0..4), place_of(4..9)) else {
            return Err(bad("directory", format!("the entry of {tag} has no length and place")));
        };
        let field = record.get(base + start..base + start + length).unwrap_or_default();
        // Entries that point to the same bytes again and again would make a large record of a small one.
        total += length;
        let Some((FIELD_END, field)) = field.split_last().map(|(end, field)| (*end, field)) else {
            return Err(bad("directory", format!("the entry of {tag} does not point to a field")));
        };
        if total > record.len() {
            return Err(bad("directory", "its fields overlap".to_owned()));
        }
        // Field 066 lists the character sets of MARC-8; a record in Unicode has none.
        if !(tag == "066" && leader.as_bytes().get(9) == Some(&b' ')) {
            push_field(&mut out, tag, field, charset, place)?;
        }
    }
    out.push_str("</record>");
    Ok(out)
}

/// Reads a number of digits only.
fn digits(text: &str) -> Option<usize> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn push_field(
    out: &mut String,
    tag: &str,
    field: &[u8],
    charset: Charset,
    place: Place,
) -> Result<(), RowError> {
    if is_control_tag(tag) {
        out.push_str(&format!("<controlfield tag=\"{tag}\">"));
        push_value(out, tag, field, charset, place)?;
        out.push_str("</controlfield>");
        return Ok(());
    }
    let mut parts = field.split(|b| *b == SUBFIELD);
    let indicators = parts.next().and_then(|i| std::str::from_utf8(i).ok()).unwrap_or_default();
    let mut characters = indicators.chars();
    let (Some(first), Some(second), None) = (characters.next(), characters.next(), characters.next()) else {
        let message = "two indicators are wanted before the first subfield".to_owned();
        return Err(problem(place, RowErrorCode::BadStructure, Some(tag), message));
    };
    let [first, second] = [first, second].map(|c| escape_attribute(c.encode_utf8(&mut [0; 4])));
    out.push_str(&format!("<datafield tag=\"{tag}\" ind1=\"{first}\" ind2=\"{second}\">"));
    for part in parts {
        let Some((code, value)) = part.split_first() else {
            let message = "a subfield without a code".to_owned();
            return Err(problem(place, RowErrorCode::BadStructure, Some(tag), message));
        };
        let code = char::from(*code);
        if !code.is_ascii_graphic() {
            let message = format!("`{}` is no subfield code", code.escape_default());
            return Err(problem(place, RowErrorCode::InvalidField, Some(tag), message));
        }
        out.push_str("<subfield code=\"");
        out.push_str(&escape_attribute(code.encode_utf8(&mut [0; 4])));
        out.push_str("\">");
        push_value(out, &format!("{tag}${code}"), value, charset, place)?;
        out.push_str("</subfield>");
    }
    out.push_str("</datafield>");
    Ok(())
}

fn push_value(
    out: &mut String,
    field: &str,
    value: &[u8],
    charset: Charset,
    place: Place,
) -> Result<(), RowError> {
    let decoded;
    let text = match charset {
        Charset::Utf8 => std::str::from_utf8(value).map_err(|e| {
            let byte = value.get(e.valid_up_to()).copied().unwrap_or_default();
            problem(place, RowErrorCode::Encoding, Some(field), format!("byte 0x{byte:02X} is not UTF-8"))
        })?,
        Charset::Marc8 => {
            decoded = marc8::decode(value)
                .map_err(|message| problem(place, RowErrorCode::UnknownCharacterSet, Some(field), message))?;
            decoded.as_str()
        }
    };
    if let Some((_, message)) = first_illegal(text) {
        return Err(problem(place, RowErrorCode::IllegalCharacter, Some(field), message));
    }
    push_escaped(out, text);
    Ok(())
}
