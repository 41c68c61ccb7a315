//! Sessions: a browser in which a user has signed in.

use vitrine_domain::ids::UserId;
use vitrine_domain::session::{Session, SessionId};

use crate::{App, AppError, Call};

impl App {
    /// Begins a session for a user who has proved to be it.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn sign_in(&self, call: &Call, id: SessionId, user: &UserId) -> Result<Session, AppError> {
        let session = Session::begin(id, user.clone(), call.now);
        self.sessions.keep_session(&session).await?;
        Ok(session)
    }

    /// Ends a session; nothing is fine.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn sign_out(&self, id: &SessionId) -> Result<(), AppError> {
        Ok(self.sessions.end_session(id).await?)
    }
}
