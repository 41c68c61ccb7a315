//! Finds the cells of one row of a table in bytes. Source: RFC 4180, with any of three line ends.

use memchr::{memchr, memchr3};

/// Where a cell's text stands in the row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether `""` stands for `"` in it.
    pub(super) escaped: bool,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// The row does not end within the bytes.
    Incomplete,
    /// A whole row.
    Row {
        /// Its bytes, line end included.
        length: usize,
        /// How many cells it has, those beyond the limit too.
        count: usize,
        /// Whether a cell is quoted: only then can it span lines.
        quoted: bool,
    },
    /// A quoted cell that does not end at a separator or line end.
    Broken {
        /// Where.
        at: usize,
    },
}

/// Scans one row from the start of `data`. At most `limit` cells are listed. `whole` says that the file ends with
/// `data`; `strict`, that a quote inside an unquoted cell is an error and no character like any other.
pub(super) fn scan(
    data: &[u8],
    separator: u8,
    whole: bool,
    strict: bool,
    limit: usize,
    cells: &mut Vec<Cell>,
) -> Scan {
    cells.clear();
    let (mut at, mut count, mut quoted) = (0, 0, false);
    loop {
        let cell = if data.get(at) == Some(&b'"') {
            quoted = true;
            match quoted_cell(data, at + 1, separator, whole) {
                Ok(cell) => cell,
                Err(stopped) => return stopped,
            }
        } else {
            let rest = data.get(at..).unwrap_or_default();
            let end = match memchr3(separator, b'\n', b'\r', rest) {
                Some(length) => at + length,
                None if whole => data.len(),
                None => return Scan::Incomplete,
            };
            if strict && let Some(quote) = data.get(at..end).and_then(|cell| memchr(b'"', cell)) {
                return Scan::Broken { at: at + quote };
            }
            Cell { start: at, end, escaped: false }
        };
        at = cell.end + usize::from(cell.start > at);
        count += 1;
        if cells.len() < limit {
            cells.push(cell);
        }
        let length = match (data.get(at), data.get(at + 1)) {
            (Some(byte), _) if *byte == separator => {
                at += 1;
                continue;
            }
            (Some(b'\r'), Some(b'\n')) => at + 2,
            (Some(b'\r'), None) if !whole => return Scan::Incomplete,
            (Some(_), _) => at + 1,
            (None, _) => at,
        };
        return Scan::Row { length, count, quoted };
    }
}

/// Scans a quoted cell from behind its first quote.
fn quoted_cell(data: &[u8], start: usize, separator: u8, whole: bool) -> Result<Cell, Scan> {
    let (mut from, mut escaped) = (start, false);
    loop {
        let Some(length) = data.get(from..).and_then(|rest| memchr(b'"', rest)) else {
            return Err(Scan::Incomplete);
        };
        let end = from + length;
        match data.get(end + 1) {
            Some(b'"') => {
                escaped = true;
                from = end + 2;
            }
            None if !whole => return Err(Scan::Incomplete),
            Some(byte) if !matches!(byte, b'\n' | b'\r') && *byte != separator => {
                return Err(Scan::Broken { at: end });
            }
            _ => return Ok(Cell { start, end, escaped }),
        }
    }
}

/// Returns where the first line of `data` ends, its line end included. `None` where it does not end within it.
pub(super) fn line_length(data: &[u8], whole: bool) -> Option<usize> {
    let end = memchr::memchr2(b'\n', b'\r', data)?;
    match (data.get(end), data.get(end + 1)) {
        (Some(b'\r'), Some(b'\n')) => Some(end + 2),
        (Some(b'\r'), None) if !whole => None,
        _ => Some(end + 1),
    }
}

/// Counts line ends: `\n`, `\r\n` and a lone `\r` are one each.
pub(super) fn count_lines(text: &[u8]) -> u64 {
    let mut lines = 0;
    let mut before = 0;
    for byte in text {
        match byte {
            b'\n' if before == b'\r' => {}
            b'\n' | b'\r' => lines += 1,
            _ => {}
        }
        before = *byte;
    }
    lines
}
