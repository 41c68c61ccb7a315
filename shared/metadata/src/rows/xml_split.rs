//! Where one record of an XML file ends and what it says.

use memchr::{memchr, memchr_iter};

use crate::error::ProblemKind;
use crate::limits::MAX_RECORD_BYTES;
use crate::xml::clip;

use super::error::{FileError, RowError, RowErrorCode};
use super::xml::{MAX_TAG_BYTES, Out, Phase, Skipping, Step, XmlReader};
use super::xml_outer::around;
use super::xml_record::{self, Place};
use super::xml_scan::{Border, End, border, record_end};

impl XmlReader {
    /// Reads the record that starts here.
    pub(super) fn record(&mut self, name: &str, whole: bool, out: &mut Out) -> Result<Step, FileError> {
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

    /// Passes over the rest of a record that was refused.
    pub(super) fn skip_record(&mut self, name: String, whole: bool) -> Step {
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
}

/// Whether parts of the record may be left where the next one is looked for.
fn is_structural(code: RowErrorCode) -> bool {
    let kinds = [ProblemKind::NotWellFormed, ProblemKind::DtdRefused, ProblemKind::LimitExceeded];
    code == RowErrorCode::RowTooLong || kinds.into_iter().any(|kind| RowErrorCode::from(kind) == code)
}
