//! Sessions of viewers' browsers, and what their viewers have declared (A12).

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{RepId, UserId};

/// How long a browser stays signed in, in seconds (AUTH-10 asks for no more than the token's own hour at a time; the
/// session can be ended any time, and a user that is switched off is refused at once).
pub const SESSION_SECONDS: i64 = 8 * 3600;
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
