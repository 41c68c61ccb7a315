//! Files: list, read, change, download, and add one that staff put into the upload area (D10, D12-D14).

use vitrine_domain::file::{DigitalFile, FileStatus, FullText, MediaFacts, Thumbnail, check_file_name};
use vitrine_domain::ids::{FileId, MmsId, RepId};
use vitrine_domain::outbox::{OutboxRow, WATCH_SECONDS, Work};
use vitrine_domain::problem::Problems;
use vitrine_domain::roles::Action;
use vitrine_domain::upload::{Declared, MAX_FILE_BYTES, Upload, UploadMethod, UploadPurpose, UploadState};
use vitrine_media::MediaType;
use vitrine_store::catalog::{Count, PageRequest};
use vitrine_store::keys::{self, Item};
use vitrine_store::objects::{Bucket, Disposition, SignedGet};
use vitrine_store::queues::Queue;
use vitrine_store::{Change, Page};

use crate::bibs::check_version;
use crate::register_file::Message;
use crate::remote::refuse_files;
use crate::{App, AppError, Call, Rule};

/// How long a signed download lives, in seconds (D13).
pub const DOWNLOAD_SECONDS: u64 = 10 * 60;

/// What a caller changes on a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChanges {
    /// Its label; the file name where empty.
    pub label: Option<String>,
    /// Its place in the representation.
    pub order: Option<u32>,
}

/// A wish to make a file of an object in the upload area.
#[derive(Debug, Clone)]
pub struct StagedFile {
    /// The object's key, with or without the institution's code before `upload/` (ALMA-11).
    pub path: String,
    /// The label; the file name unless given.
    pub label: Option<String>,
    /// The place in the representation.
    pub order: Option<u32>,
}

impl App {
    /// A representation's files, in order, and how many there are.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is no such representation of this title.
    pub async fn list_files(
        &self,
        call: &Call,
        mms: &MmsId,
        rep: &RepId,
        page: &PageRequest,
    ) -> Result<(Page<DigitalFile>, Count), AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        self.representation_of(mms, rep).await?;
        Ok((self.catalog.files_of(rep, page).await?, self.catalog.count_files_of(rep).await?))
    }

    /// One file of a representation.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none, or it belongs to another representation or title.
    pub async fn read_file(
        &self,
        call: &Call,
        mms: &MmsId,
        rep: &RepId,
        file: &FileId,
    ) -> Result<DigitalFile, AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        self.file_of(mms, rep, file).await
    }

    /// A signed link to a file's bytes, for staff who may download (D13). Active types are only ever saved (B47).
    ///
    /// # Errors
    /// A missing role; `None` while the file has no bytes.
    pub async fn download_link(&self, call: &Call, file: &DigitalFile) -> Result<Option<String>, AppError> {
        call.actor.may(Action::DownloadFile, Some(&file.library))?;
        let Some(content) = &file.content else { return Ok(None) };
        let active = MediaType::from_mime(&content.mime).is_active();
        let get = SignedGet {
            bucket: Bucket::Content,
            key: &content.key,
            version: content.version_id.as_deref(),
            file_name: &file.file_name,
            mime: &content.mime,
            disposition: if active { Disposition::Attachment } else { Disposition::Inline },
            seconds: DOWNLOAD_SECONDS,
        };
        Ok(Some(self.objects.presign_get(get, call.now).await?.url))
    }

    /// Changes a file's label and place.
    ///
    /// # Errors
    /// [`Rule::FilePending`] before it is registered, [`AppError::Precondition`].
    pub async fn update_file(
        &self,
        call: &Call,
        mms: &MmsId,
        rep: &RepId,
        file: &FileId,
        changes: FileChanges,
        expected: Option<u64>,
    ) -> Result<DigitalFile, AppError> {
        let before = self.file_of(mms, rep, file).await?;
        call.actor.may(Action::UpdateFile, Some(&before.library))?;
        check_version("file", before.version, expected)?;
        if before.status == FileStatus::Pending {
            return Err(Rule::FilePending.into());
        }
        let label =
            changes.label.filter(|label| !label.is_empty()).unwrap_or_else(|| before.file_name.clone());
        let mut problems = Problems::default();
        problems.check_text("label", &label, 1000);
        problems.into_result()?;
        let after = DigitalFile {
            label,
            order: changes.order,
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            ..before.clone()
        };
        self.replace(call, "file.update", &before, &after).await?;
        Ok(DigitalFile { version: before.version + 1, ..after })
    }

    /// Makes a file of an object that staff put under `upload/` (D10).
    ///
    /// The file is there at once, with status `PENDING`; its bytes are checked, hashed and moved by the same
    /// registration that serves API uploads, however large they are.
    ///
    /// # Errors
    /// [`Rule::NoSuchObject`] when nothing is there; a path outside the upload area.
    pub async fn add_staged_file(
        &self,
        call: &Call,
        mms: &MmsId,
        rep: &RepId,
        wish: StagedFile,
    ) -> Result<DigitalFile, AppError> {
        let representation = self.representation_of(mms, rep).await?;
        refuse_files(&representation.fields)?;
        let library = representation.fields.library;
        call.actor.may(Action::CreateFile, Some(&library))?;
        let key = staged_key(&self.settings.institution, &wish.path)?;
        let file_name = key.rsplit('/').next().unwrap_or_default().to_owned();
        let mut problems = Problems::default();
        if let Err(message) = check_file_name(&file_name) {
            problems.add("path", format!("the file name {message}"));
        }
        if let Some(label) = &wish.label {
            problems.check_text("label", label, 1000);
        }
        problems.into_result()?;
        let head = self.objects.head(Bucket::Incoming, &key, None).await?;
        let head = head.ok_or_else(|| Rule::NoSuchObject(wish.path.clone()))?;
        if head.size_bytes > MAX_FILE_BYTES {
            return Err(AppError::invalid("path", "the object is larger than 5 TiB"));
        }
        let supplied_thumbnail = self.supplied_thumbnail(&key).await?;
        let id = self.minter.file(call.now, self.random());
        let upload = Upload {
            id: self.minter.upload(call.now, self.random()),
            purpose: UploadPurpose::File,
            file: id.clone(),
            representation: rep.clone(),
            mms_id: mms.clone(),
            library: library.clone(),
            owner: call.actor.id.clone(),
            file_name: file_name.clone(),
            label: wish.label.clone(),
            order: wish.order,
            declared: Declared { size_bytes: head.size_bytes, mime: None, sha256: None },
            method: UploadMethod::Staged,
            source_key: key,
            kept_key: self.storage_key(&id),
            multipart_id: None,
            part_bytes: None,
            supplied_thumbnail,
            checkpoint: None,
            watch: Some(self.mint_event(call)),
            row: None,
            state: UploadState::Issued,
            created_at: call.now,
            expires_at: call.after_seconds(self.settings.upload_expiry_days * 86_400),
            version: 0,
        };
        let file = DigitalFile {
            id,
            representation: rep.clone(),
            mms_id: mms.clone(),
            library,
            label: wish.label.unwrap_or_else(|| file_name.clone()),
            file_name,
            order: wish.order,
            status: FileStatus::Pending,
            status_reason: None,
            content: None,
            thumbnail: Thumbnail::Pending { supplied: None },
            facts: MediaFacts::default(),
            fulltext: FullText::default(),
            created_by: call.actor.id.clone(),
            created_at: call.now,
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            removal: None,
            version: 0,
        };
        let mut change = self.change(call, "file.stage", None, Some(&file));
        change.create(&upload)?;
        change.create(&file)?;
        change.create(&self.watch_row(call, &upload))?;
        self.commit(call, change).await?;
        // A lost message is no loss: the watch row is due in minutes and sends it again.
        let message = Message::Register { upload: upload.id, origin: None };
        if let Err(error) = self.queues.send(Queue::Incoming, message.to_json()).await {
            tracing::warn!(file.id = %file.id, error = &error as &dyn std::error::Error, "registration will be started by the sweep");
        }
        Ok(DigitalFile { version: 1, ..file })
    }

    /// A thumbnail that staff put beside a staged object (T2).
    async fn supplied_thumbnail(&self, key: &str) -> Result<Option<String>, AppError> {
        for ending in [".thumb", ".clientThumb"] {
            let beside = format!("{key}{ending}");
            if self.objects.head(Bucket::Incoming, &beside, None).await?.is_some() {
                return Ok(Some(beside));
            }
        }
        Ok(None)
    }

    /// The outbox row that keeps watch over an upload.
    pub(crate) fn watch_row(&self, call: &Call, upload: &Upload) -> OutboxRow {
        let work = Work::WatchUpload { upload: upload.id.clone() };
        let due_at = call.after_seconds(WATCH_SECONDS);
        let owed = self.owe(call, work, due_at);
        OutboxRow { id: upload.watch.clone().unwrap_or_else(|| owed.id.clone()), ..owed }
    }

    /// Where a file's bytes are kept: no word of a user in it, and one key a version.
    pub(crate) fn storage_key(&self, file: &FileId) -> String {
        format!("{}/storage/{file}/1", self.settings.institution)
    }

    /// A file of a representation of a title; none of them is deleted.
    pub(crate) async fn file_of(
        &self,
        mms: &MmsId,
        rep: &RepId,
        file: &FileId,
    ) -> Result<DigitalFile, AppError> {
        let found = self
            .catalog
            .file(file)
            .await?
            .filter(|found| found.removal.is_none() && found.representation == *rep);
        let found = found.ok_or_else(|| AppError::not_found("file", file))?;
        self.representation_of(mms, rep).await?;
        Ok(found)
    }
}

/// Takes out the row that watched over an upload which has come to its end.
pub(crate) fn forget_watch(change: &mut Change, upload: &Upload) {
    if let Some(watch) = &upload.watch {
        change.forget(OutboxRow::KIND, keys::outbox(watch));
    }
}

/// The key that a path names: `upload/…`, or `{INST}/upload/…` as the vendor's clients say it (ALMA-12).
fn staged_key(institution: &str, path: &str) -> Result<String, AppError> {
    let key = path.strip_prefix('/').unwrap_or(path);
    let inside = key.strip_prefix(institution).and_then(|rest| rest.strip_prefix('/')).unwrap_or(key);
    let sane = inside.strip_prefix("upload/").is_some_and(|rest| {
        !rest.is_empty() && rest.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
    });
    if sane && key.len() <= 1024 {
        return Ok(key.to_owned());
    }
    Err(AppError::invalid(
        "path",
        format!("must be the key of an object under `upload/` or `{institution}/upload/`"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_paths_of_the_upload_area_and_no_others() {
        for (path, key) in [
            ("upload/7/1/page 1.tif", "upload/7/1/page 1.tif"),
            ("VITRINE/upload/7/1/a.tif", "VITRINE/upload/7/1/a.tif"),
            ("/VITRINE/upload/a.tif", "VITRINE/upload/a.tif"),
        ] {
            assert_eq!(staged_key("VITRINE", path).unwrap(), key);
        }
        for path in [
            "",
            "upload/",
            "intent/71",
            "quarantine/upload/x",
            "upload/../intent/71",
            "upload//x",
            "OTHER/upload/x",
            "upload/./x",
        ] {
            assert!(staged_key("VITRINE", path).is_err(), "{path}");
        }
    }
}
