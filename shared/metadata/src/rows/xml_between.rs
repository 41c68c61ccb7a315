//! What stands between the records of an XML file: white space, comments, and the elements around them.

use memchr::memchr;

use crate::limits::MAX_RECORD_BYTES;
use crate::xml::clip;

use super::error::{FileError, RowErrorCode};
use super::xml::{MAX_TAG_BYTES, Out, Phase, Skipping, Step, XmlReader};
use super::xml_outer::{Class, classify};
use super::xml_scan::{End, Piece, piece, record_end, tag_name};

/// Elements around a record.
const MAX_OUTER: usize = 8;

impl XmlReader {
    /// Reads what stands between records.
    pub(super) fn between(&mut self, whole: bool, out: &mut Out) -> Result<Step, FileError> {
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
}
