//! Titles as objects of an OCFL 1.1 storage root (PRES-2), each with its record and its files, in one version.
//!
//! All of it follows from a run's lists, so writing it again writes the same. Digests are SHA-256, which OCFL allows beside the
//! SHA-512 that it recommends: every registered file has one, and another would mean to read every byte again.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use vitrine_domain::export::{ExportFile, ExportRun, ExportStep};
use vitrine_domain::job::Job;
use vitrine_store::objects::Bucket;

use super::{ListedTitle, after_list};
use crate::changes::hex;
use crate::exports::folder;
use crate::run_job::Next;
use crate::{App, AppError, Call};

/// How many objects are written side by side, and how many between two saves.
const SIDE_BY_SIDE: usize = 8;
const TITLES_A_SAVE: usize = 50;

/// How ids become folders: part of their digest, then the id itself, so that people find a title.
const LAYOUT: &str = "0003-hash-and-id-n-tuple-storage-layout";
/// The longest name of a folder that is the id alone, of that layout.
const MAX_NAME_BYTES: usize = 100;

/// A text file of the storage root, with its path in the run's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextFile {
    pub path: String,
    pub text: String,
    pub sha256: String,
    pub mime: &'static str,
}

impl TextFile {
    fn new(path: String, text: String, mime: &'static str) -> Self {
        let sha256 = hex(&Sha256::digest(&text));
        Self { path, text, sha256, mime }
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.text.len() as u64
    }
}

/// The text files of an object.
#[derive(Debug)]
pub(super) struct Object {
    record: TextFile,
    about: [TextFile; 5],
}

impl Object {
    pub(super) fn files(&self) -> impl Iterator<Item = &TextFile> {
        std::iter::once(&self.record).chain(&self.about)
    }
}

const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// What stands at the root beside the objects.
pub(super) fn storage_root() -> [TextFile; 3] {
    let layout = json!({
        "extension": LAYOUT,
        "description": "An object a title. Its folder is three times three digits of the SHA-256 of its id, then the id.",
    });
    let config =
        json!({ "extensionName": LAYOUT, "digestAlgorithm": "sha256", "tupleSize": 3, "numberOfTuples": 3 });
    [
        TextFile::new("data/0=ocfl_1.1".to_owned(), "ocfl_1.1\n".to_owned(), PLAIN),
        TextFile::new("data/ocfl_layout.json".to_owned(), format!("{layout:#}\n"), JSON),
        TextFile::new(format!("data/extensions/{LAYOUT}/config.json"), format!("{config:#}\n"), JSON),
    ]
}

/// The folder of an object, in the run's folder.
fn object_folder(id: &str) -> String {
    let digest = hex(&Sha256::digest(id));
    let mut name = String::new();
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02x}"));
        }
    }
    if name.len() > MAX_NAME_BYTES {
        name.truncate(MAX_NAME_BYTES);
        name = format!("{name}-{digest}");
    }
    let (one, rest) = digest.split_at(3);
    let (two, rest) = rest.split_at(3);
    let (three, _) = rest.split_at(3);
    format!("data/{one}/{two}/{three}/{name}")
}

/// Where the record and the files of an object are, in the run's folder; with a slash at the end.
pub(super) fn content_folder(id: &str) -> String {
    format!("{}/v1/content/", object_folder(id))
}

impl App {
    /// A title as an object; none in another layout.
    pub(super) fn object_of(
        &self,
        job: &Job,
        run: &ExportRun,
        title: &ListedTitle,
        missing: &BTreeSet<String>,
    ) -> Option<Object> {
        let object = title.object.as_ref()?;
        let (folder, content) = (object_folder(&object.id), content_folder(&object.id));
        let (ending, mime) = run.format.ending_and_type();
        let record = TextFile::new(format!("{content}record.{ending}"), object.record.clone(), mime);
        let files = title.files.iter().filter(|it| !missing.contains(&it.claim()));
        let mut held: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (sha256, path) in
            [(&record.sha256, &record.path)].into_iter().chain(files.map(|it| (&it.sha256, &it.path)))
        {
            held.entry(sha256).or_default().extend(path.strip_prefix(&content));
        }
        let manifest: BTreeMap<&str, Vec<String>> = held
            .iter()
            .map(|(sha256, paths)| (*sha256, paths.iter().map(|path| format!("v1/content/{path}")).collect()))
            .collect();
        let inventory: Value = json!({
            "id": object.id,
            "type": "https://ocfl.io/1.1/spec/#inventory",
            "digestAlgorithm": "sha256",
            "head": "v1",
            "manifest": manifest,
            "versions": { "v1": {
                "created": job.submitted_at.to_string(),
                "message": format!("Written by job {}, an export", job.id),
                "user": { "name": "Vitrine", "address": self.settings.delivery_url },
                "state": held,
            } },
        });
        let inventory = format!("{inventory:#}\n");
        let sidecar = format!("{} inventory.json\n", hex(&Sha256::digest(&inventory)));
        let about = [
            TextFile::new(format!("{folder}/v1/inventory.json"), inventory.clone(), JSON),
            TextFile::new(format!("{folder}/v1/inventory.json.sha256"), sidecar.clone(), PLAIN),
            TextFile::new(format!("{folder}/inventory.json"), inventory, JSON),
            TextFile::new(format!("{folder}/inventory.json.sha256"), sidecar, PLAIN),
            TextFile::new(format!("{folder}/0=ocfl_object_1.1"), "ocfl_object_1.1\n".to_owned(), PLAIN),
        ];
        Some(Object { record, about })
    }

    /// Writes objects of one list whose files are copied, and saves how far that is.
    pub(super) async fn write_objects(
        &self,
        call: &Call,
        job: &Job,
        run: &ExportRun,
        (list, next): (u32, u64),
    ) -> Result<Next, AppError> {
        let mut after = run.clone();
        let titles = self.listed(&job.id, list).await?;
        let from = usize::try_from(next).unwrap_or(usize::MAX);
        let ahead = titles.get(from..).unwrap_or_default();
        let part = ahead.get(..TITLES_A_SAVE).unwrap_or(ahead);
        if part.is_empty() {
            after.step = after_list(run, list);
            return self.save_run(call, job, after, Vec::new(), |_| Ok(())).await;
        }
        let missing = self.missing(&job.id, run, part).await?;
        let missing = &missing;
        let written: Vec<Option<ExportFile>> = stream::iter((run.written.parts + 1..).zip(part))
            .map(|(number, title)| self.write_object(job, run, number, title, missing))
            .buffered(SIDE_BY_SIDE)
            .try_collect()
            .await?;
        let files: Vec<ExportFile> = written.into_iter().flatten().collect();
        after.written.parts += u32::try_from(files.len()).unwrap_or(u32::MAX);
        after.written.bytes += files.iter().map(|file| file.size_bytes).sum::<u64>();
        after.step = ExportStep::Objects { list, next: next + part.len() as u64 };
        self.save_run(call, job, after, Vec::new(), |change| {
            files.iter().try_for_each(|file| change.put(file))
        })
        .await
    }

    /// Writes a title's object, and tells its record as a file of the run.
    async fn write_object(
        &self,
        job: &Job,
        run: &ExportRun,
        number: u32,
        title: &ListedTitle,
        missing: &BTreeSet<String>,
    ) -> Result<Option<ExportFile>, AppError> {
        let Some(object) = self.object_of(job, run, title, missing) else { return Ok(None) };
        for it in object.files() {
            self.put_text(job, it).await?;
        }
        let record = object.record;
        Ok(Some(ExportFile {
            job: job.id.clone(),
            number,
            name: record.path.strip_prefix("data/").unwrap_or(&record.path).to_owned(),
            size_bytes: record.size_bytes(),
            sha256: record.sha256,
            titles: 1,
        }))
    }

    pub(super) async fn put_text(&self, job: &Job, it: &TextFile) -> Result<(), AppError> {
        let key = format!("{}{}", folder(&job.id), it.path);
        let bytes = it.text.clone().into_bytes();
        self.objects.put_small(Bucket::Published, &key, bytes.into(), it.mime, false).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::object_folder;

    #[test]
    fn folders_follow_from_ids_as_the_layout_says() {
        // The first two are the examples of the layout's own page.
        let long = "abcdefghij".repeat(10);
        for (id, expected) in [
            ("object-01", "3c0/ff4/240/object-01".to_owned()),
            ("..hor/rib:le-$id", "487/326/d8c/%2e%2ehor%2frib%3ale-%24id".to_owned()),
            ("\u{e7}a", "ca4/dd1/4d3/%c3%a7a".to_owned()),
            (
                "oai:alma.VITRINE:9900000000000000101",
                "7a9/81c/6d5/oai%3aalma%2eVITRINE%3a9900000000000000101".to_owned(),
            ),
            (&long, format!("fcb/b61/d05/{long}")),
            (
                &format!("{long}k"),
                format!(
                    "cd5/75f/e44/{long}-cd575fe445b282e5e94caa9b0bdeb7fdac11daa4f183283fb215b6169ecab691"
                ),
            ),
        ] {
            assert_eq!(object_folder(id), format!("data/{expected}"));
        }
    }
}
