//! In what form a viewer that was let in gets a file: whole, as a picture, to look at or to take along (A13, B47).

use vitrine_domain::file::DigitalFile;
use vitrine_domain::rights::{Permission, Permit};
use vitrine_media::{Family, MAX_MARKED_BYTES, MAX_MARKED_PAGES, MarkedAs, MediaType, marked_as};

/// What of a file a viewer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Its bytes.
    Whole,
    /// The picture that was made of it, because the permit limits how large a picture may be.
    Picture,
    /// Nothing: the permit asks for a smaller picture, and there is none.
    Nothing,
    /// Nothing: the permit asks for a mark, and nothing of this kind can be marked (A14).
    Unmarkable,
}

/// What a permit offers of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// What of it.
    pub form: Form,
    /// What the copy with a mark is that is given in its place; none where no mark is asked for.
    pub marked: Option<MarkedAs>,
    /// Whether it may be taken along.
    pub download: bool,
    /// Whether it is text, and can be read as such.
    pub text: bool,
    /// Whether there is text to be read: its own, or what was read from it (D19).
    pub fulltext: bool,
    /// The kind of thing that it is.
    pub family: Family,
}

/// Says what `permit` offers of `file`.
///
/// A limit on the size of pictures is about all that is looked at: sound, film and plain text have no larger form, the
/// rest comes as the picture that was made of it, however many pages it has. Where a mark is asked for, a copy of that is
/// given which carries it, or nothing; text is not read as text then.
pub fn offer(permit: &Permit, file: &DigitalFile) -> Offer {
    let mime = file.content.as_ref().map_or("application/octet-stream", |content| content.mime.as_str());
    let family = MediaType::from_mime(mime).family;
    let unlimited = permit.size.max_pixels().is_none();
    let form = match family {
        _ if unlimited => Form::Whole,
        Family::Audio | Family::Video => Form::Whole,
        Family::Text if is_plain_text(mime) => Form::Whole,
        _ => match permit.size.max_pixels().and_then(|most| file.thumbnail.image_within(most)) {
            Some(_) => Form::Picture,
            None => Form::Nothing,
        },
    };
    let marked = permit.watermark.as_ref().and_then(|_| match form {
        Form::Whole => can_be_marked(file, mime),
        Form::Picture => Some(MarkedAs::Picture),
        Form::Nothing | Form::Unmarkable => None,
    });
    let form = match form {
        Form::Whole if permit.watermark.is_some() && marked.is_none() => Form::Unmarkable,
        form => form,
    };
    let download = permit.permission == Permission::ViewAndDownload && form.is_given();
    let text = is_plain_text(mime) && form == Form::Whole && marked.is_none();
    // The text of what is seen whole; a limit on its size or a mark on it would be passed by as text.
    let fulltext =
        text || (unlimited && form == Form::Whole && marked.is_none() && file.fulltext.key().is_some());
    Offer { form, marked, download, text, fulltext, family }
}

impl Offer {
    /// The type of the marked copy that is given in the file's place; `None` where no mark is asked for.
    pub fn marked_mime(&self) -> Option<&'static str> {
        self.marked.map(MarkedAs::mime)
    }

    /// Whether there is anything to look at.
    pub fn is_given(&self) -> bool {
        self.form.is_given()
    }
}

impl Form {
    fn is_given(self) -> bool {
        !matches!(self, Self::Nothing | Self::Unmarkable)
    }
}

/// What a marked copy of a file is; `None` where it is known beforehand that there can be none.
fn can_be_marked(file: &DigitalFile, mime: &str) -> Option<MarkedAs> {
    let kind = marked_as(mime)?;
    let size = file.content.as_ref().map_or(0, |content| content.size_bytes);
    match kind {
        MarkedAs::Document if size > MAX_MARKED_BYTES => None,
        MarkedAs::Document if file.facts.pages.is_some_and(|pages| pages > MAX_MARKED_PAGES) => None,
        kind => Some(kind),
    }
}

/// Text that no browser follows or runs.
pub fn is_plain_text(mime: &str) -> bool {
    mime.starts_with("text/") && !MediaType::from_mime(mime).is_active()
}

/// The type that a file is sent with, and whether a browser may show it (B47).
///
/// The type is the one judged from the bytes. What a browser could run or follow is only ever saved, and all but PDF
/// loses its type; so is what is not known. Pictures, sound, film and plain text are shown.
pub(super) fn shown_as(mime: &str) -> (&str, bool) {
    let known = MediaType::from_mime(mime);
    match known.family {
        _ if mime == "application/pdf" => (mime, false),
        _ if known.is_active() => ("application/octet-stream", false),
        Family::Image | Family::Audio | Family::Video => (mime, true),
        // Players take captions under their own name alone; nothing in them runs.
        Family::Text if mime == "text/vtt" => (mime, true),
        Family::Text if is_plain_text(mime) => ("text/plain", true),
        _ => (mime, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b47_what_could_run_is_saved_and_has_no_type_of_its_own() {
        for (mime, sent, shown) in [
            ("image/jpeg", "image/jpeg", true),
            ("image/svg+xml", "application/octet-stream", false),
            ("text/html", "application/octet-stream", false),
            ("application/xhtml+xml", "application/octet-stream", false),
            ("application/xml", "application/octet-stream", false),
            ("text/xml", "application/octet-stream", false),
            ("application/javascript", "application/octet-stream", false),
            ("text/javascript", "application/octet-stream", false),
            ("application/vnd.apple.mpegurl", "application/octet-stream", false),
            ("application/pdf", "application/pdf", false),
            ("application/octet-stream", "application/octet-stream", false),
            ("application/zip", "application/zip", false),
            ("application/epub+zip", "application/epub+zip", false),
            ("text/plain", "text/plain", true),
            ("text/vtt", "text/vtt", true),
            ("audio/mpeg", "audio/mpeg", true),
            ("video/mp4", "video/mp4", true),
        ] {
            assert_eq!(shown_as(mime), (sent, shown), "{mime}");
        }
    }
}
