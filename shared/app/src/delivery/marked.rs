//! Copies with a mark on them, in place of the files themselves (A14): asked for here, made by make-derivatives.

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use vitrine_domain::file::{Content, DigitalFile};
use vitrine_domain::rights::watermark::{ASKED_SECONDS, MARKED_SECONDS, WISH_SECONDS, Wish, WishId, text};
use vitrine_store::keys;
use vitrine_store::objects::{Bucket, ObjectHead};
use vitrine_store::queues::Queue;
use vitrine_store::sessions::Written;

use super::Visit;
use crate::changes::hex;
use crate::make_derivatives::MarkMessage;
use crate::{App, AppError, Call};

/// The type of a note, in place of a copy, that there can be none.
pub(crate) const NO_COPY: &str = "application/x-vitrine-no-copy";
/// Tells copies apart that were drawn in another way, so that a change of it draws them anew.
const DRAWN_AS: &str = "1";
/// How long is waited before a copy is looked for again: at first, and at most.
const FIRST_LOOK: Duration = Duration::from_millis(150);
const LAST_LOOK: Duration = Duration::from_millis(1000);

/// What there is of a marked copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Copy {
    /// It is there.
    Ready {
        /// Its key in the bucket of derivatives.
        key: String,
        /// Its type.
        mime: String,
    },
    /// It is being made.
    Making,
    /// There can be none of this file.
    Impossible,
}

impl App {
    /// The copy of a file that carries `template` as it reads for this viewer; of the picture of at most `picture` pixels
    /// that was made of the file, where that is given in its place.
    ///
    /// One call where it is there. Where not, it is asked for, once however many ask, and waited for a while.
    pub(super) async fn marked_copy(
        &self,
        call: &Call,
        visit: &Visit,
        file: &DigitalFile,
        content: &Content,
        template: &str,
        picture: Option<u32>,
    ) -> Result<Copy, AppError> {
        let text = text(template, &visit.viewer, call.now, &self.settings.time_zone);
        let now = call.now.as_second();
        let wish = Wish {
            id: name_of(&content.sha256, picture, &text),
            file: file.id.clone(),
            sha256: content.sha256.clone(),
            picture,
            text,
            asked_until: now.saturating_add(ASKED_SECONDS),
            ttl: now.saturating_add(WISH_SECONDS),
        };
        let key = keys::marked_object(&wish);
        if let Some(copy) = self.look_for_copy(call, &key).await? {
            return Ok(copy);
        }
        if self.sessions.keep_wish(&wish, now).await? == Written::Done {
            let message = MarkMessage { mark: wish.id.clone(), file: wish.file.clone() };
            if let Err(error) = self.queues.send(Queue::Marks, message.to_json()).await {
                // Who asks next asks the queue again.
                self.sessions.forget_wish(&wish.id).await?;
                return Err(error.into());
            }
        }
        let begun = Instant::now();
        let mut pause = FIRST_LOOK;
        while begun.elapsed() + pause <= self.patience {
            tokio::time::sleep(pause).await;
            if let Some(copy) = self.look_for_copy(call, &key).await? {
                return Ok(copy);
            }
            pause = (pause * 3 / 2).min(LAST_LOOK);
        }
        Ok(Copy::Making)
    }

    async fn look_for_copy(&self, call: &Call, key: &str) -> Result<Option<Copy>, AppError> {
        let head = self.objects.head(Bucket::Derivatives, key, None).await?;
        let Some(head) = head.filter(|head| is_fresh(head, call)) else { return Ok(None) };
        Ok(match head.content_type {
            Some(mime) if mime != NO_COPY => Some(Copy::Ready { key: key.to_owned(), mime }),
            _ => Some(Copy::Impossible),
        })
    }
}

/// Whether a copy will be there for as long as a link to it lives.
pub(crate) fn is_fresh(head: &ObjectHead, call: &Call) -> bool {
    head.last_modified.is_some_and(|at| call.now.as_second() < at.as_second().saturating_add(MARKED_SECONDS))
}

/// The name of the wish for a copy of these bytes with this text. The text is not to be read from it.
fn name_of(sha256: &str, picture: Option<u32>, text: &str) -> WishId {
    let picture = picture.map_or_else(String::new, |side| side.to_string());
    let digest = Sha256::digest(format!("{DRAWN_AS}\n{sha256}\n{picture}\n{text}"));
    WishId::of_digest(hex(digest.get(..16).unwrap_or(&digest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_text_other_bytes_or_another_size_is_another_copy() {
        let names = [
            name_of("aa", None, "fay"),
            name_of("aa", None, "ben"),
            name_of("ab", None, "fay"),
            name_of("aa", Some(1024), "fay"),
            name_of("aa", Some(2048), "fay"),
        ];
        for (at, name) in names.iter().enumerate() {
            assert_eq!(name.as_str().len(), 32);
            assert!(!names[..at].iter().any(|other| other.as_str() == name.as_str()));
        }
    }
}
