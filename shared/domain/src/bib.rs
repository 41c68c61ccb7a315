//! Bib records: the top of the hierarchy bib record -> representation -> file (domain.md 2.2).

use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::coded;
use crate::ids::{CollectionId, MmsId, UserId};
use crate::removal::Removal;

/// The names of the fifteen elements of Dublin Core, in their usual order.
pub const DC_ELEMENTS: [&str; 15] = [
    "title",
    "creator",
    "subject",
    "description",
    "publisher",
    "contributor",
    "date",
    "type",
    "format",
    "identifier",
    "source",
    "language",
    "relation",
    "coverage",
    "rights",
];

coded!(
    /// A bib record's metadata format.
    RecordFormat, "record format" {
        /// MARC 21 as MARCXML.
        Marc21 = "marc21": "MARC 21",
        /// Simple Dublin Core.
        DublinCore = "dc": "Dublin Core",
        /// Qualified Dublin Core.
        QualifiedDublinCore = "qdc": "Qualified Dublin Core",
        /// MODS.
        Mods = "mods": "MODS",
    }
);

/// A record format that we do not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record format `{0}` is none of marc21, dc, qdc, mods")]
pub struct UnknownFormatError(pub String);

impl FromStr for RecordFormat {
    type Err = UnknownFormatError;

    /// Reads a code without regard to case, and the other names that clients have for it. The vendor's application
    /// profiles `dcap01` and `dcap02` are qualified Dublin Core.
    fn from_str(code: &str) -> Result<Self, Self::Err> {
        match code.trim().to_ascii_lowercase().as_str() {
            "marc21" | "marc" | "marcxml" => Ok(Self::Marc21),
            "dc" | "oai_dc" => Ok(Self::DublinCore),
            "qdc" | "oai_qdc" | "dcap01" | "dcap02" => Ok(Self::QualifiedDublinCore),
            "mods" => Ok(Self::Mods),
            _ => Err(UnknownFormatError(code.chars().take(64).collect())),
        }
    }
}

/// What is shown of a record and searched, taken from its metadata when it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// The title without trailing punctuation.
    pub title: String,
    /// The title as it sorts: folded, without leading articles that the record marks.
    pub sort_title: String,
    /// The first creator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub author: Option<String>,
    /// The publisher.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub publisher: Option<String>,
    /// The place of publication.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<String>,
    /// The date of publication as the record spells it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub date: Option<String>,
    /// Identifiers to look a record up by.
    #[serde(default)]
    pub identifiers: Vec<Identifier>,
}

/// An identifier that a record carries.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identifier {
    /// The kind, for example `isbn` or `other_system`.
    pub scheme: String,
    /// The value in the form that two spellings of one identifier share.
    pub normalised: String,
}

/// How many identifiers of one record can be looked up: one transaction takes the old ones out and puts the new in.
pub const MAX_IDENTIFIERS: usize = 20;

/// Where a record's own metadata is kept, byte for byte as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordSource {
    /// In the item itself.
    Inline(String),
    /// In the content bucket under its digest, because an item holds at most 400 KB (B28).
    Stored {
        /// SHA-256 of the bytes, in hex.
        sha256: String,
        /// How many bytes.
        size_bytes: u64,
    },
}

/// The longest metadata kept in the item.
pub const MAX_INLINE_BYTES: usize = 200 * 1024;
/// The longest metadata taken at all.
pub const MAX_RECORD_BYTES: usize = 4 * 1024 * 1024;

/// What a bib record describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BibKind {
    /// A title that can have representations.
    Title,
    /// A collection; lives and dies with it (domain.md 3).
    Collection,
}

/// A bib record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BibRecord {
    /// Its id.
    pub mms_id: MmsId,
    /// What it describes.
    pub kind: BibKind,
    /// The format of its metadata.
    pub format: RecordFormat,
    /// Its metadata.
    pub source: RecordSource,
    /// What is shown of it.
    pub brief: Brief,
    /// Hidden from delivery and publishing.
    pub suppressed: bool,
    /// How many representations it has, deleted ones left out; written with each of them, so a delete can trust it.
    pub representation_count: u32,
    /// The collections it is in; a title is in few, and being in one is what a representation needs (402260).
    pub collections: Vec<CollectionId>,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Who changed it last.
    pub modified_by: UserId,
    /// When.
    pub modified_at: Timestamp,
    /// Set once it is deleted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub removal: Option<Removal>,
    /// How many times it was written.
    pub version: u64,
}

/// How many collections one title may be in; they are listed on the record, and one transaction renames it in all.
pub const MAX_COLLECTIONS: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coded::Coded;

    #[test]
    fn reads_back_every_format_that_it_writes() {
        for format in RecordFormat::ALL {
            assert_eq!(format.to_string().parse(), Ok(*format));
        }
    }

    #[test]
    fn takes_the_vendors_application_profiles_as_qualified_dublin_core() {
        for code in ["dcap01", "DCAP02", " qdc "] {
            assert_eq!(code.parse(), Ok(RecordFormat::QualifiedDublinCore));
        }
        assert!("unimarc".parse::<RecordFormat>().is_err());
    }
}
