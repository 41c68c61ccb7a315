//! The header of a table: its separator and what its columns mean.

use crate::Format;

use super::columns::{self, Column};
use super::csv_scan::{Cell, Scan, scan};
use super::error::FileError;
use super::{MAX_COLUMNS, MAX_HEADER_BYTES};

/// What a header says.
pub(super) struct Layout {
    /// The header's names, as they are spelled.
    pub(super) names: Vec<String>,
    /// What each column means.
    pub(super) columns: Vec<Column>,
    /// For each file of a row: the columns of its name and of its label, in the files' order.
    pub(super) files: Vec<(Option<usize>, Option<usize>)>,
    /// The format of the records.
    pub(super) format: Format,
    /// The start tag of the records.
    pub(super) record_start: String,
}

impl Layout {
    /// Reads the names of a header; names at the end that are empty are no columns.
    pub(super) fn new(mut names: Vec<String>, target: Format) -> Result<Self, FileError> {
        while names.last().is_some_and(|name| name.trim().is_empty()) {
            names.pop();
        }
        if names.is_empty() {
            return Err(FileError::MissingHeader);
        }
        let parsed: Vec<Option<Column>> = names.iter().map(|name| Column::parse(name)).collect();
        let unknown: Vec<usize> =
            parsed.iter().enumerate().filter(|(_, c)| c.is_none()).map(|(i, _)| i).collect();
        if unknown.len() == names.len() {
            return Err(FileError::MissingHeader);
        }
        if !unknown.is_empty() {
            const TOLD: usize = 20;
            let tell = |i: &usize| columns::unknown(i + 1, names.get(*i).map_or("", String::as_str));
            return Err(FileError::UnknownColumns { columns: unknown.iter().take(TOLD).map(tell).collect() });
        }
        let columns: Vec<Column> = parsed.into_iter().flatten().collect();
        let qualified = columns.iter().any(|c| matches!(c, Column::Metadata(c) if c.qualified));
        let format = if qualified || target == Format::QualifiedDublinCore {
            Format::QualifiedDublinCore
        } else {
            Format::DublinCore
        };
        let record_start = columns::record_start(columns.iter());
        Ok(Self { files: pair_files(&columns), names, columns, format, record_start })
    }
}

/// Pairs each `file_name_n` with the `file_label_n` of the same number and repetition.
fn pair_files(columns: &[Column]) -> Vec<(Option<usize>, Option<usize>)> {
    let mut pairs: std::collections::BTreeMap<(u32, usize), (Option<usize>, Option<usize>)> =
        Default::default();
    let mut seen: std::collections::HashMap<(u32, bool), usize> = Default::default();
    for (i, column) in columns.iter().enumerate() {
        let (n, label) = match column {
            Column::FileName(n) => (*n, false),
            Column::FileLabel(n) => (*n, true),
            _ => continue,
        };
        let repetition = seen.entry((n, label)).or_default();
        let pair = pairs.entry((n, *repetition)).or_default();
        *repetition += 1;
        if label {
            pair.1 = Some(i);
        } else {
            pair.0 = Some(i);
        }
    }
    pairs.into_values().collect()
}

/// A header as it was found.
pub(super) struct Found {
    pub(super) separator: u8,
    pub(super) names: Vec<String>,
    /// Bytes that it took, line end included.
    pub(super) length: usize,
}

/// Finds the header in the first bytes of a table. The separator is the one under which most names are known; a
/// first line `sep=;`, as spreadsheets write it, settles it. `None` where more bytes are needed.
pub(super) fn find(data: &[u8], whole: bool) -> Result<Option<Found>, FileError> {
    let window = data.get(..data.len().min(MAX_HEADER_BYTES)).unwrap_or_default();
    let full = data.len() > MAX_HEADER_BYTES;
    let whole = whole && !full;
    let (skipped, separators) = match window {
        [b's', b'e', b'p', b'=', separator @ (b',' | b';' | b'\t'), b'\r', b'\n', ..] => {
            (7, vec![*separator])
        }
        [b's', b'e', b'p', b'=', separator @ (b',' | b';' | b'\t'), b'\n', ..] => (6, vec![*separator]),
        _ if window.len() < 7 && window.starts_with(b"sep=") && !whole => return Ok(None),
        _ => (0, vec![b',', b';', b'\t']),
    };
    let text = window.get(skipped..).unwrap_or_default();
    let blank = text.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let text = text.get(blank..).unwrap_or_default();
    if text.is_empty() && whole {
        return Err(FileError::Empty);
    }
    let mut best: Option<(usize, Found)> = None;
    let mut cells: Vec<Cell> = Vec::new();
    for separator in separators {
        match scan(text, separator, whole, false, MAX_COLUMNS, &mut cells) {
            Scan::Incomplete if !whole && !full => return Ok(None),
            Scan::Incomplete | Scan::Broken { .. } => {}
            Scan::Row { length, count, .. } => {
                if count > MAX_COLUMNS {
                    return Err(FileError::HeaderTooLong { limit: MAX_COLUMNS, unit: "columns".to_owned() });
                }
                let names = names(text, &cells)?;
                let known = names.iter().filter(|name| Column::parse(name).is_some()).count();
                if best.as_ref().is_none_or(|(most, _)| known > *most) {
                    best = Some((known, Found { separator, names, length: skipped + blank + length }));
                }
            }
        }
    }
    match best {
        Some((_, found)) => Ok(Some(found)),
        None if full => Err(FileError::HeaderTooLong { limit: MAX_HEADER_BYTES, unit: "bytes".to_owned() }),
        None => Err(FileError::MissingHeader),
    }
}

fn names(text: &[u8], cells: &[Cell]) -> Result<Vec<String>, FileError> {
    cells
        .iter()
        .map(|cell| {
            let name = text.get(cell.start..cell.end).unwrap_or_default();
            std::str::from_utf8(name).map(|name| name.replace("\"\"", "\"")).map_err(|_| {
                let message = "the header is not UTF-8: save the table as UTF-8".to_owned();
                FileError::Encoding { message }
            })
        })
        .collect()
}
