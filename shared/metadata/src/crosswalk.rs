//! From each format to the others: to the fifteen elements of Dublin Core, for brief views and OAI-PMH, to MARC and to
//! MODS. What has no way of its own goes by the fifteen.
//!
//! Follows the Library of Congress's published mappings (MARC to Dublin Core, MODS to Dublin Core) and DCMI's
//! `subPropertyOf`. What has no counterpart is left out; no value is made up.

use serde::Serialize;

use crate::Format;
use crate::dc::{self, DC_NS, OAI_DC_NS, Vocabulary};
use crate::error::{Problems, RecordErrors};
use crate::marc::MarcRecord;
use crate::record::BibMetadata;
use crate::text::normalise_space;
use crate::xml::{Document, Element};
use crate::xml_text::{escape_attribute, escape_text};
use crate::{crosswalk_marc, crosswalk_mods, marc_mods, marc_write, marcxml, mods_write};

/// A record as simple Dublin Core.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DublinCore {
    /// The statements: elements in the order of the fifteen's usual listing, values in the record's order.
    pub statements: Vec<DcStatement>,
}

/// One statement: an element and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DcStatement {
    /// One of the fifteen.
    pub element: &'static str,
    /// The value, white space tidied.
    pub value: String,
    /// The language of the value, where the record states it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl DublinCore {
    /// Returns the values of an element.
    pub fn values<'a>(&'a self, element: &'a str) -> impl Iterator<Item = &'a str> {
        self.statements.iter().filter(move |s| s.element == element).map(|s| s.value.as_str())
    }

    pub(crate) fn add(&mut self, element: &'static str, value: &str) {
        self.add_in(element, value, None);
    }

    pub(crate) fn add_in(&mut self, element: &'static str, value: &str, language: Option<&str>) {
        let statement =
            DcStatement { element, value: normalise_space(value), language: language.map(str::to_owned) };
        if !statement.value.is_empty() && !self.statements.contains(&statement) {
            self.statements.push(statement);
        }
    }

    fn sorted(mut self) -> Self {
        self.statements.sort_by_key(|s| dc::ELEMENTS.iter().position(|e| *e == s.element));
        self
    }

    /// Writes the record as `oai_dc:dc`.
    pub fn to_oai_dc(&self) -> String {
        let mut out = format!(
            "<oai_dc:dc xmlns:oai_dc=\"{OAI_DC_NS}\" xmlns:dc=\"{DC_NS}\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xsi:schemaLocation=\"{OAI_DC_NS} http://www.openarchives.org/OAI/2.0/oai_dc.xsd\">"
        );
        for s in &self.statements {
            let language = s
                .language
                .as_deref()
                .map(|l| format!(" xml:lang=\"{}\"", escape_attribute(l)))
                .unwrap_or_default();
            out.push_str(&format!("<dc:{0}{language}>{1}</dc:{0}>", s.element, escape_text(&s.value)));
        }
        out.push_str("</oai_dc:dc>");
        out
    }
}

/// Maps a record to simple Dublin Core.
pub fn to_dublin_core(record: &BibMetadata) -> DublinCore {
    // A record that was parsed once parses again; a source that was tampered with maps to nothing.
    let Ok(document) = Document::parse(&record.source) else { return DublinCore::default() };
    let root = document.root();
    let mut problems = Problems::new(&record.source);
    let mapped = match record.format {
        Format::Marc21 => crosswalk_marc::map(&marcxml::read(root, &mut problems)),
        Format::DublinCore | Format::QualifiedDublinCore => {
            from_dublin_core(root, record.format, &mut problems)
        }
        Format::Mods => crosswalk_mods::map(root),
    };
    mapped.sorted()
}

/// Reads or makes a record in MARC.
pub(crate) fn to_marc(record: &BibMetadata) -> Result<MarcRecord, RecordErrors> {
    if record.format != Format::Marc21 {
        return Ok(marc_write::of_dublin_core(&to_dublin_core(record)));
    }
    let document = Document::parse(&record.source).map_err(RecordErrors::single)?;
    Ok(marcxml::read(document.root(), &mut Problems::new(&record.source)))
}

/// Takes or makes a record in MODS.
pub(crate) fn to_mods(record: &BibMetadata) -> Result<String, RecordErrors> {
    Ok(match record.format {
        Format::Mods => record.source.clone(),
        Format::Marc21 => marc_mods::of_marc(&to_marc(record)?),
        Format::DublinCore | Format::QualifiedDublinCore => {
            mods_write::of_dublin_core(&to_dublin_core(record))
        }
    })
}

fn from_dublin_core(root: Element<'_, '_>, format: Format, problems: &mut Problems<'_>) -> DublinCore {
    let mut out = DublinCore::default();
    for s in dc::read(root, format, problems).iter().filter(|s| s.vocabulary != Vocabulary::Local) {
        if let Some(element) = s.element() {
            out.add_in(element, &s.value, s.language.as_deref());
        }
    }
    out
}
