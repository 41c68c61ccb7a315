//! IIIF manifests, Presentation 3 and 2.1, of a representation and its files (domain.md S5; conventions.md 3.2, 3.3).
//!
//! A pure function of what was loaded: nothing is asked for per canvas. Both versions are written from the same plan
//! ([`plan`]), so that they show the same things. A viewer that is not let in is told the id of no file (B43, ADR 0017): where
//! something that it can do may open them it gets canvases of the right sizes with numbers in place of labels, no pictures, and
//! the services at which it may ask, by number; else the title and why there is no more.

mod addresses;
mod auth;
mod plan;
mod v2;
mod v3;
mod words;

use serde_json::Value;
use vitrine_domain::bib::RecordFormat;
use vitrine_domain::file::DigitalFile;
use vitrine_domain::ids::{MmsId, RepId};
use vitrine_domain::structure::StructureFields;

use crate::crosswalk::DublinCore;

pub use addresses::Addresses;
pub use plan::{captions_of, fitted, turning};
pub(crate) use words::bcp47;
pub use words::{Rights, lines, rights, rights_uri};

/// The most files of which a manifest is made. A larger book has one of its first so many, and says so in its summary:
/// viewers hold a whole manifest in memory, and one of so many canvases is 5 MB, or 12 with the services of
/// closed ones; it is sent compressed.
pub const MAX_FILES: usize = 5_000;

/// The media type of Presentation 3 (PRS-11).
pub const MEDIA_TYPE_3: &str =
    "application/ld+json;profile=\"http://iiif.io/api/presentation/3/context.json\"";
/// The media type of Presentation 2.
pub const MEDIA_TYPE_2: &str =
    "application/ld+json;profile=\"http://iiif.io/api/presentation/2/context.json\"";

/// How much of the files this viewer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown<'a> {
    /// The files, with pictures of at most so many pixels on the long side where there is a limit.
    Files {
        /// The limit.
        max_pixels: Option<u32>,
        /// Whether files may be taken along.
        download: bool,
        /// Whether they are given with a mark on them alone: pictures as JPEG, documents as PDF, the rest not at all.
        marked: bool,
    },
    /// How many there are and how large, by their places; and where it may ask for them.
    Outline {
        /// Whether the policy shows the representation's picture all the same.
        picture: bool,
    },
    /// Nothing, and nothing that this viewer can do changes that.
    Nothing {
        /// Why.
        note: &'a str,
        /// Whether the policy shows the representation's picture all the same.
        picture: bool,
    },
}

/// What a manifest is made from.
#[derive(Debug, Clone)]
pub struct Manifest<'a> {
    /// Where everything is.
    pub addresses: Addresses<'a>,
    /// The institution as people call it.
    pub provider: &'a str,
    /// The title.
    pub mms_id: &'a MmsId,
    /// The format of its own metadata.
    pub format: RecordFormat,
    /// Its name.
    pub title: &'a str,
    /// Its metadata.
    pub record: &'a DublinCore,
    /// The representation.
    pub representation: &'a RepId,
    /// The representation's label.
    pub label: Option<&'a str>,
    /// A note to those who look.
    pub note: Option<&'a str>,
    /// The files in order, at most [`MAX_FILES`].
    pub files: &'a [DigitalFile],
    /// Whether there are more.
    pub cut: bool,
    /// Table of contents, behaviour, direction.
    pub structure: Option<&'a StructureFields>,
    /// How much this viewer gets.
    pub shown: Shown<'a>,
    /// What is told at the door where it may ask; none where everyone gets everything.
    pub door: Option<Door<'a>>,
}

/// The door at which a viewer elsewhere may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Door<'a> {
    /// What a person is told there.
    pub note: &'a str,
    /// Whether signing in may open it.
    pub sign_in: bool,
}

impl Manifest<'_> {
    /// The manifest as Presentation 3.
    pub fn presentation_3(&self) -> Value {
        v3::manifest(self)
    }

    /// The manifest as Presentation 2.1 (PRS-12).
    pub fn presentation_2(&self) -> Value {
        v2::manifest(self)
    }

    /// The name of the whole: the title, and the representation's label where that says more.
    fn name(&self) -> String {
        match self.label {
            Some(label) if label != self.title => format!("{} ({label})", self.title),
            _ => self.title.to_owned(),
        }
    }

    fn summary(&self) -> Option<String> {
        if let Shown::Nothing { note, .. } = self.shown {
            return Some(note.to_owned());
        }
        let said = self.note.or_else(|| self.record.values("description").next()).map(str::to_owned);
        if !self.cut {
            return said;
        }
        let cut = format!("Only the first {} files are shown here.", self.files.len());
        Some(said.map_or(cut.clone(), |said| format!("{said} {cut}")))
    }

    /// What the one canvas is called where no file has one.
    fn nothing(&self) -> &'static str {
        match self.shown {
            Shown::Nothing { .. } => "Not available to you",
            _ => "No files",
        }
    }

    /// Where the picture of the whole is, for who sees none of the files.
    fn cover(&self) -> Option<String> {
        match self.shown {
            Shown::Outline { picture: true } | Shown::Nothing { picture: true, .. } => {
                Some(self.addresses.thumbnail(self.representation.as_str()))
            }
            _ => None,
        }
    }

    fn language(&self) -> Option<&str> {
        self.record.values("language").next()
    }
}

#[cfg(test)]
mod tests;
