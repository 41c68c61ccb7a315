//! Bibliographic record formats, in and out: MARCXML, Dublin Core, MODS and what libraries send around them.
//!
//! Everything here is a pure function of text or bytes: no I/O, no clock, no store. Hostile input ends in a
//! clear problem, never in a panic or unbounded work. A record's own bytes are never written anew: what we
//! search and show is read beside them.

mod availability;
mod crosswalk;
mod crosswalk_marc;
mod crosswalk_mods;
mod cut;
mod dc;
mod decode;
mod edit;
mod envelope;
mod error;
pub mod export;
mod identifier;
pub mod iiif;
mod index;
pub mod limits;
mod marc;
mod marc_index;
mod marc_mods;
mod marc_write;
mod marcxml;
mod merge;
mod mods;
mod mods_write;
mod record;
mod renditions;
pub mod rows;
pub mod rules;
mod schema_org;
mod spreadsheet;
mod text;
mod xml;
mod xml_text;

pub use availability::{Availability, add_availability};
pub use crosswalk::{DcStatement, DublinCore, to_dublin_core};
pub use dc::{DC_NS, DCTERMS_NS, OAI_DC_NS, dublin_core_record};
pub use envelope::{Extracted, extract_record};
pub use error::{Problem, ProblemKind, RecordErrors};
pub use identifier::{Identifier, Scheme, normalise_isbn, normalise_issn};
pub use index::BibIndex;
pub use marc::{MarcField, MarcRecord, MarcValue};
pub use marcxml::MARC_NS;
pub use merge::merge;
pub use mods::MODS_NS;
pub use record::{BibMetadata, parse_bytes, parse_record};
pub use renditions::{Additions, CollectionPath, Link, OAI_QDC_NS, Rendered, render};
pub use schema_org::{About, MediaFile, schema_org};
pub use spreadsheet::csv_field;
pub use vitrine_domain::bib::{RecordFormat as Format, UnknownFormatError};
