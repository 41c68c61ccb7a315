//! What answers of delivery have in common: how long they may be remembered, their entity tag, and why there is none.

use std::io::Write;

use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};
use vitrine_app::delivery::{Access, Opened};
use vitrine_app::hex;
use vitrine_domain::Timestamp;
use vitrine_domain::coded::Coded;
use vitrine_domain::rights::Reason;

use crate::views::Addresses;
use crate::wire::Problem;
use crate::wire::etag::names_tag;

/// What everyone may see may be remembered for a moment; the rest by nobody (B35, B52).
pub(crate) fn caching(shared_seconds: u64) -> Result<HeaderValue, Problem> {
    match shared_seconds {
        0 => Ok(HeaderValue::from_static("private, no-store")),
        seconds => {
            HeaderValue::from_str(&format!("public, max-age={seconds}")).map_err(|_| Problem::internal())
        }
    }
}

/// Lets pages of every origin read what everyone may see, as viewers elsewhere do (PRS-11); a route that says nothing leaves
/// it to the list of origins.
pub(crate) fn readable_by_all(response: &mut Response) {
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

/// From so many bytes on a document is compressed for whoever takes that.
const WORTH_COMPRESSING: usize = 8 * 1024;
/// What a function can answer; as text within JSON a document grows by a tenth and more (Lambda's limit is 6 MiB).
const MAX_PLAIN: usize = 4 * 1024 * 1024;

/// A document with a tag of its bytes: 304 where the client has these (HTTP-4). The decision comes before it (B43).
pub(crate) fn document(
    asked: &HeaderMap,
    mime: &'static str,
    body: String,
    shared_seconds: u64,
) -> Result<Response, Problem> {
    let compressed = body.len() >= WORTH_COMPRESSING && takes_gzip(asked);
    if !compressed && body.len() > MAX_PLAIN {
        let detail = "this is too long to be sent as it is: send `Accept-Encoding: gzip`";
        let title = "Only compressed";
        return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "only-compressed", title, "401652", detail));
    }
    let digest = Sha256::digest(body.as_bytes());
    let mut tag = hex(digest.get(..16).unwrap_or(&digest));
    if compressed {
        tag.push('z');
    }
    let mut response = if names_tag(asked, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = if compressed { gzip(&body)?.into_response() } else { body.into_response() };
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(mime));
        if compressed {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, HeaderValue::from_str(&format!("\"{tag}\"")).map_err(|_| Problem::internal())?);
    headers.insert(CACHE_CONTROL, caching(shared_seconds)?);
    headers.append(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    Ok(response)
}

/// Whether a client takes gzip.
pub(crate) fn takes_gzip(asked: &HeaderMap) -> bool {
    let mut lists = asked.get_all(ACCEPT_ENCODING).iter().filter_map(|it| it.to_str().ok());
    lists.any(|list| {
        list.split(',').any(|one| {
            let mut parts = one.split(';').map(str::trim);
            let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            named
                && !parts
                    .any(|it| it.strip_prefix("q=0").is_some_and(|it| it.trim_matches(['.', '0']).is_empty()))
        })
    })
}

fn gzip(text: &str) -> Result<Vec<u8>, Problem> {
    let mut encoder =
        flate2::write::GzEncoder::new(Vec::with_capacity(text.len() / 8), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).map_err(|_| Problem::internal())?;
    encoder.finish().map_err(|_| Problem::internal())
}

/// Why the viewer does not get the files of what it opened; `None` where it does (A11, A12, A15, A18).
pub(crate) fn refusal(opened: &Opened, addresses: &Addresses) -> Option<Problem> {
    let own = |path: &str| {
        let (view, institution) = (&addresses.delivery, &addresses.institution);
        Some(format!("{view}/delivery/{institution}/{}/{path}", opened.representation.id))
    };
    match &opened.access {
        Access::Granted(_) => None,
        Access::Denied { note, reason, may_change_at } => Some(
            Problem::new(
                StatusCode::FORBIDDEN,
                "access-denied",
                "Access rights do not allow it",
                "ACCESS_DENIED",
                note.clone().unwrap_or_else(|| reason.description().to_owned()),
            )
            .with("note", note.clone())
            .with("reason", Some(reason.code().to_owned()))
            .with("may_change_at", may_change_at.map(|at| at.to_string()))
            .with("sign_in_url", sign_in_address(opened, addresses)),
        ),
        Access::Declaration { text } => Some(
            Problem::new(
                StatusCode::FORBIDDEN,
                "declaration-required",
                "A declaration is to be accepted first",
                "DECLARATION_REQUIRED",
                "accept the declaration with a POST to `declaration_url`",
            )
            .with("reason", Some("DECLARATION".to_owned()))
            .with("declaration", Some(text.clone()))
            .with("declaration_url", own("declaration")),
        ),
        Access::Seat { .. } => Some(
            Problem::new(
                StatusCode::FORBIDDEN,
                "seat-required",
                "Only so many may look at once",
                "SEAT_REQUIRED",
                "take a seat with a POST to `seat_url`",
            )
            .with("reason", Some("SEAT".to_owned()))
            .with("seat_url", own("seat")),
        ),
        Access::Loan { .. } => Some(
            Problem::new(
                StatusCode::FORBIDDEN,
                "loan-required",
                "Only who has borrowed it may look",
                "LOAN_REQUIRED",
                "borrow a copy with a POST to `loan_url`",
            )
            .with("reason", Some("LOAN".to_owned()))
            .with("loan_url", own("loan")),
        ),
    }
}

/// A refusal that may end at a moment, and not before: its reason is its code.
pub(super) fn until(problem: Problem, code: &str, at: Timestamp, now: Timestamp) -> Problem {
    let seconds = at.as_second().saturating_sub(now.as_second()).max(1);
    let problem = problem.with("reason", Some(code.to_owned())).with("may_change_at", Some(at.to_string()));
    Problem { retry_after: u32::try_from(seconds).ok(), ..problem }
}

/// Where the viewer signs in, where that may help.
fn sign_in_address(opened: &Opened, addresses: &Addresses) -> Option<String> {
    let Access::Denied { reason: Reason::SignIn, .. } = &opened.access else { return None };
    match &opened.file {
        Some(file) => addresses.sign_in(&file.id),
        None => addresses.sign_in(&opened.representation.id),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn takes(list: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(list))])
    }

    #[test]
    fn gzip_is_for_who_takes_it() {
        for (list, yes) in
            [("gzip, br", true), ("br;q=1.0, GZIP;q=0.5", true), ("gzip;q=0", false), ("br", false)]
        {
            assert_eq!(takes_gzip(&takes(list)), yes, "{list}");
        }
    }

    #[tokio::test]
    async fn a_long_document_is_compressed_under_a_tag_of_its_own_and_a_very_long_one_only_so() {
        let body = "a page of text ".repeat(1000);
        let plain = document(&HeaderMap::new(), "text/plain", body.clone(), 0).unwrap();
        let small = document(&takes("gzip"), "text/plain", body.clone(), 0).unwrap();
        assert_ne!(plain.headers()[ETAG], small.headers()[ETAG]);
        assert_eq!(small.headers()[CONTENT_ENCODING], "gzip");
        let bytes = axum::body::to_bytes(small.into_body(), 1 << 20).await.unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, body);
        let huge = "x".repeat(MAX_PLAIN + 1);
        assert!(document(&HeaderMap::new(), "text/plain", huge.clone(), 0).is_err());
        assert!(document(&takes("gzip"), "text/plain", huge, 0).is_ok());
    }
}
