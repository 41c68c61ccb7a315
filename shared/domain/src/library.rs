//! Libraries of the institution: codes that collections and representations name and that roles are scoped to.

use serde::{Deserialize, Serialize};

use crate::ids::{checked_text, is_code};

checked_text!(
    /// A library's code, for example `MAIN`.
    LibraryCode, "library", is_code
);

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
