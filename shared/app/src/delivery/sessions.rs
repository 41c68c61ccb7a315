//! Sessions: a browser in which a user has signed in, and how it comes to be one.

use vitrine_domain::Timestamp;
use vitrine_domain::ids::UserId;
use vitrine_domain::session::{Pass, SIGN_IN_SECONDS, Session, SessionId, SignIn};

use super::Asked;
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

    /// Notes that a browser goes to the issuer's page, and what it comes back with: one call.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn begin_sign_in(
        &self,
        call: &Call,
        [state, browser]: [SessionId; 2],
        [nonce, verifier]: [String; 2],
        to: Option<&Asked>,
    ) -> Result<(), AppError> {
        let expires_at = call.after_seconds(SIGN_IN_SECONDS);
        let to = to.map(ToString::to_string);
        let ttl = expires_at.as_second();
        let begun = SignIn { state, browser, nonce, verifier, to, expires_at, ttl };
        Ok(self.sessions.keep_sign_in(&begun).await?)
    }

    /// What this browser began under this state, once: `None` for another browser, the second time, and too late.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn take_sign_in(
        &self,
        call: &Call,
        state: &SessionId,
        browser: &SessionId,
    ) -> Result<Option<SignIn>, AppError> {
        let begun = self.sessions.take_sign_in(state, browser).await?;
        Ok(begun.filter(|begun| call.now < begun.expires_at))
    }

    /// The pass of this name, while it holds.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn pass(&self, id: &SessionId, now: Timestamp) -> Result<Option<Pass>, AppError> {
        Ok(self.sessions.pass(id).await?.filter(|pass| now < pass.expires_at))
    }

    /// Keeps what a viewer elsewhere shows at the probe service for a browser that was let in.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn keep_pass(
        &self,
        call: &Call,
        id: SessionId,
        session: SessionId,
        signed_in: bool,
    ) -> Result<(), AppError> {
        Ok(self.sessions.keep_pass(&Pass::begin(id, session, signed_in, call.now)).await?)
    }
}
