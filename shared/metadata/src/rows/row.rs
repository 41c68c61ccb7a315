//! One row of a metadata file, whatever its format.

use serde::{Deserialize, Serialize};

use crate::Format;

/// What one row of a table or one record of a collection says: one representation, and its title unless an earlier
/// row of the group said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRow {
    /// Which data row or record of the file, from 1; empty rows are not counted.
    pub number: u64,
    /// The line of the file on which it starts, from 1; the record's number in files without lines.
    pub line: u64,
    /// What rows of one title have in common.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group: Option<String>,
    /// The title's MMS id, from the column of that name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mms_id: Option<String>,
    /// The title's id in the originating system, from the column of that name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub originating_system_id: Option<String>,
    /// The collections that the title belongs to.
    #[serde(default)]
    pub collections: Vec<CollectionName>,
    /// The format of `record`.
    pub format: Format,
    /// One record element that stands alone and parses in `format`. `None` where the row has no metadata: it then
    /// continues its group, or names a title by its id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub record: Option<String>,
    /// What the row says of its representation.
    #[serde(default)]
    pub representation: RowRepresentation,
    /// The files that it names, in order.
    #[serde(default)]
    pub files: Vec<RowFile>,
}

/// A collection as a row names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectionName {
    /// By id, from the column `collection_id`.
    Id(String),
    /// By name or path, from the column `collection_name`.
    Name(String),
}

/// What a row says of its representation; the profile's defaults hold for the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RowRepresentation {
    /// Its label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its public note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_note: Option<String>,
    /// The name of its access rights policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_rights: Option<String>,
    /// The code of its usage type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_type: Option<String>,
    /// The code of its library.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// Its internal notes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Its custom fields: name and value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom: Vec<(String, String)>,
}

/// A file as a row names it: a safe path relative to the ingest's folder (see
/// [`check_file_reference`](super::check_file_reference)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowFile {
    /// The path; a folder ends in `/`, and `*` stands for any characters.
    pub name: String,
    /// The label.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub label: Option<String>,
}
