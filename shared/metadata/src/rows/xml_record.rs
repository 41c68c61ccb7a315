//! From one record element to the row that it is.

use crate::Format;
use crate::error::RecordErrors;
use crate::marcxml;
use crate::record::{BibMetadata, parse_record_and};
use crate::xml::Element;

use super::error::{RowError, RowErrorCode, of_record};
use super::file_name::check_file_reference;
use super::row::{RowFile, RowRepresentation, SourceRow};

/// Where a record stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) number: u64,
    pub(super) line: u64,
}

/// Parses one record. `text` is a document whose line numbers go on from the place's line, unless `written` says
/// that we wrote it ourselves.
pub(super) fn read(format: Format, text: &str, place: Place, written: bool) -> Result<SourceRow, RowError> {
    let Place { number, line } = place;
    let parsed = match parse(format, text) {
        // Records of a file of simple Dublin Core that use terms are qualified; each says what it is.
        Err(simple) if format == Format::DublinCore => match parse(Format::QualifiedDublinCore, text) {
            Err(qualified) if qualified.problems.len() < simple.problems.len() => Err(qualified),
            Err(_) => Err(simple),
            parsed => parsed,
        },
        parsed => parsed,
    };
    let (record, names) = parsed.map_err(|errors| of_record(number, None, line, &errors, !written))?;
    let mut files = Vec::new();
    for (name, label) in names {
        if is_link(&name) {
            continue;
        }
        if let Err(message) = check_file_reference(&name) {
            return Err(RowError {
                number,
                group: None,
                code: RowErrorCode::UnsafeFileName,
                line,
                column: Some("856$u".to_owned()),
                message: format!("856$u: a file name {message}"),
            });
        }
        files.push(RowFile { name, label });
    }
    Ok(SourceRow {
        number,
        line,
        group: None,
        mms_id: None,
        originating_system_id: None,
        collections: Vec::new(),
        format: record.format,
        record: Some(record.source),
        representation: RowRepresentation::default(),
        files,
    })
}

type Names = Vec<(String, Option<String>)>;

fn parse(format: Format, text: &str) -> Result<(BibMetadata, Names), RecordErrors> {
    parse_record_and(format, text, |root| {
        if format == Format::Marc21 { electronic_locations(root) } else { Vec::new() }
    })
}

/// Returns each 856 $u with the label that $y or $3 of its field gives. Source: I5.
fn electronic_locations(root: Element<'_, '_>) -> Names {
    let mut names = Vec::new();
    let mut problems = crate::error::Problems::new("");
    if !root.children().any(|field| field.attribute("tag") == Some("856")) {
        return names;
    }
    for field in marcxml::read_part(root, &mut problems).fields("856") {
        let label = ['y', '3'].into_iter().find_map(|code| field.first(code)).map(str::trim);
        let label = label.filter(|label| !label.is_empty()).map(str::to_owned);
        for name in field.all('u').map(str::trim).filter(|name| !name.is_empty()) {
            names.push((name.to_owned(), label.clone()));
        }
    }
    names
}

/// Whether an 856 $u points to something outside of the ingest. Other schemes, such as `file:`, are no links that a
/// catalogue has: they are refused as file names.
fn is_link(name: &str) -> bool {
    const SCHEMES: [&str; 11] =
        ["http", "https", "ftp", "ftps", "sftp", "mailto", "urn", "doi", "hdl", "info", "telnet"];
    name.split_once(':').is_some_and(|(scheme, rest)| {
        let known = SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
        known && !rest.starts_with(' ')
    })
}
