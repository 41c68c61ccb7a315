//! Collections of XML records, split by record element while they stream in.
//!
//! A record is what stands between the start tag of a record element and the first end tag of its name. It is then
//! parsed on its own, with the namespaces declared around it, so a record that is not well-formed is one error and
//! the next one begins where its start tag says. Document types are refused (B25).

use memchr::{memchr_iter, memmem};
use serde::{Deserialize, Serialize};

use crate::Format;
use crate::xml::clip;

use super::error::{FileError, RowError, RowErrorCode};
use super::input::{Encoding, Input};
use super::row::SourceRow;
use super::xml_outer::Outer;

/// Bytes of one tag or declaration outside of records.
pub(super) const MAX_TAG_BYTES: usize = 64 * 1024;

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
pub(super) enum Phase {
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
pub(super) enum Skipping {
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
    pub(super) format: Format,
    pub(super) input: Input,
    pub(super) number: u64,
    pub(super) line: u64,
    pub(super) outer: Vec<Outer>,
    pub(super) phase: Phase,
    pub(super) skipping: Skipping,
    /// Up to this place, the borders of records are told by tags alone, because a comment, quote or section that
    /// began before it did not end.
    pub(super) plain_until: u64,
    /// Whether the record before was broken: what is left of it may stand here.
    pub(super) mending: bool,
    pub(super) retry_at: usize,
}

pub(super) type Out = Vec<Result<SourceRow, RowError>>;

/// Whether there may be more to read.
#[derive(PartialEq, Eq)]
pub(super) enum Step {
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

    pub(super) fn broken<T>(&self, kind: RowErrorCode, message: &str) -> Result<T, FileError> {
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

    pub(super) fn consume(&mut self, length: usize) {
        let passed = self.input.data().get(..length).unwrap_or_default();
        self.line += u64::try_from(memchr_iter(b'\n', passed).count()).unwrap_or_default();
        self.input.consume(length);
        self.retry_at = 0;
    }

    pub(super) fn wait(&mut self) -> Step {
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
}
