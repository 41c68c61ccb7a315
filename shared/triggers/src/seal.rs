//! The quarter-hourly schedule: seals the hours of the audit trail that are over (D24).

use std::time::Instant;

use vitrine_app::seal::Sealed;
use vitrine_app::{App, AppError};
use vitrine_domain::audit::Origin;

use crate::Surroundings;

/// One run.
///
/// # Errors
/// When rows can not be read or seals not be written; the next run goes on.
pub async fn seal_run(app: &App, request_id: &str, around: &Surroundings<'_>) -> Result<Sealed, AppError> {
    let started = Instant::now();
    let call = around.call(request_id, Origin::Sweep);
    let result = app.seal_audit(&call, around.time_left).await;
    let outcome = match &result {
        Ok(sealed) => {
            tracing::info!(hours = sealed.hours, rows = sealed.rows, "audit trail sealed");
            "done"
        }
        Err(error) => {
            tracing::error!(error = error as &dyn std::error::Error, "the audit trail could not be sealed");
            "failed"
        }
    };
    around.count("seal-audit", outcome, started);
    result
}
