//! Thumbnails: draws a registered file, or the picture that staff supplied for it (walk 1; T1, T2).

use serde::{Deserialize, Serialize};
use vitrine_domain::file::{DigitalFile, MediaFacts, THUMBNAIL_SIDES, Thumbnail, ThumbnailImage};
use vitrine_domain::ids::{EventId, FileId};
use vitrine_domain::outbox::OutboxRow;
use vitrine_media::{Facts, HEAD_LEN, ThumbnailOutcome, ThumbnailRequest, Tools, identify, make_thumbnails};
use vitrine_store::keys::{self, Item};
use vitrine_store::objects::{Bucket, ObjectsError};
use vitrine_store::queues::Queue;

use crate::changes::again_on_conflict;
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
    /// Makes the thumbnail of a file and records how that ended, failures too.
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
                Thumbnail::Ready { images, .. } => Drawn::from(Thumbnail::Ready { images, supplied: true }),
                // A supplied picture that is none does not stand in the way of our own.
                _ => self.draw(&file, tools).await?,
            },
            None => self.draw(&file, tools).await?,
        };
        again_on_conflict(|| self.record_thumbnail(call, message, Some(&file.thumbnail), &drawn)).await
    }

    /// Sends the message that a change owes. One that is lost is sent again by the sweep.
    pub(crate) async fn ask_to_draw(&self, message: &Message) {
        if let Err(error) = self.queues.send(Queue::Derivatives, message.to_json()).await {
            tracing::warn!(file.id = %message.file, error = &error as &dyn std::error::Error, "the thumbnail will be asked for by the sweep");
        }
    }

    async fn draw_supplied(&self, file: &DigitalFile, key: &str, tools: &Tools) -> Result<Drawn, AppError> {
        let source = Source { bucket: Bucket::Derivatives, key, version: None, name: key, mime: None };
        self.draw_source(file, &source, tools).await
    }

    async fn draw(&self, file: &DigitalFile, tools: &Tools) -> Result<Drawn, AppError> {
        let Some(content) = &file.content else {
            return Ok(Thumbnail::Unsupported { reason: "the file has no bytes".to_owned() }.into());
        };
        let source = Source {
            bucket: Bucket::Content,
            key: &content.key,
            version: content.version_id.as_deref(),
            name: &file.file_name,
            mime: Some(&content.mime),
        };
        self.draw_source(file, &source, tools).await
    }

    async fn draw_source(
        &self,
        file: &DigitalFile,
        source: &Source<'_>,
        tools: &Tools,
    ) -> Result<Drawn, AppError> {
        let folder = tempfile::tempdir().map_err(|error| AppError::Unavailable(Box::new(error)))?;
        let path = folder.path().join("source");
        match self
            .objects
            .read_to_file(source.bucket, source.key, source.version, &path, MAX_SOURCE_BYTES)
            .await
        {
            Ok(_) => {}
            Err(ObjectsError::Mismatch { .. }) => {
                let reason = format!("files of more than {MAX_SOURCE_BYTES} bytes get no thumbnail");
                return Ok(Thumbnail::Unsupported { reason }.into());
            }
            Err(ObjectsError::NotFound { .. }) => {
                return Ok(Thumbnail::Failed {
                    code: "THUMB_MISSING".to_owned(),
                    reason: "the bytes are not there".to_owned(),
                }
                .into());
            }
            Err(error) => return Err(error.into()),
        }
        let media_type = match source.mime {
            Some(mime) => mime.to_owned(),
            None => {
                let head =
                    first_bytes(&path).await.map_err(|error| AppError::Unavailable(Box::new(error)))?;
                identify(&head, source.name).mime.into_owned()
            }
        };
        let request = ThumbnailRequest {
            source: path,
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
                Ok(Drawn { thumbnail: Thumbnail::Ready { images, supplied: false }, facts })
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
        let after = DigitalFile { thumbnail: drawn.thumbnail.clone(), facts, ..before.clone() };
        let mut change = self.change(call, "file.thumbnail", Some(&before), Some(&after));
        change.replace(&after)?;
        change.forget(OutboxRow::KIND, keys::outbox(&message.event));
        self.commit(call, change).await?;
        Ok(Derived::Recorded(drawn.thumbnail.state()))
    }

    /// Removes the outbox row of work that needs no doing.
    async fn settle(&self, call: &Call, message: &Message) -> Result<Derived, AppError> {
        if let Some(row) = self.catalog.outbox(&message.event).await? {
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
}

impl From<Thumbnail> for Drawn {
    fn from(thumbnail: Thumbnail) -> Self {
        Self { thumbnail, facts: MediaFacts::default() }
    }
}

fn upright(facts: &Facts, images: &[ThumbnailImage]) -> MediaFacts {
    let Facts { width, height, pages, duration_ms, .. } = *facts;
    let facts = MediaFacts { width, height, pages, duration_ms };
    images.last().map_or(facts, |image| facts.turned_like(image.width, image.height))
}

struct Source<'a> {
    bucket: Bucket,
    key: &'a str,
    version: Option<&'a str>,
    name: &'a str,
    mime: Option<&'a str>,
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
