//! The same log as a feed of IIIF Change Discovery 1.0 (DISC-1 ... DISC-3).
//!
//! A title stands in the log once, at its last change, so a consumer that reads from the end backwards to the instant of
//! its last visit has seen everything (level 1 of the specification). A page is named by the place that it ends before;
//! the last one has no end.

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use vitrine_app::AppError;
use vitrine_app::publishing::oai::Side;
use vitrine_domain::Timestamp;
use vitrine_domain::publishing::oai_identifier;
use vitrine_store::published::Row;

use super::answer::instant;
use super::{admitted, failed, plain};
use crate::routes::Api;

const CONTEXT: &str = "http://iiif.io/api/discovery/1/context.json";
const PROFILE: &str = "application/ld+json;profile=\"http://iiif.io/api/discovery/1/context.json\"";
/// How many changes a page tells of.
const PAGE: u32 = 100;
/// The name of the newest page.
const LAST: &str = "last";

/// Where addresses of the feed begin.
struct Feed<'a> {
    api: &'a Api,
    base: String,
    now: Timestamp,
}

impl<'a> Feed<'a> {
    fn of(api: &'a Api) -> Self {
        let addresses = &api.addresses;
        let base = format!("{}/oai/{}/activity", addresses.delivery, addresses.institution);
        Self { api, base, now: (api.clock)() }
    }

    fn link(&self, page: &str) -> Value {
        json!({ "id": format!("{}/{page}", self.base), "type": "OrderedCollectionPage" })
    }

    async fn beside(&self, side: Side<'_>, limit: u32) -> Result<Vec<Row>, AppError> {
        let seen = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
        self.api.app.changes_beside(side, seen, limit).await
    }

    fn activity(&self, row: &Row) -> Value {
        let addresses = &self.api.addresses;
        let (delivery, institution) = (&addresses.delivery, &addresses.institution);
        let kind = match row.deleted {
            true => "Delete",
            false if row.first == row.stamp => "Create",
            false => "Update",
        };
        let record = format!(
            "{delivery}/oai/{institution}/request?verb=GetRecord&metadataPrefix=marc21&identifier={}",
            oai_identifier(institution, &row.mms_id)
        );
        json!({
            "type": kind,
            "object": {
                "id": format!("{delivery}/iiif/presentation/{institution}/{}/manifest", row.mms_id),
                "type": "Manifest",
                "seeAlso": [{ "id": record, "type": "Dataset", "format": "text/xml" }],
            },
            "endTime": instant(row.stamp),
        })
    }
}

/// The feed: where its newest page is.
pub(super) async fn collection(
    State(api): State<Api>,
    Path(institution): Path<String>,
    request: Request,
) -> Response {
    if let Err(refusal) = admitted(&api, &institution, request.extensions()).await {
        return refusal;
    }
    let feed = Feed::of(&api);
    answered(json!({
        "@context": CONTEXT,
        "id": feed.base,
        "type": "OrderedCollection",
        "last": feed.link(LAST),
    }))
}

/// One page of the feed, the oldest change first.
pub(super) async fn page(
    State(api): State<Api>,
    Path([institution, page]): Path<[String; 2]>,
    request: Request,
) -> Response {
    if let Err(refusal) = admitted(&api, &institution, request.extensions()).await {
        return refusal;
    }
    let feed = Feed::of(&api);
    let Some(end) = place(&page) else {
        return plain(StatusCode::NOT_FOUND, "the feed has no such page");
    };
    match one(&feed, &page, &end).await {
        Ok(Some(view)) => answered(view),
        Ok(None) => plain(StatusCode::NOT_FOUND, "the feed has no such page"),
        Err(error) => failed(&error),
    }
}

async fn one(feed: &Feed<'_>, page: &str, end: &str) -> Result<Option<Value>, AppError> {
    // One more, to see whether there is a page before this one.
    let mut rows = feed.beside(Side::Before(end), PAGE + 1).await?;
    let more = rows.len() > PAGE as usize;
    if more {
        rows.remove(0);
    }
    let Some(first) = rows.first() else { return Ok(None) };
    let mut view = json!({
        "@context": CONTEXT,
        "id": format!("{}/{page}", feed.base),
        "type": "OrderedCollectionPage",
        "partOf": { "id": feed.base, "type": "OrderedCollection" },
        "orderedItems": rows.iter().map(|row| feed.activity(row)).collect::<Vec<_>>(),
    });
    let Some(members) = view.as_object_mut() else { return Ok(None) };
    if more {
        members.insert("prev".to_owned(), feed.link(&name(&first.sort_key())));
    }
    if page != LAST {
        let behind = feed.beside(Side::From(end), PAGE + 1).await?;
        let next = behind.get(PAGE as usize).map_or_else(|| LAST.to_owned(), |row| name(&row.sort_key()));
        members.insert("next".to_owned(), feed.link(&next));
    }
    Ok(Some(view))
}

/// The name of the page that ends before a row.
fn name(sort_key: &str) -> String {
    sort_key.replace('#', "-")
}

/// The place that a page of that name ends before.
fn place(page: &str) -> Option<String> {
    if page == LAST {
        return Some("~".to_owned());
    }
    let (second, mms) = page.split_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (second.len() == 12 && digits(second) && digits(mms) && mms.len() <= 32)
        .then(|| format!("{second}#{mms}"))
}

fn answered(view: Value) -> Response {
    let mut response = view.to_string().into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROFILE));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_page_is_its_place_and_nothing_else_is_one() {
        let key = "001800000000#991234";
        assert_eq!(place(&name(key)).as_deref(), Some(key));
        for wrong in
            ["", "x", "001800000000", "001800000000-", "1-2", "001800000000-99#1", "001800000000-../x"]
        {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }
}
