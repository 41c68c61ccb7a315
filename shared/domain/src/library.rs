//! Libraries of the institution: codes that collections and representations name and that roles are scoped to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::IdError;

/// A library's code, for example `MAIN`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LibraryCode(String);

impl LibraryCode {
    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LibraryCode {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let legal = (1..=50).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if legal {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError { kind: "library", given: text.chars().take(64).collect() })
        }
    }
}

impl TryFrom<String> for LibraryCode {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<LibraryCode> for String {
    fn from(code: LibraryCode) -> String {
        code.0
    }
}

impl fmt::Display for LibraryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Library {
    /// Its code.
    pub code: LibraryCode,
    /// Its name.
    pub name: String,
    /// How many times it was written; the store refuses a write that expects another number.
    pub version: u64,
}
