//! Bib records (ALMA-8, ALMA-9).

use serde_json::{Value, json};
use vitrine_app::bibs::BibWithSource;
use vitrine_domain::representation::Representation;

use super::{Addresses, LINKED, code, day, without_nulls};
use crate::wire::shape::{Shape, coded, flag, object, raw, text};

pub static BIB: Shape = Shape {
    root: "bib",
    members: &[
        text("link").attribute().output_only(),
        text("mms_id").output_only(),
        coded("record_format"),
        text("title").output_only(),
        text("author").output_only(),
        text("place_of_publication").output_only(),
        text("date_of_publication").output_only(),
        text("publisher_const").output_only(),
        text("created_by").output_only(),
        text("created_date").output_only(),
        text("last_modified_by").output_only(),
        text("last_modified_date").output_only(),
        flag("suppress_from_publishing"),
        coded("collection").many().output_only(),
        object("representations", &LINKED).output_only(),
        raw("anies"),
    ],
};

list_shape!(BIBS: "bibs" of "bib" BIB);

impl Addresses {
    /// A bib record; `source` is its metadata with what `expand` added.
    pub fn bib(&self, found: &BibWithSource, source: &str) -> Value {
        let bib = &found.bib;
        let link = self.bib_link(&bib.mms_id);
        let collections: Vec<_> = bib
            .collections
            .iter()
            .map(|id| json!({ "value": id.as_str(), "link": format!("{}/bibs/collections/{id}", self.api) }))
            .collect();
        without_nulls(json!({
            "link": link,
            "mms_id": bib.mms_id.as_str(),
            "record_format": code(bib.format),
            "title": bib.brief.title,
            "author": bib.brief.author,
            "place_of_publication": bib.brief.place,
            "date_of_publication": bib.brief.date,
            "publisher_const": bib.brief.publisher,
            "created_by": bib.created_by.as_str(),
            "created_date": day(bib.created_at),
            "last_modified_by": bib.modified_by.as_str(),
            "last_modified_date": day(bib.modified_at),
            "suppress_from_publishing": bib.suppressed,
            "collection": collections,
            "representations": { "total_record_count": bib.representation_count, "link": format!("{link}/representations") },
            "anies": [source],
        }))
    }

    /// A representation as a record's availability shows it (ALMA-9).
    pub fn availability(&self, found: &Representation) -> vitrine_metadata::Availability {
        vitrine_metadata::Availability {
            institution: self.institution.clone(),
            representation_id: found.id.to_string(),
            is_remote: found.fields.remote.is_some(),
            repository: found.fields.remote.as_ref().map(|remote| remote.repository.to_string()),
            label: found.fields.label.clone(),
            public_note: found.fields.public_note.clone(),
            full_text_url: None,
            delivery_url: format!("{}/delivery/{}/{}", self.delivery, self.institution, found.id),
            thumbnail_url: None,
            access: None,
        }
    }
}
