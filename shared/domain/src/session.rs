//! Sessions of viewers' browsers, and what their viewers have declared (A12).

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{RepId, UserId};

/// How long a browser stays signed in, in seconds: a working day. A user that is switched off is refused before that.
pub const SESSION_SECONDS: i64 = 8 * 3600;
/// How long a user has at the issuer's page, in seconds.
pub const SIGN_IN_SECONDS: i64 = 10 * 60;
/// How long a viewer elsewhere may go by a pass before it asks for another, in seconds (AUTH-10).
pub const PASS_SECONDS: i64 = 5 * 60;
/// How long a declaration that was accepted holds, in seconds.
pub const DECLARED_SECONDS: i64 = 12 * 3600;

/// The name under which a session is kept: a digest of the secret in the browser's cookie, never the secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionId(String);

impl SessionId {
    /// The session whose secret has this digest.
    pub fn of_digest(digest: impl Into<String>) -> Self {
        Self(digest.into())
    }

    /// The digest.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A browser in which a user has signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Who has signed in.
    pub user: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When the table may forget it, in seconds since 1970.
    pub ttl: i64,
}

impl Session {
    /// One that begins now.
    pub fn begin(id: SessionId, user: UserId, now: Timestamp) -> Self {
        let expires_at = after(now, SESSION_SECONDS);
        Self { id, user, created_at: now, expires_at, ttl: expires_at.as_second() }
    }

    /// Whether it still holds.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

/// A sign-in that a browser has begun at the issuer's page. It is taken once, by the browser that began it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// Digest of the `state` that the issuer sends back.
    pub state: SessionId,
    /// Digest of the secret in the cookie of the browser that began it.
    pub browser: SessionId,
    /// What the issuer's token must name, so that no other sign-in's token fits.
    pub nonce: String,
    /// What proves to the issuer that whoever began it also ends it (PKCE).
    pub verifier: String,
    /// The id of what the viewer goes back to; none where a viewer elsewhere waits for the window to close.
    pub to: Option<String>,
    /// Until when it may end.
    pub expires_at: Timestamp,
    /// When the table may forget it, in seconds since 1970.
    pub ttl: i64,
}

/// That a browser was let in a moment ago, for a viewer elsewhere to show at the probe service (AUTH-5). No door of ours
/// takes it for a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// Digest of the token.
    pub id: SessionId,
    /// The browser's session; what ends that ends this (AUTH-10).
    pub session: SessionId,
    /// Whether someone has signed in in it.
    pub signed_in: bool,
    /// Until when it holds.
    pub expires_at: Timestamp,
    /// When the table may forget it, in seconds since 1970.
    pub ttl: i64,
}

impl Pass {
    /// One that begins now.
    pub fn begin(id: SessionId, session: SessionId, signed_in: bool, now: Timestamp) -> Self {
        let expires_at = after(now, PASS_SECONDS);
        Self { id, session, signed_in, expires_at, ttl: expires_at.as_second() }
    }
}

/// Whom a declaration or a seat is bound to: a user wherever it has signed in, else one browser.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder(String);

impl Holder {
    /// A user.
    pub fn user(id: &UserId) -> Self {
        Self(format!("USER#{id}"))
    }

    /// A browser in which nobody has signed in.
    pub fn session(id: &SessionId) -> Self {
        Self(format!("SESSION#{id}"))
    }

    /// The holder as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a viewer has answered to the declaration of a representation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// Who.
    pub holder: Holder,
    /// To what.
    pub representation: RepId,
    /// SHA-256 of the text, in hex: another text is another declaration.
    pub text_sha256: String,
    /// Yes or no.
    pub accepted: bool,
    /// When.
    pub at: Timestamp,
    /// When the table may forget it, in seconds since 1970.
    pub ttl: i64,
}

impl Declared {
    /// Until when the answer holds.
    pub fn until(&self) -> Timestamp {
        after(self.at, DECLARED_SECONDS)
    }

    /// Whether it lets the viewer in under the text with this digest.
    pub fn lets_in(&self, text_sha256: &str, now: Timestamp) -> bool {
        self.accepted && self.text_sha256 == text_sha256 && now < self.until()
    }
}

/// The time so many seconds later; time itself ends somewhere.
pub(crate) fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(at)
}
