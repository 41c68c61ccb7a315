//! Declarations: what a viewer is to accept before it is let in, and what it has answered (A12).

use sha2::{Digest, Sha256};
use vitrine_domain::ids::RepId;
use vitrine_domain::rights::{Decision, Outcome};
use vitrine_domain::session::{DECLARED_SECONDS, Declared};

use super::{Asked, Opened, Visit};
use crate::changes::hex;
use crate::{App, AppError, Call};

/// The digest by which a text is known.
fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

impl App {
    /// Records what a viewer answers to the declaration of what `id` names. A refusal is recorded too: it takes an
    /// acceptance back.
    ///
    /// Returns what was opened, and `None` where there is no declaration to answer.
    ///
    /// # Errors
    /// [`AppError::NotFound`] as for opening.
    pub async fn declare(
        &self,
        call: &Call,
        visit: &Visit,
        id: &Asked,
        accepted: bool,
    ) -> Result<(Opened, Option<Declared>), AppError> {
        let opened = self.open(call, visit, id).await?;
        let (Outcome::Declare { text, .. }, Some(holder)) = (&opened.decision.outcome, visit.holder()) else {
            return Ok((opened, None));
        };
        let declared = Declared {
            holder,
            representation: opened.representation.id.clone(),
            text_sha256: digest(text),
            accepted,
            at: call.now,
            ttl: call.after_seconds(DECLARED_SECONDS + 3600).as_second(),
        };
        self.sessions.keep_declared(&declared).await?;
        Ok((opened, Some(declared)))
    }

    /// Whether this visitor has accepted the declaration that a decision asks for (A12). One call where it asks for one.
    pub(crate) async fn has_declared(
        &self,
        call: &Call,
        visit: &Visit,
        rep: &RepId,
        decision: &Decision,
    ) -> Result<bool, AppError> {
        let (Outcome::Declare { text, .. }, Some(holder)) = (&decision.outcome, visit.holder()) else {
            return Ok(false);
        };
        let declared = self.sessions.declared(&holder, rep).await?;
        Ok(declared.is_some_and(|declared| declared.lets_in(&digest(text), call.now)))
    }
}
