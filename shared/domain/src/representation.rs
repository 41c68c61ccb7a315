//! Representations: the digital forms of a title, each with its files (domain.md 2.3).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::coded;
use crate::ids::{FileId, MmsId, PolicyId, RepId, UserId};
use crate::library::LibraryCode;
use crate::problem::Problems;
use crate::remote::RemoteObject;
use crate::removal::Removal;

coded!(
    /// What a representation is for (D5).
    UsageType, "usage type" {
        /// The master; newer pages say primary.
        PreservationMaster = "PRESERVATION_MASTER": "Master",
        /// A worked-over master.
        ModifiedMaster = "MODIFIED_MASTER": "Modified Master",
        /// A copy made for use.
        DerivativeCopy = "DERIVATIVE_COPY": "Derivative",
        /// Support files, not offered to patrons.
        Auxiliary = "AUXILIARY": "Auxiliary",
    }
);

coded!(
    /// The part of a title that a representation holds; decides which part fields apply (D6).
    EntityType, "entity type" {
        /// A chapter of a book.
        Chapter = "CHAPTER": "Chapter",
        /// An article.
        Article = "ARTICLE": "Article",
        /// An issue of a journal.
        Issue = "ISSUE": "Issue",
        /// An issue described in detail.
        IssueDetailed = "IssueDet": "Issue-Detailed",
        /// A track or a scene.
        AudioVisual = "AUDIOVISUAL": "Audiovisual",
    }
);

/// The fields that describe a part of a title.
///
/// Which of them a representation may carry depends on its [`EntityType`] (D6).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the field's own; domain.md 2.3 has the table")]
pub struct PartFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub season_month: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_in_month: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_page: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_page: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
}

impl PartFields {
    /// Every field with its wire name.
    pub fn entries(&self) -> [(&'static str, Option<&str>); 14] {
        [
            ("author", self.author.as_deref()),
            ("title", self.title.as_deref()),
            ("volume", self.volume.as_deref()),
            ("issue", self.issue.as_deref()),
            ("number", self.number.as_deref()),
            ("year", self.year.as_deref()),
            ("season_month", self.season_month.as_deref()),
            ("day_in_month", self.day_in_month.as_deref()),
            ("date", self.date.as_deref()),
            ("start_page", self.start_page.as_deref()),
            ("end_page", self.end_page.as_deref()),
            ("track", self.track.as_deref()),
            ("start_time", self.start_time.as_deref()),
            ("end_time", self.end_time.as_deref()),
        ]
    }
}

impl EntityType {
    /// The part fields that apply, in the order in which an automatic label joins them (D7).
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            EntityType::Chapter => &["author", "title", "number", "start_page", "end_page"],
            EntityType::Article => &["author", "title", "volume", "issue", "date", "start_page", "end_page"],
            EntityType::Issue => &["volume", "issue", "date"],
            EntityType::IssueDetailed => {
                &["volume", "issue", "number", "year", "season_month", "day_in_month"]
            }
            EntityType::AudioVisual => &["author", "title", "track", "start_time", "end_time"],
        }
    }
}

/// What a caller sets on a representation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepresentationFields {
    /// The library that owns it.
    pub library: LibraryCode,
    /// What it is for.
    pub usage_type: UsageType,
    /// Its label; discovery lists representations under it.
    pub label: Option<String>,
    /// A note shown to patrons.
    pub public_note: Option<String>,
    /// Notes for staff only.
    #[serde(default)]
    pub notes: Vec<String>,
    /// An inactive representation is not delivered and not published (D8).
    pub active: bool,
    /// The part of the title that it holds.
    pub entity_type: Option<EntityType>,
    /// The fields of that part.
    #[serde(default)]
    pub part: PartFields,
    /// The access rights policy; none means the institution's default.
    pub access_rights_policy_id: Option<PolicyId>,
    /// Its place among the title's representations; those without one come last, by age (D14).
    pub order: Option<u32>,
    /// The file whose thumbnail stands for it; none means the first file (T4).
    pub thumbnail_file_id: Option<FileId>,
    /// The digitization request that it came from.
    pub request_id: Option<String>,
    /// The object that it stands for in a remote repository; it then has no files and no policy of its own (D15).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<RemoteObject>,
}

/// A representation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Representation {
    /// Its id.
    pub id: RepId,
    /// The title it belongs to.
    pub mms_id: MmsId,
    /// What a caller sets.
    #[serde(flatten)]
    pub fields: RepresentationFields,
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

impl RepresentationFields {
    /// Checks lengths and that the part fields fit the entity type (D6).
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        for (field, value, max) in [("label", &self.label, 1000), ("public_note", &self.public_note, 2000)] {
            if let Some(text) = value {
                problems.check_text(field, text, max);
            }
        }
        if self.notes.len() > 50 {
            problems.add("note", "must not be more than 50 notes");
        }
        for note in &self.notes {
            problems.check_text("note", note, 2000);
        }
        for (field, value) in self.part.entries() {
            let Some(value) = value else { continue };
            match self.entity_type {
                None => problems.add(field, "needs an `entity_type`"),
                Some(entity) if !entity.fields().contains(&field) => {
                    problems.add(
                        field,
                        format!(
                            "does not apply to entity type `{entity}`; these do: {}",
                            entity.fields().join(", ")
                        ),
                    );
                }
                Some(_) => problems.check_text(field, value, 1000),
            }
        }
        problems.into_result()
    }

    /// Builds the automatic label from the part fields (D7), or `None` where none is set.
    ///
    /// The vendor's sample reads `iss.01APR21 2021 04 01`: volume, issue and number carry a short prefix, the rest
    /// stands as it is.
    pub fn automatic_label(&self) -> Option<String> {
        let entity = self.entity_type?;
        let entries = self.part.entries();
        let parts: Vec<String> = entity
            .fields()
            .iter()
            .filter_map(|field| entries.iter().find(|(name, _)| name == field))
            .filter_map(|(field, value)| value.map(|value| (*field, value)))
            .map(|(field, value)| match field {
                "volume" => format!("vol.{value}"),
                "issue" => format!("iss.{value}"),
                "number" => format!("no.{value}"),
                "start_page" => format!("p.{value}"),
                "end_page" => format!("-{value}"),
                "track" => format!("track {value}"),
                _ => value.to_owned(),
            })
            .collect();
        if parts.is_empty() { None } else { Some(parts.join(" ").replace(" -", "-")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(entity_type: Option<EntityType>, part: PartFields) -> RepresentationFields {
        RepresentationFields {
            library: "MAIN".parse().unwrap(),
            usage_type: UsageType::PreservationMaster,
            label: None,
            public_note: None,
            notes: vec![],
            active: true,
            entity_type,
            part,
            access_rights_policy_id: None,
            order: None,
            thumbnail_file_id: None,
            request_id: None,
            remote: None,
        }
    }

    #[test]
    fn d6_refuses_a_field_that_does_not_fit_the_entity_type() {
        let part = PartFields { track: Some("3".into()), ..Default::default() };
        let problems = fields(Some(EntityType::Article), part.clone()).check().unwrap_err();
        assert_eq!(problems.0[0].field, "track");
        assert!(fields(Some(EntityType::AudioVisual), part.clone()).check().is_ok());
        assert_eq!(fields(None, part).check().unwrap_err().0[0].message, "needs an `entity_type`");
    }

    #[test]
    fn d7_builds_the_label_of_the_vendors_sample() {
        let part = PartFields {
            issue: Some("01APR21".into()),
            year: Some("2021".into()),
            season_month: Some("04".into()),
            day_in_month: Some("01".into()),
            ..Default::default()
        };
        let label = fields(Some(EntityType::IssueDetailed), part).automatic_label();
        assert_eq!(label.as_deref(), Some("iss.01APR21 2021 04 01"));
        assert_eq!(fields(None, PartFields::default()).automatic_label(), None);
    }

    #[test]
    fn d7_joins_the_pages_of_an_article() {
        let part = PartFields {
            title: Some("On maps".into()),
            volume: Some("2".into()),
            start_page: Some("14".into()),
            end_page: Some("31".into()),
            ..Default::default()
        };
        let label = fields(Some(EntityType::Article), part).automatic_label();
        assert_eq!(label.as_deref(), Some("On maps vol.2 p.14-31"));
    }
}
