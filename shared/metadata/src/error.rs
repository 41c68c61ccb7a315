//! What can be wrong with a record, and where.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::MAX_PROBLEMS;

/// The kind of a problem: a stable word for reports and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The bytes are not text in the encoding that they claim.
    Encoding,
    /// Not well-formed XML.
    NotWellFormed,
    /// A character that XML 1.0 forbids.
    IllegalCharacter,
    /// A document type declaration: never read, always refused.
    DtdRefused,
    /// An entity other than the five of XML.
    EntityRefused,
    /// More bytes, elements, attributes or nesting than a record may have.
    LimitExceeded,
    /// A prefix that no declaration binds.
    UndeclaredPrefix,
    /// A namespace that the format does not know.
    UnknownNamespace,
    /// The root element is none that the format knows.
    WrongRoot,
    /// No record where one belongs.
    NoRecord,
    /// More than one record where one belongs.
    SeveralRecords,
    /// No title where the format demands one.
    MissingTitle,
    /// A field, element, indicator or leader that breaks the format's rules.
    InvalidField,
}

/// One thing that is wrong, and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind of thing.
    pub kind: ProblemKind,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Byte position in the text that was given.
    pub offset: usize,
    /// The field in the format's own spelling: `245$a`, `leader`, `dc:title`; empty where none is meant.
    pub field: String,
    /// What is wrong, for a person.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong with one record, in the order of the text; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordErrors {
    /// The problems, at most [`MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// How many more there were.
    pub not_listed: usize,
}

impl RecordErrors {
    pub(crate) fn single(problem: Problem) -> Self {
        Self { problems: vec![problem], not_listed: 0 }
    }

    /// Whether a problem of `kind` is among them.
    pub fn has(&self, kind: ProblemKind) -> bool {
        self.problems.iter().any(|p| p.kind == kind)
    }
}

impl fmt::Display for RecordErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        if self.not_listed > 0 {
            write!(f, "; and {} more", self.not_listed)?;
        }
        Ok(())
    }
}

impl std::error::Error for RecordErrors {}

/// Gathers problems by byte position and turns positions into lines and columns at the end.
pub(crate) struct Problems<'a> {
    text: &'a str,
    found: Vec<(usize, ProblemKind, String, String)>,
    not_listed: usize,
}

impl<'a> Problems<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, found: Vec::new(), not_listed: 0 }
    }

    pub(crate) fn add(
        &mut self,
        kind: ProblemKind,
        offset: usize,
        field: impl Into<String>,
        message: String,
    ) {
        if self.found.len() < MAX_PROBLEMS {
            self.found.push((offset, kind, field.into(), message));
        } else {
            self.not_listed += 1;
        }
    }

    /// Returns the errors, or nothing when no problem was found.
    pub(crate) fn into_errors(mut self) -> Option<RecordErrors> {
        if self.found.is_empty() {
            return None;
        }
        self.found.sort_by_key(|(offset, ..)| *offset);
        let mut place = Place::start();
        let problems = self
            .found
            .into_iter()
            .map(|(offset, kind, field, message)| {
                place = place.advance(self.text, offset);
                Problem { kind, line: place.line, column: place.column, offset: place.offset, field, message }
            })
            .collect();
        Some(RecordErrors { problems, not_listed: self.not_listed })
    }
}

/// Makes one problem at a byte position of `text`.
pub(crate) fn problem_at(
    text: &str,
    offset: usize,
    kind: ProblemKind,
    field: impl Into<String>,
    message: String,
) -> Problem {
    let place = Place::start().advance(text, offset);
    Problem {
        kind,
        line: place.line,
        column: place.column,
        offset: place.offset,
        field: field.into(),
        message,
    }
}

#[derive(Clone, Copy)]
struct Place {
    offset: usize,
    line: u32,
    column: u32,
}

impl Place {
    fn start() -> Self {
        Self { offset: 0, line: 1, column: 1 }
    }

    /// Moves forward to `offset`, or to the character border before it.
    fn advance(mut self, text: &str, offset: usize) -> Self {
        let mut to = offset.min(text.len());
        while !text.is_char_boundary(to) {
            to -= 1;
        }
        let Some(passed) = text.get(self.offset..to) else { return self };
        match passed.rfind('\n') {
            Some(last) => {
                let lines = memchr::memchr_iter(b'\n', passed.as_bytes()).count();
                self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
                self.column = 1 + count(passed.get(last + 1..).unwrap_or_default());
            }
            None => self.column = self.column.saturating_add(count(passed)),
        }
        self.offset = to;
        self
    }
}

fn count(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_columns_in_characters() {
        let text = "é\nzweiß x";
        let problem = problem_at(text, text.find('x').unwrap(), ProblemKind::InvalidField, "f", "m".into());
        assert_eq!((problem.line, problem.column), (2, 7));
        assert_eq!(problem.to_string(), "line 2, column 7: f: m");
    }

    #[test]
    fn lists_problems_in_order_of_the_text_and_counts_the_rest() {
        let text = "abc\ndef";
        let mut problems = Problems::new(text);
        problems.add(ProblemKind::InvalidField, 5, "", "second".into());
        problems.add(ProblemKind::InvalidField, 1, "", "first".into());
        for _ in 0..MAX_PROBLEMS {
            problems.add(ProblemKind::InvalidField, 6, "", "more".into());
        }
        let errors = problems.into_errors().unwrap();
        assert_eq!(errors.problems[0].message, "first");
        assert_eq!((errors.problems[1].line, errors.problems[1].column), (2, 2));
        assert_eq!((errors.problems.len(), errors.not_listed), (MAX_PROBLEMS, 2));
    }
}
