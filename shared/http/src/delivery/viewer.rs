//! Who looks: someone with a credential, or anyone.

use axum::extract::FromRequestParts;
use http::request::Parts;
use vitrine_app::Call;
use vitrine_app::delivery::Visit;
use vitrine_domain::actor::Actor;
use vitrine_domain::audit::Origin;
use vitrine_domain::ids::UserId;
use vitrine_domain::rights;

use crate::auth::{AuthError, SourceAddress};
use crate::routes::Api;
use crate::wire::{Exchange, Problem};

/// A viewer. Every route of delivery takes one.
pub(crate) struct Viewer {
    /// The call that it makes.
    pub call: Call,
    /// What the use cases are told of it.
    pub visit: Visit,
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
        let viewer = rights::Viewer::of(actor.as_ref(), address);
        let anonymous =
            || Actor { read_only: true, source_ip: address, ..Actor::new(UserId::system(), Vec::new()) };
        let actor = actor.unwrap_or_else(anonymous);
        let call = Call { actor, origin: Origin::Api, request_id: exchange.request_id, now };
        Ok(Self { call, visit: Visit { viewer, session: None } })
    }
}
