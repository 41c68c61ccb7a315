//! Digital import profiles: the five sections of the vendor's screens (domain.md 6.4, I1).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bib::RecordFormat;
use crate::coded;
use crate::ids::{CollectionId, ProfileId, UserId};
use crate::import::rules::{Check, Condition, FieldName, Step};
use crate::library::LibraryCode;
use crate::representation::UsageType;

coded!(
    /// The physical format of a metadata file.
    SourceFormat, "source format" {
        /// Comma or semicolon separated, one row a representation.
        Csv = "CSV": "CSV",
        /// The same columns in the first sheet of a workbook.
        Xlsx = "XLSX": "Excel workbook",
        /// MARC 21 records as XML.
        MarcXml = "MARCXML": "MARCXML",
        /// MARC 21 records, ISO 2709.
        Marc = "MARC": "Binary MARC 21",
        /// Dublin Core records, simple or qualified.
        DublinCore = "DC": "Dublin Core XML",
        /// MODS records.
        Mods = "MODS": "MODS",
    }
);

coded!(
    /// What a profile matches incoming records by (I12).
    MatchMethod, "match method" {
        /// No matching: every record is new.
        None = "NONE": "No matching",
        /// The MMS id: the column `mms_id`, or MARC 001.
        MmsId = "MMS_ID": "MMS ID",
        /// A `dc:identifier` or MODS identifier, with the profile's prefix.
        Identifier = "IDENTIFIER": "Identifier",
        /// The id in the originating system: the column, or MARC 035.
        OriginatingSystemId = "ORIGINATING_SYSTEM_ID": "Originating system ID",
        /// MARC 001 as the other system's control number.
        ControlNumber = "CONTROL_NUMBER": "MARC control number",
        /// ISBN or ISSN.
        StandardNumber = "STANDARD_NUMBER": "ISBN or ISSN",
    }
);

coded!(
    /// What happens to a record that matches one title (I13).
    OnMatch, "action on a match" {
        /// The new record takes the place of the old one.
        Overlay = "OVERLAY": "Overlay",
        /// Elements that the new record lacks, and protected fields, stay.
        Merge = "MERGE": "Merge",
        /// The record stays byte for byte; representations and files are added.
        FilesOnly = "FILES_ONLY": "Add files only",
        /// Nothing happens.
        DoNotImport = "DO_NOT_IMPORT": "Do not import",
    }
);

coded!(
    /// What happens to a record that matches several titles.
    OnMultipleMatch, "action on several matches" {
        /// It waits for a person.
        Manual = "MANUAL": "Wait for a person",
        /// It is skipped and reported.
        Skip = "SKIP": "Skip",
    }
);

coded!(
    /// What happens to a record that matches no title.
    OnNoMatch, "action on no match" {
        /// It becomes a new title.
        Import = "IMPORT": "Import",
        /// Nothing happens.
        DoNotImport = "DO_NOT_IMPORT": "Do not import",
    }
);

/// A folder and metadata file contract, and what becomes of their rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportProfile {
    /// Its id; also the name of its folder below `upload/`.
    pub id: ProfileId,
    /// What staff set.
    #[serde(flatten)]
    pub settings: ProfileSettings,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Who changed it last.
    pub modified_by: UserId,
    /// When.
    pub modified_at: Timestamp,
    /// How many times it was written.
    pub version: u64,
}

/// The five sections of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileSettings {
    /// Section 1.
    pub details: Details,
    /// Section 2.
    #[serde(default)]
    pub normalization: Normalization,
    /// Section 3.
    pub matching: Matching,
    /// Section 4.
    #[serde(default)]
    pub tags: ManagementTags,
    /// Section 5.
    pub defaults: Defaults,
}

/// Section 1: what the profile is and what it reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// Its name, unique among profiles.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// How the metadata file is written.
    pub source_format: SourceFormat,
    /// The name of the metadata file, or a glob such as `*.xml`.
    pub metadata_file: String,
    /// The format in which records are kept.
    pub target_format: RecordFormat,
    /// Whether it can be run.
    pub active: bool,
    /// When it runs by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<crate::schedule::Schedule>,
}

/// Section 2: which records are taken and how they are changed and checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Normalization {
    /// A record is taken where it fulfils all of these.
    #[serde(default)]
    pub filter: Vec<Condition>,
    /// How it is changed, in order.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// What it is checked for, after the steps.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Whether a record with errors is skipped and reported instead of waiting for a person.
    #[serde(default)]
    pub skip_invalid: bool,
}

/// Section 3: which title a record belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matching {
    /// What is compared.
    pub method: MatchMethod,
    /// A prefix that the compared identifier must have, for example `local:`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identifier_prefix: Option<String>,
    /// On one match.
    pub on_match: OnMatch,
    /// On several.
    pub on_multiple: OnMultipleMatch,
    /// On none.
    pub on_none: OnNoMatch,
    /// Fields that a merge or an overlay leaves as they are.
    #[serde(default)]
    pub protected: Vec<FieldName>,
}

/// Section 4: flags that an import sets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagementTags {
    /// Whether titles are hidden from delivery and publishing.
    #[serde(default)]
    pub suppress: bool,
    /// Whether the flag is set on new titles only (I15).
    #[serde(default)]
    pub only_new: bool,
}

/// Section 5: what rows do not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defaults {
    /// The collection that new titles get.
    pub collection: CollectionId,
    /// The usage type of representations.
    pub usage_type: UsageType,
    /// The library of representations.
    pub library: LibraryCode,
    /// The access rights policy of representations, by name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub access_rights: Option<String>,
    /// Whether representations are active.
    pub active: bool,
    /// The representations of one record; a single one with every file where none is listed.
    #[serde(default)]
    pub representations: Vec<RepresentationPattern>,
    /// The fields whose values name files, for records; MARC 856 $u unless given (I5, I9).
    #[serde(default)]
    pub file_fields: Vec<FieldName>,
    /// Whether each file named by a field becomes a representation of its own (complaint 24).
    #[serde(default)]
    pub one_representation_a_file: bool,
}

/// One representation of a record: which files it takes, and where its own fields come from (I8, I9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepresentationPattern {
    /// A folder (`hi/`) or a glob (`*.tif`, `hi/**`) that the files' names match.
    pub files: String,
    /// The usage type; the default unless given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub usage_type: Option<UsageType>,
    /// The library; the default unless given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub library: Option<LibraryCode>,
    /// A label, or where it comes from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub label: Option<ValueSource>,
    /// A public note, or where it comes from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub public_note: Option<ValueSource>,
    /// An internal note, or where it comes from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<ValueSource>,
    /// The name of an access rights policy, or where it comes from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub access_rights: Option<ValueSource>,
}

/// A value, or the field that it is taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueSource {
    /// This text.
    Text(String),
    /// The first value of this field.
    Field(FieldName),
}
