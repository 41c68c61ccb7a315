//! Collections of XML records, split by record element while they stream in.
//!
//! A record is what stands between the start tag of a record element and the first end tag of its name. It is then
//! parsed on its own, with the namespaces declared around it, so a record that is not well-formed is one error and
//! the next one begins where its start tag says. Document types are refused (B25).

use memchr::{memchr, memchr_iter, memmem};
use serde::{Deserialize, Serialize};

use crate::Format;
use crate::error::ProblemKind;
use crate::limits::MAX_RECORD_BYTES;
use crate::xml::clip;

use super::error::{FileError, RowError, RowErrorCode};
use super::input::{Encoding, Input};
use super::row::SourceRow;
use super::xml_outer::{Class, Outer, around, classify};
use super::xml_record::{self, Place};
use super::xml_scan::{Border, End, Piece, border, piece, record_end, tag_name};

/// Bytes of one tag or declaration outside of records.
const MAX_TAG_BYTES: usize = 64 * 1024;
/// Elements around a record.
const MAX_OUTER: usize = 8;

/// What a reader of XML records knows beside its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct XmlState {
    encoding: Encoding,
    outer: Vec<Outer>,
    phase: Phase,
    skipping: Skipping,
    plain_until: u64,
    mending: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    /// At the very start, where an XML declaration may stand.
    Start,
    /// Before the root element.
    Prolog,
    /// Inside the root element.
    Inside,
    /// Behind it.
    End,
}

/// What is being passed over, however long it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Skipping {
    Nothing,
    /// Up to `-->`.
    Comment,
    /// Up to `?>`.
    Instruction,
    /// The rest of a record of that name that was refused.
    Record(String),
}

/// A file of XML records and how far it is read.
pub(super) struct XmlReader {
    format: Format,
    input: Input,
    number: u64,
    line: u64,
    outer: Vec<Outer>,
    phase: Phase,
    skipping: Skipping,
    /// Up to this place, the borders of records are told by tags alone, because a comment, quote or section that
    /// began before it did not end.
    plain_until: u64,
    /// Whether the record before was broken: what is left of it may stand here.
    mending: bool,
    retry_at: usize,
}

type Out = Vec<Result<SourceRow, RowError>>;

/// Whether there may be more to read.
#[derive(PartialEq, Eq)]
enum Step {
    On,
    Wait,
}

impl XmlReader {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            input: Input::new(None, 0),
            number: 0,
            line: 1,
            outer: Vec::new(),
            phase: Phase::Start,
            skipping: Skipping::Nothing,
            plain_until: 0,
            mending: false,
            retry_at: 0,
        }
    }

    pub(super) fn resume(format: Format, offset: u64, number: u64, line: u64, state: XmlState) -> Self {
        Self {
            format,
            input: Input::new(Some(state.encoding), offset),
            number,
            line,
            outer: state.outer,
            phase: state.phase,
            skipping: state.skipping,
            plain_until: state.plain_until,
            mending: state.mending,
            retry_at: 0,
        }
    }

    pub(super) fn place(&self) -> (u64, u64, u64) {
        (self.input.offset(), self.number, self.line)
    }

    /// `None` before the encoding is known.
    pub(super) fn state(&self) -> Option<XmlState> {
        Some(XmlState {
            encoding: self.input.encoding()?,
            outer: self.outer.clone(),
            phase: self.phase,
            skipping: self.skipping.clone(),
            plain_until: self.plain_until,
            mending: self.mending,
        })
    }

    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Out) -> Result<(), FileError> {
        self.input.push(bytes)?;
        self.run(false, out)
    }

    pub(super) fn finish(&mut self, out: &mut Out) -> Result<(), FileError> {
        self.input.finish()?;
        self.run(true, out)?;
        match (self.phase, self.outer.last()) {
            (Phase::Start | Phase::Prolog, _) => {
                if self.input.offset() == 0 {
                    return Err(FileError::Empty);
                }
                self.broken(RowErrorCode::NotWellFormed, "no element at all")
            }
            (_, Some(open)) => {
                let message = format!("the file ends inside `{}`: is it complete?", clip(&open.name));
                self.broken(RowErrorCode::NotWellFormed, &message)
            }
            (_, None) => Ok(()),
        }
    }

    fn broken<T>(&self, kind: RowErrorCode, message: &str) -> Result<T, FileError> {
        Err(FileError::BrokenDocument { line: self.line, kind, message: message.to_owned() })
    }

    fn run(&mut self, whole: bool, out: &mut Out) -> Result<(), FileError> {
        if self.input.encoding().is_none() {
            return Ok(());
        }
        while !self.input.data().is_empty() && (whole || self.input.data().len() >= self.retry_at) {
            if self.step(whole, out)? == Step::Wait {
                break;
            }
        }
        Ok(())
    }

    fn consume(&mut self, length: usize) {
        let passed = self.input.data().get(..length).unwrap_or_default();
        self.line += u64::try_from(memchr_iter(b'\n', passed).count()).unwrap_or_default();
        self.input.consume(length);
        self.retry_at = 0;
    }

    fn wait(&mut self) -> Step {
        self.retry_at = 2 * self.input.data().len();
        Step::Wait
    }

    fn step(&mut self, whole: bool, out: &mut Out) -> Result<Step, FileError> {
        if self.phase == Phase::Start {
            return self.declaration(whole);
        }
        match std::mem::replace(&mut self.skipping, Skipping::Nothing) {
            Skipping::Nothing => {}
            Skipping::Comment => return self.skip(b"-->", Skipping::Comment, whole),
            Skipping::Instruction => return self.skip(b"?>", Skipping::Instruction, whole),
            Skipping::Record(name) => return Ok(self.skip_record(name, whole)),
        }
        self.between(whole, out)
    }

    /// Reads the XML declaration, where there is one, and holds it to what the bytes are.
    fn declaration(&mut self, whole: bool) -> Result<Step, FileError> {
        const MAX: usize = 1024;
        let data = self.input.data();
        if !data.starts_with(b"<?xml") {
            if data.len() < 6 && !whole && b"<?xml ".starts_with(data) {
                return Ok(Step::Wait);
            }
            self.phase = Phase::Prolog;
            return Ok(Step::On);
        }
        let Some(length) = memmem::find(data, b"?>") else {
            if whole || data.len() > MAX {
                return self.broken(RowErrorCode::NotWellFormed, "an XML declaration that does not end");
            }
            return Ok(Step::Wait);
        };
        let text = data.get(..length + 2).and_then(|d| std::str::from_utf8(d).ok()).unwrap_or_default();
        if let Some(declared) = crate::decode::declared_encoding(text) {
            let (right, found) = match self.input.encoding() {
                Some(Encoding::Utf16Le | Encoding::Utf16Be) => {
                    (["utf-16", "utf16", "utf-16le", "utf-16be"].contains(&declared.as_str()), "UTF-16")
                }
                _ => (["utf-8", "utf8", "us-ascii", "ascii"].contains(&declared.as_str()), "UTF-8"),
            };
            if !right {
                let message = format!(
                    "the declaration says encoding `{}`, the bytes are read as {found}: use UTF-8 or UTF-16",
                    clip(&declared)
                );
                return Err(FileError::Encoding { message });
            }
        }
        self.phase = Phase::Prolog;
        self.consume(length + 2);
        Ok(Step::On)
    }

    /// Passes over everything up to and with `end`.
    fn skip(&mut self, end: &[u8], what: Skipping, whole: bool) -> Result<Step, FileError> {
        let data = self.input.data();
        if let Some(at) = memmem::find(data, end) {
            self.consume(at + end.len());
            return Ok(Step::On);
        }
        if whole {
            self.consume(data.len());
            return self.broken(RowErrorCode::NotWellFormed, "a comment or instruction that does not end");
        }
        self.skipping = what;
        self.consume(data.len().saturating_sub(end.len() - 1));
        Ok(Step::Wait)
    }

    /// Passes over the rest of a record that was refused.
    fn skip_record(&mut self, name: String, whole: bool) -> Step {
        let outer = self.outer.last().map(|o| o.name.clone()).unwrap_or_default();
        let data = self.input.data();
        let mut at = 0;
        let kept = loop {
            let Some(next) = memchr(b'<', data.get(at..).unwrap_or_default()) else { break data.len() };
            at += next;
            let rest = data.get(at..).unwrap_or_default();
            match border(rest, name.as_bytes(), outer.as_bytes()) {
                Border::Unknown if !whole => break at,
                Border::End => match memchr(b'>', rest) {
                    Some(end) => {
                        self.consume(at + end + 1);
                        return Step::On;
                    }
                    None if rest.len() <= MAX_TAG_BYTES => break at,
                    None => at += 1,
                },
                Border::Next | Border::Outer => {
                    self.consume(at);
                    return Step::On;
                }
                Border::None | Border::Unknown => at += 1,
            }
        };
        self.skipping = Skipping::Record(name);
        self.consume(if whole { data.len() } else { kept });
        Step::Wait
    }

    /// Reads what stands between records.
    fn between(&mut self, whole: bool, out: &mut Out) -> Result<Step, FileError> {
        let data = self.input.data();
        let blank = data.iter().take_while(|b| b.is_ascii_whitespace()).count();
        let text = memchr(b'<', data).unwrap_or(data.len());
        if blank > 0 {
            self.consume(blank);
            return Ok(Step::On);
        }
        if text > 0 {
            if self.phase != Phase::Inside && !self.mending {
                return self.broken(RowErrorCode::NotWellFormed, "text outside the root element");
            }
            self.consume(text);
            return Ok(Step::On);
        }
        match data.get(..9).unwrap_or(data) {
            [b'<', b'!', b'-', b'-', ..] => {
                self.consume(4);
                self.skipping = Skipping::Comment;
                return Ok(Step::On);
            }
            [b'<', b'?', ..] => {
                self.consume(2);
                self.skipping = Skipping::Instruction;
                return Ok(Step::On);
            }
            [b'<', b'!', b'D', ..] => {
                return self.broken(RowErrorCode::DtdRefused, "document type declarations are refused");
            }
            _ => {}
        }
        match piece(data) {
            None if !whole && data.len() <= MAX_TAG_BYTES => Ok(self.wait()),
            // A start tag of any length is a record's in a collection; what is wrong with it is that record's error.
            None if self.phase == Phase::Inside && !matches!(data.get(1), Some(b'/' | b'!') | None) => {
                let name = String::from_utf8_lossy(tag_name(data.get(..256).unwrap_or(data))).into_owned();
                self.record(&name, whole, out)
            }
            None if whole => self.broken(RowErrorCode::NotWellFormed, "the file ends inside a tag"),
            None => self.broken(RowErrorCode::LimitExceeded, "a tag that does not end"),
            Some(Piece::End(length)) => self.end(length),
            Some(Piece::Start(length)) => self.start(length, false, whole, out),
            Some(Piece::Empty(length)) => self.start(length, true, whole, out),
            Some(_) if self.mending => {
                self.consume(1);
                Ok(Step::On)
            }
            Some(_) => self.broken(RowErrorCode::NotWellFormed, "a declaration or section outside a record"),
        }
    }

    fn end(&mut self, length: usize) -> Result<Step, FileError> {
        let name = tag_name(self.input.data());
        if self.outer.last().is_some_and(|open| open.name.as_bytes() == name) {
            self.outer.pop();
            self.mending = false;
            if self.outer.is_empty() {
                self.phase = Phase::End;
            }
        } else if !self.mending {
            let message = format!("`</{}>` closes nothing", clip(&String::from_utf8_lossy(name)));
            return self.broken(RowErrorCode::NotWellFormed, &message);
        }
        self.consume(length);
        Ok(Step::On)
    }

    fn start(&mut self, length: usize, empty: bool, whole: bool, out: &mut Out) -> Result<Step, FileError> {
        if self.phase == Phase::End {
            return self.broken(RowErrorCode::NotWellFormed, "a second root element");
        }
        let tag = self.input.data().get(..length).unwrap_or_default();
        let Ok(tag) = std::str::from_utf8(tag) else {
            if self.phase == Phase::Inside {
                let name = String::from_utf8_lossy(tag_name(tag)).into_owned();
                return self.record(&name, whole, out);
            }
            return Err(FileError::Encoding { message: format!("line {}: not UTF-8", self.line) });
        };
        let name = String::from_utf8_lossy(tag_name(tag.as_bytes())).into_owned();
        match classify(self.format, tag, &name, self.outer.last()) {
            Err(problem) => {
                let kind = problem.kind.into();
                Err(FileError::BrokenDocument { line: self.line, kind, message: problem.message })
            }
            Ok(Class::Record) => self.record(&name, whole, out),
            Ok(Class::Outer(outer)) => {
                if self.outer.len() >= MAX_OUTER {
                    return self.broken(RowErrorCode::LimitExceeded, "too many elements around the records");
                }
                self.consume(length);
                self.phase = Phase::Inside;
                self.mending = false;
                if !empty {
                    self.outer.push(outer);
                } else if self.outer.is_empty() {
                    self.phase = Phase::End;
                }
                Ok(Step::On)
            }
            Ok(Class::Other) => match record_end(self.input.data(), name.as_bytes(), b"", false) {
                End::Closed(length) | End::Cut(length) => {
                    self.consume(length);
                    Ok(Step::On)
                }
                End::Open if !whole && self.input.data().len() < MAX_RECORD_BYTES => Ok(self.wait()),
                End::Open => self.broken(RowErrorCode::NotWellFormed, "an element that does not end"),
            },
        }
    }

    /// Reads the record that starts here.
    fn record(&mut self, name: &str, whole: bool, out: &mut Out) -> Result<Step, FileError> {
        let available = self.input.data();
        let full = available.len() >= MAX_RECORD_BYTES;
        let data = available.get(..MAX_RECORD_BYTES).unwrap_or(available);
        let outer = self.outer.last();
        let outer_name = outer.map(|o| o.name.as_str()).unwrap_or_default();
        let plain = self.input.offset() < self.plain_until;
        let end = record_end(data, name.as_bytes(), outer_name.as_bytes(), plain);
        let place = Place { number: self.number + 1, line: self.line };
        let error = |code, message: String| {
            Err(RowError { number: place.number, group: None, code, line: place.line, column: None, message })
        };
        let (length, row) = match end {
            End::Open if !whole && !full => return Ok(self.wait()),
            End::Open if !plain => {
                self.plain_until = self.input.offset_at(data.len());
                return Ok(Step::On);
            }
            End::Open => {
                let row = if full {
                    error(
                        RowErrorCode::RowTooLong,
                        format!("the record is longer than {MAX_RECORD_BYTES} bytes"),
                    )
                } else {
                    error(RowErrorCode::NotWellFormed, format!("`{}` is not closed", clip(name)))
                };
                self.skipping = Skipping::Record(name.to_owned());
                (1, row)
            }
            End::Cut(length) => {
                (length, error(RowErrorCode::NotWellFormed, format!("`{}` is not closed", clip(name))))
            }
            End::Closed(length) => {
                let record = data.get(..length).unwrap_or_default();
                let row = match std::str::from_utf8(record) {
                    Ok(record) => {
                        let (before, behind) = around(self.format, outer);
                        if before.is_empty() {
                            xml_record::read(self.format, record, place, false)
                        } else {
                            let text = [before.as_str(), record, behind.as_str()].concat();
                            xml_record::read(self.format, &text, place, false)
                        }
                    }
                    Err(e) => {
                        let valid = record.get(..e.valid_up_to()).unwrap_or_default();
                        let byte = record.get(e.valid_up_to()).copied().unwrap_or_default();
                        let line =
                            place.line + u64::try_from(memchr_iter(b'\n', valid).count()).unwrap_or_default();
                        error(RowErrorCode::Encoding, format!("line {line}: byte 0x{byte:02X} is not UTF-8"))
                    }
                };
                (length, row)
            }
        };
        self.number += 1;
        self.mending = matches!(&row, Err(e) if is_structural(e.code));
        out.push(row);
        self.consume(length);
        if self.outer.is_empty() {
            self.phase = Phase::End;
        }
        Ok(Step::On)
    }
}

/// Whether parts of the record may be left where the next one is looked for.
fn is_structural(code: RowErrorCode) -> bool {
    let kinds = [ProblemKind::NotWellFormed, ProblemKind::DtdRefused, ProblemKind::LimitExceeded];
    code == RowErrorCode::RowTooLong || kinds.into_iter().any(|kind| RowErrorCode::from(kind) == code)
}
