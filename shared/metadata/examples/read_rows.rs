//! Reads a metadata file as an import does and says how many rows and how many errors it has; given a format of harvests
//! too, renders each record in it, as publishing does.
//!
//! `cargo run --release --package vitrine-metadata --example read_rows -- MARCXML titles.xml mods`

use std::fs::File;
use std::io::Read;

use vitrine_domain::coded::Coded;
use vitrine_domain::import::profile::SourceFormat;
use vitrine_domain::publishing::profile::Rendition;
use vitrine_metadata::rows::{RowError, RowReader, SourceRow, WorkbookLimits, xlsx_rows};
use vitrine_metadata::{Additions, Format, Link, render};

/// How many rows of a workbook are read at a time, as in an import.
const WORKBOOK_ROWS: usize = 20_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(format), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("give a source format and a file".into());
    };
    let format = SourceFormat::from_code(&format).ok_or("no such source format")?;
    let target = match format {
        SourceFormat::Marc | SourceFormat::MarcXml => Format::Marc21,
        SourceFormat::Mods => Format::Mods,
        SourceFormat::Csv | SourceFormat::Xlsx | SourceFormat::DublinCore => Format::QualifiedDublinCore,
    };
    let mut file = File::open(path)?;
    let wanted = arguments.next();
    let wanted = match &wanted {
        Some(code) => Some(Rendition::from_code(code).ok_or("no such format of harvests")?),
        None => None,
    };
    let (mut good, mut bad) = (0_u64, 0_u64);
    let mut take = |rows: &mut Vec<Result<SourceRow, RowError>>| {
        for row in rows.drain(..) {
            match row.map(|row| rendered(&row, wanted)) {
                Ok(true) => good += 1,
                Ok(false) | Err(_) => bad += 1,
            }
        }
    };
    let mut rows = Vec::new();
    if format == SourceFormat::Xlsx {
        let mut first = Some(1);
        while let Some(next) = first {
            let mut page = xlsx_rows(&mut file, target, next, WORKBOOK_ROWS, &WorkbookLimits::default())?;
            take(&mut page.rows);
            first = page.next_row;
        }
    } else {
        let mut reader = RowReader::new(format, target);
        let mut piece = vec![0; 64 * 1024];
        loop {
            let length = file.read(&mut piece)?;
            let Some(bytes) = piece.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
            reader.push(bytes, &mut rows)?;
            take(&mut rows);
        }
        reader.finish(&mut rows)?;
        take(&mut rows);
    }
    println!("{good} rows, {bad} errors");
    Ok(())
}

/// Whether the row's record can be had in the format that is wanted, if one is.
fn rendered(row: &SourceRow, wanted: Option<Rendition>) -> bool {
    let (Some(wanted), Some(record)) = (wanted, &row.record) else { return wanted.is_none() };
    let link = Link {
        url: Some("https://library.example/view/delivery/V/121".to_owned()),
        label: Some("Scans".to_owned()),
        ..Link::default()
    };
    let additions = Additions {
        mms_id: row.number.to_string(),
        links: vec![link],
        dc_element: "identifier".to_owned(),
        marc_tag: "856".to_owned(),
        ..Additions::default()
    };
    render(row.format, record, wanted, &additions).is_ok()
}
