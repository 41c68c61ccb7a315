//! The schedule: does what is due.

use std::time::Instant;

use vitrine_app::sweep::Swept;
use vitrine_app::{App, AppError};
use vitrine_domain::audit::Origin;

use crate::Surroundings;

/// One run of the sweep.
///
/// # Errors
/// When the outbox can not be read; the schedule tries again in a minute.
pub async fn sweep_run(app: &App, request_id: &str, around: &Surroundings<'_>) -> Result<Swept, AppError> {
    let started = Instant::now();
    let call = around.call(request_id, Origin::Sweep);
    let result = app.sweep(&call, around.time_left).await;
    // Reports wait for nothing that is due, and nothing that is due waits for them.
    match app.report_usage(&call, around.time_left).await {
        Ok(0) => {}
        Ok(days) => tracing::info!(days, "usage reported"),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "usage could not be reported");
        }
    }
    let outcome = match &result {
        Ok(swept) => {
            tracing::info!(
                due = swept.due,
                settled = swept.settled,
                waiting = swept.waiting,
                failed = swept.failed,
                "sweep done"
            );
            if swept.failed > 0 { "partly" } else { "done" }
        }
        Err(error) => {
            tracing::error!(error = error as &dyn std::error::Error, "sweep failed");
            "failed"
        }
    };
    around.count("sweep", outcome, started);
    result
}
