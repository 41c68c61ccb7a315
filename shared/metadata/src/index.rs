//! What we search and show beside a record's own bytes.

use serde::{Deserialize, Serialize};

use crate::identifier::{Identifier, Scheme};
use crate::text::{clip_bytes, normalise_space};

/// Longest single value of an index, in bytes; the record itself keeps the whole.
const MAX_VALUE_BYTES: usize = 1000;
/// Most values of one repeated field of an index.
const MAX_VALUES: usize = 100;

/// The fields of a record that we search and show. Bounded to well under 400 KB whatever the record holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BibIndex {
    /// The title for people, without the punctuation that leads to the next area.
    pub title: String,
    /// What lists sort by: see [`crate::text`].
    pub sort_title: String,
    /// The first person or body responsible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The further ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contributors: Vec<String>,
    /// The first publisher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// The first place of publication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The date of publication as the record writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// The first language, as the record writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The first summary or description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Every identifier, in the record's order, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<Identifier>,
    /// Statements and URIs of rights.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rights: Vec<String>,
    /// Subjects, subdivisions joined by ` -- `.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// Types and genres.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
}

impl BibIndex {
    /// Returns the compared forms of all identifiers of a scheme.
    pub fn identifiers_of(&self, scheme: Scheme) -> impl Iterator<Item = &str> {
        self.identifiers.iter().filter(move |i| i.scheme == scheme).map(|i| i.normalised.as_str())
    }

    pub(crate) fn add_identifier(&mut self, identifier: Option<Identifier>) {
        if let Some(identifier) = identifier
            && identifier.value.len() <= MAX_VALUE_BYTES
            && self.identifiers.len() < MAX_VALUES
            && !self.identifiers.contains(&identifier)
        {
            self.identifiers.push(identifier);
        }
    }
}

/// Sets a field that keeps its first value.
pub(crate) fn set_first(field: &mut Option<String>, value: &str) {
    if field.is_none() {
        *field = bounded(value);
    }
}

/// Adds to a repeated field, each value once.
pub(crate) fn add_value(field: &mut Vec<String>, value: &str) {
    if field.len() < MAX_VALUES
        && let Some(value) = bounded(value)
        && !field.contains(&value)
    {
        field.push(value);
    }
}

/// Tidies white space and bounds the length; nothing for an empty value.
pub(crate) fn bounded(value: &str) -> Option<String> {
    let tidy = normalise_space(value);
    let short = clip_bytes(&tidy, MAX_VALUE_BYTES).trim_end();
    (!short.is_empty()).then(|| short.to_owned())
}
