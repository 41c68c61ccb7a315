//! Deleting and taking back: metadata first, bytes later (E5, E6, B18; ADR 0015).
//!
//! What is deleted keeps its item with a [`Removal`] and disappears from every list at once. What hangs below it goes
//! with it untouched, because every read looks at what is above; so it comes back with it too, whatever its size. When
//! the time to take it back is over, the purge begins: from then on it can not be taken back, and then its bytes go.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bib::{BibRecord, Brief, RecordSource};
use crate::coded;
use crate::file::{DigitalFile, FullText, MediaFacts, Thumbnail};
use crate::ids::{EventId, FileId, IdError, MmsId, RepId, UserId};
use crate::library::LibraryCode;
use crate::outbox::Work;
use crate::representation::{PartFields, Representation, RepresentationFields};

const DAY_SECONDS: i64 = 86_400;

/// When and by whom something was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Who deleted it.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// Until when it can be taken back; then it and its bytes may go.
    pub purge_after: Timestamp,
    /// The outbox row that owes its purge.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purge: Option<EventId>,
    /// Whether its title was suppressed because it was the last representation.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub suppressed_title: bool,
    /// When its purge began: from then on it can not be taken back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purging_at: Option<Timestamp>,
    /// When its bytes and its metadata went; `None` while they are kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purged_at: Option<Timestamp>,
}

impl Removal {
    /// A removal now, to be taken back for so many days.
    pub fn new(by: &UserId, at: Timestamp, keep_days: u32) -> Self {
        let keep = jiff::SignedDuration::from_secs(DAY_SECONDS * i64::from(keep_days));
        Self {
            by: by.clone(),
            at,
            purge_after: at.saturating_add(keep).unwrap_or(at),
            purge: None,
            suppressed_title: false,
            purging_at: None,
            purged_at: None,
        }
    }

    /// How far it is at `now`.
    pub fn state(&self, now: Timestamp) -> RemovalState {
        match self {
            Self { purged_at: Some(_), .. } => RemovalState::Purged,
            Self { purging_at: Some(_), .. } => RemovalState::Purging,
            _ if now >= self.purge_after => RemovalState::Over,
            _ => RemovalState::Restorable,
        }
    }
}

coded!(
    /// What may still become of something that was deleted.
    RemovalState, "status" {
        /// It can be taken back.
        Restorable = "RESTORABLE": "Can be taken back",
        /// The time to take it back is over; it will be purged.
        Over = "OVER": "Too late to take back",
        /// It is being purged.
        Purging = "PURGING": "Being purged",
        /// Its bytes and its metadata are gone.
        Purged = "PURGED": "Purged",
        /// It was taken back.
        Restored = "RESTORED": "Taken back",
    }
);

coded!(
    /// What becomes of a title whose last representation goes: the vendor's `bibs` option.
    EmptiedBib, "bibs" {
        /// It stays as it is.
        Retain = "retain": "Retain",
        /// It is suppressed.
        Suppress = "suppress": "Suppress",
        /// It is deleted.
        Delete = "delete": "Delete",
    }
);

coded!(
    /// What becomes of a representation whose last file goes: the vendor's `representations` option.
    EmptiedRepresentation, "representations" {
        /// It stays, empty.
        Retain = "retain": "Retain",
        /// It is deleted.
        Delete = "delete": "Delete",
    }
);

coded!(
    /// What kind of thing was deleted.
    DeletedKind, "type" {
        /// A title with its representations and their files.
        Title = "bib": "Title",
        /// A representation with its files.
        Representation = "representation": "Representation",
        /// A file.
        File = "file": "File",
    }
);

/// The id of something that can be deleted and taken back; ids of each kind begin in their own way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the kind of its id")]
pub enum DeletedId {
    Title(MmsId),
    Representation(RepId),
    File(FileId),
}

impl DeletedId {
    /// The kind, as sentences name it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Title(_) => "bib record",
            Self::Representation(_) => "representation",
            Self::File(_) => "file",
        }
    }

    /// The kind.
    pub fn kind(&self) -> DeletedKind {
        match self {
            Self::Title(_) => DeletedKind::Title,
            Self::Representation(_) => DeletedKind::Representation,
            Self::File(_) => DeletedKind::File,
        }
    }
}

impl FromStr for DeletedId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let title = text.parse().map(Self::Title);
        title
            .or_else(|_: IdError| text.parse().map(Self::Representation))
            .or_else(|_: IdError| text.parse().map(Self::File))
            .map_err(|error| IdError { kind: "deleted thing", ..error })
    }
}

impl fmt::Display for DeletedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Title(id) => id.fmt(f),
            Self::Representation(id) => id.fmt(f),
            Self::File(id) => id.fmt(f),
        }
    }
}

/// One line of the list of what can be taken back: there from the deletion until it is taken back or its purge begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// What kind of thing it is.
    pub kind: DeletedKind,
    /// The title, or the title that it belongs to.
    pub mms_id: MmsId,
    /// The representation, or the representation that the file belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub representation: Option<RepId>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<FileId>,
    /// The library that owns it; titles belong to none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub library: Option<LibraryCode>,
    /// The title's title, cut to [`MAX_LISTED_TITLE`] characters.
    pub title: String,
    /// The representation's or the file's label.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub label: Option<String>,
    /// Who deleted it.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// Until when it can be taken back.
    pub until: Timestamp,
}

/// The longest title in the list of what was deleted, in characters: a page of the list is one answer of the table.
pub const MAX_LISTED_TITLE: usize = 300;

impl Deletion {
    /// The id of what was deleted.
    pub fn id(&self) -> &str {
        let rep = self.representation.as_ref().map(RepId::as_str);
        let file = self.file.as_ref().map(FileId::as_str);
        file.or(rep).unwrap_or(self.mms_id.as_str())
    }
}

/// Something that can be deleted, taken back and purged. Written down, it is what it is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "each is the kind of its value")]
pub enum Removable {
    Title(Box<BibRecord>),
    Representation(Box<Representation>),
    File(Box<DigitalFile>),
}

impl Removable {
    /// Its id.
    pub fn id(&self) -> DeletedId {
        match self {
            Self::Title(it) => DeletedId::Title(it.mms_id.clone()),
            Self::Representation(it) => DeletedId::Representation(it.id.clone()),
            Self::File(it) => DeletedId::File(it.id.clone()),
        }
    }

    /// How many times it was written.
    pub fn version(&self) -> u64 {
        match self {
            Self::Title(it) => it.version,
            Self::Representation(it) => it.version,
            Self::File(it) => it.version,
        }
    }

    /// The title, or the title that it belongs to.
    pub fn mms_id(&self) -> &MmsId {
        match self {
            Self::Title(it) => &it.mms_id,
            Self::Representation(it) => &it.mms_id,
            Self::File(it) => &it.mms_id,
        }
    }

    /// When it was deleted, if it was.
    pub fn removal(&self) -> Option<&Removal> {
        match self {
            Self::Title(it) => it.removal.as_ref(),
            Self::Representation(it) => it.removal.as_ref(),
            Self::File(it) => it.removal.as_ref(),
        }
    }

    /// The same, deleted or taken back.
    #[must_use]
    pub fn with(&self, removal: Option<Removal>) -> Self {
        match self {
            Self::Title(it) => Self::Title(Box::new(BibRecord { removal, ..(**it).clone() })),
            Self::Representation(it) => {
                Self::Representation(Box::new(Representation { removal, ..(**it).clone() }))
            }
            Self::File(it) => Self::File(Box::new(DigitalFile { removal, ..(**it).clone() })),
        }
    }

    /// What the outbox owes once its purge is due.
    pub fn purge_work(&self) -> Work {
        match self {
            Self::Title(it) => Work::PurgeTitle { mms_id: it.mms_id.clone() },
            Self::Representation(it) => Work::PurgeRepresentation { representation: it.id.clone() },
            Self::File(it) => Work::PurgeFile { file: it.id.clone() },
        }
    }

    /// Its line in the list of what can be taken back, where it is deleted; `title` is its title's title.
    pub fn deletion(&self, title: &str) -> Option<Deletion> {
        let removal = self.removal()?;
        let (representation, file, library, label) = match self {
            Self::Title(_) => (None, None, None, None),
            Self::Representation(it) => {
                (Some(it.id.clone()), None, Some(it.fields.library.clone()), it.fields.label.clone())
            }
            Self::File(it) => (
                Some(it.representation.clone()),
                Some(it.id.clone()),
                Some(it.library.clone()),
                Some(it.label.clone()),
            ),
        };
        Some(Deletion {
            kind: self.id().kind(),
            mms_id: self.mms_id().clone(),
            representation,
            file,
            library,
            title: title.chars().take(MAX_LISTED_TITLE).collect(),
            label,
            by: removal.by.clone(),
            at: removal.at,
            until: removal.purge_after,
        })
    }

    /// What stays of it once it is purged: ids, who and when. Whatever described it is gone.
    #[must_use]
    pub fn purged(&self, now: Timestamp) -> Self {
        let gone =
            self.removal().map(|removal| Removal { purge: None, purged_at: Some(now), ..removal.clone() });
        match self.with(gone) {
            Self::Title(it) => Self::Title(Box::new(BibRecord {
                source: RecordSource::Inline(String::new()),
                brief: Brief::default(),
                representation_count: 0,
                collections: Vec::new(),
                ..*it
            })),
            Self::Representation(it) => {
                let fields = RepresentationFields {
                    library: it.fields.library.clone(),
                    usage_type: it.fields.usage_type,
                    active: false,
                    label: None,
                    public_note: None,
                    notes: Vec::new(),
                    entity_type: None,
                    part: PartFields::default(),
                    access_rights_policy_id: None,
                    order: None,
                    thumbnail_file_id: None,
                    request_id: None,
                    remote: None,
                };
                Self::Representation(Box::new(Representation { fields, ..*it }))
            }
            Self::File(it) => Self::File(Box::new(DigitalFile {
                file_name: String::new(),
                label: String::new(),
                order: None,
                status_reason: None,
                content: None,
                thumbnail: Thumbnail::Unsupported { reason: "the file was purged".to_owned() },
                facts: MediaFacts::default(),
                fulltext: FullText::default(),
                ..*it
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coded::Coded;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn removal() -> Removal {
        Removal::new(&"u".parse().unwrap(), at("2026-01-01T00:00:00Z"), 30)
    }

    #[test]
    fn e6_is_taken_back_until_the_instant_and_never_once_its_purge_began() {
        let until = at("2026-01-31T00:00:00Z");
        assert_eq!(removal().purge_after, until);
        let began = Removal { purging_at: Some(until), ..removal() };
        let done = Removal { purged_at: Some(until), ..began.clone() };
        for (removal, now, state) in [
            (removal(), "2026-01-01T00:00:00Z", RemovalState::Restorable),
            (removal(), "2026-01-30T23:59:59.999Z", RemovalState::Restorable),
            (removal(), "2026-01-31T00:00:00Z", RemovalState::Over),
            (began, "2026-01-02T00:00:00Z", RemovalState::Purging),
            (done, "2026-01-02T00:00:00Z", RemovalState::Purged),
        ] {
            assert_eq!(removal.state(at(now)), state, "{now}");
        }
    }

    #[test]
    fn an_id_says_what_kind_of_thing_it_is() {
        for (text, kind) in [
            ("991011592218004641", DeletedKind::Title),
            ("1210115922180046411", DeletedKind::Representation),
            ("1310115922180046411", DeletedKind::File),
        ] {
            let id: DeletedId = text.parse().unwrap();
            assert_eq!((id.kind(), id.to_string().as_str()), (kind, text));
        }
        for bad in ["", "81123", "99", "12x", "deleted"] {
            assert!(bad.parse::<DeletedId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_removal_of_an_earlier_release_is_read() {
        let old = r#"{"by":"u","at":"2026-01-01T00:00:00Z","purge_after":"2026-01-31T00:00:00Z"}"#;
        assert_eq!(serde_json::from_str::<Removal>(old).unwrap(), removal());
        assert_eq!(serde_json::to_string(&removal()).unwrap(), old, "and looks the same");
    }

    #[test]
    fn every_kind_is_spelled_as_the_parameter_is_read() {
        // Parameters are folded to lower case before they are compared.
        assert!(DeletedKind::ALL.iter().all(|kind| kind.code() == kind.code().to_lowercase()));
    }

    #[test]
    fn nothing_that_described_a_thing_outlives_its_purge() {
        let secret = "SECRET";
        let text = |thing: &Removable| serde_json::to_string(thing).unwrap();
        for thing in samples::described_by(secret, removal()) {
            assert!(text(&thing).matches(secret).count() > 2, "{thing:?}");
            let gone = thing.purged(at("2026-02-01T00:00:00Z"));
            assert!(!text(&gone).contains(secret), "{gone:?}");
            assert_eq!(gone.id(), thing.id());
            let (before, after) = (thing.removal().unwrap(), gone.removal().unwrap());
            assert_eq!((&before.by, before.at), (&after.by, after.at));
            assert_eq!(after.state(at("2026-02-01T00:00:00Z")), RemovalState::Purged);
        }
    }

    #[test]
    fn a_line_of_the_list_names_the_thing_itself_and_its_title_shortly() {
        let title = "x".repeat(1_000);
        let lines: Vec<Deletion> =
            samples::described_by("a", removal()).iter().filter_map(|thing| thing.deletion(&title)).collect();
        let ids: Vec<&str> = lines.iter().map(Deletion::id).collect();
        assert_eq!(ids, ["991", "121", "131"]);
        assert!(lines.iter().all(|line| line.title.len() == MAX_LISTED_TITLE));
        let living = samples::described_by("a", removal()).into_iter().map(|thing| thing.with(None));
        assert!(living.into_iter().all(|thing| thing.deletion("t").is_none()));
    }
}

#[cfg(test)]
mod samples {
    use super::*;
    use crate::bib::{BibKind, Identifier, RecordFormat};
    use crate::file::{Content, FileStatus};
    use crate::representation::{EntityType, UsageType};

    /// One of each kind, described by a word.
    pub(super) fn described_by(word: &str, removal: Removal) -> [Removable; 3] {
        let by: UserId = "u".parse().unwrap();
        let at = removal.at;
        let some = || Some(word.to_owned());
        let title = BibRecord {
            mms_id: "991".parse().unwrap(),
            kind: BibKind::Title,
            format: RecordFormat::DublinCore,
            source: RecordSource::Inline(word.to_owned()),
            brief: Brief {
                title: word.to_owned(),
                sort_title: word.to_owned(),
                author: some(),
                identifiers: vec![Identifier { scheme: "isbn".to_owned(), normalised: word.to_owned() }],
                ..Brief::default()
            },
            suppressed: false,
            representation_count: 1,
            collections: vec!["811".parse().unwrap()],
            created_by: by.clone(),
            created_at: at,
            modified_by: by.clone(),
            modified_at: at,
            removal: Some(removal.clone()),
            version: 1,
        };
        let representation = Representation {
            id: "121".parse().unwrap(),
            mms_id: title.mms_id.clone(),
            fields: RepresentationFields {
                library: "MAIN".parse().unwrap(),
                usage_type: UsageType::PreservationMaster,
                label: some(),
                public_note: some(),
                notes: vec![word.to_owned()],
                active: true,
                entity_type: Some(EntityType::Article),
                part: PartFields { author: some(), ..PartFields::default() },
                access_rights_policy_id: None,
                order: None,
                thumbnail_file_id: None,
                request_id: some(),
                remote: None,
            },
            created_by: by.clone(),
            created_at: at,
            modified_by: by.clone(),
            modified_at: at,
            removal: Some(removal.clone()),
            version: 1,
        };
        let file = DigitalFile {
            id: "131".parse().unwrap(),
            representation: representation.id.clone(),
            mms_id: title.mms_id.clone(),
            library: "MAIN".parse().unwrap(),
            file_name: word.to_owned(),
            label: word.to_owned(),
            order: None,
            status: FileStatus::Active,
            status_reason: some(),
            content: Some(Content {
                key: word.to_owned(),
                version_id: None,
                size_bytes: 1,
                sha256: word.to_owned(),
                crc64nvme: String::new(),
                mime: "text/plain".to_owned(),
            }),
            thumbnail: Thumbnail::Pending { supplied: some() },
            facts: MediaFacts::default(),
            fulltext: FullText::default(),
            created_by: by.clone(),
            created_at: at,
            modified_by: by,
            modified_at: at,
            removal: Some(removal),
            version: 1,
        };
        [
            Removable::Title(Box::new(title)),
            Removable::Representation(Box::new(representation)),
            Removable::File(Box::new(file)),
        ]
    }
}
