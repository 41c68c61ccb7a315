//! Collections: a tree over the titles (domain.md 3).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{CollectionId, MmsId, UserId};
use crate::library::LibraryCode;
use crate::problem::Problems;

/// The longest description (C1).
pub const MAX_DESCRIPTION: usize = 1000;
/// How deep the tree may be; a move walks this many parents at most.
pub const MAX_DEPTH: usize = 32;

/// A collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Its id.
    pub id: CollectionId,
    /// Its bib record.
    pub mms_id: MmsId,
    /// The collection it is in; `None` at the top.
    pub parent: Option<CollectionId>,
    /// Its published name, unique among top-level collections.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// The library that owns it.
    pub library: LibraryCode,
    /// How its titles are sorted for display, for example `title` or `date_d`.
    pub sort_by: Option<String>,
    /// The system it came from.
    pub external_system: Option<String>,
    /// Its id there.
    pub external_id: Option<String>,
    /// Its place among its siblings; those without one come last, by age.
    pub order: Option<u32>,
    /// Hidden from discovery, OAI and the public API (C8). The same as its bib record's.
    pub suppressed: bool,
    /// How many collections are directly below it.
    pub child_count: u32,
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

/// A title's place in a collection, with what a list of the collection shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The title.
    pub mms_id: MmsId,
    /// The collection.
    pub collection: CollectionId,
    /// The title's title.
    pub title: String,
    /// How it sorts.
    pub sort_title: String,
    /// Its first creator.
    pub author: Option<String>,
    /// When it was put there.
    pub added_at: Timestamp,
}

/// What a caller sets on a collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectionFields {
    /// See [`Collection::name`].
    pub name: String,
    /// See [`Collection::description`].
    pub description: Option<String>,
    /// See [`Collection::sort_by`].
    pub sort_by: Option<String>,
    /// See [`Collection::external_system`].
    pub external_system: Option<String>,
    /// See [`Collection::external_id`].
    pub external_id: Option<String>,
    /// See [`Collection::order`]; signed because a negative one has an error of its own (702266).
    pub order: Option<i64>,
}

impl CollectionFields {
    /// Checks every field; the length limits are C1's.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(&self) -> Result<Option<u32>, Problems> {
        let mut problems = Problems::default();
        problems.check_text("name", &self.name, 255);
        if let Some(description) = &self.description
            && !description.is_empty()
        {
            problems.check_text("description", description, MAX_DESCRIPTION);
        }
        for (field, value) in [
            ("sort_by", &self.sort_by),
            ("external_system", &self.external_system),
            ("external_id", &self.external_id),
        ] {
            if let Some(value) = value
                && !value.is_empty()
            {
                problems.check_text(field, value, 255);
            }
        }
        let order = match self.order.map(u32::try_from) {
            None => None,
            Some(Ok(order)) => Some(order),
            Some(Err(_)) => {
                problems.add("order", "must be a whole number from 0 to 4294967295");
                None
            }
        };
        problems.into_result().map(|()| order)
    }
}

/// The form in which two names are the same name: trimmed, folded, inner spaces single.
pub fn normalise_name(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_long_description_and_a_negative_order_together() {
        let fields = CollectionFields {
            name: "Maps".into(),
            description: Some("x".repeat(MAX_DESCRIPTION + 1)),
            order: Some(-1),
            ..Default::default()
        };
        let problems = fields.check().unwrap_err();
        let fields: Vec<_> = problems.0.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["description", "order"]);
    }

    #[test]
    fn names_that_differ_in_case_and_spaces_are_the_same() {
        assert_eq!(normalise_name("  Rare   BOOKS "), normalise_name("rare books"));
    }
}
