//! The minutely schedule of fixity: checks the files that are due (E9).

use std::time::Instant;

use vitrine_app::fixity::FixityRun;
use vitrine_app::{App, AppError};
use vitrine_domain::audit::Origin;

use crate::Surroundings;

const FUNCTION: &str = "check-fixity";

/// One run. Each file that is damaged, whole again or can not be read is a metric of its own, which alarms go by.
///
/// # Errors
/// When it can not be read which files are due; the next run tries again in a minute.
pub async fn fixity_run(
    app: &App,
    request_id: &str,
    around: &Surroundings<'_>,
) -> Result<FixityRun, AppError> {
    let started = Instant::now();
    let call = around.call(request_id, Origin::Sweep);
    let result = app.check_due_files(&call, around.now, around.time_left).await;
    let outcome = match &result {
        Ok(run) => {
            tracing::info!(
                checked = run.checked,
                read = run.read,
                read_bytes = run.read_bytes,
                damaged = run.damaged,
                recovered = run.recovered,
                unread = run.unread,
                continued = run.continued,
                failed = run.failed,
                "files checked"
            );
            let told = [
                ("damaged", run.damaged),
                ("recovered", run.recovered),
                ("unreadable", run.unreadable),
                ("behind", u32::from(run.behind)),
            ];
            for (outcome, times) in told {
                for _ in 0..times {
                    around.count(FUNCTION, outcome, started);
                }
            }
            if run.failed > 0 { "partly" } else { "done" }
        }
        Err(error) => {
            tracing::error!(error = error as &dyn std::error::Error, "files could not be checked");
            "failed"
        }
    };
    around.count(FUNCTION, outcome, started);
    result
}
