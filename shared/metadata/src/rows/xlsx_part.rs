//! The parts of a workbook: XML inside a zip, read under caps on what comes out of it.
//!
//! A declared size is never trusted: bytes are counted as they are inflated, and what stands between two tags has a
//! limit, so that no part of a workbook takes more memory than a cell may have.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::xml_text;

use super::error::FileError;

/// Bytes between two `<`: a cell holds at most 32,767 characters.
const MAX_RUN: usize = 1024 * 1024;
/// Bytes in which the directory's end is looked for: its record and the longest comment.
const TAIL: u64 = 22 + 65_535;

/// How much of a workbook is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkbookLimits {
    /// Parts that the container may have.
    pub parts: usize,
    /// Bytes of one part, inflated.
    pub part_bytes: u64,
    /// Bytes of the texts that cells share: the only thing kept in memory at once.
    pub shared_text_bytes: usize,
    /// Bytes of one page's rows; a page ends behind the row that exceeds them.
    pub page_bytes: usize,
}

impl Default for WorkbookLimits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self { parts: 2000, part_bytes: 512 << 20, shared_text_bytes: 64 * MIB, page_bytes: 16 * MIB }
    }
}

/// The container of a workbook.
pub(super) struct Container<R> {
    archive: ZipArchive<R>,
    part_bytes: u64,
}

pub(super) fn broken(message: impl Into<String>) -> FileError {
    FileError::BrokenWorkbook { message: message.into() }
}

impl<R: Read + Seek> Container<R> {
    pub(super) fn open(mut reader: R, limits: &WorkbookLimits) -> Result<Self, FileError> {
        check_directory(&mut reader, limits.parts)?;
        let archive = ZipArchive::new(reader)
            .map_err(|e| broken(format!("the workbook's container is broken: {e}")))?;
        if archive.len() > limits.parts {
            return Err(broken(format!("the workbook has more than {} parts", limits.parts)));
        }
        Ok(Self { archive, part_bytes: limits.part_bytes })
    }

    /// Reads a part's events until `handle` breaks off. Empty elements come as a start and an end. Returns whether
    /// there is such a part.
    pub(super) fn read(
        &mut self,
        name: &str,
        mut handle: impl FnMut(Event<'_>) -> Result<ControlFlow<()>, FileError>,
    ) -> Result<bool, FileError> {
        let failed = |e: String| broken(format!("part `{}` of the workbook: {e}", crate::xml::clip(name)));
        let part = match self.archive.by_name(name) {
            Ok(part) => part,
            Err(ZipError::FileNotFound) => return Ok(false),
            Err(e) => return Err(failed(e.to_string())),
        };
        let guard = Guard { inner: part, left: self.part_bytes, run: 0 };
        let mut reader = Reader::from_reader(BufReader::with_capacity(64 * 1024, guard));
        reader.config_mut().expand_empty_elements = true;
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            let event = reader.read_event_into(&mut buffer).map_err(|e| failed(e.to_string()))?;
            match event {
                Event::Eof => return Ok(true),
                Event::DocType(_) => return Err(failed("document type declarations are refused".to_owned())),
                event => {
                    if handle(event)?.is_break() {
                        return Ok(true);
                    }
                }
            }
        }
    }
}

/// Looks at the end of the file before anything is allocated for what it claims to hold.
fn check_directory(reader: &mut (impl Read + Seek), parts: usize) -> Result<(), FileError> {
    let failed = |e: io::Error| broken(format!("the workbook cannot be read: {e}"));
    let mut head = [0; 8];
    let length = reader.seek(SeekFrom::End(0)).map_err(failed)?;
    if length == 0 {
        return Err(FileError::Empty);
    }
    reader.rewind().map_err(failed)?;
    if length >= 8 {
        reader.read_exact(&mut head).map_err(failed)?;
    }
    if head == [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1] {
        return Err(broken(
            "the workbook is of the old `.xls` kind or has a password: save it as plain `.xlsx`",
        ));
    }
    if !head.starts_with(b"PK") {
        return Err(broken("the file is no Excel workbook"));
    }
    reader.seek(SeekFrom::Start(length.saturating_sub(TAIL))).map_err(failed)?;
    let mut tail = Vec::new();
    reader.by_ref().take(TAIL).read_to_end(&mut tail).map_err(failed)?;
    for at in memchr::memmem::find_iter(&tail, b"PK\x05\x06") {
        let count = tail.get(at + 8..at + 12).unwrap_or_default();
        // Two counts: on this disk, and in all. Of 65,535 a zip says that the number stands elsewhere.
        let (pairs, _) = count.as_chunks::<2>();
        if pairs.iter().any(|count| usize::from(u16::from_le_bytes(*count)) > parts) {
            return Err(broken(format!("the workbook has more than {parts} parts")));
        }
    }
    reader.rewind().map_err(failed)
}

struct Guard<R> {
    inner: R,
    left: u64,
    run: usize,
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(u64::try_from(length).unwrap_or(u64::MAX))
            .ok_or_else(|| io::Error::other("too large"))?;
        let mut from = 0;
        for at in memchr::memchr_iter(b'<', buffer.get(..length).unwrap_or_default()) {
            self.check(at - from)?;
            self.run = 0;
            from = at;
        }
        self.check(length - from)?;
        Ok(length)
    }
}

impl<R> Guard<R> {
    fn check(&mut self, more: usize) -> io::Result<()> {
        self.run += more;
        if self.run > MAX_RUN { Err(io::Error::other("a value longer than a cell may be")) } else { Ok(()) }
    }
}

/// Returns the value of the attribute with that local name.
pub(super) fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = start.attributes().flatten().find(|a| a.key.local_name().as_ref() == name)?;
    xml_text::attribute_value(&found.value).ok().map(|value| value.into_owned())
}

/// Returns the text of an event, where it is any.
pub(super) fn text(event: &Event<'_>) -> Option<String> {
    match event {
        Event::Text(text) => Some(text.xml10_content().into_owned()),
        Event::CData(data) => Some(data.xml10_content().into_owned()),
        Event::GeneralRef(name) => xml_text::resolve(name).map(|c| c.to_string()),
        _ => None,
    }
}

/// Returns the path of a part that another part points to.
pub(super) fn resolve(from: &str, target: &str) -> String {
    let mut path: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => from.rsplit_once('/').map(|(folder, _)| folder.split('/').collect()).unwrap_or_default(),
    };
    for segment in target.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(path.pop()),
            segment => path.push(segment),
        }
    }
    path.join("/")
}
