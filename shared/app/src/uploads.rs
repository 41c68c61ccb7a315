//! Uploads: an intent, then signed requests for exactly one key, until the bytes are there (walk 1; D11).

use vitrine_domain::file::check_file_name;
use vitrine_domain::ids::{FileId, RepId, UploadId};
use vitrine_domain::problem::Problems;
use vitrine_domain::roles::Action;
use vitrine_domain::upload::{
    Declared, MAX_SIGNED_PARTS, MAX_SINGLE_BYTES, Upload, UploadMethod, UploadPurpose, UploadState,
    normalise_sha256, part_length, plan_parts,
};
use vitrine_store::objects::{Bucket, PartChecksums, SignedForm, SignedRequest, UploadedPart};

use crate::changes::again_on_conflict;
use crate::files::forget_watch;
use crate::remote::refuse_files;
use crate::{App, AppError, Call, Rule};

/// What a caller says about a file it is going to upload.
#[derive(Debug, Clone)]
pub struct UploadWish {
    /// The representation that the file will belong to.
    pub representation: RepId,
    /// The file whose thumbnail the bytes will be; none for a new file (T4).
    pub thumbnail_of: Option<FileId>,
    /// The name of the file.
    pub file_name: String,
    /// The label; the file name unless given.
    pub label: Option<String>,
    /// The place in the representation.
    pub order: Option<u32>,
    /// The exact size; for a form, the most it may be.
    pub size_bytes: u64,
    /// The type that the client will send.
    pub mime: Option<String>,
    /// SHA-256 of the bytes, in hex.
    pub sha256: Option<String>,
    /// How the bytes shall come; by their size unless given.
    pub method: Option<UploadMethod>,
    /// The size of a part; chosen unless given.
    pub part_bytes: Option<u64>,
}

/// How the client sends the bytes.
#[derive(Debug, Clone)]
pub enum Ticket {
    /// One PUT.
    Put(SignedRequest),
    /// A browser form.
    Form(SignedForm),
    /// Parts, signed as they are asked for.
    Multipart {
        /// The size of each part but the last.
        part_bytes: u64,
        /// How many there are.
        part_count: u64,
    },
}

impl App {
    /// Writes an upload intent. Nothing is signed before it is written.
    ///
    /// # Errors
    /// Everything wrong with the wish at once; a representation in another library than the caller's.
    pub async fn create_upload(&self, call: &Call, wish: UploadWish) -> Result<Upload, AppError> {
        let representation = match self.representation(&wish.representation).await {
            Ok(found) => found,
            // A caller that may upload nowhere does not learn which ids exist.
            Err(error) => {
                call.actor.may_somewhere(Action::CreateFile)?;
                return Err(error);
            }
        };
        let library = representation.fields.library.clone();
        refuse_files(&representation.fields)?;
        call.actor.may(
            if wish.thumbnail_of.is_some() { Action::UpdateFile } else { Action::CreateFile },
            Some(&library),
        )?;
        self.bib(&representation.mms_id).await?;
        let plan = check(&wish)?;
        if let Some(file) = &wish.thumbnail_of {
            self.file_of(&representation.mms_id, &representation.id, file).await?;
        }
        let id = self.minter.upload(call.now, self.random());
        let (purpose, file, kept_key) = match wish.thumbnail_of {
            Some(file) => {
                let kept = format!("{file}/supplied-{id}");
                (UploadPurpose::Thumbnail, file, kept)
            }
            None => {
                let file = self.minter.file(call.now, self.random());
                let kept = self.storage_key(&file);
                (UploadPurpose::File, file, kept)
            }
        };
        let upload = Upload {
            purpose,
            file,
            representation: representation.id,
            mms_id: representation.mms_id,
            library,
            owner: call.actor.id.clone(),
            file_name: wish.file_name,
            label: wish.label,
            order: wish.order,
            declared: Declared { size_bytes: wish.size_bytes, mime: wish.mime, sha256: plan.sha256 },
            method: plan.method,
            source_key: format!("intent/{id}"),
            kept_key,
            multipart_id: None,
            part_bytes: plan.part_bytes,
            supplied_thumbnail: None,
            checkpoint: None,
            watch: Some(self.mint_event(call)),
            row: None,
            state: UploadState::Issued,
            created_at: call.now,
            expires_at: call.after_seconds(self.settings.upload_expiry_days * 86_400),
            version: 0,
            id,
        };
        let mut change = self.change(call, "upload.create", None, Some(&upload));
        change.create(&upload)?;
        change.create(&self.watch_row(call, &upload))?;
        self.commit(call, change).await?;
        Ok(Upload { version: 1, ..upload })
    }

    /// An upload, for its owner and for others who may upload into the same library.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for everyone else, whether there is one or not.
    pub async fn read_upload(&self, call: &Call, id: &UploadId) -> Result<Upload, AppError> {
        let found = self.catalog.upload(id).await?;
        let visible = found.filter(|upload| {
            upload.owner == call.actor.id || call.actor.may(Action::CreateFile, Some(&upload.library)).is_ok()
        });
        visible.ok_or_else(|| AppError::not_found("upload", id))
    }

    /// How to send the bytes, signed anew; `None` when the upload takes no more.
    ///
    /// # Errors
    /// A caller whose role was taken away since (B38).
    pub async fn sign_upload(&self, call: &Call, upload: &Upload) -> Result<Option<Ticket>, AppError> {
        if upload.state != UploadState::Issued || upload.expires_at <= call.now {
            return Ok(None);
        }
        call.actor.may(Action::CreateFile, Some(&upload.library))?;
        Ok(match upload.method {
            UploadMethod::Put => Some(Ticket::Put(self.objects.presign_put(upload, call.now).await?)),
            UploadMethod::Form => Some(Ticket::Form(
                self.objects.presign_form(upload, 0, upload.declared.size_bytes, call.now).await?,
            )),
            UploadMethod::Multipart => {
                let part_bytes = upload.part_bytes.unwrap_or(MAX_SINGLE_BYTES);
                Some(Ticket::Multipart {
                    part_bytes,
                    part_count: upload.declared.size_bytes.div_ceil(part_bytes).max(1),
                })
            }
            UploadMethod::Staged | UploadMethod::Ingest => None,
        })
    }

    /// Signs parts of a multipart upload, each with its length and its SHA-256 in hex.
    ///
    /// # Errors
    /// A part that the file does not have; more than 100 at once.
    pub async fn sign_parts(
        &self,
        call: &Call,
        id: &UploadId,
        parts: &[(u16, Option<String>)],
    ) -> Result<Vec<(u16, SignedRequest)>, AppError> {
        let upload = self.open_multipart(call, id).await?;
        if parts.is_empty() || parts.len() > MAX_SIGNED_PARTS {
            return Err(AppError::invalid("part", format!("must be 1 to {MAX_SIGNED_PARTS} parts")));
        }
        let part_bytes = upload.part_bytes.unwrap_or(MAX_SINGLE_BYTES);
        let mut checked = Vec::with_capacity(parts.len());
        let mut problems = Problems::default();
        for (number, sha256) in parts {
            let length = part_length(upload.declared.size_bytes, part_bytes, u64::from(*number));
            if length.is_none() {
                problems.add("part_number", format!("`{number}` is not a part of this file"));
            }
            // Each part carries its checksum, or S3 refuses a part of an upload that was opened for checksums (UP-3).
            let sha256 = match sha256.as_deref().map(normalise_sha256) {
                Some(Ok(sha256)) => Some(sha256),
                Some(Err(message)) => {
                    problems.add("sha256", message);
                    None
                }
                None => {
                    problems.add("sha256", format!("must be given for part {number}"));
                    None
                }
            };
            checked.push((*number, length.unwrap_or_default(), sha256));
        }
        problems.into_result()?;
        let multipart_id = self.multipart_id(call, &upload).await?;
        let mut signed = Vec::with_capacity(checked.len());
        for (number, length, sha256) in checked {
            let request = self
                .objects
                .presign_part(&upload.source_key, &multipart_id, number, length, sha256.as_deref(), call.now)
                .await?;
            signed.push((number, request));
        }
        Ok(signed)
    }

    /// The parts that have arrived, so that another machine can go on.
    ///
    /// # Errors
    /// [`Rule::NotMultipart`].
    pub async fn list_parts(&self, call: &Call, id: &UploadId) -> Result<Vec<UploadedPart>, AppError> {
        let upload = self.open_multipart(call, id).await?;
        match &upload.multipart_id {
            Some(multipart) => Ok(self.objects.list_parts(&upload.source_key, multipart).await?),
            None => Ok(Vec::new()),
        }
    }

    /// Puts the parts together; S3's own list of them decides. Doing it again gives the same answer (B17).
    ///
    /// # Errors
    /// [`Rule::WrongParts`] when one is missing or has another size.
    pub async fn complete_upload(&self, call: &Call, id: &UploadId) -> Result<Upload, AppError> {
        let upload = self.read_upload(call, id).await?;
        call.actor.may(Action::CreateFile, Some(&upload.library))?;
        if matches!(upload.state, UploadState::Registered { .. }) {
            return Ok(upload);
        }
        check_takes_parts(call, &upload)?;
        let Some(multipart) = &upload.multipart_id else {
            return Err(Rule::WrongParts("none has arrived".to_owned()).into());
        };
        if self.objects.head(Bucket::Incoming, &upload.source_key, None).await?.is_some() {
            return Ok(upload);
        }
        let parts = self.objects.list_parts(&upload.source_key, multipart).await?;
        check_parts(&upload, &parts)?;
        self.objects.complete_multipart(&upload.source_key, multipart, &parts).await?;
        Ok(upload)
    }

    /// Gives an upload up; its bytes go.
    ///
    /// # Errors
    /// [`Rule::UploadClosed`] when it was registered already.
    pub async fn abort_upload(&self, call: &Call, id: &UploadId) -> Result<(), AppError> {
        again_on_conflict(|| self.try_abort_upload(call, id)).await
    }

    async fn try_abort_upload(&self, call: &Call, id: &UploadId) -> Result<(), AppError> {
        let before = self.read_upload(call, id).await?;
        call.actor.may(Action::CreateFile, Some(&before.library))?;
        match before.state {
            UploadState::Issued if before.method.is_staffs_own() => {
                return Err(Rule::FilePending.into());
            }
            UploadState::Issued => {}
            UploadState::Aborted => return Ok(()),
            _ => return Err(Rule::UploadClosed(before.state.code()).into()),
        }
        let after = Upload { state: UploadState::Aborted, ..before.clone() };
        let mut change = self.change(call, "upload.abort", Some(&before), Some(&after));
        change.replace(&after)?;
        forget_watch(&mut change, &before);
        self.commit(call, change).await?;
        self.drop_bytes(&before).await
    }

    /// Deletes what an upload left in the incoming bucket.
    pub(crate) async fn drop_bytes(&self, upload: &Upload) -> Result<(), AppError> {
        if let Some(multipart) = &upload.multipart_id {
            self.objects.abort_multipart(&upload.source_key, multipart).await?;
        }
        if !upload.method.is_staffs_own()
            && let Some(head) = self.objects.head(Bucket::Incoming, &upload.source_key, None).await?
        {
            self.objects
                .delete_version(Bucket::Incoming, &upload.source_key, head.version_id.as_deref())
                .await?;
        }
        Ok(())
    }

    async fn open_multipart(&self, call: &Call, id: &UploadId) -> Result<Upload, AppError> {
        let upload = self.read_upload(call, id).await?;
        call.actor.may(Action::CreateFile, Some(&upload.library))?;
        check_takes_parts(call, &upload)?;
        Ok(upload)
    }

    /// S3's id of the multipart upload, opened on first use and written down before a part is signed.
    async fn multipart_id(&self, call: &Call, upload: &Upload) -> Result<String, AppError> {
        if let Some(id) = &upload.multipart_id {
            return Ok(id.clone());
        }
        let mime = upload.declared.mime.as_deref();
        let opened = self.objects.create_multipart(&upload.source_key, mime, PartChecksums::Sha256).await?;
        let after = Upload { multipart_id: Some(opened.clone()), ..upload.clone() };
        let mut change = self.change(call, "upload.open", Some(upload), Some(&after));
        change.replace(&after)?;
        match self.commit(call, change).await.map_err(AppError::from) {
            Ok(()) => Ok(opened),
            Err(AppError::Conflict(_)) => {
                // Another call opened one at the same time; ours goes, theirs serves.
                self.objects.abort_multipart(&upload.source_key, &opened).await?;
                let now = self.catalog.upload(&upload.id).await?;
                now.and_then(|upload| upload.multipart_id).ok_or(AppError::Conflict("upload"))
            }
            Err(error) => Err(error),
        }
    }
}

struct Plan {
    method: UploadMethod,
    part_bytes: Option<u64>,
    sha256: Option<String>,
}

fn check(wish: &UploadWish) -> Result<Plan, Problems> {
    let mut problems = Problems::default();
    if let Err(message) = check_file_name(&wish.file_name) {
        problems.add("file_name", message);
    }
    if let Some(label) = &wish.label {
        problems.check_text("label", label, 1000);
    }
    if let Some(mime) = &wish.mime {
        let legal = mime.len() <= 100 && mime.contains('/') && mime.bytes().all(|b| b.is_ascii_graphic());
        if !legal {
            problems.add("mime_type", "must be a MIME type such as `image/tiff`");
        }
    }
    let sha256 = wish.sha256.as_deref().map(normalise_sha256).transpose().unwrap_or_else(|message| {
        problems.add("sha256", message);
        None
    });
    let by_size = plan_parts(wish.size_bytes, wish.part_bytes).unwrap_or_else(|message| {
        problems.add("size", message);
        None
    });
    let (method, part_bytes) = match wish.method {
        None if by_size.is_some() => (UploadMethod::Multipart, by_size),
        None => (UploadMethod::Put, None),
        Some(UploadMethod::Multipart) => (UploadMethod::Multipart, by_size.or(Some(MAX_SINGLE_BYTES))),
        Some(UploadMethod::Staged | UploadMethod::Ingest) => {
            problems.add("method", "must be PUT, FORM or MULTIPART; a staged file is added under `files`");
            (UploadMethod::Staged, None)
        }
        Some(method) => {
            if wish.size_bytes > MAX_SINGLE_BYTES {
                problems.add("method", format!("must be MULTIPART for more than {MAX_SINGLE_BYTES} bytes"));
            }
            (method, None)
        }
    };
    if method == UploadMethod::Multipart && wish.size_bytes == 0 {
        problems.add("size", "must be at least 1 byte for a multipart upload");
    }
    if wish.thumbnail_of.is_some() && wish.size_bytes > MAX_SINGLE_BYTES {
        problems.add("size", format!("must be at most {MAX_SINGLE_BYTES} bytes for a thumbnail"));
    }
    problems.into_result().map(|()| Plan { method, part_bytes, sha256 })
}

/// Whether parts of an upload can still be signed and put together.
fn check_takes_parts(call: &Call, upload: &Upload) -> Result<(), Rule> {
    if upload.method != UploadMethod::Multipart {
        return Err(Rule::NotMultipart);
    }
    if upload.state != UploadState::Issued {
        return Err(Rule::UploadClosed(upload.state.code()));
    }
    if upload.expires_at <= call.now {
        return Err(Rule::UploadClosed("EXPIRED"));
    }
    Ok(())
}

fn check_parts(upload: &Upload, parts: &[UploadedPart]) -> Result<(), Rule> {
    let part_bytes = upload.part_bytes.unwrap_or(MAX_SINGLE_BYTES);
    let expected = upload.declared.size_bytes.div_ceil(part_bytes);
    if parts.len() as u64 != expected {
        return Err(Rule::WrongParts(format!("{} of {expected} have arrived", parts.len())));
    }
    for (index, part) in parts.iter().enumerate() {
        let number = index as u64 + 1;
        let length = part_length(upload.declared.size_bytes, part_bytes, number);
        if u64::from(part.number) != number {
            return Err(Rule::WrongParts(format!("part {number} is missing")));
        }
        if part.size_bytes.is_some() && part.size_bytes != length {
            return Err(Rule::WrongParts(format!("part {number} has another size than it was signed for")));
        }
    }
    Ok(())
}
