//! The queue of imports: goes on with jobs.

use std::time::Instant;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use vitrine_app::App;
use vitrine_app::jobs::Message;
use vitrine_app::run_import::Progressed;
use vitrine_domain::audit::Origin;

use crate::incoming::{again, answer};
use crate::{Metric, Surroundings};

const FUNCTION: &str = "run-import";

/// Works a batch off and returns the messages to be tried again.
pub async fn imports_batch(app: &App, event: SqsEvent, around: &Surroundings<'_>) -> SqsBatchResponse {
    let mut failures = Vec::new();
    for message in event.records {
        let id = message.message_id.unwrap_or_default();
        if !one(app, &id, message.body.as_deref().unwrap_or_default(), around).await {
            failures.push(again(id));
        }
    }
    answer(failures)
}

async fn one(app: &App, message_id: &str, body: &str, around: &Surroundings<'_>) -> bool {
    let started = Instant::now();
    let (outcome, settled) = match serde_json::from_str::<Message>(body) {
        Err(error) => {
            tracing::error!(
                message.id = message_id,
                error = &error as &dyn std::error::Error,
                "message not understood"
            );
            ("not-understood", false)
        }
        Ok(message) => {
            let call = around.call(message.job.as_str(), Origin::Job);
            match Box::pin(app.run_job(&call, &message.job, around.now, around.time_left)).await {
                Ok(progressed) => {
                    let outcome = match progressed {
                        Progressed::Ended => "ended",
                        Progressed::Continues => "continues",
                        Progressed::Waits => "waits",
                        Progressed::Nothing => "nothing",
                    };
                    tracing::info!(message.id = message_id, job.id = %message.job, outcome, "job worked on");
                    (outcome, true)
                }
                Err(error) => {
                    tracing::error!(message.id = message_id, job.id = %message.job, error = &error as &dyn std::error::Error, "job failed for now");
                    ("failed", false)
                }
            }
        }
    };
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    (around.metrics)(Metric { function: FUNCTION, outcome, duration_ms });
    settled
}
