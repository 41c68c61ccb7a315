//! Thumbnails: draws a registered file, or the picture that staff supplied for it (walk 1; T1, T2).

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vitrine_domain::file::{
    Content, DigitalFile, FullText, MediaFacts, THUMBNAIL_SIDES, Thumbnail, ThumbnailImage,
};
use vitrine_domain::ids::{EventId, FileId};
use vitrine_domain::outbox::{OutboxRow, Work};
use vitrine_domain::rights::watermark::{MARKED_SIDE, Wish, WishId};
use vitrine_media::{
    Facts, HEAD_LEN, MarkOutcome, MarkRequest, TextOutcome, TextRequest, ThumbnailOutcome, ThumbnailRequest,
    Tools, identify, make_marked, make_thumbnails, marked_as, may_hold_text, read_text,
};
use vitrine_store::keys::{self, Item};
use vitrine_store::objects::{Bucket, ObjectsError};
use vitrine_store::queues::Queue;

use crate::changes::again_on_conflict;
use crate::delivery::{NO_COPY, is_fresh};
use crate::{App, AppError, Call};

/// A message of the derivatives queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The outbox row that stays due until the work is recorded.
    pub event: EventId,
    /// The file.
    pub file: FileId,
}

impl Message {
    /// The message as it is sent.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

/// A message of the marks queue: somebody waits for a marked copy, and does not wait behind thumbnails. What is written on it is not in the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkMessage {
    /// The wish.
    pub mark: WishId,
    /// The file.
    pub file: FileId,
}

impl MarkMessage {
    /// The message as it is sent.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

/// What the two queues hold. Either is understood from either, so that what was sent before there were two is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Asked {
    /// A marked copy.
    Mark(MarkMessage),
    /// A thumbnail.
    Thumbnail(Message),
}

/// How the making of a marked copy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// It is there.
    Made,
    /// There can be none, and that is written where it would be.
    Impossible,
    /// It was there before, or nobody wants it any more.
    Already,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Derived {
    /// The file's thumbnail has this state now.
    Recorded(&'static str),
    /// It was recorded before, or the file is gone: nothing to do.
    Already,
}

/// A larger file is not fetched for a thumbnail; a function's disk is finite.
pub const MAX_SOURCE_BYTES: u64 = 3 * 1024 * 1024 * 1024;

impl App {
    /// Makes the thumbnail of a file, reads its text, and records how both ended, failures too.
    ///
    /// # Errors
    /// Those after which trying again can help; everything else is recorded on the file and not tried again.
    pub async fn make_derivatives(
        &self,
        call: &Call,
        message: &Message,
        tools: &Tools,
    ) -> Result<Derived, AppError> {
        let Some(file) = self.catalog.file(&message.file).await?.filter(|file| file.removal.is_none()) else {
            return self.settle(call, message).await;
        };
        let Thumbnail::Pending { supplied } = &file.thumbnail else {
            return self.settle(call, message).await;
        };
        let drawn = match supplied {
            Some(key) => match self.draw_supplied(&file, key, tools).await?.thumbnail {
                // The sides of a supplied picture are not those of the file.
                Thumbnail::Ready { images, .. } => {
                    let fulltext = self.text_of(&file, tools).await?;
                    let thumbnail = Thumbnail::Ready { images, supplied: true };
                    Drawn { fulltext, ..Drawn::from(thumbnail) }
                }
                // A supplied picture that is none does not stand in the way of our own.
                _ => self.draw(&file, tools).await?,
            },
            None => self.draw(&file, tools).await?,
        };
        again_on_conflict(|| self.record_thumbnail(call, message, Some(&file.thumbnail), &drawn)).await
    }

    /// Makes a copy of a file with a viewer's mark on it, or leaves a note that there can be none (A14).
    ///
    /// Nothing is recorded but the copy: it is made of the same bytes with the same text under the same key, however often.
    ///
    /// # Errors
    /// Those after which trying again can help.
    pub async fn mark(&self, call: &Call, message: &MarkMessage, tools: &Tools) -> Result<Marked, AppError> {
        let wish = self.sessions.wish(&message.mark).await?;
        let Some(wish) = wish.filter(|it| it.file == message.file && it.holds(call.now)) else {
            return Ok(Marked::Already);
        };
        let key = keys::marked_object(&wish);
        let there = self.objects.head(Bucket::Derivatives, &key, None).await?;
        if there.is_some_and(|head| is_fresh(&head, call)) {
            return Ok(Marked::Already);
        }
        let file = self.catalog.file(&wish.file).await?.filter(|file| file.removal.is_none());
        let Some(file) = file.filter(|it| it.content.as_ref().is_some_and(|it| it.sha256 == wish.sha256))
        else {
            return Ok(Marked::Already);
        };
        let folder = tempfile::tempdir().map_err(|error| AppError::Unavailable(Box::new(error)))?;
        let copy = folder.path().join("marked");
        match self.make_copy(&wish, &file, folder.path(), &copy, tools).await? {
            MarkOutcome::Made { mime, .. } => {
                let bytes =
                    tokio::fs::read(&copy).await.map_err(|error| AppError::Unavailable(Box::new(error)))?;
                self.objects.put_small(Bucket::Derivatives, &key, bytes.into(), &mime, false).await?;
                Ok(Marked::Made)
            }
            MarkOutcome::Impossible { reason } => {
                tracing::info!(file.id = %wish.file, reason, "no marked copy");
                self.objects.put_small(Bucket::Derivatives, &key, Vec::new().into(), NO_COPY, false).await?;
                Ok(Marked::Impossible)
            }
            MarkOutcome::Failed { reason } => {
                Err(AppError::Unavailable(Box::new(std::io::Error::other(reason))))
            }
        }
    }

    async fn make_copy(
        &self,
        wish: &Wish,
        file: &DigitalFile,
        folder: &std::path::Path,
        copy: &std::path::Path,
        tools: &Tools,
    ) -> Result<MarkOutcome, AppError> {
        let impossible = |reason: &str| Ok(MarkOutcome::Impossible { reason: reason.to_owned() });
        let source = match (wish.picture, &file.content) {
            (Some(most), _) => file.thumbnail.image_within(most).map(|image| Source {
                bucket: Bucket::Derivatives,
                key: &image.key,
                version: None,
                name: &image.key,
                mime: Some(&image.mime),
            }),
            (None, Some(content)) => Some(Source::whole(file, content)),
            (None, None) => None,
        };
        let Some(source) = source.filter(|it| it.mime.is_some_and(|mime| marked_as(mime).is_some())) else {
            return impossible("there is nothing of it that can be marked");
        };
        let path = folder.join("source");
        match self
            .objects
            .read_to_file(source.bucket, source.key, source.version, &path, MAX_SOURCE_BYTES)
            .await
        {
            Ok(_) => {}
            Err(ObjectsError::Mismatch { .. }) => return impossible("too large"),
            Err(ObjectsError::NotFound { .. }) => return impossible("the bytes are not there"),
            Err(error) => return Err(error.into()),
        }
        let request = MarkRequest {
            source: path,
            media_type: source.mime.unwrap_or_default().to_owned(),
            text: wish.text.clone(),
            long_side: wish.picture.unwrap_or(MARKED_SIDE),
            out: copy.to_owned(),
        };
        Ok(make_marked(request, tools).await)
    }

    /// Sends the message that a change owes. One that is lost is sent again by the sweep.
    pub(crate) async fn ask_to_draw(&self, message: &Message) {
        if let Err(error) = self.queues.send(Queue::Derivatives, message.to_json()).await {
            tracing::warn!(file.id = %message.file, error = &error as &dyn std::error::Error, "the thumbnail will be asked for by the sweep");
        }
    }

    async fn draw_supplied(&self, file: &DigitalFile, key: &str, tools: &Tools) -> Result<Drawn, AppError> {
        let source = Source { bucket: Bucket::Derivatives, key, version: None, name: key, mime: None };
        let folder = work_folder()?;
        match self.fetch(&source, folder.path()).await? {
            Fetched::File(path) => self.draw_source(file, &source, &path, tools).await,
            other => Ok(other.no_thumbnail().into()),
        }
    }

    async fn draw(&self, file: &DigitalFile, tools: &Tools) -> Result<Drawn, AppError> {
        let Some(content) = &file.content else {
            return Ok(Thumbnail::Unsupported { reason: "the file has no bytes".to_owned() }.into());
        };
        let (source, folder) = (Source::whole(file, content), work_folder()?);
        match self.fetch(&source, folder.path()).await? {
            Fetched::File(path) => {
                let drawn = self.draw_source(file, &source, &path, tools).await?;
                let fulltext = self.read_source(file, content, &path, tools).await?;
                Ok(Drawn { fulltext, ..drawn })
            }
            other => Ok(Drawn { fulltext: other.no_text(content), ..Drawn::from(other.no_thumbnail()) }),
        }
    }

    /// The text of a file whose picture needs no look at the file itself.
    async fn text_of(&self, file: &DigitalFile, tools: &Tools) -> Result<FullText, AppError> {
        let Some(content) = file.content.as_ref().filter(|content| is_to_be_read(file, content)) else {
            return Ok(file.fulltext.clone());
        };
        let (source, folder) = (Source::whole(file, content), work_folder()?);
        match self.fetch(&source, folder.path()).await? {
            Fetched::File(path) => self.read_source(file, content, &path, tools).await,
            other => Ok(other.no_text(content)),
        }
    }

    /// Reads the text of a file that is on disk and keeps it, where it may hold some that was not read before (D19).
    async fn read_source(
        &self,
        file: &DigitalFile,
        content: &Content,
        path: &Path,
        tools: &Tools,
    ) -> Result<FullText, AppError> {
        if !is_to_be_read(file, content) {
            return Ok(file.fulltext.clone());
        }
        let folder = work_folder()?;
        let out = folder.path().join("text");
        let request =
            TextRequest { source: path.to_owned(), media_type: content.mime.clone(), out: out.clone() };
        match read_text(request, tools).await {
            TextOutcome::Read { cut, .. } => {
                let bytes =
                    tokio::fs::read(&out).await.map_err(|error| AppError::Unavailable(Box::new(error)))?;
                let key = format!("{}/{}-text", file.id, version_mark(file));
                let size_bytes = bytes.len() as u64;
                self.objects.put_small(Bucket::Derivatives, &key, bytes.into(), TEXT_MIME, false).await?;
                Ok(FullText::Ready { key, size_bytes, cut })
            }
            TextOutcome::Nothing => Ok(FullText::Nothing),
            TextOutcome::Unsupported { reason } => Ok(FullText::Unsupported { reason }),
            TextOutcome::Failed { retryable: true, reason, .. } => {
                Err(AppError::Unavailable(Box::new(std::io::Error::other(reason))))
            }
            TextOutcome::Failed { code, reason, .. } => Ok(FullText::Failed { code: code.of_text(), reason }),
        }
    }

    async fn fetch(&self, source: &Source<'_>, folder: &Path) -> Result<Fetched, AppError> {
        let path = folder.join("source");
        let read =
            self.objects.read_to_file(source.bucket, source.key, source.version, &path, MAX_SOURCE_BYTES);
        match read.await {
            Ok(_) => Ok(Fetched::File(path)),
            Err(ObjectsError::Mismatch { .. }) => Ok(Fetched::TooLarge),
            Err(ObjectsError::NotFound { .. }) => Ok(Fetched::Missing),
            Err(error) => Err(error.into()),
        }
    }

    async fn draw_source(
        &self,
        file: &DigitalFile,
        source: &Source<'_>,
        path: &Path,
        tools: &Tools,
    ) -> Result<Drawn, AppError> {
        let folder = work_folder()?;
        let media_type = match source.mime {
            Some(mime) => mime.to_owned(),
            None => {
                let head = first_bytes(path).await.map_err(|error| AppError::Unavailable(Box::new(error)))?;
                identify(&head, source.name).mime.into_owned()
            }
        };
        let request = ThumbnailRequest {
            source: path.to_owned(),
            media_type,
            sizes: THUMBNAIL_SIDES.to_vec(),
            out_dir: folder.path().to_owned(),
        };
        match make_thumbnails(request, tools).await {
            ThumbnailOutcome::Made { thumbnails, facts, .. } => {
                let mut images = Vec::with_capacity(thumbnails.len());
                for made in thumbnails {
                    let bytes = tokio::fs::read(&made.path)
                        .await
                        .map_err(|error| AppError::Unavailable(Box::new(error)))?;
                    let key = format!("{}/{}-{}", file.id, version_mark(file), made.long_side);
                    let size_bytes = bytes.len() as u64;
                    self.objects
                        .put_small(Bucket::Derivatives, &key, bytes.into(), &made.mime, false)
                        .await?;
                    images.push(ThumbnailImage {
                        key,
                        width: made.width,
                        height: made.height,
                        mime: made.mime,
                        size_bytes,
                    });
                }
                let facts = upright(&facts, &images);
                Ok(Drawn { facts, ..Drawn::from(Thumbnail::Ready { images, supplied: false }) })
            }
            ThumbnailOutcome::Unsupported { reason } => Ok(Thumbnail::Unsupported { reason }.into()),
            ThumbnailOutcome::Failed { retryable: true, reason, .. } => {
                Err(AppError::Unavailable(Box::new(std::io::Error::other(reason))))
            }
            ThumbnailOutcome::Failed { code, reason, .. } => {
                Ok(Thumbnail::Failed { code: code.as_str().to_owned(), reason }.into())
            }
        }
    }

    /// Records the thumbnail on the file as it is now and settles the outbox row.
    pub(crate) async fn record_thumbnail(
        &self,
        call: &Call,
        message: &Message,
        waiting: Option<&Thumbnail>,
        drawn: &Drawn,
    ) -> Result<Derived, AppError> {
        let Some(before) = self.catalog.file(&message.file).await? else {
            return self.settle(call, message).await;
        };
        // Another worker was quicker, or a newer picture was supplied while this one was drawn.
        let waits = matches!(before.thumbnail, Thumbnail::Pending { .. });
        if !waits || waiting.is_some_and(|waiting| *waiting != before.thumbnail) {
            return self.settle(call, message).await;
        }
        let facts = if drawn.facts.is_empty() { before.facts } else { drawn.facts };
        // Where nothing was to be read, what was read before stays.
        let fulltext = match &drawn.fulltext {
            FullText::Unread => before.fulltext.clone(),
            read => read.clone(),
        };
        let after = DigitalFile { thumbnail: drawn.thumbnail.clone(), facts, fulltext, ..before.clone() };
        let mut change = self.change(call, "file.thumbnail", Some(&before), Some(&after));
        change.replace(&after)?;
        change.forget(OutboxRow::KIND, keys::outbox(&message.event));
        self.commit(call, change).await?;
        Ok(Derived::Recorded(drawn.thumbnail.state()))
    }

    /// Removes the outbox row of work that needs no doing.
    async fn settle(&self, call: &Call, message: &Message) -> Result<Derived, AppError> {
        let owed = Work::MakeDerivatives { file: message.file.clone() };
        // No message makes other work forgotten.
        if let Some(row) = self.catalog.outbox(&message.event).await?.filter(|row| row.work == owed) {
            self.forget_row(call, &row).await?;
        }
        Ok(Derived::Already)
    }
}

/// What came of drawing a file.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    thumbnail: Thumbnail,
    facts: MediaFacts,
    /// Unread where there was nothing to read
    fulltext: FullText,
}

impl From<Thumbnail> for Drawn {
    fn from(thumbnail: Thumbnail) -> Self {
        Self { thumbnail, facts: MediaFacts::default(), fulltext: FullText::Unread }
    }
}

fn upright(facts: &Facts, images: &[ThumbnailImage]) -> MediaFacts {
    let Facts { width, height, pages, duration_ms, .. } = *facts;
    let facts = MediaFacts { width, height, pages, duration_ms };
    images.last().map_or(facts, |image| facts.turned_like(image.width, image.height))
}

/// The type of texts as they are kept and sent.
pub(crate) const TEXT_MIME: &str = "text/plain; charset=utf-8";

/// Whether a file may hold text that is still to be read. What was read once is what the same bytes say.
fn is_to_be_read(file: &DigitalFile, content: &Content) -> bool {
    file.fulltext.key().is_none() && may_hold_text(&content.mime)
}

fn work_folder() -> Result<tempfile::TempDir, AppError> {
    tempfile::tempdir().map_err(|error| AppError::Unavailable(Box::new(error)))
}

/// What came of fetching bytes.
enum Fetched {
    File(PathBuf),
    TooLarge,
    Missing,
}

impl Fetched {
    fn no_thumbnail(&self) -> Thumbnail {
        match self {
            Self::Missing => Thumbnail::Failed {
                code: "THUMB_MISSING".to_owned(),
                reason: "the bytes are not there".to_owned(),
            },
            _ => Thumbnail::Unsupported {
                reason: format!("files of more than {MAX_SOURCE_BYTES} bytes get no thumbnail"),
            },
        }
    }

    fn no_text(&self, content: &Content) -> FullText {
        match self {
            _ if !may_hold_text(&content.mime) => FullText::Unread,
            Self::Missing => FullText::Failed {
                code: "TEXT_MISSING".to_owned(),
                reason: "the bytes are not there".to_owned(),
            },
            _ => FullText::Unsupported {
                reason: format!("no text is read of files of more than {MAX_SOURCE_BYTES} bytes"),
            },
        }
    }
}

struct Source<'a> {
    bucket: Bucket,
    key: &'a str,
    version: Option<&'a str>,
    name: &'a str,
    mime: Option<&'a str>,
}

impl<'a> Source<'a> {
    /// The file itself.
    fn whole(file: &'a DigitalFile, content: &'a Content) -> Self {
        Self {
            bucket: Bucket::Content,
            key: &content.key,
            version: content.version_id.as_deref(),
            name: &file.file_name,
            mime: Some(&content.mime),
        }
    }
}

/// Tells pictures of different bytes apart, so that drawing the same bytes again writes the same keys.
fn version_mark(file: &DigitalFile) -> String {
    let digest = file.content.as_ref().map_or("none", |content| content.sha256.as_str());
    digest.chars().take(16).collect()
}

async fn first_bytes(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    use tokio::io::AsyncReadExt;
    let mut head = Vec::new();
    tokio::fs::File::open(path).await?.take(HEAD_LEN as u64).read_to_end(&mut head).await?;
    Ok(head)
}
