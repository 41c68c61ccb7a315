//! Tables as text: comma, semicolon or tab, with or without quotes, one row at a time.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::Format;

use super::csv_header::{self, Layout};
use super::csv_row::{self, Family, Place};
use super::csv_scan::{Cell, Scan, count_lines, line_length, scan};
use super::error::{FileError, RowError, RowErrorCode};
use super::input::{Encoding, Input};
use super::row::SourceRow;
use super::{MAX_COLUMNS, MAX_ROW_BYTES};

/// What a table's reader knows beside its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CsvState {
    encoding: Encoding,
    separator: u8,
    names: Vec<String>,
    group: Option<String>,
    described: bool,
    strict_until: u64,
    skipping: bool,
}

/// A table and how far it is read.
pub(super) struct CsvReader {
    target: Format,
    input: Input,
    layout: Option<(u8, Layout)>,
    number: u64,
    line: u64,
    family: Family,
    /// Up to this place of the file, rows are read with suspicion, because quotes before it did not match: a line
    /// there may be the inside of a cell. Such a row counts only with as many cells as the header has columns.
    strict_until: u64,
    /// Whether the rest of a line belongs to a row that was refused.
    skipping: bool,
    /// Bytes that must be there before the row is scanned again, so that a long row costs no more than its length.
    retry_at: usize,
    cells: Vec<Cell>,
}

type Out = Vec<Result<SourceRow, RowError>>;

impl CsvReader {
    pub(super) fn new(target: Format) -> Self {
        Self {
            target,
            input: Input::new(None, 0),
            layout: None,
            number: 0,
            line: 1,
            family: Family::default(),
            strict_until: 0,
            skipping: false,
            retry_at: 0,
            cells: Vec::new(),
        }
    }

    pub(super) fn resume(
        target: Format,
        offset: u64,
        number: u64,
        line: u64,
        state: CsvState,
    ) -> Result<Self, FileError> {
        let layout = Layout::new(state.names, target)?;
        Ok(Self {
            input: Input::new(Some(state.encoding), offset),
            layout: Some((state.separator, layout)),
            number,
            line,
            family: Family { group: state.group, described: state.described },
            strict_until: state.strict_until,
            skipping: state.skipping,
            ..Self::new(target)
        })
    }

    pub(super) fn place(&self) -> (u64, u64, u64) {
        (self.input.offset(), self.number, self.line)
    }

    /// `None` before the header is read.
    pub(super) fn state(&self) -> Option<CsvState> {
        let (separator, layout) = self.layout.as_ref()?;
        Some(CsvState {
            encoding: self.input.encoding()?,
            separator: *separator,
            names: layout.names.clone(),
            group: self.family.group.clone(),
            described: self.family.described,
            strict_until: self.strict_until,
            skipping: self.skipping,
        })
    }

    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Out) -> Result<(), FileError> {
        self.input.push(bytes)?;
        self.run(false, out)
    }

    pub(super) fn finish(&mut self, out: &mut Out) -> Result<(), FileError> {
        self.input.finish()?;
        self.run(true, out)
    }

    fn run(&mut self, whole: bool, out: &mut Out) -> Result<(), FileError> {
        while whole || self.input.data().len() >= self.retry_at {
            let Some((separator, layout)) = self.layout.take() else {
                if !self.header(whole)? {
                    break;
                }
                continue;
            };
            let went_on = self.row(separator, &layout, whole, out);
            self.layout = Some((separator, layout));
            if !went_on {
                break;
            }
        }
        Ok(())
    }

    fn wait(&mut self) -> bool {
        self.retry_at = 2 * self.input.data().len();
        false
    }

    fn consume(&mut self, length: usize) {
        self.input.consume(length);
        self.retry_at = 0;
    }

    fn header(&mut self, whole: bool) -> Result<bool, FileError> {
        if self.input.encoding().is_none() {
            return Ok(false);
        }
        let Some(found) = csv_header::find(self.input.data(), whole)? else {
            return Ok(self.wait());
        };
        self.layout = Some((found.separator, Layout::new(found.names, self.target)?));
        self.line += count_lines(self.input.data().get(..found.length).unwrap_or_default());
        self.consume(found.length);
        Ok(true)
    }

    /// Reads one row, or skips to the next. Returns whether there may be more to read.
    fn row(&mut self, separator: u8, layout: &Layout, whole: bool, out: &mut Out) -> bool {
        let available = self.input.data();
        if available.is_empty() {
            return false;
        }
        if self.skipping {
            return self.skip(whole);
        }
        let full = available.len() >= MAX_ROW_BYTES;
        let data = available.get(..MAX_ROW_BYTES).unwrap_or(available);
        let ends = whole && available.len() == data.len();
        let strict = self.input.offset() < self.strict_until;
        let mut cells = std::mem::take(&mut self.cells);
        let scanned = scan(data, separator, ends, strict, MAX_COLUMNS, &mut cells);
        let went_on = match scanned {
            Scan::Incomplete if !ends && !full => self.wait(),
            Scan::Incomplete => {
                let message = "a quoted cell does not end: its closing quote is missing".to_owned();
                let stopped = data.len();
                if ends || line_length(data, ends).is_some() {
                    self.refuse(stopped, RowErrorCode::UnbalancedQuotes, message, layout, &cells, whole, out)
                } else {
                    let message = format!("the row is longer than {MAX_ROW_BYTES} bytes");
                    self.refuse(stopped, RowErrorCode::RowTooLong, message, layout, &cells, whole, out)
                }
            }
            Scan::Broken { at } => {
                let column = layout.names.get(cells.len()).map_or("", |name| name.trim());
                let message = format!("column `{column}`: quotes do not match");
                self.refuse(at, RowErrorCode::UnbalancedQuotes, message, layout, &cells, whole, out)
            }
            Scan::Row { length, count, quoted } => {
                self.take(layout, &cells, length, count, strict, out);
                let lines = match self.input.data().get(..length) {
                    Some(row) if quoted => count_lines(row),
                    _ => 1,
                };
                self.line += lines;
                self.consume(length);
                true
            }
        };
        self.cells = cells;
        went_on
    }

    /// Reads the cells of a whole row and tells what it says; a row of empty cells says nothing.
    fn take(
        &mut self,
        layout: &Layout,
        cells: &[Cell],
        length: usize,
        count: usize,
        strict: bool,
        out: &mut Out,
    ) {
        let row = self.input.data().get(..length).unwrap_or_default();
        let columns = layout.columns.len();
        let place = Place { number: self.number + 1, line: self.line };
        let error = |code, column: Option<&str>, message| RowError {
            number: place.number,
            group: None,
            code,
            line: place.line,
            column: column.map(str::to_owned),
            message,
        };
        let text = match std::str::from_utf8(row) {
            Ok(text) => text,
            Err(e) => {
                let at = e.valid_up_to();
                let column = cells.iter().position(|c| c.end > at).and_then(|i| layout.names.get(i));
                let byte = row.get(at).copied().unwrap_or_default();
                let message = match self.input.encoding() {
                    Some(Encoding::Utf8) | None => {
                        format!("byte 0x{byte:02X} is not UTF-8: save the table as UTF-8")
                    }
                    Some(_) => "half a character of UTF-16".to_owned(),
                };
                self.number += 1;
                self.family = Family::default();
                let column = column.map(|name| name.trim());
                return out.push(Err(error(RowErrorCode::Encoding, column, message)));
            }
        };
        let values: Vec<Cow<'_, str>> = cells.iter().map(|cell| value(text, cell)).collect();
        if values.iter().all(|v| v.trim().is_empty()) && count <= MAX_COLUMNS {
            return;
        }
        self.number += 1;
        let extra = values.get(columns..).unwrap_or_default();
        if strict && count != columns {
            let message = format!(
                "{count} cells for {columns} columns, behind a row whose quotes do not match: it may be the rest of it"
            );
            self.family = Family::default();
            return out.push(Err(error(RowErrorCode::UnbalancedQuotes, None, message)));
        }
        if count > MAX_COLUMNS || extra.iter().any(|v| !v.trim().is_empty()) {
            let message = format!("{count} cells for {columns} columns: is a separator not quoted?");
            let mut error = error(RowErrorCode::TooManyCells, None, message);
            error.group = csv_row::group(layout, &values);
            self.family = Family { group: error.group.clone(), described: true };
            return out.push(Err(error));
        }
        out.push(csv_row::read(layout, &values, place, &mut self.family, true));
    }

    /// Refuses a row whose end cannot be trusted and goes on behind its first line.
    #[expect(clippy::too_many_arguments, reason = "parts of the reader that are borrowed apart")]
    fn refuse(
        &mut self,
        stopped: usize,
        code: RowErrorCode,
        message: String,
        layout: &Layout,
        cells: &[Cell],
        whole: bool,
        out: &mut Out,
    ) -> bool {
        self.number += 1;
        let data = self.input.data();
        let known: Vec<Cow<'_, str>> = cells
            .iter()
            .filter_map(|c| std::str::from_utf8(data.get(c.start..c.end)?).ok())
            .map(Cow::Borrowed)
            .collect();
        let group = if known.len() == cells.len() { csv_row::group(layout, &known) } else { None };
        self.family = Family { group: group.clone(), described: true };
        out.push(Err(RowError { number: self.number, group, code, line: self.line, column: None, message }));
        self.strict_until = self.strict_until.max(self.input.offset_at(stopped));
        self.skipping = true;
        self.skip(whole)
    }

    /// Goes to the next line.
    fn skip(&mut self, whole: bool) -> bool {
        let data = self.input.data();
        match line_length(data, whole) {
            Some(length) => {
                self.skipping = false;
                self.line += 1;
                self.consume(length);
            }
            // A `\r` at the end stays until the byte behind it is there.
            None if !whole && data.last() == Some(&b'\r') => {
                self.consume(data.len() - 1);
                return false;
            }
            None => self.consume(data.len()),
        }
        true
    }
}

fn value<'t>(text: &'t str, cell: &Cell) -> Cow<'t, str> {
    let value = text.get(cell.start..cell.end).unwrap_or_default();
    if cell.escaped { Cow::Owned(value.replace("\"\"", "\"")) } else { Cow::Borrowed(value) }
}
