//! Who looks: someone with a credential, or anyone.

use axum::extract::FromRequestParts;
use http::header::USER_AGENT;
use http::request::Parts;
use http::{HeaderValue, Method};
use vitrine_app::Call;
use vitrine_app::delivery::{Reader, Visit};
use vitrine_domain::actor::Actor;
use vitrine_domain::audit::Origin;
use vitrine_domain::ids::UserId;
use vitrine_domain::rights;
use vitrine_domain::session::SessionId;

use crate::auth::{
    AuthError, Credential, SessionCookie, SourceAddress, credential_of, digest_of, is_from_a_page_of_ours,
};
use crate::routes::Api;
use crate::wire::{Exchange, Problem};

/// A viewer. Every route of delivery takes one.
pub(crate) struct Viewer {
    /// The call that it makes.
    pub call: Call,
    /// What the use cases are told of it.
    pub visit: Visit,
    /// Whether it came with a token of its own.
    with_token: bool,
}

impl Viewer {
    /// Who has signed in, where someone has.
    pub fn user(&self) -> Option<&UserId> {
        self.visit.user()
    }

    /// Whether it has shown a token of the user pool, and not a cookie or an API key.
    pub fn came_with_token(&self) -> bool {
        self.with_token
    }

    /// Sees to it that declarations and seats have something to be bound to, and returns the cookie that the browser is
    /// to keep where there was nothing.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn keep_session(&mut self, api: &Api) -> Result<Option<HeaderValue>, Problem> {
        if self.visit.holder().is_some() {
            return Ok(None);
        }
        let cookie = SessionCookie::new(false).map_err(|_| Problem::internal())?;
        self.visit.session = Some(cookie.id());
        Ok(cookie.set(api.addresses.is_https()))
    }
}

impl FromRequestParts<Api> for Viewer {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let now = (api.clock)();
        let address = SourceAddress::of(&parts.extensions);
        let cookie = SessionCookie::of(&parts.headers, api.addresses.is_https());
        let mut with_token = false;
        let actor = match (api.authenticator.authenticate(parts, now).await, &cookie) {
            (Ok(actor), _) => {
                with_token = !actor.id.as_str().starts_with("key:");
                Some(actor)
            }
            (Err(AuthError::Missing), Some(cookie)) => {
                let safe = matches!(parts.method, Method::GET | Method::HEAD);
                let own = &api.addresses.delivery;
                let listed = |origin: &str| api.viewer_origins.allow(origin);
                if !safe && !is_from_a_page_of_ours(&parts.headers, own, listed) {
                    return Err(Problem::foreign_page());
                }
                api.authenticator.actor_of_session(cookie, address, now).await?
            }
            (Err(AuthError::Missing), None) => None,
            // A wrong credential is not nobody: the client should know that it is wrong.
            (Err(error), _) => return Err(error.into()),
        };
        let session = cookie.map(|cookie| cookie.id());
        Self::admitted(parts, api, actor, session, with_token)
    }
}

/// Whoever passes by with a pass, or without one: the browser that it was given to, else nobody, at this address. No other
/// credential is looked at (AUTH-5, AUTH-7).
pub(crate) struct Passer(pub Viewer);

impl FromRequestParts<Api> for Passer {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let now = (api.clock)();
        let pass = match credential_of(&parts.headers, "") {
            Ok(Credential::Bearer(token)) => api.app.pass(&digest_of(&token), now).await?,
            _ => None,
        };
        let Some(pass) = pass else { return Viewer::admitted(parts, api, None, None, false).map(Self) };
        let mut actor = None;
        if pass.signed_in {
            let address = SourceAddress::of(&parts.extensions);
            actor = api.authenticator.actor_of_session_id(&pass.session, address, now).await?;
        }
        Viewer::admitted(parts, api, actor, Some(pass.session), false).map(Self)
    }
}

impl Viewer {
    fn admitted(
        parts: &Parts,
        api: &Api,
        actor: Option<Actor>,
        session: Option<SessionId>,
        with_token: bool,
    ) -> Result<Self, Problem> {
        let exchange = Exchange::of(&parts.extensions)?.clone();
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
        let viewer = rights::Viewer::of(actor.as_ref(), address);
        let anonymous =
            || Actor { read_only: true, source_ip: address, ..Actor::new(UserId::system(), Vec::new()) };
        let actor = actor.unwrap_or_else(anonymous);
        let call = Call { actor, origin: Origin::Api, request_id: exchange.request_id, now: (api.clock)() };
        // Whoever only asks for the head has looked at nothing.
        let agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).map(str::to_owned);
        let reader = (parts.method != Method::HEAD).then_some(Reader { agent });
        Ok(Self { call, visit: Visit { viewer, session, reader }, with_token })
    }
}
