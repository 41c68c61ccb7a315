//! What answers and failures of HTTP say, put into words. No signed address gets into a message.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::Body;
use ureq::http::Response;

use crate::failure::Failure;
use crate::terminal::plain;

/// The largest answer that is read.
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// An answer as what it was expected to be.
///
/// # Errors
/// An answer of another shape.
pub fn understand<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|error| {
        Failure::Unavailable(format!(
            "the answer is not what this version expects: {}",
            plain(&error.to_string())
        ))
    })
}

/// The body of a good answer.
///
/// # Errors
/// What a bad one says.
pub fn read_answer(response: &mut Response<Body>) -> Result<Value, Failure> {
    let status = response.status().as_u16();
    let bytes = response
        .body_mut()
        .with_config()
        .limit(MAX_ANSWER_BYTES)
        .read_to_vec()
        .map_err(|error| Failure::Unavailable(format!("the answer broke off: {}", reason(&error))))?;
    let value: Option<Value> = serde_json::from_slice(&bytes).ok();
    match status {
        200..=299 if bytes.is_empty() => Ok(Value::Null),
        200..=299 => value.ok_or_else(|| {
            Failure::Invalid("the answer is not JSON; is this the address of the API?".to_owned())
        }),
        300..=399 => Err(Failure::Invalid(format!(
            "the address leads elsewhere (HTTP {status}); set the address of the API itself"
        ))),
        _ => {
            let said = value.as_ref().and_then(said).unwrap_or_else(|| format!("HTTP {status}"));
            Err(match status {
                401 => Failure::Refused(format!("the API key is not accepted: {said}")),
                403 => Failure::Refused(said),
                404 => Failure::NotFound(said),
                // 409: someone changed it at the same time, and nothing was done.
                408 | 409 | 429 | 500.. => Failure::Unavailable(said),
                _ => Failure::Invalid(said),
            })
        }
    }
}

/// The sentence of an error body: RFC 9457's `detail`, else the vendor's first message.
fn said(body: &Value) -> Option<String> {
    let detail = body.get("detail").and_then(Value::as_str);
    let vendor = || body.pointer("/errorList/error/0/errorMessage").and_then(Value::as_str);
    detail.or_else(vendor).filter(|text| !text.is_empty()).map(plain)
}

/// The code of S3's error document.
pub fn s3_code(body: &str) -> String {
    let code =
        body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    code.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).take(60).collect()
}

/// How long the service asks to wait.
pub fn retry_after<T>(response: &Response<T>) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What went wrong, without the address: it may be a signed one.
pub fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "the host is not found".to_owned(),
        ureq::Error::ConnectionFailed => "the connection failed".to_owned(),
        ureq::Error::Tls(why) => format!("no safe connection: {why}"),
        ureq::Error::Rustls(error) => format!("no safe connection: {error}"),
        ureq::Error::BadUri(_) => "the address can not be used".to_owned(),
        _ => "the answer is not HTTP as it should be".to_owned(),
    }
}

/// Whether the request certainly did not reach the service.
pub fn was_not_sent(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        ureq::Error::Timeout(when) => matches!(when, ureq::Timeout::Resolve | ureq::Timeout::Connect),
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed | ureq::Error::BadUri(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_of_an_error_is_found_in_either_body() {
        let vendor =
            serde_json::json!({"errorsExist": true, "errorList": {"error": [{"errorMessage": "no\u{7}pe"}]}});
        assert_eq!(said(&vendor).as_deref(), Some("no pe"));
        assert_eq!(said(&serde_json::json!({"detail": "gone"})).as_deref(), Some("gone"));
        assert_eq!(said(&serde_json::json!([])), None);
        assert_eq!(s3_code("<Error><Code>SlowDown</Code></Error>"), "SlowDown");
    }
}
