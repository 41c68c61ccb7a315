//! One reader for every format that can be read front to back.

use serde::{Deserialize, Serialize};
use vitrine_domain::import::profile::SourceFormat;

use crate::Format;

use super::csv::{CsvReader, CsvState};
use super::error::{FileError, RowError};
use super::marc::{MarcReader, MarcState};
use super::row::SourceRow;
use super::xml::{XmlReader, XmlState};

/// Reads a metadata file piece by piece.
///
/// ```
/// use vitrine_domain::import::profile::SourceFormat;
/// use vitrine_metadata::{Format, rows::RowReader};
///
/// let mut rows = Vec::new();
/// let mut reader = RowReader::new(SourceFormat::Csv, Format::DublinCore);
/// reader.push(b"dc:title,file_name_1\nMoby-Dick,whale.pdf\n", &mut rows)?;
/// reader.finish(&mut rows)?;
/// assert_eq!(rows[0].as_ref().unwrap().files[0].name, "whale.pdf");
/// # Ok::<(), vitrine_metadata::rows::FileError>(())
/// ```
pub struct RowReader {
    source: SourceFormat,
    target: Format,
    inner: Inner,
}

enum Inner {
    Csv(Box<CsvReader>),
    Xml(Box<XmlReader>),
    Marc(Box<MarcReader>),
    NotAStream,
}

/// Where a reader stands: at the border behind the last row that it told of. Small, and fit to be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The byte of the file from which to go on.
    pub offset: u64,
    /// How many rows were told of.
    pub number: u64,
    line: u64,
    source: SourceFormat,
    target: Format,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Start,
    Csv(CsvState),
    Xml(XmlState),
    Marc(MarcState),
}

impl RowReader {
    /// Starts at the beginning of a file.
    ///
    /// `target` is the format in which the profile keeps records. Tables become Dublin Core: qualified where
    /// `target` is, or where the header has a column that needs it.
    pub fn new(source: SourceFormat, target: Format) -> Self {
        let inner = match source {
            SourceFormat::Csv => Inner::Csv(Box::new(CsvReader::new(target))),
            SourceFormat::Xlsx => Inner::NotAStream,
            SourceFormat::Marc => Inner::Marc(Box::new(MarcReader::new())),
            SourceFormat::MarcXml | SourceFormat::DublinCore | SourceFormat::Mods => {
                Inner::Xml(Box::new(XmlReader::new(record_format(source, target))))
            }
        };
        Self { source, target, inner }
    }

    /// Goes on where another reader of the same file stood: the next bytes pushed are those from
    /// [`Checkpoint::offset`].
    ///
    /// # Errors
    /// A checkpoint that no reader made.
    pub fn resume(checkpoint: Checkpoint) -> Result<Self, FileError> {
        let Checkpoint { offset, number, line, source, target, state } = checkpoint;
        let inner = match state {
            State::Start => return Ok(Self::new(source, target)),
            State::Csv(state) => {
                Inner::Csv(Box::new(CsvReader::resume(target, offset, number, line, state)?))
            }
            State::Xml(state) => {
                let format = record_format(source, target);
                Inner::Xml(Box::new(XmlReader::resume(format, offset, number, line, state)))
            }
            State::Marc(state) => Inner::Marc(Box::new(MarcReader::resume(offset, number, state))),
        };
        Ok(Self { source, target, inner })
    }

    /// Returns where the reader stands, behind the rows that it told of.
    pub fn checkpoint(&self) -> Checkpoint {
        let (place, state) = match &self.inner {
            Inner::Csv(csv) => (csv.place(), csv.state().map(State::Csv)),
            Inner::Xml(xml) => (xml.place(), xml.state().map(State::Xml)),
            Inner::Marc(marc) => (marc.place(), Some(State::Marc(marc.state()))),
            Inner::NotAStream => ((0, 0, 1), None),
        };
        // Before the header is read there is nothing to remember.
        let (place, state) = state.map_or(((0, 0, 1), State::Start), |state| (place, state));
        let (offset, number, line) = place;
        Checkpoint { offset, number, line, source: self.source, target: self.target, state }
    }

    /// Takes the next bytes and tells of every row that is whole with them.
    ///
    /// # Errors
    /// Why the file cannot be read further; the rows told of stand.
    pub fn push(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<Result<SourceRow, RowError>>,
    ) -> Result<(), FileError> {
        match &mut self.inner {
            Inner::Csv(csv) => csv.push(bytes, out),
            Inner::Xml(xml) => xml.push(bytes, out),
            Inner::Marc(marc) => marc.push(bytes, out),
            Inner::NotAStream => Err(FileError::NotAStream),
        }
    }

    /// Says that the file ends, and tells of its last row.
    ///
    /// # Errors
    /// As [`Self::push`]; a file that ends too early.
    pub fn finish(self, out: &mut Vec<Result<SourceRow, RowError>>) -> Result<(), FileError> {
        match self.inner {
            Inner::Csv(mut csv) => csv.finish(out),
            Inner::Xml(mut xml) => xml.finish(out),
            Inner::Marc(mut marc) => marc.finish(out),
            Inner::NotAStream => Err(FileError::NotAStream),
        }
    }
}

/// Returns the format of the records in an XML file.
fn record_format(source: SourceFormat, target: Format) -> Format {
    match (source, target) {
        (SourceFormat::Mods, _) => Format::Mods,
        (SourceFormat::DublinCore, Format::DublinCore) => Format::DublinCore,
        (SourceFormat::DublinCore, _) => Format::QualifiedDublinCore,
        _ => Format::Marc21,
    }
}
