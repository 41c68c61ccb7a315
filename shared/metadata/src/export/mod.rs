//! Titles as exports write them: the record, its collections, its representations with all fields, and their files with
//! where they are stored, their size and checksums, in order (S17; domain.md 8.4).
//!
//! The same title gives the same bytes, so that a run that is repeated writes what it wrote.

mod csv;
mod dc;
mod json;
mod marc;

use vitrine_domain::bib::BibRecord;
use vitrine_domain::collection::Collection;
use vitrine_domain::export::{ExportFormat, ExportLayout};
use vitrine_domain::file::DigitalFile;
use vitrine_domain::representation::Representation;

use crate::error::RecordErrors;
use crate::record::{BibMetadata, parse_record};

/// A title with all that an export tells of it.
#[derive(Debug, Clone, Copy)]
pub struct ExportedTitle<'a> {
    /// The institution's code.
    pub institution: &'a str,
    /// The bucket that holds the files' bytes.
    pub bucket: &'a str,
    /// Its record.
    pub bib: &'a BibRecord,
    /// The record's metadata.
    pub source: &'a str,
    /// The collections that it is in.
    pub collections: &'a [Collection],
    /// Its representations in order, each with its files in order.
    pub representations: &'a [(Representation, Vec<DigitalFile>)],
    /// How the folder is laid out where the bytes come along: each file is then told with its path in it.
    pub with_bytes: Option<ExportLayout>,
}

impl<'a> ExportedTitle<'a> {
    fn record(&self) -> Result<BibMetadata, RecordErrors> {
        parse_record(self.bib.format, self.source)
    }

    fn payload(&self, file: &DigitalFile) -> Option<String> {
        self.with_bytes.filter(|_| file.content.is_some()).map(|layout| payload_path(layout, file))
    }

    fn storage(&self, file: &DigitalFile) -> Option<String> {
        file.content.as_ref().map(|content| format!("s3://{}/{}", self.bucket, content.key))
    }
}

/// Where a file's bytes are: in a bag, or in its title's object (its logical path). The ids keep names apart that are
/// alike.
pub fn payload_path(layout: ExportLayout, file: &DigitalFile) -> String {
    let below = format!("{}/{}/{}", file.representation, file.id, portable(&file.file_name));
    match layout {
        ExportLayout::BagIt => format!("data/files/{}/{below}", file.mms_id),
        ExportLayout::Ocfl => format!("files/{below}"),
    }
}

/// A file name that every file system takes. Of `%` there is none, because tools differ in how they read it in a manifest:
/// RFC 8493 (2.1.3) has it written as `%25`, the Library of Congress's own tool takes that literally.
fn portable(name: &str) -> String {
    let taken = |it: char| it.is_control() || r#"%\/:*?"<>|"#.contains(it);
    let mut name: String = name.chars().map(|it| if taken(it) { '_' } else { it }).collect();
    if name.ends_with(['.', ' ']) {
        name.push('_');
    }
    name
}

/// What stands at the beginning of a file.
pub fn head(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::MarcXml => marc::HEAD,
        ExportFormat::DublinCore => dc::HEAD,
        ExportFormat::Csv => csv::HEAD,
        ExportFormat::JsonLines => "",
    }
}

/// What stands at the end of a file.
pub fn foot(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::MarcXml => marc::FOOT,
        ExportFormat::DublinCore => dc::FOOT,
        ExportFormat::Csv | ExportFormat::JsonLines => "",
    }
}

/// One title.
///
/// # Errors
/// A record that can not be read as its format: its bytes were tampered with.
pub fn title(format: ExportFormat, title: &ExportedTitle<'_>) -> Result<String, RecordErrors> {
    match format {
        ExportFormat::MarcXml => marc::title(title),
        ExportFormat::DublinCore => dc::title(title),
        ExportFormat::Csv => Ok(csv::title(title)),
        ExportFormat::JsonLines => Ok(json::title(title)),
    }
}

#[cfg(test)]
mod tests {
    use super::portable;

    #[test]
    fn names_in_a_bag_suit_every_file_system_and_every_reader_of_manifests() {
        for (name, expected) in [
            ("page 1.tif", "page 1.tif"),
            ("ça #1.tif", "ça #1.tif"),
            ("100% new.tif", "100_ new.tif"),
            ("..", ".._"),
            ("a/b\\c:d*e?f\"g<h>i|j\n.tif", "a_b_c_d_e_f_g_h_i_j_.tif"),
            ("end. ", "end. _"),
        ] {
            assert_eq!(portable(name), expected);
        }
    }
}
