//! What can be viewed, as external viewers read it (S4, domain.md 8.2).

use serde_json::{Value, json};
use vitrine_app::delivery::{Borrowing, Form, Opened, Standing, offer};
use vitrine_domain::Timestamp;
use vitrine_domain::coded::Coded;
use vitrine_domain::file::DigitalFile;
use vitrine_domain::loans::Loan;
use vitrine_domain::rights::watermark::{MARKED_SIDE, UNMARKED_SIDE};
use vitrine_domain::rights::{Permit, Reason};
use vitrine_domain::seats::{ASK_SECONDS, RENEW_SECONDS};
use vitrine_domain::session::Declared;
use vitrine_metadata::{DublinCore, iiif};
use vitrine_store::Page;

use super::files::PLAIN;
use super::{Addresses, code, option_code, without_nulls};
use crate::wire::query::cursor;

/// When a loan began and when it ends.
fn times(loan: &Loan) -> Value {
    json!({ "borrowed_at": loan.borrowed_at.to_string(), "due_at": loan.due_at.to_string() })
}

impl Addresses {
    /// The address below which delivery shows a thing.
    pub fn delivered(&self, id: impl std::fmt::Display) -> String {
        format!("{}/delivery/{}/{id}", self.delivery, self.institution)
    }

    /// Where a person signs in and comes back to what this id names; `None` where nobody can.
    pub fn sign_in(&self, id: impl std::fmt::Display) -> Option<String> {
        self.sign_in.then(|| format!("{}/sign-in?to={id}", self.delivery))
    }

    /// Where a person signs out.
    pub fn sign_out(&self) -> String {
        format!("{}/sign-out", self.delivery)
    }

    /// The addresses in manifests.
    pub fn iiif(&self) -> iiif::Addresses<'_> {
        iiif::Addresses { view: &self.delivery, institution: &self.institution }
    }

    /// Whether delivery itself is at this origin.
    pub fn is_ours(&self, origin: &str) -> bool {
        self.delivery.strip_prefix(origin).is_some_and(|rest| rest.starts_with('/'))
    }

    /// What was opened, with a page of its files; those only as far as the viewer was let in.
    pub fn resource(&self, opened: &Opened, metadata: &DublinCore, files: &Page<DigitalFile>) -> Value {
        let representation = &opened.representation;
        let permit = opened.permit();
        let shown: Vec<Value> = permit
            .map(|permit| files.items.iter().map(|it| self.shown_file(it, permit)).collect())
            .unwrap_or_default();
        without_nulls(json!({
            "link": self.delivered(&representation.id),
            "institution": self.institution,
            "mms_id": opened.bib.mms_id.as_str(),
            "title": opened.bib.brief.title,
            "metadata": described(metadata),
            "representation": without_nulls(json!({
                "id": representation.id.as_str(),
                "label": representation.fields.label,
                "public_note": representation.fields.public_note,
                "usage_type": code(representation.fields.usage_type),
                "entity_type": option_code(representation.fields.entity_type),
                "library": { "value": representation.fields.library.as_str() },
                "thumbnail_url": self.thumbnail_url(&representation.id),
            })),
            "remote": permit.and(opened.remote.as_ref()).map(|links| without_nulls(json!({
                "repository": representation.fields.remote.as_ref().map(|it| it.repository.as_str()),
                "originating_record_id": representation.fields.remote.as_ref().map(|it| &it.originating_record_id),
                "url": links.object,
                "thumbnail_url": links.thumbnail,
            }))),
            "rights": permit.map(|permit| permitted(permit, opened)),
            "loan": opened.loan.as_ref().map(times),
            "file": shown,
            "next": permit.and(files.next.as_deref()).map(cursor),
        }))
    }

    /// How a viewer stands to the seats.
    pub fn standing(&self, standing: &Standing, now: Timestamp) -> Value {
        let left = |until: &Timestamp| until.as_second().saturating_sub(now.as_second()).max(0);
        match standing {
            Standing::Unlimited => json!({ "state": "UNLIMITED" }),
            Standing::Absent => json!({ "state": "ABSENT" }),
            Standing::Sits(seat) => json!({
                "state": "SITS",
                "renew_seconds": RENEW_SECONDS,
                "held_until": seat.lease_until.to_string(),
                "ends_at": seat.ends_at.to_string(),
                "ends_in_seconds": left(&seat.ends_at),
                "warning": seat.is_near_end(now),
            }),
            Standing::Waits { place, ahead } => json!({
                "state": "WAITS",
                "position": ahead + 1,
                "ask_seconds": ASK_SECONDS,
                "kept_until": place.until.to_string(),
            }),
            Standing::CoolsOff { until } => json!({ "state": "COOLS_OFF", "until": until.to_string() }),
        }
    }

    /// How a viewer stands to the copies that are lent.
    pub fn borrowing(&self, borrowing: &Borrowing) -> Value {
        match borrowing {
            Borrowing::NotLent => json!({ "state": "NOT_LENT" }),
            Borrowing::Available => json!({ "state": "AVAILABLE" }),
            Borrowing::AllOut { back_at } => {
                json!({ "state": "NO_COPY", "may_change_at": back_at.to_string() })
            }
            Borrowing::Borrowed(loan) => json!({
                "state": "BORROWED",
                "borrowed_at": loan.borrowed_at.to_string(),
                "due_at": loan.due_at.to_string(),
            }),
        }
    }

    /// A user's loans, with where each is seen.
    pub fn own_loans(&self, page: &Page<Loan>) -> Value {
        let loans: Vec<Value> = page
            .items
            .iter()
            .map(|loan| {
                json!({
                    "link": self.delivered(&loan.representation),
                    "representation_id": loan.representation.as_str(),
                    "mms_id": loan.mms_id.as_str(),
                    "title": loan.title,
                    "borrowed_at": loan.borrowed_at.to_string(),
                    "due_at": loan.due_at.to_string(),
                })
            })
            .collect();
        without_nulls(json!({ "loan": loans, "next": page.next.as_deref().map(cursor) }))
    }

    /// What a viewer has answered to a declaration, where there was one.
    pub fn declared(&self, declared: Option<&Declared>) -> Value {
        without_nulls(json!({
            "required": declared.is_some(),
            "accepted": declared.map(|it| it.accepted),
            "until": declared.filter(|it| it.accepted).map(|it| it.until().to_string()),
        }))
    }

    /// Whether readers reach us over TLS.
    pub fn is_https(&self) -> bool {
        self.delivery.starts_with("https://")
    }

    fn shown_file(&self, file: &DigitalFile, permit: &Permit) -> Value {
        let offer = offer(permit, file);
        let content = file.content.as_ref();
        let marks = permit.watermark.is_some();
        let picture = match marks {
            true => file.thumbnail.image_within(UNMARKED_SIDE),
            false => file.thumbnail.image_for(u32::MAX),
        };
        // Of what is given with a mark, the copy is described.
        let mime = offer.marked_mime().or(content.map(|content| content.mime.as_str()));
        let most = permit.size.max_pixels().unwrap_or(MARKED_SIDE);
        let sides = match (file.facts.width, file.facts.height, mime) {
            (Some(width), Some(height), Some("image/jpeg")) if marks => {
                let (width, height) = iiif::fitted(width, height, most);
                (Some(width), Some(height))
            }
            (width, height, _) => (width, height),
        };
        let own = |there: bool, name: &str| there.then(|| format!("{}/{name}", self.delivered(&file.id)));
        let text_url = self.text_url(&file.id);
        without_nulls(json!({
            "pid": file.id.as_str(),
            "label": file.label,
            "file_name": file.file_name,
            "mime_type": mime,
            "marked": marks.then_some(offer.marked.is_some()),
            "family": offer.family.word(),
            "size": content.filter(|_| !marks).map(|content| content.size_bytes),
            "order": file.order,
            "width": sides.0,
            "height": sides.1,
            "pages": file.facts.pages,
            "duration_ms": file.facts.duration_ms,
            "thumbnail_url": self.thumbnail_url(&file.id),
            "thumbnail": picture.map(|it| json!({ "width": it.width, "height": it.height })),
            "content_url": own(offer.is_given(), "content"),
            "download_url": own(offer.download, "download"),
            "text_url": offer.text.then(|| text_url.clone()),
            "fulltext": offer.fulltext.then(|| json!({ "fulltext_format": PLAIN, "fulltext_url": text_url })),
            "refused": (offer.form == Form::Unmarkable).then(|| Reason::Watermark.code()),
        }))
    }
}

/// The record as people read it: the fifteen elements of Dublin Core, each with its values in the record's order.
fn described(metadata: &DublinCore) -> Value {
    let mut elements: Vec<(&'static str, Vec<&str>)> = Vec::new();
    for statement in &metadata.statements {
        match elements.last_mut() {
            Some((element, values)) if *element == statement.element => values.push(&statement.value),
            _ => elements.push((statement.element, vec![&statement.value])),
        }
    }
    let rows = elements.into_iter().map(|(element, values)| {
        let mut label = element.to_owned();
        if let Some(first) = label.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        json!({ "key": element, "label": label, "value": values })
    });
    Value::Array(rows.collect())
}

fn permitted(permit: &Permit, opened: &Opened) -> Value {
    without_nulls(json!({
        "permission": code(permit.permission),
        "size": code(permit.size),
        "watermark": permit.watermark,
        "changes_at": opened.terms.until.map(|at| at.to_string()),
    }))
}
