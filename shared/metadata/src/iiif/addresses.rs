//! The addresses in a manifest. Ids never change and carry no query (PRS-11).

use vitrine_domain::bib::RecordFormat;
use vitrine_domain::ids::{FileId, MmsId, RepId};

/// Where delivery is.
#[derive(Debug, Clone, Copy)]
pub struct Addresses<'a> {
    /// The address of `/view`.
    pub view: &'a str,
    /// The institution's code.
    pub institution: &'a str,
}

impl Addresses<'_> {
    /// A representation's manifest, Presentation 3.
    pub fn manifest_3(&self, rep: &RepId) -> String {
        format!("{}/manifest", self.thing(rep))
    }

    /// A representation's manifest, Presentation 2.1: the vendor's path.
    pub fn manifest_2(&self, rep: &RepId) -> String {
        format!("{}/iiif/presentation/{}/{rep}/manifest", self.view, self.institution)
    }

    /// What the ids of canvases, pages and annotations of a representation begin with.
    pub(super) fn thing(&self, rep: &RepId) -> String {
        format!("{}/iiif/3/{}/{rep}", self.view, self.institution)
    }

    /// The page for people.
    pub fn page(&self, id: &str) -> String {
        format!("{}/delivery/{}/{id}", self.view, self.institution)
    }

    /// A file's bytes, for viewers.
    pub fn content(&self, file: &FileId) -> String {
        format!("{}/delivery/{}/{file}/content", self.view, self.institution)
    }

    /// The bytes of the file at a place of a representation, from 1 on, for who may not know its id.
    pub fn place(&self, rep: &RepId, place: usize) -> String {
        format!("{}/file/{place}", self.thing(rep))
    }

    /// A file's bytes, to be saved.
    pub fn download(&self, file: &FileId) -> String {
        format!("{}/delivery/{}/{file}/download", self.view, self.institution)
    }

    /// The picture that stands for something.
    pub fn thumbnail(&self, id: &str) -> String {
        format!("{}/delivery/thumbnail/{}/{id}", self.view, self.institution)
    }

    /// The same, with at least so many pixels on the long side where there are so many.
    pub fn picture(&self, file: &FileId, long_side: u32) -> String {
        format!("{}?size={long_side}", self.thumbnail(file.as_str()))
    }

    /// A title's metadata.
    pub fn record(&self, mms: &MmsId, format: RecordFormat) -> String {
        format!("{}/metadata/{}/{mms}/{}", self.view, self.institution, record_word(format))
    }
}

/// The word for a format in the address of a title's metadata.
fn record_word(format: RecordFormat) -> &'static str {
    match format {
        RecordFormat::Marc21 => "marcxml",
        RecordFormat::DublinCore => "dc",
        RecordFormat::QualifiedDublinCore => "qdc",
        RecordFormat::Mods => "mods",
    }
}
