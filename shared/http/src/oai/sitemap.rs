//! `sitemap.xml` and `robots.txt`: the pages that everybody may see, for search engines (META-4).
//!
//! The sitemap is an index of parts, which are the same address with `part`: so every part lies beside the root, as the
//! protocol asks of a sitemap that names pages anywhere below it (sitemaps.org, "Sitemap file location").

use std::fmt::Write as _;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderValue, StatusCode};
use vitrine_app::AppError;
use vitrine_app::publishing::sitemap::{ListedPage, SitemapPart};

use super::answer::instant;
use super::{compressed, failed, held_back, plain};
use crate::auth::SourceAddress;
use crate::routes::Api;
use crate::views::Addresses;
use crate::wire::Params;

const NAMESPACE: &str = "http://www.sitemaps.org/schemas/sitemap/0.9";
/// How long robots may keep an answer: a title that is hidden is gone from it soon.
const KEPT: &str = "public, max-age=600";

pub(super) async fn sitemap(State(api): State<Api>, request: Request) -> Response {
    if let Some(refusal) = held_back(&api, SourceAddress::of(request.extensions())) {
        return refusal;
    }
    let response = match answer(&api, request.uri().query().unwrap_or_default()).await {
        Ok(Some(text)) => {
            (StatusCode::OK, [(CONTENT_TYPE, "application/xml; charset=utf-8")], text).into_response()
        }
        Ok(None) => plain(StatusCode::NOT_FOUND, "there is nothing that everybody may see"),
        Err(AppError::NotFound { .. }) => plain(StatusCode::NOT_FOUND, "the sitemap has no such part"),
        Err(error) => failed(&error),
    };
    compressed(request.headers(), settled(response)).await
}

async fn answer(api: &Api, query: &str) -> Result<Option<String>, AppError> {
    let no_part = || AppError::NotFound { kind: "part of the sitemap", id: String::new() };
    let params = Params::parse(query).map_err(|_| no_part())?;
    params.only(&["part"]).map_err(|_| no_part())?;
    Ok(match params.get("part").map_err(|_| no_part())? {
        None => {
            let parts = api.app.sitemap_parts().await?;
            (!parts.is_empty()).then(|| index(&api.addresses, &parts))
        }
        Some(part) => Some(pages(&api.addresses, &api.app.sitemap_part(part.parse()?).await?)),
    })
}

fn index(addresses: &Addresses, parts: &[SitemapPart]) -> String {
    let mut out =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sitemapindex xmlns=\"{NAMESPACE}\">\n");
    let origin = addresses.origin();
    for part in parts {
        let _ = writeln!(out, "<sitemap><loc>{origin}/sitemap.xml?part={part}</loc></sitemap>");
    }
    out.push_str("</sitemapindex>\n");
    out
}

fn pages(addresses: &Addresses, pages: &[ListedPage]) -> String {
    let mut out = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"{NAMESPACE}\">\n");
    for page in pages {
        let link = addresses.delivered(&page.representation);
        let _ = writeln!(
            out,
            "<url><loc>{}</loc><lastmod>{}</lastmod></url>",
            link.replace('&', "&amp;").replace('<', "&lt;"),
            instant(page.changed_at)
        );
    }
    out.push_str("</urlset>\n");
    out
}

/// What robots may fetch: pages, manifests and pictures. Not the API, not harvests, and no bytes by the file.
pub(super) async fn robots(State(api): State<Api>, request: Request) -> Response {
    if let Some(refusal) = held_back(&api, SourceAddress::of(request.extensions())) {
        return refusal;
    }
    let text = format!(
        "User-agent: *\nDisallow: /almaws/\nDisallow: /view/session\nDisallow: /view/oai/\n\
         Disallow: /view/delivery/*/*/content\nDisallow: /view/delivery/*/*/download\n\n\
         Sitemap: {}/sitemap.xml\n",
        api.addresses.origin()
    );
    settled((StatusCode::OK, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

fn settled(mut response: Response) -> Response {
    let cached = if response.status() == StatusCode::OK { KEPT } else { "no-store" };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cached));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}
