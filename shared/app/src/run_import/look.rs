//! Which of a row's files are in the folder, and which its title has already.

use std::collections::HashMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use vitrine_domain::coded::Coded;
use vitrine_domain::file::FileStatus;
use vitrine_domain::ids::{JobId, MmsId, RepId};
use vitrine_domain::import::row::{RowOutcome, RowResult, RowTicket};
use vitrine_domain::roles::Action;
use vitrine_domain::upload::{MAX_FILE_BYTES, Upload, UploadState};
use vitrine_metadata::rows::RowFile;
use vitrine_store::catalog::PageRequest;
use vitrine_store::keys::Claim;
use vitrine_store::objects::{Bucket, ContentDigest, ObjectHead};

use super::find::Target;
use super::plan::{PlannedRepresentation, Refused};
use super::row::{NAMED_IN_MESSAGE, Step, Stop, or_stop};
use super::rows::Context;
use super::write_files::named_twice;
use super::{seed, upload_id};
use crate::AppError;

/// The largest file that is read to see whether the title has it already; more would not fit into a call.
const MAX_COMPARED_BYTES: u64 = 5 * 1024 * 1024 * 1024;
/// How many objects are asked for side by side.
const ASKED_AT_ONCE: usize = 16;

/// A representation as it will be, with the files that it still needs.
pub(super) struct Ready {
    pub(super) id: RepId,
    pub(super) planned: PlannedRepresentation,
    /// The claim that leads from what it is made of to its id, and whether that is there already.
    pub(super) claim: Claim,
    pub(super) is_new: bool,
    /// Whether an older claim has to give way.
    pub(super) replaces_claim: bool,
    pub(super) files: Vec<ReadyFile>,
}

pub(super) struct ReadyFile {
    pub(super) file: RowFile,
    pub(super) place: u32,
    pub(super) state: FileState,
}

pub(super) enum FileState {
    /// To be registered.
    Begin(ObjectHead),
    /// In the representation already, byte for byte; the entity tag of the object in the folder, where one is there.
    There(Option<String>),
    /// Not in the folder.
    Missing,
}

impl Context<'_> {
    /// Which of the files are there, and which the title has already.
    pub(super) async fn look_at_files(
        &self,
        ticket: &RowTicket,
        target: &Target,
        mms: &MmsId,
        planned: Vec<PlannedRepresentation>,
        salt: u32,
    ) -> Step<Vec<Ready>> {
        let mut ready = Vec::with_capacity(planned.len());
        for (index, planned) in planned.into_iter().enumerate() {
            let claim_name = representation_claim(self.run.profile.as_str(), mms, &planned);
            let known = match target {
                Target::Known(_) => self.app.catalog.claim(&claim_name).await?,
                Target::New | Target::Imagined { .. } => None,
            };
            let existing = match known.as_ref().and_then(|claim| claim.holder.parse::<RepId>().ok()) {
                Some(id) => self.app.catalog.representation(&id).await?.filter(|it| it.removal.is_none()),
                None => None,
            };
            let id = existing.as_ref().map_or_else(
                || {
                    let seed = self.seed(ticket, "representation", index, salt);
                    self.app.minter.derived_representation(self.at(ticket.number), seed)
                },
                |it| it.id.clone(),
            );
            let there = match &existing {
                Some(existing) => {
                    let library = &existing.fields.library;
                    if let Err(refusal) = self.call.actor.may(Action::RunImport, Some(library)) {
                        return Ok(Err(Refused::new("NOT_PERMITTED", refusal.to_string()).into()));
                    }
                    if let Some(job) = self.busy_with(known.as_ref()).await? {
                        let message = format!(
                            "the representation `{}` is being filled by job {job}; resubmit when that has ended",
                            existing.id
                        );
                        return Ok(Err(Refused::new("BUSY", message).into()));
                    }
                    self.files_there(&existing.id).await?
                }
                None => HashMap::new(),
            };
            let claim = Claim {
                name: claim_name,
                holder: id.to_string(),
                job: Some(self.job.id.clone()),
                version: known.as_ref().map_or(0, |claim| claim.version),
            };
            let names: Vec<(usize, RowFile)> = planned.files.iter().cloned().enumerate().collect();
            let looked: Vec<Result<ReadyFile, Stop>> = stream::iter(names)
                .map(|(place, file)| {
                    let (there, id) = (&there, &id);
                    async move { self.look_at(ticket.number, file, place, there, id).await }
                })
                .buffered(ASKED_AT_ONCE)
                .try_collect()
                .await?;
            let files = looked.into_iter().collect::<Result<Vec<_>, Stop>>();
            ready.push(Ready {
                is_new: existing.is_none(),
                replaces_claim: known.is_some() && existing.is_none(),
                id,
                planned,
                claim,
                files: or_stop!(files),
            });
        }
        Ok(Ok(ready))
    }

    /// Another job that still works on what a claim leads to.
    async fn busy_with(&self, claim: Option<&Claim>) -> Result<Option<JobId>, AppError> {
        let Some(other) = claim.and_then(|it| it.job.as_ref()).filter(|it| **it != self.job.id) else {
            return Ok(None);
        };
        let works = self.app.catalog.job(other).await?.is_some_and(|job| !job.status.is_final());
        Ok(works.then(|| other.clone()))
    }

    /// The files of a representation by name, with size and SHA-256 each.
    async fn files_there(&self, rep: &RepId) -> Result<HashMap<String, Vec<(u64, String)>>, AppError> {
        let mut found: HashMap<String, Vec<(u64, String)>> = HashMap::new();
        let mut page = PageRequest { limit: 1000, ..PageRequest::default() };
        loop {
            let files = self.app.catalog.files_of(rep, &page).await?;
            for file in files.items {
                let held = found.entry(file.file_name).or_default();
                if let Some(content) = file.content.filter(|_| file.status == FileStatus::Active) {
                    held.push((content.size_bytes, content.sha256));
                }
            }
            match files.next {
                Some(next) => page.after = Some(next),
                None => return Ok(found),
            }
        }
    }

    async fn look_at(
        &self,
        number: u64,
        file: RowFile,
        place: usize,
        there: &HashMap<String, Vec<(u64, String)>>,
        rep: &RepId,
    ) -> Step<ReadyFile> {
        let key = format!("{}{}", self.run.folder, file.name);
        let place = u32::try_from(place + 1).unwrap_or(u32::MAX);
        let last = file.name.rsplit('/').next().unwrap_or_default();
        let held = there.get(last);
        let Some(head) = self.app.objects.head(Bucket::Incoming, &key, None).await? else {
            // It may have been moved: into this very representation, or by another row that names it too.
            let id = upload_id(self.app, &self.run.profile, &self.run.ingest, &file.name);
            let moved = self.app.catalog.upload(&id).await?;
            let moved = moved.filter(|upload| matches!(upload.state, UploadState::Registered { .. }));
            let state = match moved {
                Some(upload) if held.is_some() && upload.representation == *rep => FileState::There(None),
                Some(Upload { row: Some(of), .. }) if of.job == self.job.id && of.number != number => {
                    return Ok(Err(named_twice(&file.name, of.number).into()));
                }
                _ => FileState::Missing,
            };
            return Ok(Ok(ReadyFile { file, place, state }));
        };
        if head.size_bytes > MAX_FILE_BYTES {
            let message = format!("the file `{}` is larger than 5 TiB", file.name);
            return Ok(Err(Refused::new("FILE_TOO_LARGE", message).into()));
        }
        if let Some(held) = held {
            let same_size = held.iter().any(|(size, _)| *size == head.size_bytes);
            if same_size && head.size_bytes > MAX_COMPARED_BYTES {
                let message =
                    format!("the title has a file `{last}` of the same size, too large to compare here");
                return Ok(Err(Refused::new("FILE_TOO_LARGE_TO_COMPARE", message).into()));
            }
            let sha256 = if same_size { Some(self.sha256(&key, &head).await?) } else { None };
            if sha256.is_some_and(|sha256| held.iter().any(|(_, held)| *held == sha256)) {
                return Ok(Ok(ReadyFile { file, place, state: FileState::There(head.etag) }));
            }
            let message = format!(
                "the representation `{rep}` has a file `{last}` with other bytes; delete that one first, or give this one another name"
            );
            return Ok(Err(Refused::new("FILE_DIFFERS", message).into()));
        }
        Ok(Ok(ReadyFile { file, place, state: FileState::Begin(head) }))
    }

    /// Reads an object to compare it; only where the title has a file of its name and size.
    async fn sha256(&self, key: &str, head: &ObjectHead) -> Result<String, AppError> {
        let mut reader =
            self.app.objects.read(Bucket::Incoming, key, head.version_id.as_deref(), None).await?;
        let mut digest = ContentDigest::default();
        while let Some(bytes) = reader.next().await? {
            digest.update(&bytes);
        }
        Ok(digest.finish().sha256)
    }
}

/// The outcome of a row whose files are not all there; none where they are.
pub(super) fn missing(
    context: &Context<'_>,
    ticket: &RowTicket,
    before: Option<&RowResult>,
    ready: &[Ready],
) -> Option<Stop> {
    let files = ready.iter().flat_map(|it| &it.files);
    let names: Vec<&str> =
        files.filter(|it| matches!(it.state, FileState::Missing)).map(|it| it.file.name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    let shown = names.iter().take(NAMED_IN_MESSAGE).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(NAMED_IN_MESSAGE);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!("not in the folder: {shown}{more}");
    Some(context.ended(ticket, before, RowOutcome::MissingFiles, "MISSING_FILES", message))
}

/// Leads from what a representation of an import is made of to its id, so that importing the same again finds it.
fn representation_claim(profile: &str, mms: &MmsId, planned: &PlannedRepresentation) -> String {
    let label = planned.fields.label.as_deref().unwrap_or_default();
    let key = seed(&[profile, planned.fields.usage_type.code(), label, &planned.key]);
    format!("REP#{mms}#{key:032x}")
}
