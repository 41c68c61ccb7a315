//! Files: the bytes of a representation and what is known of them (domain.md 2.4, D12).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::coded;
use crate::ids::{FileId, MmsId, RepId, UserId};
use crate::library::LibraryCode;
use crate::removal::Removal;

coded!(
    /// How far a file is.
    FileStatus, "file status" {
        /// Its bytes are there and are being checked and moved to storage.
        Pending = "PENDING": "Being registered",
        /// Registered: checked, stored, counted.
        Active = "ACTIVE": "Active",
        /// Its bytes were refused; the reason is beside it.
        Rejected = "REJECTED": "Rejected",
    }
);

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigitalFile {
    /// Its id.
    pub id: FileId,
    /// The representation it belongs to.
    pub representation: RepId,
    /// The title that belongs to.
    pub mms_id: MmsId,
    /// The library that owns the representation.
    pub library: LibraryCode,
    /// The name it was uploaded under.
    pub file_name: String,
    /// The label shown; the file name unless set.
    pub label: String,
    /// Its place in the representation; those without one come last, by age (D14).
    pub order: Option<u32>,
    /// How far it is.
    pub status: FileStatus,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status_reason: Option<String>,
    /// Its bytes, once known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub content: Option<Content>,
    /// Its thumbnail.
    pub thumbnail: Thumbnail,
    /// What drawing it told of it.
    #[serde(skip_serializing_if = "MediaFacts::is_empty", default)]
    pub facts: MediaFacts,
    /// The text that was read from it (D19).
    #[serde(skip_serializing_if = "FullText::is_unread", default)]
    pub fulltext: FullText,
    /// Who uploaded it.
    pub created_by: UserId,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Who changed it last.
    pub modified_by: UserId,
    /// When.
    pub modified_at: Timestamp,
    /// Set once it is deleted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub removal: Option<Removal>,
    /// How many times it was written.
    pub version: u64,
}

/// A file's bytes in the content bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The storage key.
    pub key: String,
    /// The version under that key.
    pub version_id: Option<String>,
    /// How many bytes.
    pub size_bytes: u64,
    /// SHA-256 in hex.
    pub sha256: String,
    /// CRC64NVME in base64, as S3 spells it.
    pub crc64nvme: String,
    /// The MIME type judged from the bytes.
    pub mime: String,
}

/// Sides, pages and playing time of a file, upright; none where its format or the drawing of its thumbnail did not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MediaFacts {
    /// Width in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Pages, slides or images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// Playing time in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

impl MediaFacts {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same for something whose upright picture has these sides: a camera held upright writes a lying picture and
    /// a note to turn it.
    #[must_use]
    pub fn turned_like(self, width: u32, height: u32) -> Self {
        match (self.width, self.height) {
            (Some(w), Some(h)) if (w > h && width < height) || (w < h && width > height) => {
                Self { width: Some(h), height: Some(w), ..self }
            }
            _ => self,
        }
    }
}

/// The text of a file that is not text itself: a PDF, or what OCR wrote of a page (D19).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state")]
pub enum FullText {
    /// Not read: it is read with the thumbnail.
    #[default]
    #[serde(rename = "UNREAD")]
    Unread,
    /// Read.
    #[serde(rename = "READY")]
    Ready {
        /// The key in the derivatives bucket: plain text in UTF-8, pages apart by form feeds.
        key: String,
        /// How many bytes.
        size_bytes: u64,
        /// Whether there is more than is kept.
        #[serde(default)]
        cut: bool,
    },
    /// There is none in it, as in a scan without OCR.
    #[serde(rename = "NONE")]
    Nothing,
    /// There is no way to read it.
    #[serde(rename = "UNSUPPORTED")]
    Unsupported {
        /// Why.
        reason: String,
    },
    /// Reading it failed.
    #[serde(rename = "FAILED")]
    Failed {
        /// A stable word for the kind of failure, for example `TEXT_LIMIT`.
        code: String,
        /// What happened.
        reason: String,
    },
}

impl FullText {
    /// A stable word for the state.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Unread => "UNREAD",
            Self::Ready { .. } => "READY",
            Self::Nothing => "NONE",
            Self::Unsupported { .. } => "UNSUPPORTED",
            Self::Failed { .. } => "FAILED",
        }
    }

    /// Whether nobody has tried to read it.
    pub fn is_unread(&self) -> bool {
        *self == Self::Unread
    }

    /// Where it is kept, where there is one.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Ready { key, .. } => Some(key),
            _ => None,
        }
    }
}

/// The thumbnail of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state")]
pub enum Thumbnail {
    /// Not made yet.
    #[serde(rename = "PENDING")]
    Pending {
        /// The key in the derivatives bucket of a picture that staff supplied (T2, T4); it wins over the file itself.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        supplied: Option<String>,
    },
    /// Made.
    #[serde(rename = "READY")]
    Ready {
        /// The pictures, smallest first.
        images: Vec<ThumbnailImage>,
        /// Whether staff supplied the picture beside the file (T2).
        supplied: bool,
    },
    /// There is no way to make one; the type's icon stands for it (T5).
    #[serde(rename = "UNSUPPORTED")]
    Unsupported {
        /// Why.
        reason: String,
    },
    /// Making one failed.
    #[serde(rename = "FAILED")]
    Failed {
        /// A stable word for the kind of failure, for example `THUMB_LIMIT`.
        code: String,
        /// What happened.
        reason: String,
    },
}

/// One picture of a thumbnail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThumbnailImage {
    /// The key in the derivatives bucket.
    pub key: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The MIME type.
    pub mime: String,
    /// How many bytes.
    pub size_bytes: u64,
}

impl Thumbnail {
    /// A stable word for the state.
    pub fn state(&self) -> &'static str {
        match self {
            Thumbnail::Pending { .. } => "PENDING",
            Thumbnail::Ready { .. } => "READY",
            Thumbnail::Unsupported { .. } => "UNSUPPORTED",
            Thumbnail::Failed { .. } => "FAILED",
        }
    }

    /// The picture that serves a wish for `long_side` pixels: the smallest at least that long, else the largest.
    pub fn image_for(&self, long_side: u32) -> Option<&ThumbnailImage> {
        let Thumbnail::Ready { images, .. } = self else { return None };
        images
            .iter()
            .find(|image| image.width.max(image.height) >= long_side)
            .or_else(|| images.iter().max_by_key(|image| image.width.max(image.height)))
    }
}

impl Thumbnail {
    /// The largest picture of at most `most` pixels on the long side.
    pub fn image_within(&self, most: u32) -> Option<&ThumbnailImage> {
        let Thumbnail::Ready { images, .. } = self else { return None };
        let long_side = |image: &&ThumbnailImage| image.width.max(image.height);
        // Of those of a source smaller than any of them, the first.
        images.iter().rev().filter(|image| long_side(image) <= most).max_by_key(long_side)
    }
}

/// The long sides, in pixels, that thumbnails are made in.
pub const THUMBNAIL_SIDES: [u32; 2] = [200, 1024];

/// Checks a name under which a file is uploaded: one path segment, printable, at most 255 bytes.
///
/// # Errors
/// What is wrong with it.
pub fn check_file_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > 255 {
        return Err("must be 1 to 255 bytes long");
    }
    if name.contains(['/', '\\']) || name == "." || name == ".." {
        return Err("must be a name, not a path");
    }
    if name.chars().any(char::is_control) {
        return Err("must not hold control characters");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b4_takes_the_names_that_people_have_and_refuses_paths() {
        for good in
            ["page 1.tif", "50% + more #1?.pdf", "ça \"x\" 'y'.jpg", "🗺.png", "Z\u{308}urich.tif", "dot."]
        {
            assert_eq!(check_file_name(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a\\b", "new\nline", "nul\0", &"x".repeat(256)] {
            assert!(check_file_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sides_are_those_of_the_upright_picture() {
        let facts = MediaFacts { width: Some(4000), height: Some(3000), ..MediaFacts::default() };
        assert_eq!(facts.turned_like(768, 1024).width, Some(3000));
        assert_eq!(facts.turned_like(1024, 768), facts);
        assert_eq!(facts.turned_like(10, 10), facts);
        assert_eq!(MediaFacts::default().turned_like(1, 2), MediaFacts::default());
    }

    #[test]
    fn a_wish_gets_the_smallest_picture_that_is_large_enough() {
        let image = |side| ThumbnailImage {
            key: String::new(),
            width: side,
            height: side / 2,
            mime: String::new(),
            size_bytes: 1,
        };
        let ready = Thumbnail::Ready { images: vec![image(200), image(1024)], supplied: false };
        assert_eq!(ready.image_for(150).unwrap().width, 200);
        assert_eq!(ready.image_for(201).unwrap().width, 1024);
        assert_eq!(ready.image_for(5000).unwrap().width, 1024);
        assert_eq!(Thumbnail::Pending { supplied: None }.image_for(1), None);
        assert_eq!(ready.image_within(5000).unwrap().width, 1024);
        assert_eq!(ready.image_within(1024).unwrap().width, 1024);
        assert_eq!(ready.image_within(1023).unwrap().width, 200);
        assert_eq!(ready.image_within(199), None);
    }
}
