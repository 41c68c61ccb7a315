//! Exports: titles with their representations and files, written out for other systems (S17, S18).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::coded;
use crate::ids::{ExportId, JobId, UserId};
use crate::problem::Problems;
use crate::schedule::Schedule;
use crate::set::TitleScope;

coded!(
    /// The form of an export's files.
    ExportFormat, "export format" {
        /// MARC 21 as MARCXML, with fields of ours for collections, representations and files.
        MarcXml = "MARCXML": "MARCXML",
        /// Dublin Core with elements of ours.
        DublinCore = "DC_XML": "Dublin Core XML",
        /// A table, a line a file, safe to open in a spreadsheet (B51).
        Csv = "CSV": "CSV",
        /// One JSON object a title, exact.
        JsonLines = "JSONL": "JSON Lines",
    }
);

impl ExportFormat {
    /// The ending of a file's name, and its type.
    pub fn ending_and_type(self) -> (&'static str, &'static str) {
        match self {
            Self::MarcXml | Self::DublinCore => ("xml", "application/xml"),
            Self::Csv => ("csv", "text/csv; charset=utf-8"),
            Self::JsonLines => ("jsonl", "application/x-ndjson"),
        }
    }
}

coded!(
    /// How a run's folder is laid out.
    #[derive(Default)]
    ExportLayout, "export layout" {
        /// A bag (RFC 8493): metadata files of many titles, and the files by title and representation.
        #[default]
        BagIt = "BAGIT": "BagIt bag",
        /// An OCFL 1.1 storage root below `data/`: each title an object that holds its record and its files (PRES-2).
        Ocfl = "OCFL": "OCFL storage root",
    }
);

/// What a caller sets on an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportSettings {
    /// Its name.
    pub name: String,
    /// Which titles. A set is kept by its id here and looked up when a run begins.
    pub titles: ExportTitles,
    /// In which form.
    pub format: ExportFormat,
    /// How its folder is laid out.
    #[serde(default)]
    pub layout: ExportLayout,
    /// How many titles a file holds; 0 for one file of all. In an OCFL layout always 0: each title has its own.
    pub records_per_file: u32,
    /// Only titles that changed at this instant or later: the record, a representation or a file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub changed_since: Option<Timestamp>,
    /// Whether the files' bytes come along (S18).
    #[serde(default)]
    pub include_files: bool,
    /// When it runs by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<Schedule>,
}

/// Which titles an export is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "titles")]
pub enum ExportTitles {
    /// Every title.
    #[serde(rename = "EVERYTHING")]
    Everything,
    /// Those of a set.
    #[serde(rename = "SET")]
    Set {
        /// The set.
        set: crate::ids::SetId,
    },
    /// These.
    #[serde(rename = "IDS")]
    Ids {
        /// Their ids.
        ids: Vec<crate::ids::MmsId>,
    },
}

/// The most ids that an export names itself; more of them are an itemized set.
pub const MAX_IDS: usize = 1000;
/// The most titles that a caller can ask for in one file.
pub const MAX_RECORDS_PER_FILE: u32 = 1_000_000;

impl ExportSettings {
    /// Checks every field.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        problems.check_text("name", &self.name, 255);
        if self.records_per_file > MAX_RECORDS_PER_FILE {
            problems.add("records_per_file", format!("must be at most {MAX_RECORDS_PER_FILE}"));
        }
        if self.layout == ExportLayout::Ocfl && self.records_per_file > 0 {
            problems.add("records_per_file", "must be 0 in an OCFL layout: each title has a file of its own");
        }
        if let ExportTitles::Ids { ids } = &self.titles
            && (ids.is_empty() || ids.len() > MAX_IDS)
        {
            problems.add("mms_id", format!("must be 1 to {MAX_IDS} ids; a set takes more"));
        }
        if let Some(schedule) = &self.schedule {
            schedule.check("schedule", &mut problems);
        }
        problems.into_result()
    }
}

/// An export that is kept, to be run by hand or by its schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Its id.
    pub id: ExportId,
    /// What a caller sets.
    #[serde(flatten)]
    pub settings: ExportSettings,
    /// Its last run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_job: Option<JobId>,
    /// The planned instant that it ran for last, or was missed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_planned: Option<Timestamp>,
    /// A planned instant that passed without a run: the schedule was not looked at in time. A run by hand clears it (B13).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub missed: Option<Timestamp>,
    /// The next planned instant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_run: Option<Timestamp>,
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

/// A run of an export: what it writes and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportRun {
    /// The export.
    pub export: ExportId,
    /// Which titles, as they were meant when the run began: an edit does not change a run.
    pub scope: TitleScope,
    /// See [`ExportSettings::format`].
    pub format: ExportFormat,
    /// See [`ExportSettings::layout`].
    #[serde(default)]
    pub layout: ExportLayout,
    /// See [`ExportSettings::records_per_file`].
    pub records_per_file: u32,
    /// See [`ExportSettings::changed_since`].
    pub changed_since: Option<Timestamp>,
    /// See [`ExportSettings::include_files`].
    pub include_files: bool,
    /// What was written so far.
    pub written: Written,
    /// Where it is.
    pub step: ExportStep,
}

/// What a run wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Written {
    /// Titles.
    pub titles: u64,
    /// Their representations.
    pub representations: u64,
    /// Their files.
    pub files: u64,
    /// Metadata files.
    pub parts: u32,
    /// Bytes of the payload so far: of metadata files that are finished, and of files that were copied; at the end of all.
    pub bytes: u64,
    /// Files whose bytes were copied.
    pub copied: u64,
    /// What was left out, each with a row that says why.
    pub left_out: u64,
    /// Lists of files to copy.
    pub lists: u32,
}

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step")]
pub enum ExportStep {
    /// Writing titles.
    #[serde(rename = "TITLES")]
    Titles(Place),
    /// Copying files.
    #[serde(rename = "COPY")]
    Copy {
        /// The list that is worked on, from 1.
        list: u32,
        /// The first entry of it that is not done.
        next: u64,
        /// S3's id of a copy in parts that was begun.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        copy: Option<String>,
    },
    /// Writing the titles of a list down as OCFL objects, once their files are there.
    #[serde(rename = "OBJECTS")]
    Objects {
        /// The list that is worked on, from 1.
        list: u32,
        /// The first title of it that is not done.
        next: u64,
    },
    /// Writing the manifest and what else makes a bag, or a storage root, of it.
    #[serde(rename = "BAG")]
    Bag,
    /// Nothing is left to do.
    #[serde(rename = "END")]
    End,
}

/// Where a run is among the titles. What stands here is written; a worker that dies repeats what came after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// Where the walk over the titles goes on; `None` at the start, and at the end with `walked`.
    pub after: Option<String>,
    /// Whether the walk is over.
    pub walked: bool,
    /// Titles in the file that is being written.
    pub in_file: u32,
    /// S3's id of the upload in parts of that file, once it is longer than a part.
    pub upload: Option<String>,
    /// How many parts of it were sent.
    pub sent: u16,
    /// The state of the digest of those parts.
    pub digest: Option<String>,
    /// The length of what comes after those parts and is kept aside; 0 where nothing is.
    pub kept_bytes: u64,
    /// Whether the parts are all there and only to be put together.
    pub closing: bool,
}

/// One metadata file of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportFile {
    /// The run.
    pub job: JobId,
    /// Its number, from 1.
    pub number: u32,
    /// Its name: `{job}_{number}.{ending}`; in an OCFL layout its path in the storage root.
    pub name: String,
    /// SHA-256 in hex.
    pub sha256: String,
    /// How many bytes.
    pub size_bytes: u64,
    /// How many titles.
    pub titles: u32,
}

/// The name of a metadata file.
pub fn file_name(job: &JobId, number: u32, format: ExportFormat) -> String {
    format!("{job}_{number:06}.{}", format.ending_and_type().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_field_that_is_wrong() {
        let settings = ExportSettings {
            name: String::new(),
            titles: ExportTitles::Ids { ids: Vec::new() },
            format: ExportFormat::Csv,
            layout: ExportLayout::BagIt,
            records_per_file: MAX_RECORDS_PER_FILE + 1,
            changed_since: None,
            include_files: false,
            schedule: Some(Schedule {
                every: crate::schedule::Every::Day,
                at: "25:00".into(),
                weekday: None,
                zone: None,
            }),
        };
        let fields: Vec<_> = settings.check().unwrap_err().0.into_iter().map(|it| it.field).collect();
        assert_eq!(fields, ["name", "records_per_file", "mms_id", "schedule.at"]);

        let one_each = ExportSettings {
            name: "x".into(),
            titles: ExportTitles::Everything,
            layout: ExportLayout::Ocfl,
            records_per_file: 1,
            schedule: None,
            ..settings
        };
        assert_eq!(one_each.check().unwrap_err().0[0].field, "records_per_file");
        ExportSettings { records_per_file: 0, ..one_each }.check().unwrap();
    }

    #[test]
    fn files_are_named_by_job_and_number() {
        let job = "4712345".parse().unwrap();
        assert_eq!(file_name(&job, 12, ExportFormat::MarcXml), "4712345_000012.xml");
    }
}
