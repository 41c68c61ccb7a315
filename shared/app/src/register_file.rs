//! Register: makes a file of uploaded bytes (walk 1; reliability.md C.3).
//!
//! Called for an event of the object store, for a message of the API or the sweep, any number of times, in any order.
//! What it acts on is always the newest version of the one key that the intent names; an event is only a hint to look.

use serde::{Deserialize, Serialize};
use vitrine_domain::audit::Origin;
use vitrine_domain::file::{Content, DigitalFile, FileStatus, FullText, MediaFacts, Thumbnail};
use vitrine_domain::fixity::Fixity;
use vitrine_domain::ids::{FileId, UploadId};
use vitrine_domain::outbox::{Work, retry_after_seconds};
use vitrine_domain::representation::Representation;
use vitrine_domain::upload::{Checkpoint, Upload, UploadMethod, UploadPurpose, UploadState, judge};
use vitrine_media::{HEAD_LEN, identify};
use vitrine_store::objects::{
    Bucket, ContentDigest, Copied, CopyProgress, CopySource, CopyTarget, Digested, ObjectHead, ObjectsError,
};
use vitrine_store::queues::Queue;
use vitrine_store::{Change, CommitError};

use crate::changes::replace_also;
use crate::files::forget_watch;
use crate::make_derivatives;
use crate::{App, AppError, Call};

/// A message of our own on the incoming queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "work")]
pub enum Message {
    /// Register an upload, or go on registering it.
    #[serde(rename = "REGISTER")]
    Register {
        /// The upload.
        upload: UploadId,
        /// What set it off, where it is not the API.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        origin: Option<Origin>,
    },
}

impl Message {
    /// The message as it is sent.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

/// How a registration ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// A file was made.
    File(FileId),
    /// It was made before: this was a repetition.
    Already,
    /// The bytes were refused and put aside.
    Rejected {
        /// Why; also on the upload.
        reason: String,
    },
    /// The object belongs to no open upload and was put aside.
    Quarantined {
        /// Why.
        reason: &'static str,
    },
    /// The time was over; the work is written down and goes on with the next message.
    Continues {
        /// How many bytes are read.
        hashed_bytes: u64,
    },
    /// There is nothing to register: the object is gone and so is the wish for it.
    Nothing,
    /// The object is not there yet, although its event is: to be tried again (B6).
    NotThere,
}

/// Says whether there is time left for another piece of work.
pub type TimeLeft<'a> = &'a (dyn Fn() -> bool + Send + Sync);

impl App {
    /// Registers what was uploaded for `id`.
    ///
    /// Costs 1 HEAD, 1 GET, 1 copy and 1 transaction, and a message for the thumbnail, whatever the repository's size.
    ///
    /// # Errors
    /// Only those after which the same call can succeed: storage that did not answer, another writer in between.
    pub async fn register_file(
        &self,
        call: &Call,
        id: &UploadId,
        time_left: TimeLeft<'_>,
    ) -> Result<Registered, AppError> {
        let Some(upload) = self.catalog.upload(id).await? else {
            return self.put_aside(&format!("intent/{id}"), "no upload was asked for under this key").await;
        };
        match &upload.state {
            UploadState::Issued => {}
            UploadState::Registered { version_id } => {
                return self.after_registration(&upload, version_id.as_deref()).await;
            }
            UploadState::Rejected { .. } => {
                return self.put_aside(&upload.source_key, "the upload was rejected").await;
            }
            UploadState::Expired => {
                return self.put_aside(&upload.source_key, "the upload had expired").await;
            }
            UploadState::Aborted => {
                return self.put_aside(&upload.source_key, "the upload was given up").await;
            }
        }
        let Some(representation) = self.living_representation(&upload).await? else {
            return self.reject(call, &upload, "the representation was deleted".to_owned()).await;
        };
        let Some(head) = self.objects.head(Bucket::Incoming, &upload.source_key, None).await? else {
            return Ok(Registered::NotThere);
        };
        if let Err(reason) = judge_size(&upload, head.size_bytes) {
            return self.reject(call, &upload, reason).await;
        }
        let (upload, digested, mime) = match self.digest(call, upload, &head, time_left).await? {
            Digesting::Done(upload, digested, mime) => (upload, digested, mime),
            Digesting::Paused(hashed_bytes) => return self.go_on_later(id, hashed_bytes).await,
        };
        if let Err(reason) = judge(&upload, digested.size_bytes, &digested.sha256) {
            return self.reject(call, &upload, reason).await;
        }
        let (upload, copied) = match self.keep(call, upload, &head, &digested, &mime, time_left).await? {
            Keeping::Done(upload, copied) => (upload, copied),
            Keeping::OtherBytes(upload) => {
                let reason = "the object was changed while it was registered; add it again".to_owned();
                return self.reject(call, &upload, reason).await;
            }
            Keeping::Paused => return self.go_on_later(id, digested.size_bytes).await,
        };
        let content = Content {
            key: upload.kept_key.clone(),
            version_id: copied.version_id,
            size_bytes: digested.size_bytes,
            sha256: digested.sha256,
            crc64nvme: digested.crc64nvme,
            mime,
        };
        self.record(call, upload, &representation, content, head.version_id).await
    }

    /// The representation, unless it or its title was deleted.
    async fn living_representation(&self, upload: &Upload) -> Result<Option<Representation>, AppError> {
        match self.representation_of(&upload.mms_id, &upload.representation).await {
            Ok(found) => Ok(Some(found)),
            Err(AppError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the bytes once: digests, size and type.
    async fn digest(
        &self,
        call: &Call,
        upload: Upload,
        head: &ObjectHead,
        time_left: TimeLeft<'_>,
    ) -> Result<Digesting, AppError> {
        let going_on =
            upload.checkpoint.as_ref().filter(|checkpoint| checkpoint.version_id == head.version_id);
        let (mut digest, mut mime) = match going_on {
            Some(checkpoint) => {
                let digest = ContentDigest::restore(&checkpoint.hash_state)
                    .map_err(|error| AppError::Unavailable(Box::new(error)))?;
                (digest, checkpoint.mime.clone())
            }
            None => (ContentDigest::default(), None),
        };
        if digest.size_bytes() < head.size_bytes || head.size_bytes == 0 {
            let start = digest.size_bytes();
            let range = (start > 0).then_some(start..head.size_bytes);
            let mut reader = self
                .objects
                .read(Bucket::Incoming, &upload.source_key, head.version_id.as_deref(), range)
                .await?;
            let mut first = Vec::new();
            while let Some(bytes) = reader.next().await? {
                if mime.is_none() {
                    let wanted = HEAD_LEN.saturating_sub(first.len()).min(bytes.len());
                    first.extend_from_slice(bytes.get(..wanted).unwrap_or_default());
                    if first.len() >= HEAD_LEN {
                        mime = Some(identify(&first, &upload.file_name).mime.into_owned());
                    }
                }
                digest.update(&bytes);
                if mime.is_some() && digest.size_bytes() < head.size_bytes && !time_left() {
                    let hashed = digest.size_bytes();
                    let checkpoint = Checkpoint {
                        version_id: head.version_id.clone(),
                        hashed_bytes: hashed,
                        hash_state: digest.save(),
                        mime,
                        copy_id: None,
                    };
                    self.save_checkpoint(call, upload, checkpoint).await?;
                    return Ok(Digesting::Paused(hashed));
                }
            }
            mime = mime.or_else(|| Some(identify(&first, &upload.file_name).mime.into_owned()));
        }
        let mime = mime.unwrap_or_else(|| "application/octet-stream".to_owned());
        let going_on =
            upload.checkpoint.as_ref().filter(|checkpoint| checkpoint.version_id == head.version_id);
        let is_kept = going_on.is_some_and(|checkpoint| checkpoint.hashed_bytes >= head.size_bytes);
        // A copy that was begun of another version must not get parts of this one.
        let copy_id = going_on.and_then(|checkpoint| checkpoint.copy_id.clone());
        let upload = if !self.objects.copies_whole(head.size_bytes) && !is_kept {
            // The copy of so large a file may outlast this invocation: what was read must not be read again.
            let checkpoint = Checkpoint {
                version_id: head.version_id.clone(),
                hashed_bytes: digest.size_bytes(),
                hash_state: digest.save(),
                mime: Some(mime.clone()),
                copy_id,
            };
            self.save_checkpoint(call, upload, checkpoint).await?
        } else {
            upload
        };
        Ok(Digesting::Done(upload, digest.finish(), mime))
    }

    async fn save_checkpoint(
        &self,
        call: &Call,
        upload: Upload,
        checkpoint: Checkpoint,
    ) -> Result<Upload, AppError> {
        let after = Upload { checkpoint: Some(checkpoint), ..upload.clone() };
        self.replace(call, "upload.checkpoint", &upload, &after).await?;
        Ok(Upload { version: upload.version + 1, ..after })
    }

    async fn go_on_later(&self, id: &UploadId, hashed_bytes: u64) -> Result<Registered, AppError> {
        let message = Message::Register { upload: id.clone(), origin: None };
        self.queues.send(Queue::Incoming, message.to_json()).await?;
        Ok(Registered::Continues { hashed_bytes })
    }

    /// Copies the bytes to where they are kept: in one call, or above 5 GB in parts over as many calls as it takes.
    async fn keep(
        &self,
        call: &Call,
        upload: Upload,
        head: &ObjectHead,
        digested: &Digested,
        mime: &str,
        time_left: TimeLeft<'_>,
    ) -> Result<Keeping, AppError> {
        let source = CopySource {
            bucket: Bucket::Incoming,
            key: upload.source_key.clone(),
            version: head.version_id.clone(),
            size_bytes: head.size_bytes,
        };
        let bucket = match upload.purpose {
            UploadPurpose::File => Bucket::Content,
            UploadPurpose::Thumbnail => Bucket::Derivatives,
        };
        let target = CopyTarget { bucket, key: upload.kept_key.clone(), content_type: mime.to_owned() };
        if self.objects.copies_whole(head.size_bytes) {
            let copied = self.objects.copy(&source, &target).await;
            return self.kept(upload, &target, copied, digested).await;
        }
        let open = upload.checkpoint.as_ref().and_then(|checkpoint| checkpoint.copy_id.clone());
        let (upload, copy_id) = match open {
            Some(copy_id) => (upload, copy_id),
            None => {
                let copy_id = self.objects.begin_copy(&target).await?;
                let Some(checkpoint) = upload.checkpoint.clone() else {
                    return Err(AppError::Conflict("upload"));
                };
                let checkpoint = Checkpoint { copy_id: Some(copy_id.clone()), ..checkpoint };
                (self.save_checkpoint(call, upload, checkpoint).await?, copy_id)
            }
        };
        match self.objects.copy_parts(&copy_id, &source, &target, time_left).await {
            Ok(CopyProgress::Done(copied)) => self.kept(upload, &target, Ok(copied), digested).await,
            Ok(CopyProgress::More { .. }) => Ok(Keeping::Paused),
            // The copy was given up after a week of standing still: a new one begins.
            Err(ObjectsError::NotFound { .. }) => {
                if let Some(checkpoint) = upload.checkpoint.clone() {
                    self.save_checkpoint(call, upload, Checkpoint { copy_id: None, ..checkpoint }).await?;
                }
                Ok(Keeping::Paused)
            }
            Err(error) => self.kept(upload, &target, Err(error), digested).await,
        }
    }

    /// What became of a copy. An earlier try may have kept an older version of a staged object that was overwritten since.
    async fn kept(
        &self,
        upload: Upload,
        target: &CopyTarget,
        copied: Result<Copied, ObjectsError>,
        digested: &Digested,
    ) -> Result<Keeping, AppError> {
        match copied {
            Ok(copied) if copied.was_there && !self.holds(target, digested).await? => {
                Ok(Keeping::OtherBytes(upload))
            }
            Ok(copied) => Ok(Keeping::Done(upload, copied)),
            Err(ObjectsError::Mismatch { .. } | ObjectsError::PreconditionFailed { .. }) => {
                Ok(Keeping::OtherBytes(upload))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether what is kept is what was read. Asked only where a copy found something there already: the store's own
    /// checksum of something too large to be read again, else its bytes.
    async fn holds(&self, target: &CopyTarget, digested: &Digested) -> Result<bool, AppError> {
        if !self.objects.copies_whole(digested.size_bytes) {
            let kept = self.objects.inspect(target.bucket, &target.key, None).await?;
            if let Some(sum) = kept.and_then(|kept| kept.crc64nvme) {
                return Ok(sum == digested.crc64nvme);
            }
        }
        let mut reader = self.objects.read(target.bucket, &target.key, None, None).await?;
        let mut digest = ContentDigest::default();
        while let Some(bytes) = reader.next().await? {
            digest.update(&bytes);
        }
        Ok(digest.finish().sha256 == digested.sha256)
    }

    /// The one transaction: the file, the intent, what is owed next, the audit row.
    async fn record(
        &self,
        call: &Call,
        upload: Upload,
        representation: &Representation,
        content: Content,
        version_id: Option<String>,
    ) -> Result<Registered, AppError> {
        let supplied = match upload.purpose {
            UploadPurpose::Thumbnail => Some(content.key.clone()),
            UploadPurpose::File => self.keep_supplied_thumbnail(&upload).await?,
        };
        let thumbnail = Thumbnail::Pending { supplied };
        let before = match (upload.purpose, upload.method) {
            (UploadPurpose::File, method) if method != UploadMethod::Staged => None,
            _ => self.catalog.file(&upload.file).await?,
        };
        let gone = before.as_ref().is_some_and(|file| file.removal.is_some());
        if gone || (upload.purpose == UploadPurpose::Thumbnail && before.is_none()) {
            return self.reject(call, &upload, "the file was deleted".to_owned()).await;
        }
        let after = match (&before, upload.purpose) {
            (Some(file), UploadPurpose::Thumbnail) => DigitalFile { thumbnail, ..file.clone() },
            (Some(file), UploadPurpose::File) => DigitalFile {
                status: FileStatus::Active,
                content: Some(content),
                thumbnail,
                modified_at: call.now,
                ..file.clone()
            },
            (None, _) => new_file(call, &upload, representation, content, thumbnail),
        };
        let registered = Upload {
            state: UploadState::Registered { version_id: version_id.clone() },
            checkpoint: None,
            ..upload.clone()
        };
        let due_at = call.after_seconds(retry_after_seconds(0));
        let owed = self.owe(call, Work::MakeDerivatives { file: upload.file.clone() }, due_at);
        let mut change = self.change(call, "file.register", before.as_ref(), Some(&after));
        change.replace(&registered)?;
        match &before {
            Some(_) => change.replace(&after)?,
            None => change.create(&after)?,
        }
        if upload.purpose == UploadPurpose::File {
            self.begin_checks(call, &mut change, before.is_some(), &after).await?;
        }
        change.create(&owed)?;
        forget_watch(&mut change, &upload);
        match self.commit(call, change).await {
            Ok(()) => {}
            // Another delivery was quicker. What it did is what this one would have done: look again.
            Err(CommitError::Changed("upload") | CommitError::Exists("file")) => {
                let now = self.catalog.upload(&upload.id).await?;
                return match now.map(|upload| upload.state) {
                    Some(UploadState::Registered { version_id: theirs }) if theirs == version_id => {
                        Ok(Registered::Already)
                    }
                    _ => Err(AppError::Conflict("upload")),
                };
            }
            Err(error) => return Err(error.into()),
        }
        self.ask_to_draw(&make_derivatives::Message { event: owed.id, file: upload.file.clone() }).await;
        self.clear_source(&upload, version_id.as_deref()).await;
        Ok(Registered::File(upload.file))
    }

    /// What was registered is checked from now on (E9); what was known of other bytes of the file is over.
    async fn begin_checks(
        &self,
        call: &Call,
        change: &mut Change,
        was_there: bool,
        file: &DigitalFile,
    ) -> Result<(), AppError> {
        let new = Fixity::of(file, self.settings.fixity, call.now);
        let before = if was_there { self.catalog.fixity(&file.id).await? } else { None };
        match before {
            Some(before) => change.replace(&Fixity { version: before.version, ..new })?,
            None => change.create(&new)?,
        }
        Ok(())
    }

    /// A picture that lay beside a staged file moves to the derivatives (T2).
    async fn keep_supplied_thumbnail(&self, upload: &Upload) -> Result<Option<String>, AppError> {
        let Some(key) = &upload.supplied_thumbnail else { return Ok(None) };
        let Some(head) = self.objects.head(Bucket::Incoming, key, None).await? else { return Ok(None) };
        let kept = format!("{}/supplied", upload.file);
        let source = CopySource {
            bucket: Bucket::Incoming,
            key: key.clone(),
            version: head.version_id,
            size_bytes: head.size_bytes,
        };
        let target = CopyTarget {
            bucket: Bucket::Derivatives,
            key: kept.clone(),
            content_type: "application/octet-stream".to_owned(),
        };
        if !self.objects.copies_whole(head.size_bytes) {
            return Ok(None);
        }
        self.objects.copy(&source, &target).await?;
        Ok(Some(kept))
    }

    /// Deletes the uploaded object, whose bytes are kept elsewhere now. A failure costs storage until the bucket's
    /// lifecycle rule, or a repetition of the event, deletes it.
    async fn clear_source(&self, upload: &Upload, version_id: Option<&str>) {
        // The picture first: while the object itself is there, a repetition comes here again.
        let picture = upload.supplied_thumbnail.as_deref().map(|key| (key, None));
        let keys = picture.into_iter().chain([(upload.source_key.as_str(), version_id)]);
        for (key, version) in keys {
            if let Err(error) = self.objects.delete_version(Bucket::Incoming, key, version).await {
                tracing::warn!(upload.id = %upload.id, error = &error as &dyn std::error::Error, "the uploaded object is left behind");
            }
        }
    }

    /// A repetition after the file was made: the same version is cleared away, another one is an overwrite (B38).
    async fn after_registration(
        &self,
        upload: &Upload,
        version_id: Option<&str>,
    ) -> Result<Registered, AppError> {
        let Some(head) = self.objects.head(Bucket::Incoming, &upload.source_key, None).await? else {
            return Ok(Registered::Already);
        };
        if head.version_id.as_deref() == version_id {
            self.clear_source(upload, version_id).await;
            return Ok(Registered::Already);
        }
        if upload.method.is_staffs_own() {
            // The upload area is the staff's own: a new object under an old name waits for a new wish.
            return Ok(Registered::Already);
        }
        self.put_aside(&upload.source_key, "the upload was registered before").await
    }

    async fn put_aside(&self, key: &str, reason: &'static str) -> Result<Registered, AppError> {
        let Some(head) = self.objects.head(Bucket::Incoming, key, None).await? else {
            return Ok(Registered::Nothing);
        };
        self.objects.quarantine(key, head.version_id.as_deref(), reason).await?;
        Ok(Registered::Quarantined { reason })
    }

    /// A staged file was there from the start: what became of its upload becomes of it.
    pub(crate) async fn reject_staged_file(
        &self,
        call: &Call,
        change: &mut Change,
        upload: &Upload,
        reason: &str,
    ) -> Result<(), AppError> {
        if upload.method == UploadMethod::Staged
            && let Some(file) = self.catalog.file(&upload.file).await?
        {
            let status_reason = Some(reason.to_owned());
            let status = FileStatus::Rejected;
            let after = DigitalFile { status, status_reason, modified_at: call.now, ..file.clone() };
            replace_also(change, &file, &after)?;
        }
        Ok(())
    }

    /// Records that the bytes were refused, then puts them aside: in this order, so that they are never lost unnoticed.
    async fn reject(&self, call: &Call, upload: &Upload, reason: String) -> Result<Registered, AppError> {
        let after = Upload {
            state: UploadState::Rejected { reason: reason.clone() },
            checkpoint: None,
            ..upload.clone()
        };
        let mut change = self.change(call, "upload.reject", Some(upload), Some(&after));
        change.replace(&after)?;
        forget_watch(&mut change, upload);
        self.reject_staged_file(call, &mut change, upload, &reason).await?;
        self.commit(call, change).await?;
        if !upload.method.is_staffs_own()
            && let Some(head) = self.objects.head(Bucket::Incoming, &upload.source_key, None).await?
        {
            self.objects.quarantine(&upload.source_key, head.version_id.as_deref(), &reason).await?;
        }
        Ok(Registered::Rejected { reason })
    }
}

#[expect(clippy::large_enum_variant, reason = "lives for one match")]
enum Digesting {
    Done(Upload, Digested, String),
    Paused(u64),
}

enum Keeping {
    Done(Upload, Copied),
    OtherBytes(Upload),
    Paused,
}

/// Refuses by the size alone, before a byte is read.
fn judge_size(upload: &Upload, size_bytes: u64) -> Result<(), String> {
    let any_digest = upload.declared.sha256.clone().unwrap_or_default();
    judge(upload, size_bytes, &any_digest)
}

fn new_file(
    call: &Call,
    upload: &Upload,
    representation: &Representation,
    content: Content,
    thumbnail: Thumbnail,
) -> DigitalFile {
    DigitalFile {
        id: upload.file.clone(),
        representation: representation.id.clone(),
        mms_id: upload.mms_id.clone(),
        library: representation.fields.library.clone(),
        file_name: upload.file_name.clone(),
        label: upload.label.clone().unwrap_or_else(|| upload.file_name.clone()),
        order: upload.order,
        status: FileStatus::Active,
        status_reason: None,
        content: Some(content),
        thumbnail,
        facts: MediaFacts::default(),
        fulltext: FullText::default(),
        created_by: upload.owner.clone(),
        created_at: call.now,
        modified_by: upload.owner.clone(),
        modified_at: call.now,
        removal: None,
        version: 0,
    }
}
