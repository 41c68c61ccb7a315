//! The first sheet of an Excel workbook, page by page: the same columns and rules as a table as text.
//!
//! A workbook cannot be read front to back, so it comes as something to seek in, and each page reads the sheet again
//! up to its rows. Formulas count as the values that Excel kept beside them.

use std::borrow::Cow;
use std::io::{Read, Seek};
use std::ops::ControlFlow;

use quick_xml::events::{BytesStart, Event};

use crate::Format;

use super::csv_header::Layout;
use super::csv_row::{self, Family, Place};
use super::error::{FileError, RowError, RowErrorCode};
use super::row::SourceRow;
use super::xlsx_book::{Book, Rich, unescape};
use super::xlsx_part::{WorkbookLimits, attribute, broken, text};
use super::xlsx_value::{Value, number};
use super::{MAX_COLUMNS, MAX_ROW_BYTES};

/// Some rows of a workbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkbookPage {
    /// The rows and errors, in order.
    pub rows: Vec<Result<SourceRow, RowError>>,
    /// The number of the first row of the next page; `None` where this was the last.
    pub next_row: Option<u64>,
}

/// Reads rows of a workbook's first visible sheet, from the data row numbered `first_row` (from 1) on, at most
/// `max_rows` and at least one where there is one.
///
/// `target` is the format in which the profile keeps records, as for [`RowReader::new`](super::RowReader::new).
///
/// # Errors
/// A file that is no workbook, goes over a limit, or has a header that cannot be used.
pub fn xlsx_rows(
    reader: impl Read + Seek,
    target: Format,
    first_row: u64,
    max_rows: usize,
    limits: &WorkbookLimits,
) -> Result<WorkbookPage, FileError> {
    let Book { mut container, sheet, shared, dates, from_1904 } = Book::open(reader, limits)?;
    let mut page = Page {
        target,
        first_row,
        max_rows: max_rows.max(1),
        bytes_left: limits.page_bytes,
        layout: None,
        number: 0,
        family: Family::default(),
        out: WorkbookPage { rows: Vec::new(), next_row: None },
    };
    let mut row = Row::default();
    let mut cell: Option<Cell> = None;
    let there = container.read(&sheet, |event| {
        if let Some(cell) = &mut cell {
            cell.follow(&event);
        }
        match &event {
            Event::Start(start) => match start.local_name().as_ref() {
                "row" => row.start(start)?,
                "c" => cell = Some(Cell::new(start, &row)),
                _ => {}
            },
            Event::End(end) => match end.local_name().as_ref() {
                "c" => {
                    if let Some(cell) = cell.take() {
                        let (row_of_cell, column) = (cell.row, cell.column);
                        if row_of_cell.is_some_and(|r| r != row.line) {
                            return Err(broken(format!("a cell of row {} stands in another", row.line)));
                        }
                        let value = cell.value(|i| shared.get(i), &dates, from_1904);
                        row.add(column, value)?;
                    }
                }
                "row" => {
                    let going = page.row(&row)?;
                    row.bytes = 0;
                    row.cells.clear();
                    return Ok(going);
                }
                "sheetData" => return Ok(ControlFlow::Break(())),
                _ => {}
            },
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    })?;
    match (there, page.layout) {
        (false, _) => Err(broken("the workbook's first sheet is missing")),
        (true, None) => Err(FileError::Empty),
        (true, Some(_)) => Ok(page.out),
    }
}

/// A row of the sheet as it is read.
#[derive(Default)]
struct Row {
    /// Its number in the sheet, from 1.
    line: u64,
    next_column: usize,
    cells: Vec<(usize, Value)>,
    bytes: usize,
}

impl Row {
    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), FileError> {
        let line = match attribute(start, "r") {
            Some(line) => line.parse().map_err(|_| broken("a row without a number"))?,
            None => self.line + 1,
        };
        if line <= self.line {
            return Err(broken(format!("row {line} of the sheet comes behind row {}", self.line)));
        }
        *self = Self { line, ..Self::default() };
        Ok(())
    }

    fn add(&mut self, column: usize, value: Value) -> Result<(), FileError> {
        if column < self.next_column {
            return Err(broken(format!("the cells of row {} are not in order", self.line)));
        }
        self.next_column = column + 1;
        let length = match &value {
            Value::Text(text) if text.trim().is_empty() => return Ok(()),
            Value::Text(text) | Value::Wrong(text) => text.len(),
        };
        self.bytes += length;
        // A row that is too long is refused as a whole; its cells need not be kept.
        if self.bytes <= MAX_ROW_BYTES && self.cells.len() <= MAX_COLUMNS {
            self.cells.push((column, value));
        }
        Ok(())
    }
}

/// A cell of the sheet as it is read.
struct Cell {
    row: Option<u64>,
    column: usize,
    kind: String,
    style: usize,
    text: String,
    in_value: bool,
    /// Whether it is computed.
    formula: bool,
    rich: Rich,
}

impl Cell {
    fn new(start: &BytesStart<'_>, row: &Row) -> Self {
        let place = attribute(start, "r").and_then(|r| reference(&r));
        Self {
            row: place.map(|(row, _)| row),
            column: place.map_or(row.next_column, |(_, column)| column),
            kind: attribute(start, "t").unwrap_or_default(),
            style: attribute(start, "s").and_then(|s| s.parse().ok()).unwrap_or_default(),
            text: String::new(),
            in_value: false,
            formula: false,
            rich: Rich::default(),
        }
    }

    fn follow(&mut self, event: &Event<'_>) {
        let more = match event {
            Event::Start(start) if start.local_name().as_ref() == "v" => {
                self.in_value = true;
                None
            }
            Event::Start(start) if start.local_name().as_ref() == "f" => {
                self.formula = true;
                None
            }
            Event::End(end) if end.local_name().as_ref() == "v" => {
                self.in_value = false;
                None
            }
            event if self.in_value => text(event),
            event => self.rich.piece(event),
        };
        if let Some(more) = more
            && self.text.len() <= MAX_ROW_BYTES
        {
            self.text.push_str(&more);
        }
    }

    fn value<'s>(self, shared: impl Fn(usize) -> Option<&'s str>, dates: &[bool], from_1904: bool) -> Value {
        match self.kind.as_str() {
            "s" => match self.text.trim().parse().ok().and_then(shared) {
                Some(text) => Value::Text(text.to_owned()),
                None => Value::Wrong("the cell points to a text that is not there".to_owned()),
            },
            "str" | "inlineStr" => Value::Text(unescape(&self.text).unwrap_or(self.text)),
            "d" => Value::Text(self.text),
            "b" => Value::Text(if self.text.trim() == "1" { "TRUE" } else { "FALSE" }.to_owned()),
            "e" => Value::Wrong(format!("the cell holds the error `{}`", crate::xml::clip(&self.text))),
            _ if self.formula && self.text.trim().is_empty() => Value::Wrong(
                "the cell's formula was never computed: open the workbook in Excel and save it".to_owned(),
            ),
            _ => number(&self.text, dates.get(self.style).copied().unwrap_or_default(), from_1904),
        }
    }
}

/// Reads a reference such as `AB12`: the row from 1, the column from 0.
fn reference(text: &str) -> Option<(u64, usize)> {
    let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
    let (letters, digits) = text.split_at(letters);
    if letters.is_empty() || letters.len() > 3 {
        return None;
    }
    let column = letters.bytes().fold(0, |column, b| column * 26 + usize::from(b - b'A') + 1);
    Some((digits.parse().ok()?, column - 1))
}

struct Page {
    target: Format,
    first_row: u64,
    max_rows: usize,
    bytes_left: usize,
    layout: Option<Layout>,
    number: u64,
    family: Family,
    out: WorkbookPage,
}

impl Page {
    fn row(&mut self, row: &Row) -> Result<ControlFlow<()>, FileError> {
        if row.bytes == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let Some(layout) = &self.layout else {
            self.layout = Some(header(row, self.target)?);
            return Ok(ControlFlow::Continue(()));
        };
        self.number += 1;
        let wanted = self.number >= self.first_row;
        if wanted && (self.out.rows.len() >= self.max_rows || self.bytes_left == 0) {
            self.out.next_row = Some(self.number);
            return Ok(ControlFlow::Break(()));
        }
        let place = Place { number: self.number, line: row.line };
        let read = match values(row, layout, place) {
            Ok(values) => csv_row::read(layout, &values, place, &mut self.family, wanted),
            Err(error) => {
                self.family = Family { group: error.group.clone(), described: true };
                Err(error)
            }
        };
        if wanted {
            self.bytes_left = self.bytes_left.saturating_sub(row.bytes);
            self.out.rows.push(read);
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn header(row: &Row, target: Format) -> Result<Layout, FileError> {
    let too_long = row.next_column > MAX_COLUMNS;
    if too_long && row.cells.iter().any(|(column, _)| *column >= MAX_COLUMNS) {
        return Err(FileError::HeaderTooLong { limit: MAX_COLUMNS, unit: "columns".to_owned() });
    }
    let mut names: Vec<String> = Vec::new();
    for (column, value) in &row.cells {
        let Value::Text(name) = value else { return Err(FileError::MissingHeader) };
        names.resize(*column, String::new());
        names.push(name.clone());
    }
    Layout::new(names, target)
}

/// Returns the texts of a row in the columns' order.
fn values<'r>(row: &'r Row, layout: &Layout, place: Place) -> Result<Vec<Cow<'r, str>>, RowError> {
    let mut values = vec![Cow::Borrowed(""); layout.columns.len()];
    let mut wrong: Option<(RowErrorCode, Option<String>, String)> = None;
    if row.bytes > MAX_ROW_BYTES || row.cells.len() > MAX_COLUMNS {
        let message = format!("the row is longer than {MAX_ROW_BYTES} bytes or {MAX_COLUMNS} cells");
        wrong = Some((RowErrorCode::RowTooLong, None, message));
    }
    for (column, value) in &row.cells {
        let Some(slot) = values.get_mut(*column) else {
            let message = format!("a value in column {} of {} columns", column + 1, layout.columns.len());
            wrong.get_or_insert((RowErrorCode::TooManyCells, None, message));
            continue;
        };
        match value {
            Value::Text(text) => *slot = Cow::Borrowed(text),
            Value::Wrong(message) => {
                let name = layout.names.get(*column).map(|name| name.trim().to_owned());
                let message = format!("column `{}`: {message}", name.as_deref().unwrap_or_default());
                wrong.get_or_insert((RowErrorCode::CellError, name, message));
            }
        }
    }
    match wrong {
        None => Ok(values),
        Some((code, column, message)) => {
            let group = csv_row::group(layout, &values);
            Err(RowError { number: place.number, group, code, line: place.line, column, message })
        }
    }
}
