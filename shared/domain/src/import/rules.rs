//! The rules of a profile as data: what to keep, change, check and protect in a record (I10, I11, I13).
//!
//! They are applied by `shared/metadata`, which knows the formats.

use serde::{Deserialize, Serialize};

use crate::coded;
use crate::ids::CollectionId;

/// The longest chain of steps, checks or conditions that one profile has.
pub const MAX_RULES: usize = 100;

/// A field in its format's own spelling: `245$a`, `001`, `856$u` in MARC 21; `dc:title`, `dcterms:subject`, or with a
/// scheme `dcterms:subject.dcterms:LCSH` in Dublin Core; `titleInfo/title` in MODS.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldName(pub String);

impl FieldName {
    /// The name as it is spelled.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

coded!(
    /// What a finding of a check does to a row.
    Severity, "severity" {
        /// It is reported and the row goes on.
        Warning = "WARNING": "Warning",
        /// The row waits for a person, or is skipped where the profile says so.
        Error = "ERROR": "Error",
    }
);

/// Something that a record either fulfils or not. Patterns are globs: `*` any characters, `?` one; case matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Condition {
    /// The field occurs with a value.
    Present {
        /// The field.
        field: FieldName,
    },
    /// The field does not occur.
    Absent {
        /// The field.
        field: FieldName,
    },
    /// A value of the field matches the pattern.
    Matches {
        /// The field.
        field: FieldName,
        /// The pattern.
        pattern: String,
    },
    /// No value of the field matches the pattern.
    MatchesNot {
        /// The field.
        field: FieldName,
        /// The pattern.
        pattern: String,
    },
}

/// One step of a normalization chain; steps apply in order, each to what the one before left (I10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Step {
    /// Takes the field out, or only its values that match the pattern.
    Drop {
        /// The field.
        field: FieldName,
        /// Which values; all unless given.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        pattern: Option<String>,
    },
    /// Makes the field have exactly this value.
    Set {
        /// The field.
        field: FieldName,
        /// The value.
        value: String,
    },
    /// Adds a value to the field unless it has it.
    Add {
        /// The field.
        field: FieldName,
        /// The value.
        value: String,
    },
    /// Copies each value of one field into another.
    Copy {
        /// Where from.
        from: FieldName,
        /// Where to.
        to: FieldName,
    },
    /// Moves each value of one field into another.
    Rename {
        /// The old name.
        from: FieldName,
        /// The new name.
        to: FieldName,
    },
    /// Replaces a text inside the field's values.
    Replace {
        /// The field.
        field: FieldName,
        /// The text to look for.
        find: String,
        /// What to put in its place.
        with: String,
    },
    /// Puts the title into a collection: always, or into the ones that a field names by id or by name.
    AddToCollection {
        /// The collection.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        collection: Option<CollectionId>,
        /// The field that names it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        field: Option<FieldName>,
    },
}

/// One check of a validation profile (I11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What a valid record fulfils.
    #[serde(flatten)]
    pub rule: CheckRule,
    /// What it means where it does not.
    pub severity: Severity,
}

/// What a valid record fulfils.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CheckRule {
    /// The field has a value that is not empty.
    Required {
        /// The field.
        field: FieldName,
    },
    /// Every value of the field matches the pattern.
    Matches {
        /// The field.
        field: FieldName,
        /// The pattern.
        pattern: String,
    },
    /// Every value of the field is one of these.
    OneOf {
        /// The field.
        field: FieldName,
        /// The values.
        values: Vec<String>,
    },
    /// The field occurs at most this often.
    AtMost {
        /// The field.
        field: FieldName,
        /// How often.
        count: u32,
    },
    /// No value of the field is longer than this many characters.
    MaxLength {
        /// The field.
        field: FieldName,
        /// How many characters.
        characters: u32,
    },
}
