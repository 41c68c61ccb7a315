//! What can be wrong with one row, and what with a whole file.

use serde::{Deserialize, Serialize};

use crate::error::{ProblemKind, RecordErrors};

/// A row or record that cannot be taken; the others go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("row {number}, line {line}: {message}")]
pub struct RowError {
    /// Which data row or record of the file, from 1.
    pub number: u64,
    /// Its group, where that could be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group: Option<String>,
    /// What kind of thing is wrong.
    pub code: RowErrorCode,
    /// The line of the file, from 1; the record's number in files without lines.
    pub line: u64,
    /// The column or field that is meant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub column: Option<String>,
    /// What is wrong, for a person.
    pub message: String,
}

/// The kind of a row's error: a stable word for reports and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowErrorCode {
    /// Bytes that are not text in the file's encoding.
    Encoding,
    /// A quoted cell that does not end where it should.
    UnbalancedQuotes,
    /// More cells than the header has columns.
    TooManyCells,
    /// A row or record over the size that one may have.
    RowTooLong,
    /// A character that no record can hold.
    IllegalCharacter,
    /// A file name that leads out of the ingest's folder, or could.
    UnsafeFileName,
    /// A file label beside no file name.
    LabelWithoutFile,
    /// Several values where one belongs.
    SeveralValues,
    /// A binary record whose leader, directory or length is wrong.
    BadStructure,
    /// A character set of MARC-8 that is not read, or a byte that it lacks.
    UnknownCharacterSet,
    /// A cell that a spreadsheet spoiled: an error such as `#REF!`, or a number without its last digits.
    CellError,
    /// Not well-formed XML.
    NotWellFormed,
    /// A document type declaration.
    DtdRefused,
    /// An entity other than the five of XML.
    EntityRefused,
    /// More elements, attributes or nesting than a record may have.
    LimitExceeded,
    /// A prefix that no declaration binds.
    UndeclaredPrefix,
    /// A namespace that the format does not know.
    UnknownNamespace,
    /// An element that is no record of the format.
    WrongRoot,
    /// No record where one belongs.
    NoRecord,
    /// Several records where one belongs.
    SeveralRecords,
    /// No title.
    MissingTitle,
    /// A field that breaks the format's rules.
    InvalidField,
}

impl From<ProblemKind> for RowErrorCode {
    fn from(kind: ProblemKind) -> Self {
        match kind {
            ProblemKind::Encoding => Self::Encoding,
            ProblemKind::NotWellFormed => Self::NotWellFormed,
            ProblemKind::IllegalCharacter => Self::IllegalCharacter,
            ProblemKind::DtdRefused => Self::DtdRefused,
            ProblemKind::EntityRefused => Self::EntityRefused,
            ProblemKind::LimitExceeded => Self::LimitExceeded,
            ProblemKind::UndeclaredPrefix => Self::UndeclaredPrefix,
            ProblemKind::UnknownNamespace => Self::UnknownNamespace,
            ProblemKind::WrongRoot => Self::WrongRoot,
            ProblemKind::NoRecord => Self::NoRecord,
            ProblemKind::SeveralRecords => Self::SeveralRecords,
            ProblemKind::MissingTitle => Self::MissingTitle,
            ProblemKind::InvalidField => Self::InvalidField,
        }
    }
}

/// The most problems of one record that a row's message tells.
const TOLD: usize = 5;

/// Makes a row's error of a record's problems. `first_line` is the line of the file on which the record starts;
/// without one, the record was written by us and its lines mean nothing.
pub(super) fn of_record(
    number: u64,
    group: Option<String>,
    line: u64,
    errors: &RecordErrors,
    lines_count: bool,
) -> RowError {
    let first = errors.problems.first();
    let mut message = String::new();
    for problem in errors.problems.iter().take(TOLD) {
        if !message.is_empty() {
            message.push_str("; ");
        }
        if lines_count && problem.line > 1 {
            message.push_str(&format!("line {}: ", line + u64::from(problem.line) - 1));
        }
        if !problem.field.is_empty() {
            message.push_str(&format!("{}: ", problem.field));
        }
        message.push_str(&problem.message);
    }
    let more = errors.problems.len().saturating_sub(TOLD) + errors.not_listed;
    if more > 0 {
        message.push_str(&format!("; and {more} more"));
    }
    let place = first.map_or(1, |p| u64::from(p.line));
    RowError {
        number,
        group,
        code: first.map_or(RowErrorCode::InvalidField, |p| p.kind.into()),
        line: if lines_count { line + place - 1 } else { line },
        column: first.map(|p| p.field.clone()).filter(|f| !f.is_empty()),
        message,
    }
}

/// Why a file cannot be read, or not further. The rows before it stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum FileError {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// The first row names none of the columns that we know.
    #[error("the first row is no header: it must name columns such as `mms_id`, `dc:title`, `file_name_1`")]
    MissingHeader,
    /// A header with names that we do not know.
    #[error("{}", unknown_columns(.columns))]
    UnknownColumns {
        /// Each of them.
        columns: Vec<UnknownColumn>,
    },
    /// A header of too many bytes or columns.
    #[error("the header is longer than {limit} {unit}")]
    HeaderTooLong {
        /// How many it may have.
        limit: usize,
        /// Of what.
        unit: String,
    },
    /// Bytes that are not text in an encoding that we read.
    #[error("{message}")]
    Encoding {
        /// What is wrong.
        message: String,
    },
    /// A document whose outer part is not what the format asks for.
    #[error("line {line}: {message}")]
    BrokenDocument {
        /// The line, from 1.
        line: u64,
        /// What kind of thing is wrong.
        kind: RowErrorCode,
        /// What is wrong.
        message: String,
    },
    /// A workbook that cannot be read.
    #[error("{message}")]
    BrokenWorkbook {
        /// What is wrong.
        message: String,
    },
    /// A format whose files cannot be read front to back.
    #[error("an Excel workbook cannot be read as a stream")]
    NotAStream,
}

/// A column that we do not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownColumn {
    /// Its place in the header, from 1.
    pub position: usize,
    /// What the header says.
    pub name: String,
    /// What may be meant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub near: Option<String>,
}

fn unknown_columns(columns: &[UnknownColumn]) -> String {
    let mut text = String::new();
    for column in columns.iter().take(10) {
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&format!("column {}: `{}` is unknown", column.position, column.name));
        if let Some(near) = &column.near {
            text.push_str(&format!(", did you mean `{near}`"));
        }
    }
    if columns.len() > 10 {
        text.push_str(&format!("; and {} more", columns.len() - 10));
    }
    text
}
