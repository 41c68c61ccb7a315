//! What the API says and is told, as far as this command line needs it. Members it does not know are left alone.

use serde::{Deserialize, Serialize};

/// A coded value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Coded {
    pub value: String,
    #[serde(default)]
    pub desc: String,
}

impl Coded {
    /// The text for people.
    pub fn text(&self) -> &str {
        if self.desc.is_empty() { &self.value } else { &self.desc }
    }
}

/// A header that a signed request must have.
#[derive(Debug, Clone, Deserialize)]
pub struct Pair {
    pub name: String,
    pub value: String,
}

/// A signed request. The address is a secret for as long as it is valid.
#[derive(Clone, Deserialize)]
pub struct Signed {
    #[serde(default = "put")]
    pub method: String,
    pub url: String,
    #[serde(default)]
    pub header: Vec<Pair>,
}

fn put() -> String {
    "PUT".to_owned()
}

/// What is needed of an import profile.
#[derive(Debug, Clone, Deserialize)]
pub struct Profile {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub digital_details: DigitalDetails,
}

/// The vendor's words for what a folder has to hold.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct DigitalDetails {
    /// The name of the metadata file, or a pattern of it.
    #[serde(default)]
    pub file_name_patterns: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub struct ProfileList {
    #[serde(default)]
    pub import_profile: Vec<serde_json::Value>,
    #[serde(default)]
    pub total_record_count: u64,
}

/// A folder of uploads on its way.
#[derive(Debug, Clone, Deserialize)]
pub struct Ingest {
    pub id: String,
    pub profile_id: String,
    pub status: Coded,
    #[serde(default)]
    pub job_id: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct NewIngest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A file that will be sent.
#[derive(Debug, Clone, Serialize)]
pub struct FileWish {
    pub name: String,
    pub size: u64,
    pub sha256: String,
}

#[derive(Debug, Serialize)]
pub struct FileWishes {
    pub file: Vec<FileWish>,
}

/// How one file has to be sent: by its request, or in parts.
#[derive(Clone, Deserialize)]
pub struct FilePlan {
    pub name: String,
    #[serde(default)]
    pub request: Option<Signed>,
    #[serde(default)]
    pub multipart_id: Option<String>,
    #[serde(default)]
    pub part_size: Option<u64>,
}

#[derive(Deserialize)]
pub struct FilePlans {
    #[serde(default)]
    pub file: Vec<FilePlan>,
}

/// A file that has arrived.
#[derive(Debug, Clone, Deserialize)]
pub struct Arrived {
    pub name: String,
    pub size: u64,
    #[serde(default)]
    pub etag: String,
}

#[derive(Debug, Default, Deserialize)]
pub struct ArrivedPage {
    #[serde(default)]
    pub file: Vec<Arrived>,
    #[serde(default)]
    pub next: Option<String>,
}

/// Links to files that an export wrote.
#[derive(Deserialize)]
pub struct ExportFiles {
    #[serde(default)]
    pub file: Vec<ReportLink>,
}

/// A part that will be sent.
#[derive(Debug, Serialize)]
pub struct PartWish {
    pub part_number: u64,
    pub sha256: String,
}

/// Parts of a file of an ingest, or without any, the file whose parts are put together or given up.
#[derive(Debug, Serialize)]
pub struct PartWishes<'a> {
    pub name: &'a str,
    pub multipart_id: &'a str,
    pub size: u64,
    pub part: Vec<PartWish>,
}

#[derive(Deserialize)]
pub struct SignedParts {
    #[serde(default)]
    pub request: Vec<Signed>,
}

/// A part that has arrived.
#[derive(Debug, Deserialize)]
pub struct ArrivedPart {
    pub part_number: u64,
    #[serde(default)]
    pub size: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
pub struct ArrivedParts {
    #[serde(default)]
    pub part: Vec<ArrivedPart>,
}

/// A job of any kind.
#[derive(Debug, Clone, Deserialize)]
pub struct Job {
    pub id: String,
    #[serde(default)]
    pub name: String,
    pub status: Coded,
    /// Why it could not go on.
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub progress: u64,
    #[serde(default)]
    pub dry_run: bool,
    #[serde(default)]
    pub profile_id: Option<String>,
    #[serde(default)]
    pub ingest_id: Option<String>,
    #[serde(default)]
    pub undoes: Option<String>,
    #[serde(default)]
    pub counter: Vec<Counter>,
    #[serde(default)]
    pub submit_time: Option<String>,
    #[serde(default)]
    pub start_time: Option<String>,
    #[serde(default)]
    pub end_time: Option<String>,
    #[serde(default)]
    pub estimated_end_time: Option<String>,
}

/// One number of a job.
#[derive(Debug, Clone, Deserialize)]
pub struct Counter {
    #[serde(rename = "type")]
    pub kind: Coded,
    pub value: u64,
}

impl Job {
    /// Whether it has ended, one way or another.
    pub fn is_final(&self) -> bool {
        !matches!(self.status.value.as_str(), "PENDING" | "INITIALIZING" | "RUNNING" | "FINALIZING")
    }

    /// Whether it ended, and well.
    pub fn is_success(&self) -> bool {
        self.status.value == "COMPLETED_SUCCESS"
    }

    /// A counter by its name; `None` when the job has no such counter.
    pub fn counter(&self, name: &str) -> Option<u64> {
        self.counter
            .iter()
            .find(|counter| counter.kind.value.eq_ignore_ascii_case(name))
            .map(|counter| counter.value)
    }
}

/// One row of a job.
#[derive(Debug, Clone, Deserialize)]
pub struct Row {
    pub number: u64,
    pub outcome: Coded,
    #[serde(default)]
    pub mms_id: Option<String>,
    #[serde(default)]
    pub representation_id: Vec<String>,
    #[serde(default)]
    pub warning: Vec<String>,
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub difference: Vec<Difference>,
}

/// What a row changes in a field.
#[derive(Debug, Clone, Deserialize)]
pub struct Difference {
    pub field: String,
    #[serde(default)]
    pub before: Vec<String>,
    #[serde(default)]
    pub after: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
pub struct RowPage {
    #[serde(default)]
    pub row: Vec<Row>,
    #[serde(default)]
    pub next: Option<String>,
}

/// A link to a report; a secret for as long as it is valid.
#[derive(Deserialize)]
pub struct ReportLink {
    pub url: String,
}

/// The representation a file is uploaded into.
#[derive(Debug, Serialize)]
pub struct UploadWish<'a> {
    pub representation_id: &'a str,
    pub file_name: &'a str,
    pub size: u64,
    pub sha256: &'a str,
}

/// An upload of one file into a representation.
#[derive(Clone, Deserialize)]
pub struct Upload {
    pub id: String,
    #[serde(default)]
    pub pid: Option<String>,
    pub state: String,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub size: u64,
    #[serde(default)]
    pub sha256: Option<String>,
    #[serde(default)]
    pub method: Coded,
    #[serde(default)]
    pub part_size: Option<u64>,
    #[serde(default)]
    pub request: Option<Signed>,
}

/// Parts of an upload.
#[derive(Debug, Serialize)]
pub struct UploadPartWishes {
    pub part: Vec<PartWish>,
}
