//! Reads a metadata file as an import does and says how many rows and how many errors it has.
//!
//! `cargo run --release --package vitrine-metadata --example read_rows -- CSV values.csv`

use std::fs::File;
use std::io::Read;

use vitrine_domain::coded::Coded;
use vitrine_domain::import::profile::SourceFormat;
use vitrine_metadata::Format;
use vitrine_metadata::rows::{RowReader, WorkbookLimits, xlsx_rows};

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
    let (mut good, mut bad) = (0_u64, 0_u64);
    let mut rows = Vec::new();
    if format == SourceFormat::Xlsx {
        let mut first = Some(1);
        while let Some(next) = first {
            let page = xlsx_rows(&mut file, target, next, WORKBOOK_ROWS, &WorkbookLimits::default())?;
            good += page.rows.iter().filter(|row| row.is_ok()).count() as u64;
            bad += page.rows.iter().filter(|row| row.is_err()).count() as u64;
            first = page.next_row;
        }
    } else {
        let mut reader = RowReader::new(format, target);
        let mut piece = vec![0; 64 * 1024];
        loop {
            let length = file.read(&mut piece)?;
            let Some(bytes) = piece.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
            reader.push(bytes, &mut rows)?;
            good += rows.iter().filter(|row| row.is_ok()).count() as u64;
            bad += rows.iter().filter(|row| row.is_err()).count() as u64;
            rows.clear();
        }
        reader.finish(&mut rows)?;
        good += rows.iter().filter(|row| row.is_ok()).count() as u64;
        bad += rows.iter().filter(|row| row.is_err()).count() as u64;
    }
    println!("{good} rows, {bad} errors");
    Ok(())
}
