//! Sets: titles, representations or collections that belong together, by list or by rule (C11, ALMA-17).
//!
//! An **itemized** set lists its members. A **logical** set is a rule over facts that the catalogue holds, so a new title
//! that fits is in it from the start. Whether something fits is a pure function of those facts.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bib::{BibKind, BibRecord, RecordFormat};
use crate::coded;
use crate::collection::{Collection, MAX_DEPTH};
use crate::ids::{CollectionId, MmsId, PolicyId, SetId, UserId};
use crate::library::LibraryCode;
use crate::problem::Problems;
use crate::representation::{Representation, UsageType};

coded!(
    /// What the members of a set are.
    SetContent, "set content type" {
        /// Titles, by their bib records.
        Titles = "BIB_MMS": "All Titles",
        /// Representations.
        Representations = "REPRESENTATION": "Digital Representations",
        /// Collections.
        Collections = "COLLECTION": "Collections",
    }
);

coded!(
    /// How a set knows its members.
    SetKind, "set type" {
        /// By a list.
        Itemized = "ITEMIZED": "Itemized",
        /// By a rule.
        Logical = "LOGICAL": "Logical",
    }
);

coded!(
    /// How far below a collection a rule reaches.
    Levels, "level" {
        /// The collection alone.
        One = "ONE": "One level",
        /// The collection and all that are below it.
        All = "ALL": "All levels",
    }
);

/// The most values of one condition of a rule; a rule over more of them is a list, and that is an itemized set.
pub const MAX_VALUES: usize = 100;
/// The most members that one call adds or takes out.
pub const MAX_MEMBERS_A_CALL: usize = 1000;

/// The rule of a logical set. A condition that is not there holds for everything; all that are there must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SetRule {
    /// In any of these collections; for a set of collections, any of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<CollectionId>,
    /// How far below them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<Levels>,
    /// With metadata in any of these formats.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<RecordFormat>,
    /// Hidden from publishing, or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<bool>,
    /// Owned by any of these libraries: representations and collections are, a title by its representations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<LibraryCode>,
    /// A representation of any of these usage types.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub usage_types: Vec<UsageType>,
    /// A representation under any of these access rights policies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyId>,
    /// An active representation, or an inactive one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// Made at this instant or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_since: Option<Timestamp>,
    /// Changed at this instant or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified_since: Option<Timestamp>,
}

/// What a caller sets on a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetSettings {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// A note.
    pub note: Option<String>,
    /// Whether only its owner sees it.
    pub private: bool,
    /// What its members are.
    pub content: SetContent,
    /// The rule of a logical set; an itemized one has none.
    pub rule: Option<SetRule>,
}

/// A set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// Its id.
    pub id: SetId,
    /// What a caller sets.
    #[serde(flatten)]
    pub settings: SetSettings,
    /// How many members an itemized set lists.
    pub member_count: u64,
    /// Who made it; the owner of a private one.
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

/// A member of an itemized set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMember {
    /// The set.
    pub set: SetId,
    /// The member's id, of the kind that the set's content says.
    pub member: String,
    /// When it was added.
    pub added_at: Timestamp,
}

impl Set {
    /// How it knows its members.
    pub fn kind(&self) -> SetKind {
        if self.settings.rule.is_some() { SetKind::Logical } else { SetKind::Itemized }
    }

    /// Whether a user sees it.
    pub fn is_seen_by(&self, user: &UserId) -> bool {
        !self.settings.private || self.created_by == *user
    }
}

impl SetSettings {
    /// Checks every field, and that the rule's conditions are about what the set holds.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        problems.check_text("name", &self.name, 255);
        for (field, text) in [("description", &self.description), ("note", &self.note)] {
            if let Some(text) = text {
                problems.check_text(field, text, 1000);
            }
        }
        if let Some(rule) = &self.rule {
            rule.check(self.content, &mut problems);
        }
        problems.into_result()
    }
}

impl SetRule {
    fn check(&self, content: SetContent, problems: &mut Problems) {
        for (field, count) in [
            ("rule.collection", self.collections.len()),
            ("rule.library", self.libraries.len()),
            ("rule.access_rights_policy", self.policies.len()),
        ] {
            if count > MAX_VALUES {
                problems.add(field, format!("must be at most {MAX_VALUES} values"));
            }
        }
        if self.levels.is_some() && self.collections.is_empty() {
            problems.add("rule.level", "needs a `collection`");
        }
        if content == SetContent::Collections {
            for (field, is_there) in [
                ("rule.record_format", !self.formats.is_empty()),
                ("rule.usage_type", !self.usage_types.is_empty()),
                ("rule.access_rights_policy", !self.policies.is_empty()),
                ("rule.active", self.active.is_some()),
            ] {
                if is_there {
                    problems.add(field, "does not apply to collections");
                }
            }
        }
    }

    /// Whether a title's representations must be known to say if it fits.
    pub fn asks_for_representations(&self) -> bool {
        !self.libraries.is_empty()
            || !self.usage_types.is_empty()
            || !self.policies.is_empty()
            || self.active.is_some()
    }

    /// Whether the parents of collections must be known.
    pub fn asks_for_parents(&self) -> bool {
        !self.collections.is_empty() && self.levels == Some(Levels::All)
    }

    /// Whether a title fits, its representations being those in `representations`.
    pub fn takes_title(&self, bib: &BibRecord, tree: &Tree, representations: &[Representation]) -> bool {
        self.takes_record(bib, tree)
            && since(self.created_since, bib.created_at)
            && since(self.modified_since, bib.modified_at)
            && (!self.asks_for_representations() || representations.iter().any(|it| self.takes_form(it)))
    }

    /// Whether a representation of a title fits.
    pub fn takes_representation(&self, bib: &BibRecord, tree: &Tree, it: &Representation) -> bool {
        self.takes_record(bib, tree)
            && since(self.created_since, it.created_at)
            && since(self.modified_since, it.modified_at)
            && self.takes_form(it)
    }

    /// Whether a collection fits.
    pub fn takes_collection(&self, it: &Collection, tree: &Tree) -> bool {
        (self.collections.is_empty() || self.reaches(&it.id, tree))
            && self.suppressed.is_none_or(|wanted| wanted == it.suppressed)
            && any_of(&self.libraries, &it.library)
            && since(self.created_since, it.created_at)
            && since(self.modified_since, it.modified_at)
    }

    /// Whether a title's record fits, as far as it alone says: enough for the representations of a title.
    pub fn takes_record(&self, bib: &BibRecord, tree: &Tree) -> bool {
        bib.removal.is_none()
            && bib.kind == BibKind::Title
            && (self.collections.is_empty() || bib.collections.iter().any(|id| self.reaches(id, tree)))
            && any_of(&self.formats, &bib.format)
            && self.suppressed.is_none_or(|wanted| wanted == bib.suppressed)
    }

    fn takes_form(&self, it: &Representation) -> bool {
        it.removal.is_none()
            && any_of(&self.libraries, &it.fields.library)
            && any_of(&self.usage_types, &it.fields.usage_type)
            && (self.policies.is_empty()
                || it.fields.access_rights_policy_id.as_ref().is_some_and(|id| self.policies.contains(id)))
            && self.active.is_none_or(|wanted| wanted == it.fields.active)
    }

    /// Whether the rule's collections reach this one.
    pub fn reaches(&self, id: &CollectionId, tree: &Tree) -> bool {
        match self.levels.unwrap_or(Levels::One) {
            Levels::One => self.collections.contains(id),
            Levels::All => tree.above(id).any(|id| self.collections.contains(id)),
        }
    }

    /// The one collection through which a title is met, of all that reach it, so that a walk over the collections gives
    /// it once.
    pub fn met_through<'a>(&self, bib: &'a BibRecord, tree: &Tree) -> Option<&'a CollectionId> {
        bib.collections.iter().filter(|id| self.reaches(id, tree)).min()
    }
}

fn any_of<T: PartialEq>(wanted: &[T], value: &T) -> bool {
    wanted.is_empty() || wanted.contains(value)
}

fn since(wanted: Option<Timestamp>, at: Timestamp) -> bool {
    wanted.is_none_or(|wanted| at >= wanted)
}

/// Which collection each of some collections is in; none for the uppermost and for what is not there any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree(HashMap<CollectionId, Option<CollectionId>>);

impl FromIterator<(CollectionId, Option<CollectionId>)> for Tree {
    fn from_iter<I: IntoIterator<Item = (CollectionId, Option<CollectionId>)>>(parents: I) -> Self {
        Self(parents.into_iter().collect())
    }
}

impl Tree {
    /// The collection and those above it, as far as they are known; never more than the deepest tree has.
    pub fn above<'a>(&'a self, id: &'a CollectionId) -> impl Iterator<Item = &'a CollectionId> {
        std::iter::successors(Some(id), |id| self.0.get(*id)?.as_ref()).take(MAX_DEPTH + 1)
    }
}

/// Which titles a run is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope")]
pub enum TitleScope {
    /// Every title.
    #[serde(rename = "EVERYTHING")]
    Everything,
    /// Those of a set, as its settings were when the run was submitted: an edit does not change a run.
    #[serde(rename = "SET")]
    Set {
        /// The set.
        set: Box<Set>,
    },
    /// Those that a rule takes.
    #[serde(rename = "RULE")]
    Rule {
        /// The rule.
        rule: Box<SetRule>,
    },
    /// These.
    #[serde(rename = "IDS")]
    Ids {
        /// Their ids.
        ids: Vec<MmsId>,
    },
}

#[cfg(test)]
mod tests;
