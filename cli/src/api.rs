//! HTTP: the API with its key, and signed addresses without it. Repeats what may be repeated.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::Read;
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{Request, Response};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, SendBody};

use crate::answers::{read_answer, reason, retry_after, s3_code, understand, was_not_sent};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::terminal;
use crate::wire::Signed;

/// The first pause before a request is repeated; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(400);
/// The longest pause, unless the service asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause that a service can ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// Whether a request whose answer was lost may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Doing it twice is the same as doing it once.
    Yes,
    /// Only where it certainly was not taken the first time.
    IfNotTaken,
}

/// What S3 said to bytes sent to a signed address.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    /// Taken, with this ETag.
    Taken(Option<String>),
    /// The address is not valid any more; ask for another.
    Stale(String),
    /// S3 or the network is not well; try again later, with another address.
    Again { why: String, after: Option<Duration> },
    /// Something is there already, and the address was for something new only.
    Occupied,
    /// Not taken as it is.
    Refused(String),
}

/// The API of one repository.
pub struct Api {
    agent: Agent,
    settings: Settings,
}

impl Api {
    /// A client for these settings; nothing is sent yet.
    pub fn new(settings: Settings) -> Self {
        let local = ["http://127.", "http://localhost", "http://[::1]"];
        if settings.url.starts_with("http://") && !local.iter().any(|start| settings.url.starts_with(start)) {
            terminal::note("note: the address begins with http://, so the API key is sent unencrypted");
        }
        let idle = usize::from(settings.parallel) + 1;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would take key and signature elsewhere.
            .max_redirects(0)
            .user_agent(concat!("vitrine-cli/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .max_idle_connections(2 * idle)
            .max_idle_connections_per_host(idle)
            .timeout_resolve(Some(Duration::from_secs(15)))
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_per_write(Some(Duration::from_secs(60)))
            .timeout_per_read(Some(Duration::from_secs(60)))
            // S3 may hash for minutes before it answers the last part of a large file.
            .timeout_recv_response(Some(Duration::from_secs(300)))
            .build();
        Self { agent: config.new_agent(), settings }
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// See [`Failure`]; 404 is [`Failure::NotFound`].
    pub fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, Failure> {
        let value = self.call("GET", path, query, None, Again::Yes)?;
        understand(value)
    }

    /// Posts a body, or nothing.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&impl Serialize>,
        again: Again,
    ) -> Result<T, Failure> {
        let body = match body {
            Some(body) => Some(
                serde_json::to_vec(body)
                    .map_err(|error| Failure::Invalid(format!("the request can not be written: {error}")))?,
            ),
            None => None,
        };
        understand(self.call("POST", path, query, Some(body.as_deref().unwrap_or_default()), again)?)
    }

    fn call(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&[u8]>,
        again: Again,
    ) -> Result<Value, Failure> {
        let mut repeats = Repeats::new(self.settings.retries);
        loop {
            let (why, asked) = match self.once(method, path, query, body) {
                Ok(mut response) => {
                    let throttled = response.status().as_u16() == 429;
                    let asked = retry_after(&response);
                    match read_answer(&mut response) {
                        Err(Failure::Unavailable(why)) if throttled || again == Again::Yes => (why, asked),
                        answer => return answer,
                    }
                }
                Err(error) => {
                    let why = reason(&error);
                    if again == Again::IfNotTaken && !was_not_sent(&error) {
                        return Err(Failure::Unavailable(format!(
                            "{why}; whether the repository took the request is not known, so look before repeating it"
                        )));
                    }
                    (why, None)
                }
            };
            if !repeats.pause(&why, asked) {
                return Err(Failure::Unavailable(format!("{} does not answer: {why}", self.host())));
            }
        }
    }

    fn once(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Response<Body>, ureq::Error> {
        let mut address = format!("{}/{path}", self.settings.url);
        for (at, (name, value)) in query.iter().enumerate() {
            address.push(if at == 0 { '?' } else { '&' });
            address.push_str(name);
            address.push('=');
            encode(value, &mut address);
        }
        let request = Request::builder()
            .method(method)
            .uri(address)
            .header("authorization", format!("apikey {}", self.settings.key.reveal()))
            .header("accept", "application/json");
        match body {
            None => self.agent.run(request.body(())?),
            Some(bytes) => self.agent.run(request.header("content-type", "application/json").body(bytes)?),
        }
    }

    fn host(&self) -> &str {
        self.settings.url.split('/').nth(2).unwrap_or_default()
    }

    /// Sends bytes to a signed address, once. The key is not sent there.
    pub fn send(&self, signed: &Signed, bytes: &mut dyn Read, size: u64) -> Sent {
        let mut request = Request::builder().method(signed.method.as_str()).uri(&signed.url);
        for header in &signed.header {
            // The length is set once, below.
            if !header.name.eq_ignore_ascii_case("content-length")
                && !header.name.eq_ignore_ascii_case("host")
            {
                request = request.header(&header.name, &header.value);
            }
        }
        let request = request.header("content-length", size).body(SendBody::from_reader(bytes));
        let request = match request {
            Ok(request) => request,
            Err(_) => return Sent::Refused("the signed address can not be used".to_owned()),
        };
        let mut response = match self.agent.run(request) {
            Ok(response) => response,
            Err(error) => return Sent::Again { why: reason(&error), after: None },
        };
        let status = response.status().as_u16();
        let after = retry_after(&response);
        let etag = response
            .headers()
            .get("etag")
            .and_then(|value| value.to_str().ok())
            .map(|etag| etag.trim_matches('"').to_owned());
        // Read to the end, so that the connection can be used again.
        let said = response.body_mut().with_config().limit(1 << 20).read_to_string().unwrap_or_default();
        let code = s3_code(&said);
        match (status, code.as_str()) {
            (200..=299, _) => Sent::Taken(etag),
            (403, _) => Sent::Stale(code),
            (
                400,
                "RequestTimeout"
                | "BadDigest"
                | "XAmzContentChecksumMismatch"
                | "IncompleteBody"
                | "ExpiredToken",
            ) => Sent::Again { why: format!("the bytes did not arrive as they are ({code})"), after },
            (412, _) => Sent::Occupied,
            // 409: another request for the same key is under way.
            (408 | 409 | 429 | 500.., _) => {
                Sent::Again { why: format!("the storage is busy (HTTP {status})"), after }
            }
            _ => Sent::Refused(format!("the storage did not take it (HTTP {status} {code})")),
        }
    }

    /// Fetches a signed address.
    ///
    /// # Errors
    /// Anything but an answer with bytes; 404 is [`Failure::NotFound`].
    pub fn fetch(&self, url: &str) -> Result<impl Read + use<>, Failure> {
        Ok(self.fetch_from(url, 0)?.1)
    }

    /// The same from a byte on; `false` beside bytes that are from the first on after all.
    ///
    /// # Errors
    /// As of [`Api::fetch`].
    pub fn fetch_from(&self, url: &str, from: u64) -> Result<(bool, impl Read + use<>), Failure> {
        let mut repeats = Repeats::new(self.settings.retries);
        let mut from = from;
        loop {
            let mut request = Request::builder().method("GET").uri(url);
            if from > 0 {
                request = request.header("range", format!("bytes={from}-"));
            }
            let request = request.body(());
            let request = request.map_err(|_| Failure::Invalid("the link can not be used".to_owned()))?;
            let (why, asked) = match self.agent.run(request) {
                Ok(response) if response.status().is_success() => {
                    let goes_on = from > 0 && response.status().as_u16() == 206;
                    return Ok((goes_on, response.into_body().into_with_config().limit(u64::MAX).reader()));
                }
                // Nothing comes after that byte: what is here is no beginning of it.
                Ok(response) if from > 0 && response.status().as_u16() == 416 => {
                    from = 0;
                    continue;
                }
                Ok(response) if response.status().as_u16() < 500 && response.status().as_u16() != 429 => {
                    let status = response.status().as_u16();
                    let why = format!("the link was not answered (HTTP {status})");
                    return Err(if status == 404 { Failure::NotFound(why) } else { Failure::Invalid(why) });
                }
                Ok(response) => (format!("HTTP {}", response.status().as_u16()), retry_after(&response)),
                Err(error) => (reason(&error), None),
            };
            if !repeats.pause(&why, asked) {
                return Err(Failure::Unavailable(format!("the storage does not answer: {why}")));
            }
        }
    }
}

/// Counts repeats and waits between them, longer each time.
pub struct Repeats {
    left: u32,
    pause: Duration,
}

impl Repeats {
    /// At most this many.
    pub fn new(most: u32) -> Self {
        Self { left: most, pause: FIRST_PAUSE }
    }

    /// Waits; `false` when there were enough.
    pub fn pause(&mut self, why: &str, asked: Option<Duration>) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let pause = match asked {
            Some(asked) => asked.min(LONGEST_ASKED),
            // Half of it by chance, so that many clients do not come back at once.
            None => self.pause.mul_f64(0.5 + 0.5 * chance()),
        };
        if pause >= Duration::from_secs(3) {
            terminal::note(&format!("{}; trying again in {} s", terminal::plain(why), pause.as_secs()));
        }
        thread::sleep(pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}

/// A number from 0 to 1 that differs between processes and calls.
fn chance() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    f64::from((random >> 32) as u32) / f64::from(u32::MAX)
}

/// An id as a segment of a path.
///
/// # Errors
/// Something that is no id.
pub fn segment<'a>(id: &'a str, what: &str) -> Result<&'a str, Failure> {
    let fits = !id.is_empty()
        && id.len() <= 100
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if fits {
        Ok(id)
    } else {
        Err(Failure::Invalid(format!("`{}` is not the id of {what}", terminal::plain(id))))
    }
}

fn encode(value: &str, into: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                into.push(char::from(byte))
            }
            _ => into.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_become_parts_of_a_path() {
        assert!(segment("784-8_A1", "a job").is_ok());
        for bad in ["", "..", "a/b", "a?b", "é", "%2e"] {
            assert!(segment(bad, "a job").is_err(), "{bad}");
        }
    }

    #[test]
    fn query_values_are_encoded() {
        let mut text = String::new();
        encode("p 1/é&", &mut text);
        assert_eq!(text, "p%201%2F%C3%A9%26");
    }
}
