//! What a file is: its MIME type and the family that picks an icon and a renderer.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The kind of thing a person would call the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Photographs, scans, drawings
    Image,
    /// Text with layout: PDF, word processing
    Document,
    /// Slides
    Presentation,
    /// Tables with formulas
    Spreadsheet,
    /// Reflowable books
    Ebook,
    /// Moving pictures
    Video,
    /// Sound
    Audio,
    /// Text without layout, source code and markup included
    Text,
    /// Everything else: archives, programs, unknown bytes
    Other,
}

impl Family {
    /// The word for it on the wire
    pub fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Document => "document",
            Self::Presentation => "presentation",
            Self::Spreadsheet => "spreadsheet",
            Self::Ebook => "ebook",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Text => "text",
            Self::Other => "other",
        }
    }
}

/// A file's type as judged from its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MediaType {
    /// MIME type without parameters, lower case
    pub mime: Cow<'static, str>,
    /// Family of the type
    pub family: Family,
}

impl MediaType {
    /// Names a type that this crate knows.
    pub(crate) const fn known(mime: &'static str, family: Family) -> Self {
        Self { mime: Cow::Borrowed(mime), family }
    }

    /// Restores a type from a MIME string that was stored or sent, for example in a catalogue row.
    ///
    /// Parameters are dropped and letters lowered; a type this crate does not know keeps its name and gets the family
    /// of its top-level type.
    pub fn from_mime(mime: &str) -> Self {
        let name = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let family = family_of(&name);
        Self { mime: Cow::Owned(name), family }
    }

    /// Tells whether a browser could run or follow something in the file, so that it must never be served inline.
    ///
    /// Source: reliability.md B47. Judged by exclusion: raster pictures, sound, video, plain text and containers that
    /// browsers do not open are inactive; PDF and every kind of markup or script is active.
    pub fn is_active(&self) -> bool {
        let mime = self.mime.as_ref();
        let markup = mime.ends_with("+xml")
            || mime.ends_with("/xml")
            || mime.contains("html")
            || mime.contains("javascript")
            || mime.contains("ecmascript");
        let runs = matches!(
            mime,
            "application/pdf"
                | "application/x-shockwave-flash"
                | "application/wasm"
                | "application/java-archive"
                | "application/postscript"
                | "application/x-msdownload"
                | "application/x-executable"
                | "text/css"
                | "text/xsl"
                | "text/cache-manifest"
                | "multipart/related"
                | "message/rfc822"
                | "application/vnd.apple.mpegurl"
                | "text/x-shellscript"
        );
        markup || runs
    }
}

fn family_of(mime: &str) -> Family {
    match mime {
        "application/pdf"
        | "application/rtf"
        | "text/rtf"
        | "application/msword"
        | "application/postscript" => Family::Document,
        "application/epub+zip" | "application/x-mobipocket-ebook" => Family::Ebook,
        "application/vnd.ms-powerpoint" => Family::Presentation,
        "application/vnd.ms-excel" | "text/csv" | "text/tab-separated-values" => Family::Spreadsheet,
        "application/xml" | "application/json" | "application/javascript" | "application/marc" => {
            Family::Text
        }
        "application/ogg" => Family::Audio,
        "application/mxf" => Family::Video,
        _ if mime.contains("presentation") => Family::Presentation,
        _ if mime.contains("spreadsheet") => Family::Spreadsheet,
        _ if mime.contains("wordprocessing")
            || mime.starts_with("application/vnd.oasis.opendocument.text") =>
        {
            Family::Document
        }
        _ => match mime.split('/').next().unwrap_or_default() {
            "image" => Family::Image,
            "video" => Family::Video,
            "audio" => Family::Audio,
            "text" => Family::Text,
            _ if mime.ends_with("+xml") || mime.ends_with("+json") => Family::Text,
            _ => Family::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_script_and_pdf_are_active_and_pictures_are_not() {
        for mime in [
            "image/svg+xml",
            "text/html",
            "application/xhtml+xml",
            "application/xml",
            "text/xml",
            "text/javascript",
            "application/pdf",
            "application/rss+xml",
        ] {
            assert!(MediaType::from_mime(mime).is_active(), "{mime}");
        }
        for mime in [
            "image/jpeg",
            "video/mp4",
            "audio/mpeg",
            "text/plain",
            "text/csv",
            "application/zip",
            "image/tiff",
        ] {
            assert!(!MediaType::from_mime(mime).is_active(), "{mime}");
        }
    }

    #[test]
    fn parameters_and_case_do_not_matter() {
        let kind = MediaType::from_mime("Text/HTML; charset=UTF-8");
        assert_eq!((kind.mime.as_ref(), kind.family), ("text/html", Family::Text));
    }
}
