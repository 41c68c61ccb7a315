//! From the format of a metadata file's records to the format in which a profile keeps them.

use vitrine_domain::import::profile::SourceFormat;

use crate::Format;
use crate::crosswalk::{to_dublin_core, to_marc, to_mods};
use crate::error::RecordErrors;
use crate::record::parse_record;

/// Returns the format in which the records of a metadata file are read. Tables are read as qualified Dublin Core, and
/// so are Dublin Core files, because simple records are valid there too.
pub fn record_format(source: SourceFormat) -> Format {
    match source {
        SourceFormat::MarcXml | SourceFormat::Marc => Format::Marc21,
        SourceFormat::Csv | SourceFormat::Xlsx | SourceFormat::DublinCore => Format::QualifiedDublinCore,
        SourceFormat::Mods => Format::Mods,
    }
}

/// Returns the record in another format: as it is where it is valid there, else by the crosswalk.
///
/// # Errors
/// The source is no record of its format, or what the crosswalk makes is no valid record, for want of a title.
pub fn convert(from: Format, source: &str, to: Format) -> Result<String, RecordErrors> {
    let record = parse_record(from, source)?;
    let is_dublin_core = |f| matches!(f, Format::DublinCore | Format::QualifiedDublinCore);
    if from == to || (is_dublin_core(from) && is_dublin_core(to) && parse_record(to, &record.source).is_ok())
    {
        return Ok(record.source);
    }
    let made = match to {
        Format::Marc21 => to_marc(&record)?.to_marcxml(),
        Format::Mods => to_mods(&record)?,
        Format::DublinCore | Format::QualifiedDublinCore => to_dublin_core(&record).to_oai_dc(),
    };
    parse_record(to, &made).map(|converted| converted.source)
}
