//! Ingests: create, sign a whole folder, see what has arrived, submit, cancel, delete (I16-I18, complaint 8).
//!
//! Bringing files writes nothing to the tables: the object store itself knows what has arrived, so a folder that the API
//! signed and one that some S3 client copied are the same thing.

use vitrine_domain::ids::{IngestId, JobId, ProfileId};
use vitrine_domain::import::ingest::{Ingest, IngestStatus, LOCK, MAX_SIGNED_FILES, is_marker};
use vitrine_domain::import::profile::ImportProfile;
use vitrine_domain::job::{ImportRun, ImportStep, Job, JobWork};
use vitrine_domain::outbox::{OutboxRow, Work};
use vitrine_domain::problem::Problems;
use vitrine_domain::roles::Action;
use vitrine_domain::upload::{
    Declared, MAX_SIGNED_PARTS, MAX_SINGLE_BYTES, normalise_sha256, part_length, plan_parts,
};
use vitrine_metadata::rows::check_file_reference;
use vitrine_store::Page;
use vitrine_store::catalog::{Count, PageRequest};
use vitrine_store::objects::{
    Bucket, Listing, ObjectHead, ObjectsError, PartChecksums, SignedRequest, UploadedPart,
};

use crate::jobs::{DUE_AGAIN_SECONDS, Message};
use crate::{App, AppError, Call, Rule};

/// How many pages of a folder's top are looked through for its metadata file.
const MAX_TOP_PAGES: usize = 20;
/// How many folders one run of a profile submits.
const MAX_FOLDERS: usize = 100;

/// A file that a client is going to bring.
#[derive(Debug, Clone)]
pub struct FileWish {
    /// Its name: a path relative to the folder.
    pub name: String,
    /// Its exact size.
    pub size_bytes: u64,
    /// The type that the client will send.
    pub mime: Option<String>,
    /// SHA-256 of the bytes, in hex.
    pub sha256: Option<String>,
}

/// How a client brings a file.
#[derive(Debug, Clone)]
pub enum FileTicket {
    /// In one PUT.
    Put(SignedRequest),
    /// In parts, signed as they are asked for.
    Multipart {
        /// The object store's id of the multipart upload.
        multipart_id: String,
        /// The size of each part but the last.
        part_bytes: u64,
        /// How many there are.
        part_count: u64,
    },
}

/// A part whose request is wanted: its number and the SHA-256 of its bytes.
pub type PartWish = (u16, Option<String>);

/// What one folder became when its profile was run.
#[derive(Debug)]
pub struct FolderRun {
    /// The folder's own name.
    pub folder: String,
    /// The job, or why there is none.
    pub outcome: Result<JobId, AppError>,
}

impl App {
    /// Creates an ingest with a folder of its own, locked until it is submitted.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for the profile.
    pub async fn create_ingest(
        &self,
        call: &Call,
        profile: &ProfileId,
        name: Option<String>,
    ) -> Result<Ingest, AppError> {
        let profile = self.profile(profile).await?;
        call.actor.may(Action::RunImport, Some(&profile.settings.defaults.library))?;
        if let Some(name) = &name {
            let mut problems = Problems::default();
            problems.check_text("name", name, 255);
            problems.into_result()?;
        }
        let id = self.minter.ingest(call.now, self.random());
        let ingest = Ingest {
            folder: format!("upload/{}/{id}/", profile.id),
            name: name.unwrap_or_else(|| id.as_str().to_owned()),
            profile: profile.id,
            status: IngestStatus::Uploading,
            locked: true,
            job: None,
            created_by: call.actor.id.clone(),
            created_at: call.now,
            version: 0,
            id,
        };
        self.lock(&ingest).await?;
        let mut change = self.change(call, "ingest.create", None, Some(&ingest));
        change.create(&ingest)?;
        self.commit(call, change).await?;
        Ok(Ingest { version: 1, ..ingest })
    }

    /// The ingests of a profile, the newest first, and how many there are.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for the profile.
    pub async fn list_ingests(
        &self,
        call: &Call,
        profile: &ProfileId,
        page: &PageRequest,
    ) -> Result<(Page<Ingest>, Count), AppError> {
        call.actor.may(Action::ReadImports, None)?;
        self.profile(profile).await?;
        let count = self.catalog.count_ingests_of(profile).await?;
        Ok((self.catalog.ingests_of(profile, page).await?, count))
    }

    /// One ingest.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn read_ingest(
        &self,
        call: &Call,
        profile: &ProfileId,
        id: &IngestId,
    ) -> Result<Ingest, AppError> {
        call.actor.may(Action::ReadImports, None)?;
        self.ingest(profile, id).await
    }

    async fn ingest(&self, profile: &ProfileId, id: &IngestId) -> Result<Ingest, AppError> {
        self.catalog.ingest(profile, id).await?.ok_or_else(|| AppError::not_found("ingest", id))
    }

    /// An ingest that takes files, for a caller who may bring them.
    async fn open_ingest(&self, call: &Call, profile: &ProfileId, id: &IngestId) -> Result<Ingest, AppError> {
        let library = self.profile(profile).await?.settings.defaults.library;
        call.actor.may(Action::RunImport, Some(&library))?;
        let ingest = self.ingest(profile, id).await?;
        match ingest.status {
            IngestStatus::Uploading | IngestStatus::Done => Ok(ingest),
            IngestStatus::Submitted => Err(Rule::IngestClosed("SUBMITTED").into()),
            IngestStatus::Cancelled => Err(Rule::IngestClosed("CANCELLED").into()),
        }
    }

    /// Signs the upload of many files at once. Nothing is written, but multipart uploads are opened.
    ///
    /// # Errors
    /// Everything wrong with the names and sizes at once, each under its place in the list.
    pub async fn sign_ingest_files(
        &self,
        call: &Call,
        profile: &ProfileId,
        id: &IngestId,
        wishes: &[FileWish],
    ) -> Result<Vec<FileTicket>, AppError> {
        let ingest = self.open_ingest(call, profile, id).await?;
        if wishes.is_empty() || wishes.len() > MAX_SIGNED_FILES {
            return Err(AppError::invalid("file", format!("must be 1 to {MAX_SIGNED_FILES} files")));
        }
        let mut problems = Problems::default();
        for (index, wish) in wishes.iter().enumerate() {
            let at = |field: &str| format!("file[{index}].{field}");
            if let Err(message) = file_key(&ingest, &wish.name) {
                problems.add(&at("name"), message);
            }
            if let Err(message) = plan_parts(wish.size_bytes, None) {
                problems.add(&at("size"), message);
            }
            if let Some(Err(message)) = wish.sha256.as_deref().map(normalise_sha256) {
                problems.add(&at("sha256"), message);
            }
        }
        problems.into_result()?;
        let mut tickets = Vec::with_capacity(wishes.len());
        for wish in wishes {
            let key = file_key(&ingest, &wish.name).map_err(|message| AppError::invalid("name", message))?;
            let parts = plan_parts(wish.size_bytes, None).unwrap_or(None);
            tickets.push(match parts {
                None => {
                    let declared = Declared {
                        size_bytes: wish.size_bytes,
                        mime: wish.mime.clone(),
                        sha256: wish.sha256.as_deref().and_then(|it| normalise_sha256(it).ok()),
                    };
                    FileTicket::Put(self.objects.presign_folder_put(&key, &declared, call.now).await?)
                }
                Some(part_bytes) => FileTicket::Multipart {
                    multipart_id: self
                        .objects
                        .create_multipart(&key, wish.mime.as_deref(), PartChecksums::Sha256)
                        .await?,
                    part_bytes,
                    part_count: wish.size_bytes.div_ceil(part_bytes),
                },
            });
        }
        Ok(tickets)
    }

    /// Signs parts of a file of `size_bytes`.
    ///
    /// # Errors
    /// A part that the file does not have, or without its SHA-256; more than 100 at once.
    #[expect(clippy::too_many_arguments, reason = "the path, the file and its parts, each its own type")]
    pub async fn sign_ingest_parts(
        &self,
        call: &Call,
        profile: &ProfileId,
        id: &IngestId,
        name: &str,
        multipart_id: &str,
        size_bytes: u64,
        parts: &[PartWish],
    ) -> Result<Vec<(u16, SignedRequest)>, AppError> {
        let ingest = self.open_ingest(call, profile, id).await?;
        let key = file_key(&ingest, name).map_err(|message| AppError::invalid("name", message))?;
        if parts.is_empty() || parts.len() > MAX_SIGNED_PARTS {
            return Err(AppError::invalid("part", format!("must be 1 to {MAX_SIGNED_PARTS} parts")));
        }
        let part_bytes = plan_parts(size_bytes, None)
            .map_err(|message| AppError::invalid("size", message))?
            .unwrap_or(MAX_SINGLE_BYTES);
        let mut problems = Problems::default();
        let mut checked = Vec::with_capacity(parts.len());
        for (number, sha256) in parts {
            let length = part_length(size_bytes, part_bytes, u64::from(*number));
            if length.is_none() {
                problems.add("number", format!("`{number}` is not a part of this file"));
            }
            match sha256.as_deref().map(normalise_sha256) {
                Some(Ok(sha256)) => checked.push((*number, length.unwrap_or_default(), sha256)),
                Some(Err(message)) => problems.add("sha256", message),
                None => problems.add("sha256", format!("must be given for part {number}")),
            }
        }
        problems.into_result()?;
        let mut signed = Vec::with_capacity(checked.len());
        for (number, length, sha256) in checked {
            let request = self
                .objects
                .presign_part(&key, multipart_id, number, length, Some(&sha256), call.now)
                .await?;
            signed.push((number, request));
        }
        Ok(signed)
    }

    /// The parts of a file that have arrived.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when the multipart upload is completed or was given up.
    pub async fn list_ingest_parts(
        &self,
        call: &Call,
        profile: &ProfileId,
        id: &IngestId,
        name: &str,
        multipart_id: &str,
    ) -> Result<Vec<UploadedPart>, AppError> {
        let ingest = self.open_ingest(call, profile, id).await?;
        let key = file_key(&ingest, name).map_err(|message| AppError::invalid("name", message))?;
        self.objects.list_parts(&key, multipart_id).await.map_err(|error| not_open(error, multipart_id))
    }

    /// Puts the parts of a file together; doing it again gives the same answer.
    ///
    /// # Errors
    /// [`Rule::WrongParts`] when one is missing or has another size.
    pub async fn complete_ingest_file(
        &self,
        call: &Call,
        profile: &ProfileId,
        id: &IngestId,
        name: &str,
        multipart_id: &str,
        size_bytes: u64,
    ) -> Result<(), AppError> {
        let ingest = self.open_ingest(call, profile, id).await?;
        let key = file_key(&ingest, name).map_err(|message| AppError::invalid("name", message))?;
        let parts = match self.objects.list_parts(&key, multipart_id).await {
            Ok(parts) => parts,
            Err(error @ ObjectsError::NotFound { .. }) => {
                // An earlier call completed it, and its answer was lost.
                let head = self.objects.head(Bucket::Incoming, &key, None).await?;
                return match head {
                    Some(head) if head.size_bytes == size_bytes => Ok(()),
                    _ => Err(not_open(error, multipart_id)),
                };
            }
            Err(error) => return Err(error.into()),
        };
        let have: u64 = parts.iter().filter_map(|part| part.size_bytes).sum();
        if have != size_bytes {
            return Err(Rule::WrongParts(format!("{have} of {size_bytes} bytes have arrived")).into());
        }
        if self.objects.head(Bucket::Incoming, &key, None).await?.is_some() {
            // The folder is the staff's own: what lay there is replaced, and its version is kept for a week.
            self.objects.delete_version(Bucket::Incoming, &key, None).await?;
        }
        self.objects.complete_multipart(&key, multipart_id, &parts).await?;
        Ok(())
    }

    /// Gives a file's multipart upload up.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn abort_ingest_file(
        &self,
        call: &Call,
        profile: &ProfileId,
        id: &IngestId,
        name: &str,
        multipart_id: &str,
    ) -> Result<(), AppError> {
        let ingest = self.open_ingest(call, profile, id).await?;
        let key = file_key(&ingest, name).map_err(|message| AppError::invalid("name", message))?;
        Ok(self.objects.abort_multipart(&key, multipart_id).await?)
    }

    /// What has arrived, by name; the names are relative to the folder.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn list_ingest_files(
        &self,
        call: &Call,
        profile: &ProfileId,
        id: &IngestId,
        limit: u16,
        next: Option<&str>,
    ) -> Result<Listing, AppError> {
        let ingest = self.read_ingest(call, profile, id).await?;
        if limit == 0 {
            return Ok(Listing::default());
        }
        let mut listing =
            self.objects.list_folder(Bucket::Incoming, &ingest.folder, false, next, limit).await?;
        for object in &mut listing.objects {
            object.key = object.key.split_off(ingest.folder.len().min(object.key.len()));
        }
        listing.objects.retain(|object| object.key != LOCK && !object.key.is_empty());
        Ok(listing)
    }

    /// Sets or takes away the lock, which says that files are still coming and the folder is to be skipped.
    ///
    /// # Errors
    /// [`Rule::IngestClosed`] once it is submitted.
    pub async fn set_ingest_lock(
        &self,
        call: &Call,
        profile: &ProfileId,
        id: &IngestId,
        locked: bool,
    ) -> Result<Ingest, AppError> {
        let before = self.open_ingest(call, profile, id).await?;
        if locked {
            self.lock(&before).await?;
        } else {
            self.unlock(&before).await?;
        }
        let after = Ingest { locked, ..before.clone() };
        self.replace(call, "ingest.lock", &before, &after).await?;
        Ok(Ingest { version: before.version + 1, ..after })
    }

    async fn lock(&self, ingest: &Ingest) -> Result<(), AppError> {
        let key = format!("{}{LOCK}", ingest.folder);
        self.objects
            .put_small(Bucket::Incoming, &key, Vec::new().into(), "application/octet-stream", false)
            .await?;
        Ok(())
    }

    async fn unlock(&self, ingest: &Ingest) -> Result<(), AppError> {
        let key = format!("{}{LOCK}", ingest.folder);
        Ok(self.objects.delete_version(Bucket::Incoming, &key, None).await?)
    }

    /// Gives an ingest up before it is submitted. Its files stay until it is deleted.
    ///
    /// # Errors
    /// [`Rule::IngestClosed`] once it is submitted; cancel its job then.
    pub async fn cancel_ingest(
        &self,
        call: &Call,
        profile: &ProfileId,
        id: &IngestId,
    ) -> Result<Ingest, AppError> {
        let before = self.open_ingest(call, profile, id).await?;
        let after = Ingest { status: IngestStatus::Cancelled, ..before.clone() };
        self.replace(call, "ingest.cancel", &before, &after).await?;
        Ok(Ingest { version: before.version + 1, ..after })
    }

    /// Deletes an ingest and what lies in its folder, page by page; `false` where the time was over and the call has to
    /// be made again.
    ///
    /// # Errors
    /// [`Rule::IngestClosed`] while a job works on it.
    pub async fn delete_ingest(
        &self,
        call: &Call,
        profile: &ProfileId,
        id: &IngestId,
        time_left: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<bool, AppError> {
        let library = self.profile(profile).await?.settings.defaults.library;
        call.actor.may(Action::RunImport, Some(&library))?;
        let before = self.ingest(profile, id).await?;
        if before.status == IngestStatus::Submitted {
            return Err(Rule::IngestClosed("SUBMITTED").into());
        }
        loop {
            let page = self.objects.list_folder(Bucket::Incoming, &before.folder, false, None, 1000).await?;
            if page.objects.is_empty() {
                break;
            }
            if !time_left() {
                return Ok(false);
            }
            let keys: Vec<String> = page.objects.into_iter().map(|object| object.key).collect();
            self.objects.delete_all(Bucket::Incoming, &keys).await?;
        }
        let mut change = self.change(call, "ingest.delete", Some(&before), None);
        change.remove(&before);
        self.commit(call, change).await?;
        Ok(true)
    }

    /// Submits an ingest: checks that its metadata file is there, takes its lock away and starts a job; with `dry_run`,
    /// a job that only says what it would do.
    ///
    /// # Errors
    /// [`Rule::NoMetadataFile`], [`Rule::IngestClosed`] while another job works on it.
    pub async fn submit_ingest(
        &self,
        call: &Call,
        profile: &ProfileId,
        id: &IngestId,
        dry_run: bool,
    ) -> Result<Ingest, AppError> {
        let profile = self.profile(profile).await?;
        let ingest = match self.open_ingest(call, &profile.id, id).await {
            Err(AppError::NotFound { kind: "ingest", .. }) => self.copied_folder(call, &profile, id).await?,
            found => found?,
        };
        self.submit(call, &profile, ingest, dry_run).await
    }

    /// A folder that an S3 client copied and that nothing is known of yet.
    async fn copied_folder(
        &self,
        call: &Call,
        profile: &ImportProfile,
        id: &IngestId,
    ) -> Result<Ingest, AppError> {
        for folder in self.folders_of(&profile.id).map(|root| format!("{root}{id}/")) {
            let page = self.objects.list_folder(Bucket::Incoming, &folder, true, None, 1).await?;
            if !page.objects.is_empty() || !page.folders.is_empty() {
                return Ok(adopted(call, profile, id.clone(), folder));
            }
        }
        Err(AppError::not_found("ingest", id))
    }

    /// Where the folders of a profile are: ours, and with the institution's code before it as the vendor's clients say.
    fn folders_of(&self, profile: &ProfileId) -> impl Iterator<Item = String> {
        [format!("upload/{profile}/"), format!("{}/upload/{profile}/", self.settings.institution)].into_iter()
    }

    async fn submit(
        &self,
        call: &Call,
        profile: &ImportProfile,
        before: Ingest,
        dry_run: bool,
    ) -> Result<Ingest, AppError> {
        let settings = &profile.settings;
        call.actor.may(Action::RunImport, Some(&settings.defaults.library))?;
        if !settings.details.active {
            return Err(Rule::ProfileInactive.into());
        }
        let (metadata_file, head) = self.metadata_file(&before, &settings.details.metadata_file).await?;
        let job = Job::new(
            self.minter.job(call.now, self.random()),
            JobWork::Import(Box::new(ImportRun {
                profile: profile.id.clone(),
                settings: settings.clone(),
                ingest: before.id.clone(),
                folder: before.folder.clone(),
                metadata_file,
                metadata_version: head.version_id,
                dry_run,
                has_thumbnails: false,
                step: ImportStep::Read { checkpoint: None, files: 0 },
            })),
            format!("{} - {}", settings.details.name, before.name),
            &call.actor,
            call.now,
            self.mint_event(call),
        );
        let after = Ingest {
            status: IngestStatus::Submitted,
            locked: before.locked && dry_run,
            job: Some(job.id.clone()),
            ..before.clone()
        };
        let known = (before.version > 0).then_some(&before);
        let mut change = self.change(call, "ingest.submit", known, Some(&after));
        match known {
            Some(_) => change.replace(&after)?,
            None => change.create(&after)?,
        }
        change.create(&job)?;
        let work = Work::RunJob { job: job.id.clone() };
        let owed = self.owe(call, work, call.after_seconds(DUE_AGAIN_SECONDS));
        change.create(&OutboxRow { id: job.watch.clone(), ..owed })?;
        self.commit(call, change).await?;
        if !dry_run {
            self.unlock(&before).await?;
        }
        self.send_job(&job).await;
        Ok(Ingest { version: before.version + 1, ..after })
    }

    /// Sends a job's message; a lost one is no loss, because its outbox row is due in minutes.
    pub(crate) async fn send_job(&self, job: &Job) {
        let message = Message { job: job.id.clone() };
        if let Err(error) = self.queues.send(crate::jobs::queue_of(job), message.to_json()).await {
            tracing::warn!(job.id = %job.id, error = &error as &dyn std::error::Error, "the job will be started by the sweep");
        }
    }

    /// The one object of the folder's top that the profile's name or pattern means.
    async fn metadata_file(&self, ingest: &Ingest, pattern: &str) -> Result<(String, ObjectHead), AppError> {
        let missing = || Rule::NoMetadataFile(pattern.to_owned());
        let name = if pattern.contains(['*', '?']) {
            let literal = pattern.split(['*', '?']).next().unwrap_or_default();
            let prefix = format!("{}{literal}", ingest.folder);
            let mut found: Vec<String> = Vec::new();
            let mut next = None;
            for _ in 0..MAX_TOP_PAGES {
                let page =
                    self.objects.list_folder(Bucket::Incoming, &prefix, true, next.as_deref(), 1000).await?;
                let names = page.objects.iter().filter_map(|object| object.key.strip_prefix(&ingest.folder));
                let matching = names.filter(|name| {
                    !is_marker(name) && vitrine_domain::import::glob::text_matches(pattern, name)
                });
                found.extend(matching.take(11).map(str::to_owned));
                next = page.next;
                if next.is_none() || found.len() > 10 {
                    break;
                }
            }
            match found.as_slice() {
                [] => return Err(missing().into()),
                [one] => one.clone(),
                several => {
                    let names = several.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
                    return Err(Rule::SeveralMetadataFiles(pattern.to_owned(), names).into());
                }
            }
        } else {
            pattern.to_owned()
        };
        let head = self.objects.head(Bucket::Incoming, &format!("{}{name}", ingest.folder), None).await?;
        Ok((name, head.ok_or_else(missing)?))
    }

    /// Runs a profile: submits every folder below its own that is unlocked, complete and was not run before (I17, I18).
    ///
    /// # Errors
    /// [`Rule::ProfileInactive`]; what is wrong with one folder is told beside it and stops no other.
    pub async fn run_profile(&self, call: &Call, id: &ProfileId) -> Result<Vec<FolderRun>, AppError> {
        let profile = self.profile(id).await?;
        call.actor.may(Action::RunImport, Some(&profile.settings.defaults.library))?;
        if !profile.settings.details.active {
            return Err(Rule::ProfileInactive.into());
        }
        let (mut runs, mut submitted) = (Vec::new(), 0);
        for root in self.folders_of(id) {
            let mut next = None;
            loop {
                let page =
                    self.objects.list_folder(Bucket::Incoming, &root, true, next.as_deref(), 1000).await?;
                for folder in page.folders {
                    // Folders that can not be run are told of, and keep no other from being run.
                    if submitted >= MAX_FOLDERS || runs.len() >= 10 * MAX_FOLDERS {
                        return Ok(runs);
                    }
                    let name = folder.trim_start_matches(root.as_str()).trim_end_matches('/').to_owned();
                    match self.run_folder(call, &profile, &folder, &name).await {
                        Ok(None) => {}
                        Ok(Some(job)) => {
                            submitted += 1;
                            runs.push(FolderRun { folder: name, outcome: Ok(job) });
                        }
                        Err(error @ AppError::Unavailable(_)) => return Err(error),
                        Err(error) => runs.push(FolderRun { folder: name, outcome: Err(error) }),
                    }
                }
                next = page.next;
                if next.is_none() {
                    break;
                }
            }
        }
        Ok(runs)
    }

    /// Submits one folder; `None` where it is locked, or was run before.
    async fn run_folder(
        &self,
        call: &Call,
        profile: &ImportProfile,
        folder: &str,
        name: &str,
    ) -> Result<Option<JobId>, AppError> {
        let id: IngestId =
            name.parse().map_err(|_| AppError::invalid("folder", "has a name that no ingest can have"))?;
        let known = self.catalog.ingest(&profile.id, &id).await?;
        if known.as_ref().is_some_and(|it| it.status != IngestStatus::Uploading || it.folder != folder) {
            return Ok(None);
        }
        if self.objects.head(Bucket::Incoming, &format!("{folder}{LOCK}"), None).await?.is_some() {
            return Ok(None);
        }
        let ingest = known.unwrap_or_else(|| adopted(call, profile, id, folder.to_owned()));
        match self.submit(call, profile, ingest, false).await {
            Ok(ingest) => Ok(ingest.job),
            // Another run was quicker.
            Err(AppError::Conflict(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The key of one file of a folder, where its name is one that a file can have (B23).
fn file_key(ingest: &Ingest, name: &str) -> Result<String, &'static str> {
    check_file_reference(name)?;
    if name.ends_with('/') || name.contains('*') {
        return Err("must be the name of one file, without `*`");
    }
    if name == LOCK {
        return Err("must not be the lock's");
    }
    let key = format!("{}{name}", ingest.folder);
    if key.len() > 1024 { Err("is too long for this folder") } else { Ok(key) }
}

fn adopted(call: &Call, profile: &ImportProfile, id: IngestId, folder: String) -> Ingest {
    Ingest {
        name: id.as_str().to_owned(),
        id,
        profile: profile.id.clone(),
        folder,
        status: IngestStatus::Uploading,
        locked: false,
        job: None,
        created_by: call.actor.id.clone(),
        created_at: call.now,
        version: 0,
    }
}

fn not_open(error: ObjectsError, multipart_id: &str) -> AppError {
    match error {
        ObjectsError::NotFound { .. } => {
            AppError::not_found("multipart upload", multipart_id.chars().take(64).collect::<String>())
        }
        error => error.into(),
    }
}

/// A change that another writer was quicker with is a conflict of the ingest.
impl App {
    pub(crate) async fn end_ingest(&self, call: &Call, job: &Job, run: &ImportRun) -> Result<(), AppError> {
        let Some(before) = self.catalog.ingest(&run.profile, &run.ingest).await? else { return Ok(()) };
        if before.job.as_ref() != Some(&job.id) || before.status != IngestStatus::Submitted {
            return Ok(());
        }
        // A dry run leaves the ingest as it found it: to be submitted.
        let status = if run.dry_run { IngestStatus::Uploading } else { IngestStatus::Done };
        let after = Ingest { status, ..before.clone() };
        match self.replace(call, "ingest.end", &before, &after).await {
            Err(AppError::Conflict(_)) => Ok(()),
            done => done,
        }
    }
}
