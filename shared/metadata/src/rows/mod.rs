//! Readers of metadata files for bulk import: rows and errors together, in the file's order.
//!
//! They take bytes as they come, in pieces of any size, keep no more than one row, and can stop behind any row and
//! go on from a byte offset in a later run. A bad row is an error beside the others and never loses the rows around
//! it; only what makes the whole file unreadable is a [`FileError`]. No I/O. Source: domain.md 6.4.

mod columns;
mod csv;
mod csv_header;
mod csv_row;
mod csv_scan;
mod error;
mod file_name;
mod input;
mod marc;
mod marc8;
mod marc8_sets;
mod reader;
mod row;
mod xlsx;
mod xlsx_book;
mod xlsx_part;
mod xlsx_value;
mod xml;
mod xml_between;
mod xml_outer;
mod xml_record;
mod xml_scan;
mod xml_split;

pub use columns::{known_columns, template_csv};
pub use error::{FileError, RowError, RowErrorCode};
pub use file_name::check_file_reference;
pub use reader::{Checkpoint, RowReader};
pub use row::{CollectionName, RowFile, RowRepresentation, SourceRow};
pub use xlsx::{WorkbookPage, xlsx_rows};
pub use xlsx_part::WorkbookLimits;

/// Bytes of one row of a table as UTF-8, its line end included; a longer row is an error of its own.
pub const MAX_ROW_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a table's header.
pub const MAX_HEADER_BYTES: usize = 1024 * 1024;
/// Columns of a table.
pub const MAX_COLUMNS: usize = 2000;
