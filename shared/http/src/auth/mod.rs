//! Who is calling: a bearer token or an API key becomes an [`Actor`] (R7, B33-B36).
//!
//! Nothing of a credential reaches a log line, an error text or a `Debug` form.

mod cdn;
mod credentials;
mod directory;
mod jwks;
mod keys;
mod refusals;
mod sessions;
mod sign_in;
#[cfg(test)]
mod tests;
mod token;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use http::Extensions;
use http::request::Parts;
use jsonwebtoken::DecodingKey;
use vitrine_domain::Timestamp;
use vitrine_domain::actor::{Actor, KeyPermission};
use vitrine_domain::ids::UserId;
use vitrine_domain::session::SessionId;

pub use cdn::Cdn;
pub use credentials::{Credential, CredentialError, credential_of};
pub use directory::{CachedDirectory, Directory, Looked, Unavailable};
pub use jwks::{FetchKeys, JwksCache, KeySetError};
pub use keys::{hash_key, new_key};
use refusals::Refusals;
pub use sessions::{SessionCookie, SigningIn, digest_of, is_from_a_page_of_ours, new_secret};
pub use sign_in::{AskError, AskIssuer, SignIn, SignInError, SignInSettings};
pub use token::{TokenError, TokenSettings, verify, verify_sign_in};

/// The address that a request came from, put into its extensions by the entry point: the gateway's request context or
/// the socket, never a header (B36).
#[derive(Debug, Clone, Copy)]
pub struct SourceAddress(pub IpAddr);

impl SourceAddress {
    /// Whom an address stands for where callers are counted: an IPv6 network of 64 bits is one house.
    pub fn counted(address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 => v4,
        }
    }

    /// The address of a request in its one form: an IPv4 address in IPv6 clothes is the IPv4 address (B37).
    pub fn of(extensions: &Extensions) -> Option<IpAddr> {
        extensions.get::<Self>().map(|address| match address.0 {
            IpAddr::V6(v6) => canonical(v6),
            v4 => v4,
        })
    }
}

fn canonical(v6: Ipv6Addr) -> IpAddr {
    v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)
}

/// Why nobody is calling.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No credential was sent.
    #[error("no credential was sent")]
    Missing,
    /// The credential is not valid; why is for the log.
    #[error("the credential is not valid: {0}")]
    Invalid(&'static str),
    /// The address has sent too many wrong ones; this one was not looked at.
    #[error("too many wrong credentials; try again in {wait_seconds} s")]
    TooMany {
        /// After how many seconds trying again makes sense.
        wait_seconds: u64,
    },
    /// Whether it is valid can not be told now.
    #[error("the credential can not be checked now")]
    Unavailable,
}

/// Makes actors of credentials.
#[derive(Clone)]
pub struct Authenticator {
    settings: Arc<TokenSettings>,
    keys: Arc<JwksCache>,
    directory: Arc<CachedDirectory>,
    refusals: Arc<Refusals>,
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").field("issuer", &self.settings.issuer).finish_non_exhaustive()
    }
}

impl Authenticator {
    /// An authenticator that trusts one issuer and one directory of users and keys.
    pub fn new(settings: TokenSettings, keys: JwksCache, directory: CachedDirectory) -> Self {
        Self {
            settings: Arc::new(settings),
            keys: Arc::new(keys),
            directory: Arc::new(directory),
            refusals: Arc::default(),
        }
    }

    /// The actor that a request's credential stands for.
    ///
    /// A valid token of a user that the directory does not know is a caller without roles, not a wrong credential.
    /// After too many wrong credentials of its address a key is only looked for in memory: neighbours who work go on
    /// working, and guesses cost no reads. Without an address nothing is counted; both entry points give one.
    ///
    /// # Errors
    /// [`AuthError::Missing`] without a credential; the others as they say.
    pub async fn authenticate(&self, parts: &Parts, now: Timestamp) -> Result<Actor, AuthError> {
        let counted = SourceAddress::of(&parts.extensions).map(SourceAddress::counted);
        let wait = counted.and_then(|address| self.refusals.wait(address, now));
        let found = self.check(parts, wait.is_none(), now).await;
        if let Err(AuthError::Invalid(_)) = found {
            match (wait, counted) {
                (Some(wait_seconds), _) => return Err(AuthError::TooMany { wait_seconds }),
                (None, Some(address)) => self.refusals.add(address, now),
                (None, None) => {}
            }
        }
        found
    }

    async fn check(&self, parts: &Parts, may_ask: bool, now: Timestamp) -> Result<Actor, AuthError> {
        let source_ip = SourceAddress::of(&parts.extensions);
        match credential_of(&parts.headers, parts.uri.query().unwrap_or_default()) {
            Err(CredentialError::Missing) => Err(AuthError::Missing),
            Err(error) => Err(AuthError::Invalid(error.reason())),
            Ok(Credential::Bearer(token)) => {
                let id = self.user_of(&token, now).await?;
                self.actor_of(id, source_ip, now).await
            }
            Ok(Credential::ApiKey(key)) => {
                let hash = hash_key(&key);
                let found = if may_ask {
                    self.directory.key(&hash, now).await.map_err(|_| AuthError::Unavailable)?
                } else {
                    self.directory.remembered_key(&hash, now)
                };
                let Some(key) = found.filter(|key| key.active) else {
                    return Err(AuthError::Invalid("no such API key, or it was revoked"));
                };
                let id: UserId =
                    format!("key:{}", key.id).parse().map_err(|_| AuthError::Invalid("malformed key id"))?;
                let read_only = key.permission == KeyPermission::ReadOnly;
                Ok(Actor { read_only, source_ip, ..Actor::new(id, key.grants) })
            }
        }
    }

    async fn actor_of(
        &self,
        id: UserId,
        source_ip: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Actor, AuthError> {
        let user = self.directory.user(&id, now).await.map_err(|_| AuthError::Unavailable)?;
        match user {
            Some(user) if !user.active => Err(AuthError::Invalid("the user is switched off")),
            Some(user) => Ok(Actor {
                id,
                grants: user.grants,
                groups: user.groups,
                campuses: user.campuses,
                courses: user.courses,
                read_only: false,
                source_ip,
            }),
            None => Ok(Actor { source_ip, ..Actor::new(id, Vec::new()) }),
        }
    }

    /// The actor that has signed in in the browser with this cookie; `None` where nobody has, or no longer.
    ///
    /// Only delivery asks: the staff API takes no cookies, so no page of another site can make a browser change anything.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] where it can not be told now.
    pub async fn actor_of_session(
        &self,
        cookie: &SessionCookie,
        source_ip: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Option<Actor>, AuthError> {
        match cookie.is_signed_in() {
            true => self.actor_of_session_id(&cookie.id(), source_ip, now).await,
            false => Ok(None),
        }
    }

    /// The actor that has signed in in a browser's session; `None` where nobody has, or no longer.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] where it can not be told now.
    pub async fn actor_of_session_id(
        &self,
        session: &SessionId,
        source_ip: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Option<Actor>, AuthError> {
        let session = self.directory.session(session, now).await.map_err(|_| AuthError::Unavailable)?;
        let Some(session) = session.filter(|session| session.holds(now)) else { return Ok(None) };
        match self.actor_of(session.user, source_ip, now).await {
            Ok(actor) => Ok(Some(actor)),
            Err(AuthError::Invalid(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Forgets what is remembered of a session that was ended.
    pub fn forget_session(&self, session: &SessionId) {
        self.directory.forget_session(session);
    }

    /// The user whom the token that ends a sign-in stands for: one for `client`, of the sign-in that `nonce` names.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] for any other token and for a user that is switched off, [`AuthError::Unavailable`] where it
    /// can not be told now.
    pub async fn user_of_sign_in(
        &self,
        token: &str,
        client: &str,
        nonce: &str,
        now: Timestamp,
    ) -> Result<UserId, AuthError> {
        let key = self.key_of(token, now).await?;
        let settings = TokenSettings { issuer: self.settings.issuer.clone(), audience: client.to_owned() };
        let user = verify_sign_in(token, &key, &settings, nonce, now)
            .map_err(|error| AuthError::Invalid(error.reason()))?;
        Ok(self.actor_of(user, None, now).await?.id)
    }

    async fn user_of(&self, token: &str, now: Timestamp) -> Result<UserId, AuthError> {
        let key = self.key_of(token, now).await?;
        verify(token, &key, &self.settings, now).map_err(|error| AuthError::Invalid(error.reason()))
    }

    async fn key_of(&self, token: &str, now: Timestamp) -> Result<Arc<DecodingKey>, AuthError> {
        let kid = token::key_id(token).map_err(|error| AuthError::Invalid(error.reason()))?;
        let key = self.keys.key(&kid, now).await.map_err(|_| AuthError::Unavailable)?;
        key.ok_or(AuthError::Invalid("the token names no key of the issuer"))
    }
}
