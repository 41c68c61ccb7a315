//! Sessions of viewers' browsers: what declarations and seats are bound to (A12, A15).

use std::fmt;

use serde::{Deserialize, Serialize};

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
