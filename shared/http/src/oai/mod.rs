//! The OAI-PMH 2.0 server (S11, S12): reads the published store and nothing else.

mod activity;
mod answer;
mod request;
mod sitemap;
mod token;

use std::io::Write;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::FutureExt;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, VARY};
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode};
use vitrine_app::AppError;
use vitrine_app::publishing::oai::{Harvest, Position};
use vitrine_domain::Timestamp;
use vitrine_domain::coded::Coded;
use vitrine_domain::ids::MmsId;
use vitrine_domain::outbox::seconds;
use vitrine_domain::publishing::oai_identifier;
use vitrine_domain::publishing::profile::Rendition;
use vitrine_domain::publishing::published::{ALL, SETTLE_SECONDS, scope_of};
use vitrine_domain::publishing::repository::{OaiRepository, OaiSettings};

use self::answer::Answer;
use self::request::{Listed, OaiError, OaiRequest, Wish};
use self::token::Token;
use crate::auth::SourceAddress;
use crate::routes::Api;
use crate::wire::Params;

/// The largest form that is read.
const MAX_FORM_BYTES: usize = 64 * 1024;
/// Answers shorter than this are sent as they are.
const MIN_GZIP_BYTES: usize = 1024;

/// The routes of what tells the world of titles: the OAI-PMH server and the feed of changes below `/view`, the sitemap and
/// `robots.txt` where robots look for them.
pub fn oai_router(api: Api) -> Router {
    Router::new()
        .route("/view/oai/{institution}/request", get(answered).post(answered))
        .route("/view/oai/{institution}/activity", get(activity::collection))
        .route("/view/oai/{institution}/activity/{page}", get(activity::page))
        .route("/sitemap.xml", get(sitemap::sitemap))
        .route("/robots.txt", get(sitemap::robots))
        .with_state(api)
}

async fn answered(State(api): State<Api>, Path(institution): Path<String>, request: Request) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let headers = request.headers().clone();
    let mut response = AssertUnwindSafe(handle(&api, &institution, request))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "the server failed"));
    let fixed = response.headers_mut();
    fixed.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    fixed.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fixed.insert(VARY, HeaderValue::from_static("accept-encoding"));
    let response = compressed(&headers, response).await;
    tracing::info!(
        http.method = %method,
        http.route = "/view/oai/{institution}/request",
        http.status = response.status().as_u16(),
        duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "harvest answered"
    );
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// Too much is asked, or a store does not answer: harvesters know 503 and wait (OAI-12).
fn later(seconds: u32) -> Response {
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, "try again later");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// Holds back who asks too often (D23).
fn held_back(api: &Api, address: Option<IpAddr>) -> Option<Response> {
    let caller = format!("address {}", SourceAddress::counted(address?));
    api.throttle.admit(&caller).err().map(|problem| later(problem.retry_after.unwrap_or(1)))
}

/// The repository, for who may harvest it.
async fn admitted(api: &Api, institution: &str, extensions: &Extensions) -> Result<OaiRepository, Response> {
    if institution != api.addresses.institution {
        return Err(plain(StatusCode::NOT_FOUND, "there is no such repository"));
    }
    let address = SourceAddress::of(extensions);
    if let Some(refusal) = held_back(api, address) {
        return Err(refusal);
    }
    let repository = match api.app.oai_repository().await {
        Ok(found) => found.unwrap_or_else(|| nothing_yet(institution)),
        Err(error) => return Err(failed(&error)),
    };
    if !repository.admits(address) {
        return Err(plain(StatusCode::FORBIDDEN, "this address may not harvest"));
    }
    Ok(repository)
}

async fn handle(api: &Api, institution: &str, request: Request) -> Response {
    let repository = match admitted(api, institution, request.extensions()).await {
        Ok(repository) => repository,
        Err(refusal) => return refusal,
    };
    let base = format!("{}/oai/{institution}/request", api.addresses.delivery);
    let server = Server { api, repository: &repository, base: &base, now: (api.clock)() };
    let (arguments, answer) = match arguments(request).await {
        Err(error) => (Vec::new(), Ok(answer::errors(&[error]))),
        Ok(arguments) => {
            let answer = server.answer(&arguments).await;
            (arguments, answer)
        }
    };
    match answer {
        Err(error) => failed(&error),
        Ok(answer) => {
            let text = answer::framed(&base, &arguments, server.now, &answer);
            (StatusCode::OK, [(CONTENT_TYPE, "text/xml; charset=utf-8")], text).into_response()
        }
    }
}

/// The repository of an institution that has published nothing yet.
fn nothing_yet(institution: &str) -> OaiRepository {
    OaiRepository {
        settings: OaiSettings::of_institution(institution),
        sets: Vec::new(),
        key: String::new(),
        version: 0,
    }
}

fn failed(error: &AppError) -> Response {
    tracing::error!(error = error as &dyn std::error::Error, "the published store failed");
    match error {
        AppError::Internal(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the server failed"),
        _ => later(5),
    }
}

/// The arguments of a request: its query, or the form that it sends (OAI-1).
async fn arguments(request: Request) -> Result<Vec<(String, String)>, OaiError> {
    let unreadable = || OaiError::new("badArgument", "the arguments can not be read");
    let query = if *request.method() == Method::POST {
        let form = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !form.is_some_and(|form| form.starts_with("application/x-www-form-urlencoded")) {
            let message = "a POST carries its arguments as `application/x-www-form-urlencoded`";
            return Err(OaiError::new("badArgument", message));
        }
        let bytes =
            axum::body::to_bytes(request.into_body(), MAX_FORM_BYTES).await.map_err(|_| unreadable())?;
        String::from_utf8(bytes.to_vec()).map_err(|_| unreadable())?
    } else {
        request.uri().query().unwrap_or_default().to_owned()
    };
    Ok(Params::parse(&query).map_err(|_| unreadable())?.into_pairs())
}

/// A request on its way to an answer.
struct Server<'a> {
    api: &'a Api,
    repository: &'a OaiRepository,
    base: &'a str,
    now: Timestamp,
}

impl Server<'_> {
    fn institution(&self) -> &str {
        &self.api.addresses.institution
    }

    async fn answer(&self, arguments: &[(String, String)]) -> Result<Answer, AppError> {
        let request = match request::read(arguments) {
            Ok(request) => request,
            Err(errors) => return Ok(answer::errors(&errors)),
        };
        match request {
            OaiRequest::Identify => Ok(answer::identify(self.base, self.repository, self.institution())),
            OaiRequest::ListMetadataFormats { identifier } => self.formats(identifier.as_deref()).await,
            OaiRequest::ListSets { token: Some(_) } => Ok(bad_token()),
            OaiRequest::ListSets { token: None } if self.repository.sets.is_empty() => {
                Ok(refused("noSetHierarchy", "the repository has no sets"))
            }
            OaiRequest::ListSets { token: None } => Ok(answer::sets(&self.repository.sets)),
            OaiRequest::GetRecord { identifier, format } => self.record(&identifier, format).await,
            OaiRequest::List(listed, wish) => self.begin(listed, wish).await,
            OaiRequest::Resume(listed, token) => {
                let token = Token::read(&token, &self.repository.key, self.institution());
                match token.filter(|token| token.listed == listed) {
                    Some(token) => self.list(token, true).await,
                    None => Ok(bad_token()),
                }
            }
        }
    }

    /// The title that an identifier names.
    fn title(&self, identifier: &str) -> Option<MmsId> {
        let begin = oai_identifier(self.institution(), "");
        identifier.strip_prefix(&begin)?.parse().ok()
    }

    async fn formats(&self, identifier: Option<&str>) -> Result<Answer, AppError> {
        let Some(identifier) = identifier else { return Ok(answer::formats(Rendition::ALL)) };
        let Some(mms) = self.title(identifier) else { return Ok(unknown()) };
        Ok(match self.api.app.published_record(&mms, None).await? {
            None => unknown(),
            Some(one) if one.row.deleted => refused("noMetadataFormats", "the record is deleted"),
            Some(_) => answer::formats(Rendition::ALL),
        })
    }

    async fn record(&self, identifier: &str, format: Rendition) -> Result<Answer, AppError> {
        let Some(mms) = self.title(identifier) else { return Ok(unknown()) };
        let Some(one) = self.api.app.published_record(&mms, Some(format)).await? else {
            return Ok(unknown());
        };
        let record = answer::record(self.institution(), &one, true);
        Ok(Answer { body: format!("<GetRecord>{record}</GetRecord>"), echo: true })
    }

    async fn begin(&self, listed: Listed, wish: Wish) -> Result<Answer, AppError> {
        if wish.set.is_some() && self.repository.sets.is_empty() {
            return Ok(refused("noSetHierarchy", "the repository has no sets"));
        }
        // What is dated ahead of the clock is not to be seen yet, and the list ends where it began.
        let now = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
        let token = Token {
            listed,
            format: wish.format,
            set: wish.set,
            from: wish.from,
            until: wish.until.map_or(now, |until| until.min(now)),
            at: Position::default(),
            cursor: 0,
        };
        self.list(token, false).await
    }

    /// A part of a list.
    async fn list(&self, token: Token, resumed: bool) -> Result<Answer, AppError> {
        let scope = match &token.set {
            None => ALL.to_owned(),
            Some(spec) => match self.repository.sets.iter().find(|set| set.spec == *spec) {
                Some(set) => scope_of(&set.profile),
                None if resumed => return Ok(bad_token()),
                None => return Ok(no_records()),
            },
        };
        let whole = token.listed == Listed::Records;
        let list = Harvest {
            scope: &scope,
            from: token.from,
            until: token.until,
            at: token.at.clone(),
            limit: self.repository.settings.page_size.max(1),
            format: whole.then_some(token.format),
        };
        let (mut records, next) = self.api.app.harvest(&list).await?;
        if records.is_empty() && resumed {
            // All that was left of the list has changed since. An answer must hold a record: one of those.
            let soon = self.now.saturating_add(seconds(2 * SETTLE_SECONDS)).unwrap_or(self.now);
            let changed =
                Harvest { from: Some(token.until), until: soon, at: Position::default(), limit: 1, ..list };
            records = self.api.app.harvest(&changed).await?.0;
        }
        if records.is_empty() {
            return Ok(if resumed { bad_token() } else { no_records() });
        }
        let verb = if whole { "ListRecords" } else { "ListIdentifiers" };
        let mut body = format!("<{verb}>\n");
        for one in &records {
            body.push_str(&answer::record(self.institution(), one, whole));
            body.push('\n');
        }
        let cursor = token.cursor;
        match next {
            Some(at) => {
                let cursor_next = cursor + records.len() as u64;
                let next = Token { at, cursor: cursor_next, ..token }
                    .write(&self.repository.key, self.institution());
                body.push_str(&format!("<resumptionToken cursor=\"{cursor}\">{next}</resumptionToken>\n"));
            }
            None if resumed => body.push_str(&format!("<resumptionToken cursor=\"{cursor}\"/>\n")),
            None => {}
        }
        body.push_str(&format!("</{verb}>"));
        Ok(Answer { body, echo: true })
    }
}

fn refused(code: &'static str, message: &str) -> Answer {
    answer::errors(&[OaiError::new(code, message)])
}

fn bad_token() -> Answer {
    refused("badResumptionToken", "the token is none of this repository's, or its list has ended")
}

fn unknown() -> Answer {
    refused("idDoesNotExist", "no record has this identifier")
}

fn no_records() -> Answer {
    refused("noRecordsMatch", "no record matches")
}

/// Compresses an answer for a client that takes that.
async fn compressed(asked: &HeaderMap, response: Response) -> Response {
    let accepts =
        asked.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).any(|value| {
            value.split(',').map(str::trim).any(|coding| {
                let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
                let weight =
                    weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
                name.trim().eq_ignore_ascii_case("gzip") && weight.is_none_or(|weight| weight > 0.0)
            })
        });
    if !accepts {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "the server failed");
    };
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let small = bytes.len() < MIN_GZIP_BYTES;
    match (small, encoder.write_all(&bytes).and_then(|()| encoder.finish())) {
        (false, Ok(packed)) => {
            parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            parts.headers.remove(http::header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(packed))
        }
        _ => Response::from_parts(parts, Body::from(bytes)),
    }
}
