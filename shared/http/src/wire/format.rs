//! Which of the two formats a client wants (ALMA-2).

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::ACCEPT;
use http::request::Parts;

use super::edge::Exchange;
use super::problem::Problem;

/// A format of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON.
    Json,
    /// XML, which the vendor's API answers in unless asked otherwise.
    Xml,
}

/// Neither format would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// `format` in the query is neither `json` nor `xml`.
    #[error("must be `json` or `xml`")]
    Query,
    /// `Accept` takes neither JSON nor XML.
    #[error("the `Accept` header takes neither `application/json` nor `application/xml`")]
    Accept,
}

impl Format {
    /// The content type of a body in this format; one parameter at most, because a known client splits at `;`.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Xml => "application/xml;charset=UTF-8",
        }
    }

    /// The letter that tells the formats apart in an entity tag.
    pub fn letter(self) -> char {
        match self {
            Format::Json => 'j',
            Format::Xml => 'x',
        }
    }
}

/// Chooses the format: `format` in the query beats `Accept`; without either, and for `*/*`, it is XML.
///
/// # Errors
/// When the client takes neither.
pub fn negotiate(format: Option<&str>, headers: &HeaderMap) -> Result<Format, FormatError> {
    match format {
        Some(word) if word.eq_ignore_ascii_case("json") => return Ok(Format::Json),
        Some(word) if word.eq_ignore_ascii_case("xml") => return Ok(Format::Xml),
        Some(_) => return Err(FormatError::Query),
        None => {}
    }
    let mut ranges = Vec::new();
    for value in headers.get_all(ACCEPT) {
        let Ok(text) = value.to_str() else { continue };
        ranges.extend(text.split(',').map(str::trim).filter(|range| !range.is_empty()).take(50));
    }
    if ranges.is_empty() {
        return Ok(Format::Xml);
    }
    let json = quality(&ranges, Format::Json);
    let xml = quality(&ranges, Format::Xml);
    if json.0 == 0 && xml.0 == 0 {
        return Err(FormatError::Accept);
    }
    Ok(if json > xml { Format::Json } else { Format::Xml })
}

/// The quality, in thousandths, that the most specific range gives the format (RFC 9110, 12.5.1), and how specific
/// that range is: a format that was named goes before one that a wildcard covers.
fn quality(ranges: &[&str], format: Format) -> (u16, u8) {
    let mut best: Option<(u8, u16)> = None;
    for range in ranges {
        let mut pieces = range.split(';').map(str::trim);
        let media = pieces.next().unwrap_or_default().to_ascii_lowercase();
        let Some(specific) = specificity(&media, format) else { continue };
        let weight = pieces
            .find_map(|piece| piece.strip_prefix("q=").or_else(|| piece.strip_prefix("Q=")))
            .map_or(1000, thousandths);
        if best.is_none_or(|(known, q)| specific > known || (specific == known && weight > q)) {
            best = Some((specific, weight));
        }
    }
    best.map_or((0, 0), |(specific, q)| (q, specific))
}

fn specificity(media: &str, format: Format) -> Option<u8> {
    match (media, format) {
        ("*/*", _) => Some(0),
        ("application/*", _) => Some(1),
        ("text/*", Format::Xml) => Some(1),
        ("application/json", Format::Json) | ("application/xml" | "text/xml", Format::Xml) => Some(2),
        _ => {
            let suffix = media.strip_prefix("application/").and_then(|rest| rest.rsplit_once('+'));
            match (suffix, format) {
                (Some((_, "json")), Format::Json) | (Some((_, "xml")), Format::Xml) => {
                    // A browser's `application/xhtml+xml` is no wish for our XML.
                    (media != "application/xhtml+xml").then_some(2)
                }
                _ => None,
            }
        }
    }
}

/// A malformed weight counts as none, so that it can never win.
fn thousandths(text: &str) -> u16 {
    match text.parse::<f32>() {
        Ok(q) if (0.0..=1.0).contains(&q) && text.len() <= 5 => (q * 1000.0).round() as u16,
        _ => 0,
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Format {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Exchange::of(&parts.extensions).map(|exchange| exchange.format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: Option<&str>, accept: Option<&str>, expected: Result<Format, FormatError>) {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(ACCEPT, accept.parse().unwrap());
        }
        assert_eq!(negotiate(format, &headers), expected, "{format:?} {accept:?}");
    }

    #[test]
    fn alma_2_negotiates_as_the_vendor_does() {
        use Format::{Json, Xml};
        check(None, None, Ok(Xml));
        check(None, Some("*/*"), Ok(Xml));
        check(None, Some(""), Ok(Xml));
        check(None, Some("application/json"), Ok(Json));
        check(None, Some("application/problem+json"), Ok(Json));
        check(None, Some("APPLICATION/JSON; charset=utf-8"), Ok(Json));
        check(None, Some("application/json, application/xml"), Ok(Xml));
        check(None, Some("application/json, application/xml;q=0.9"), Ok(Json));
        check(None, Some("application/json;q=0.5, */*;q=0.1"), Ok(Json));
        check(None, Some("application/json;q=0.1, */*;q=0.5"), Ok(Xml));
        check(None, Some("application/json, text/plain, */*"), Ok(Json));
        check(None, Some("application/json;q=0, */*"), Ok(Xml));
        check(None, Some("application/xml;q=0, */*"), Ok(Json));
        check(None, Some("text/xml"), Ok(Xml));
        check(None, Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Ok(Xml));
        check(None, Some("text/html"), Err(FormatError::Accept));
        check(None, Some("application/xhtml+xml"), Err(FormatError::Accept));
        check(None, Some("application/json;q=2"), Err(FormatError::Accept));
        check(Some("json"), Some("application/xml"), Ok(Json));
        check(Some("XML"), Some("application/json"), Ok(Xml));
        check(Some("json"), Some("text/html"), Ok(Json));
        check(Some("yaml"), Some("application/json"), Err(FormatError::Query));
    }
}
