//! Delivery: what viewers and pages ask for. So far the thumbnail service (T3, T5).

use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use vitrine_app::Call;
use vitrine_app::thumbnails::{Picture, Pictured};
use vitrine_domain::actor::Actor;
use vitrine_domain::audit::Origin;
use vitrine_domain::ids::UserId;
use vitrine_domain::rights;

use crate::auth::{AuthError, SourceAddress};
use crate::routes::Api;
use crate::wire::{Exchange, Params, Problem, with_edge};

/// A viewer: someone with a credential, or anyone.
struct Viewer {
    call: Call,
    /// What the decision is told of the viewer.
    rights: rights::Viewer,
}

impl FromRequestParts<Api> for Viewer {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let exchange = Exchange::of(&parts.extensions)?.clone();
        let now = (api.clock)();
        let actor = match api.authenticator.authenticate(parts, now).await {
            Ok(actor) => Some(actor),
            Err(AuthError::Missing) => None,
            // A wrong credential is not nobody: the client should know that it is wrong.
            Err(error) => return Err(error.into()),
        };
        if let Some(actor) = &actor {
            let _ = exchange.caller.set(actor.id.to_string());
        }
        let address = SourceAddress::of(&parts.extensions);
        // Who has no name is counted by address; no name has a space.
        let counted = match (&actor, address) {
            (Some(actor), _) => Some(actor.id.to_string()),
            (None, address) => address.map(|it| format!("address {}", SourceAddress::counted(it))),
        };
        if let Some(counted) = counted {
            exchange.admit(&api.throttle, &counted)?;
        }
        let rights = rights::Viewer::of(actor.as_ref(), address);
        let anonymous =
            || Actor { read_only: true, source_ip: address, ..Actor::new(UserId::system(), Vec::new()) };
        let actor = actor.unwrap_or_else(anonymous);
        Ok(Self { call: Call { actor, origin: Origin::Api, request_id: exchange.request_id, now }, rights })
    }
}

/// The routes of delivery below `/view`.
pub fn delivery_router(api: Api) -> Router {
    with_edge(
        Router::new().route("/view/delivery/thumbnail/{institution}/{id}", get(thumbnail)).with_state(api),
    )
}

/// Says which file's picture it is, or why it is an icon (complaint 6).
const SOURCE: HeaderName = HeaderName::from_static("x-thumbnail-source");
/// The long side of a picture unless asked otherwise.
const DEFAULT_SIDE: u32 = 200;

async fn thumbnail(
    State(api): State<Api>,
    viewer: Viewer,
    Path([institution, id]): Path<[String; 2]>,
    params: Params,
) -> Result<Response, Problem> {
    let not_found =
        || Problem::not_found(format!("there is no thumbnail `{}`", id.chars().take(64).collect::<String>()));
    if institution != api.addresses.institution {
        return Err(not_found());
    }
    params.only(&["size"])?;
    let size = params.number("size", DEFAULT_SIDE, 10_000)?;
    let what: Pictured = id.parse().map_err(|_| not_found())?;
    let picture = api.app.thumbnail(&viewer.call, &viewer.rights, &what, size).await?;
    Ok(match picture {
        Picture::Link { url, file, shared_seconds } => {
            let mut response = StatusCode::FOUND.into_response();
            let headers = response.headers_mut();
            headers.insert(LOCATION, HeaderValue::from_str(&url).map_err(|_| Problem::internal())?);
            headers.insert(
                SOURCE,
                HeaderValue::from_str(&format!("file {file}")).map_err(|_| Problem::internal())?,
            );
            headers.insert(CACHE_CONTROL, caching(shared_seconds)?);
            response
        }
        Picture::Icon { icon, reason } => {
            let mut response = (StatusCode::OK, icon.bytes).into_response();
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(icon.mime));
            headers.insert(
                SOURCE,
                HeaderValue::from_str(&format!("icon {reason}")).map_err(|_| Problem::internal())?,
            );
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
            response
        }
    })
}

/// What everyone may see may be remembered for a moment; the rest by nobody (B35, B52).
fn caching(shared_seconds: u64) -> Result<HeaderValue, Problem> {
    match shared_seconds {
        0 => Ok(HeaderValue::from_static("private, no-store")),
        seconds => {
            HeaderValue::from_str(&format!("public, max-age={seconds}")).map_err(|_| Problem::internal())
        }
    }
}
