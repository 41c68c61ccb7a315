//! Bytes: short-lived links to exactly what a viewer may have (S7, HTTP-5). The bytes themselves go past us.

use vitrine_domain::file::{Content, DigitalFile};
use vitrine_media::Family;
use vitrine_store::objects::{Bucket, Disposition, SignedGet};

use super::marked::Copy;
use super::offer::{Form, offer, shown_as};
use super::open::nothing;
use super::{Access, Opened, Visit};
use crate::make_derivatives::TEXT_MIME;
use crate::{App, AppError, Call};

/// How long a link lives, in seconds (B35): long enough to begin, and for sound and film, which are fetched in ranges
/// while they play, as long as most of them last.
const LINK_SECONDS: u64 = 5 * 60;
const PLAY_SECONDS: u64 = 3 * 60 * 60;

/// What a viewer wants a file for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// To look at it.
    Content,
    /// To take it along.
    Download,
    /// To read it as text.
    Text,
}

/// What a viewer is given of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A link to the bytes: a secret for as long as it lives.
    Link(String),
    /// Nothing: it may be looked at but not taken along (A13).
    ViewOnly,
    /// Nothing: it may be seen only as a smaller picture than there is.
    TooLarge,
    /// Nothing yet: the copy with the viewer's mark is being made (A14).
    Marking,
    /// Nothing: it may be seen only with a mark on it, and can not be marked.
    Unmarkable,
}

impl App {
    /// A link to the file that was opened, for a viewer that was let in.
    ///
    /// # Errors
    /// [`AppError::NotFound`] where no file was opened, where the viewer was not let in, and for the text of what has
    /// none.
    pub async fn give(
        &self,
        call: &Call,
        visit: &Visit,
        opened: &Opened,
        wanted: Wanted,
    ) -> Result<Given, AppError> {
        let (Some(file), Access::Granted(permit)) = (&opened.file, &opened.access) else {
            return Err(nothing(&opened.representation.id));
        };
        let Some(content) = &file.content else { return Err(nothing(&file.id)) };
        let offer = offer(permit, file);
        match wanted {
            _ if offer.form == Form::Unmarkable => return Ok(Given::Unmarkable),
            Wanted::Text if !offer.fulltext => return Err(nothing(&file.id)),
            _ if offer.form == Form::Nothing => return Ok(Given::TooLarge),
            Wanted::Download if !offer.download => return Ok(Given::ViewOnly),
            _ => {}
        }
        let plays = matches!(offer.family, Family::Audio | Family::Video);
        let seconds = opened.terms.link_seconds(if plays { PLAY_SECONDS } else { LINK_SECONDS });
        if let Some(template) = &permit.watermark {
            let picture = (offer.form == Form::Picture).then_some(permit.size.max_pixels()).flatten();
            let copy = self.marked_copy(call, visit, file, content, template, picture).await?;
            return self.give_copy(call, opened, file, wanted, copy).await;
        }
        if let (Wanted::Text, false, Some(key)) = (wanted, offer.text, file.fulltext.key()) {
            return self.give_text(call, file, key, seconds).await;
        }
        let smaller = permit.size.max_pixels().and_then(|most| file.thumbnail.image_within(most));
        let name;
        let get = match (offer.form, smaller) {
            (Form::Picture, Some(image)) => {
                name = picture_name(file, &image.mime);
                SignedGet {
                    bucket: Bucket::Derivatives,
                    key: &image.key,
                    version: None,
                    file_name: &name,
                    mime: &image.mime,
                    disposition: disposition(wanted, true),
                    seconds,
                }
            }
            _ => whole(file, content, wanted, seconds),
        };
        Ok(Given::Link(self.objects.presign_get(get, call.now).await?.url))
    }

    /// A link to the text that was read from a file.
    async fn give_text(
        &self,
        call: &Call,
        file: &DigitalFile,
        key: &str,
        seconds: u64,
    ) -> Result<Given, AppError> {
        let name = format!("{}.txt", stem(file));
        let get = SignedGet {
            bucket: Bucket::Derivatives,
            key,
            version: None,
            file_name: &name,
            mime: TEXT_MIME,
            disposition: Disposition::Inline,
            seconds,
        };
        Ok(Given::Link(self.objects.presign_get(get, call.now).await?.url))
    }

    async fn give_copy(
        &self,
        call: &Call,
        opened: &Opened,
        file: &DigitalFile,
        wanted: Wanted,
        copy: Copy,
    ) -> Result<Given, AppError> {
        let (key, mime) = match copy {
            Copy::Ready { key, mime } => (key, mime),
            Copy::Making => return Ok(Given::Marking),
            Copy::Impossible => return Ok(Given::Unmarkable),
        };
        let name = picture_name(file, &mime);
        let (mime, shown) = shown_as(&mime);
        let get = SignedGet {
            bucket: Bucket::Derivatives,
            key: &key,
            version: None,
            file_name: &name,
            mime,
            disposition: disposition(wanted, shown),
            seconds: opened.terms.link_seconds(LINK_SECONDS),
        };
        Ok(Given::Link(self.objects.presign_get(get, call.now).await?.url))
    }
}

fn whole<'a>(file: &'a DigitalFile, content: &'a Content, wanted: Wanted, seconds: u64) -> SignedGet<'a> {
    let (mime, shown) = shown_as(&content.mime);
    SignedGet {
        bucket: Bucket::Content,
        key: &content.key,
        // Exactly the bytes that were decided on, whatever is put there later.
        version: content.version_id.as_deref(),
        file_name: &file.file_name,
        mime,
        disposition: disposition(wanted, shown),
        seconds,
    }
}

fn disposition(wanted: Wanted, shown: bool) -> Disposition {
    match wanted {
        Wanted::Content | Wanted::Text if shown => Disposition::Inline,
        _ => Disposition::Attachment,
    }
}

/// The name under which the picture of a file is saved.
fn picture_name(file: &DigitalFile, mime: &str) -> String {
    let ending = match mime {
        "application/pdf" => "pdf",
        mime => mime.strip_prefix("image/").unwrap_or("jpeg"),
    };
    format!("{}.{ending}", stem(file))
}

/// A file's name without its ending.
fn stem(file: &DigitalFile) -> &str {
    file.file_name.rsplit_once('.').map_or(file.file_name.as_str(), |(stem, _)| stem)
}
