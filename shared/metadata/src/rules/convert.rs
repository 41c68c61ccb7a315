//! From the format of a metadata file's records to the format in which a profile keeps them.

use vitrine_domain::import::profile::SourceFormat;

use crate::Format;
use crate::crosswalk::to_dublin_core;
use crate::error::RecordErrors;
use crate::record::parse_record;
use crate::rules::cannot;

/// Returns the format in which the records of a metadata file are read. Tables are read as qualified Dublin Core, and
/// so are Dublin Core files, because simple records are valid there too.
pub fn record_format(source: SourceFormat) -> Format {
    match source {
        SourceFormat::MarcXml | SourceFormat::Marc => Format::Marc21,
        SourceFormat::Csv | SourceFormat::Xlsx | SourceFormat::DublinCore => Format::QualifiedDublinCore,
        SourceFormat::Mods => Format::Mods,
    }
}

/// Whether records of one format can be kept in another: every format in Dublin Core, and in itself.
pub fn can_convert(from: Format, to: Format) -> bool {
    from == to || matches!(to, Format::DublinCore | Format::QualifiedDublinCore)
}

/// Returns the record in another format: as it is where it is valid there, else by the crosswalk to Dublin Core.
///
/// # Errors
/// The source is no record of its format, there is no way to the other ([`can_convert`]), or what the crosswalk makes
/// is no valid record, for want of a title.
pub fn convert(from: Format, source: &str, to: Format) -> Result<String, RecordErrors> {
    if !can_convert(from, to) {
        return Err(cannot(format!("{from} records cannot be kept as {to}: only as dc, qdc or {from}")));
    }
    let record = parse_record(from, source)?;
    let is_dublin_core = |f| matches!(f, Format::DublinCore | Format::QualifiedDublinCore);
    if from == to || (is_dublin_core(from) && is_dublin_core(to) && parse_record(to, &record.source).is_ok())
    {
        return Ok(record.source);
    }
    parse_record(to, &to_dublin_core(&record).to_oai_dc()).map(|converted| converted.source)
}
