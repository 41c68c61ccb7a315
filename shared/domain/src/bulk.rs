//! Jobs over sets: one change made to many titles, representations or files (E5, E7, C11, C12, T5).
//!
//! The members are written down first, then each is one row with one result, so a job that moves titles out of the very
//! collection that it walks does not lose its place, and only what failed is run again.

use serde::{Deserialize, Serialize};

use crate::export::{ExportTitles, MAX_IDS};
use crate::ids::{CollectionId, MmsId, PolicyId, RepId, SetId};
use crate::job::JobKind;
use crate::library::LibraryCode;
use crate::problem::Problems;
use crate::removal::EmptiedBib;
use crate::representation::{RepresentationFields, UsageType};
use crate::roles::Action;
use crate::set::TitleScope;

/// What is done to each member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action")]
pub enum BulkAction {
    /// Changes fields of representations (E7).
    #[serde(rename = "CHANGE_REPRESENTATIONS")]
    ChangeRepresentations(Box<RepresentationChange>),
    /// Moves titles between collections, puts them into one, or takes them out of one (C12).
    #[serde(rename = "MOVE_TITLES")]
    MoveTitles {
        /// Out of this collection.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        from: Option<CollectionId>,
        /// Into this one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        to: Option<CollectionId>,
    },
    /// Deletes titles (E5).
    #[serde(rename = "DELETE_TITLES")]
    DeleteTitles {
        /// Whether their representations go with them; else a title that has some is left.
        override_inventory: bool,
    },
    /// Deletes representations (E5).
    #[serde(rename = "DELETE_REPRESENTATIONS")]
    DeleteRepresentations {
        /// Whether their files go with them; else a representation that has some is left.
        override_files: bool,
        /// What becomes of a title whose last one it was.
        bibs: EmptiedBib,
    },
    /// Has thumbnails made again (T5). Pictures that staff supplied stay.
    #[serde(rename = "RECOMPUTE_THUMBNAILS")]
    RecomputeThumbnails {
        /// Those that are there too; else only those that failed or had no way to be made.
        all: bool,
    },
    /// Writes the members of a set into an itemized one (C11).
    #[serde(rename = "ITEMIZE_SET")]
    Itemize {
        /// The itemized set; none to make one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        into: Option<SetId>,
    },
}

/// What the rows of a job over a set are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsOf {
    /// Titles.
    Titles,
    /// Representations, of a set of them or of the titles of a set.
    Representations,
    /// The files of those.
    Files,
    /// Whatever the set holds.
    Members,
}

/// What changes in representations; what is not there stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RepresentationChange {
    /// The library that owns them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<LibraryCode>,
    /// What they are for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_type: Option<UsageType>,
    /// Whether they are delivered and published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// Their label; empty takes it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Their public note; empty takes it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_note: Option<String>,
    /// Whether their notes for staff go.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_notes: bool,
    /// A note for staff that is added, unless it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_note: Option<String>,
    /// Their access rights policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyId>,
    /// Whether they lose their policy, so that the institution's default holds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_policy: bool,
}

impl BulkAction {
    /// The kind of job that does it.
    pub fn kind(&self) -> JobKind {
        match self {
            Self::ChangeRepresentations(_) => JobKind::ChangeRepresentations,
            Self::MoveTitles { .. } => JobKind::MoveTitles,
            Self::DeleteTitles { .. } => JobKind::DeleteTitles,
            Self::DeleteRepresentations { .. } => JobKind::DeleteRepresentations,
            Self::RecomputeThumbnails { .. } => JobKind::RecomputeThumbnails,
            Self::Itemize { .. } => JobKind::ItemizeSet,
        }
    }

    /// What whoever runs it must be allowed somewhere; each row asks again, in its own library.
    pub fn needs(&self) -> Action {
        match self {
            Self::ChangeRepresentations(_) => Action::UpdateRepresentation,
            Self::MoveTitles { .. } => Action::AssignTitle,
            Self::DeleteTitles { .. } => Action::DeleteBib,
            Self::DeleteRepresentations { .. } => Action::DeleteRepresentation,
            Self::RecomputeThumbnails { .. } => Action::UpdateFile,
            Self::Itemize { .. } => Action::ManageSets,
        }
    }

    /// What its rows are about.
    pub fn rows_of(&self) -> RowsOf {
        match self {
            Self::MoveTitles { .. } | Self::DeleteTitles { .. } => RowsOf::Titles,
            Self::ChangeRepresentations(_) | Self::DeleteRepresentations { .. } => RowsOf::Representations,
            Self::RecomputeThumbnails { .. } => RowsOf::Files,
            Self::Itemize { .. } => RowsOf::Members,
        }
    }
}

/// A job over a set, as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkOrder {
    /// Its name; what it does where there is none.
    pub name: Option<String>,
    /// The members.
    pub members: ExportTitles,
    /// What is done to each.
    pub action: BulkAction,
    /// Whether it only says what it would do.
    pub preview: bool,
}

impl BulkOrder {
    /// Checks what can be said without looking anything up.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        if let Some(name) = &self.name {
            problems.check_text("name", name, 255);
        }
        match &self.action {
            BulkAction::ChangeRepresentations(change) => change.check(&mut problems),
            BulkAction::MoveTitles { from: None, to: None } => {
                problems.add("to_collection", "or `from_collection` must be given");
            }
            BulkAction::MoveTitles { from, to } if from == to => {
                problems.add("to_collection", "must be another collection than `from_collection`");
            }
            _ => {}
        }
        match (&self.members, &self.action) {
            (ExportTitles::Ids { ids }, _) if ids.is_empty() || ids.len() > MAX_IDS => {
                problems.add("mms_id", format!("must be 1 to {MAX_IDS} ids; a set takes more"));
            }
            // What can not be taken back at once is never done to everything by one word.
            (ExportTitles::Everything, action)
                if !matches!(action, BulkAction::RecomputeThumbnails { .. }) =>
            {
                problems.add("everything", "is taken for thumbnails only; name a set");
            }
            (ExportTitles::Ids { .. }, BulkAction::Itemize { .. }) => {
                problems.add("set", "must be given");
            }
            _ => {}
        }
        problems.into_result()
    }
}

impl RepresentationChange {
    fn check(&self, problems: &mut Problems) {
        if *self == Self::default() {
            problems.add("change", "must say what changes");
        }
        for (field, text, max) in [
            ("change.label", &self.label, 1000),
            ("change.public_note", &self.public_note, 2000),
            ("change.note", &self.add_note, 2000),
        ] {
            if let Some(text) = text
                && !text.is_empty()
            {
                problems.check_text(field, text, max);
            }
        }
        if self.policy.is_some() && self.without_policy {
            problems.add("change.access_rights_policy_id", "must not be given where it is cleared");
        }
    }

    /// The fields as they are after it.
    pub fn applied(&self, fields: &RepresentationFields) -> RepresentationFields {
        let mut after = fields.clone();
        if let Some(library) = &self.library {
            after.library = library.clone();
        }
        if let Some(usage_type) = self.usage_type {
            after.usage_type = usage_type;
        }
        if let Some(active) = self.active {
            after.active = active;
        }
        let text = |new: &Option<String>, old: Option<String>| match new {
            None => old,
            Some(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        };
        after.label = text(&self.label, after.label);
        after.public_note = text(&self.public_note, after.public_note);
        if self.without_notes {
            after.notes.clear();
        }
        if let Some(note) = self.add_note.as_ref().filter(|note| !note.is_empty())
            && !after.notes.contains(note)
        {
            after.notes.push(note.clone());
        }
        if let Some(policy) = &self.policy {
            after.access_rights_policy_id = Some(policy.clone());
        }
        if self.without_policy {
            after.access_rights_policy_id = None;
        }
        after
    }
}

/// A job over a set, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkRun {
    /// What is done to each member.
    pub action: BulkAction,
    /// The members; a set's rule as it was when the job was submitted.
    pub scope: TitleScope,
    /// Whether it only says what it would do.
    pub preview: bool,
    /// Where it is.
    pub step: BulkStep,
}

/// Where a job over a set is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step")]
pub enum BulkStep {
    /// Writing down the members.
    #[serde(rename = "LIST")]
    List {
        /// Where the walk goes on.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        after: Option<String>,
    },
    /// Working on rows.
    #[serde(rename = "ROWS")]
    Rows {
        /// The first row that is not done.
        next: u64,
    },
}

/// What a row of such a job is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The member's id.
    pub id: String,
    /// The title that it is, or belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mms_id: Option<MmsId>,
    /// The representation that it is, or belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub representation: Option<RepId>,
    /// Why it can not be worked on, where that was found when the members were written down.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unreadable: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> RepresentationFields {
        serde_json::from_value(serde_json::json!({
            "library": "MAIN", "usage_type": "AUXILIARY", "active": true, "label": "old", "notes": ["a"],
            "access_rights_policy_id": "5200000000000000000101"
        }))
        .unwrap()
    }

    #[test]
    fn e7_a_change_touches_what_it_names_and_nothing_else() {
        let change: RepresentationChange = serde_json::from_value(serde_json::json!({
            "active": false, "label": "", "add_note": "a", "without_policy": true
        }))
        .unwrap();
        let after = change.applied(&fields());
        let expected =
            RepresentationFields { active: false, label: None, access_rights_policy_id: None, ..fields() };
        assert_eq!(after, expected, "a note that is there is not added again");
        assert_eq!(change.applied(&after), after, "doing it twice is doing it once");
        let anew = RepresentationChange { without_notes: true, add_note: Some("b".to_owned()), ..change };
        assert_eq!(anew.applied(&fields()).notes, ["b"]);
        assert_eq!(RepresentationChange::default().applied(&fields()), fields());
    }

    #[test]
    fn names_what_is_wrong_with_an_order() {
        let set = ExportTitles::Set { set: "4800000000000000000101".parse().unwrap() };
        let wrong = |action: BulkAction, members: &ExportTitles| {
            let order = BulkOrder { name: None, members: members.clone(), action, preview: false };
            order.check().err().map(|it| it.0.into_iter().map(|it| it.field).collect::<Vec<_>>())
        };
        let change =
            |value| BulkAction::ChangeRepresentations(Box::new(serde_json::from_value(value).unwrap()));
        let fields = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(wrong(change(serde_json::json!({})), &set), fields(&["change"]));
        let both = serde_json::json!({ "policy": "5200000000000000000101", "without_policy": true, "label": "\u{7}" });
        assert_eq!(wrong(change(both), &set), fields(&["change.label", "change.access_rights_policy_id"]));
        let id: CollectionId = "8100000000000000000101".parse().unwrap();
        let moving = |from: Option<&CollectionId>, to: Option<&CollectionId>| BulkAction::MoveTitles {
            from: from.cloned(),
            to: to.cloned(),
        };
        assert_eq!(wrong(moving(None, None), &set), fields(&["to_collection"]));
        assert_eq!(wrong(moving(Some(&id), Some(&id)), &set), fields(&["to_collection"]));
        assert_eq!(wrong(moving(Some(&id), None), &set), None);
        assert_eq!(wrong(moving(Some(&id), None), &ExportTitles::Everything), fields(&["everything"]));
        assert_eq!(wrong(BulkAction::RecomputeThumbnails { all: true }, &ExportTitles::Everything), None);
        assert_eq!(wrong(moving(None, Some(&id)), &ExportTitles::Ids { ids: vec![] }), fields(&["mms_id"]));
        let one = ExportTitles::Ids { ids: vec!["9900000000000000000101".parse().unwrap()] };
        assert_eq!(wrong(BulkAction::Itemize { into: None }, &one), fields(&["set"]));
    }
}
