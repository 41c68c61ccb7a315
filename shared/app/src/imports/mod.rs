//! Import profiles and the folders that they are applied to (domain.md 6.4).

pub mod ingests;
pub mod profiles;

use crate::{App, AppError};

impl App {
    /// The id of an access rights policy by its name. There are none yet, so a row that names one fails and says so.
    #[expect(clippy::unused_async, reason = "policies will be looked up")]
    pub(crate) async fn policy_named(&self, _name: &str) -> Result<Option<String>, AppError> {
        Ok(None)
    }
}
