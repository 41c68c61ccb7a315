//! The queue of publishing: titles that changed, and runs of publishing profiles.

use std::time::Instant;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use vitrine_app::publishing::{Message, PublishedWork};
use vitrine_app::run_import::Progressed;
use vitrine_app::{App, AppError};
use vitrine_domain::audit::Origin;

use crate::incoming::{again, answer};
use crate::{Metric, Surroundings};

const FUNCTION: &str = "publish";

/// Works a batch off and returns the messages to be tried again.
pub async fn publish_batch(app: &App, event: SqsEvent, around: &Surroundings<'_>) -> SqsBatchResponse {
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
        Ok(message) => match work(app, message_id, &message, around).await {
            Ok(outcome) => {
                tracing::info!(message.id = message_id, outcome, "publishing worked on");
                (outcome, true)
            }
            Err(error) => {
                tracing::error!(
                    message.id = message_id,
                    error = &error as &dyn std::error::Error,
                    "publishing failed for now"
                );
                ("failed", false)
            }
        },
    };
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    (around.metrics)(Metric { function: FUNCTION, outcome, duration_ms });
    settled
}

async fn work(
    app: &App,
    message_id: &str,
    message: &Message,
    around: &Surroundings<'_>,
) -> Result<&'static str, AppError> {
    let call = around.call(message_id, Origin::Event);
    match message {
        Message::Owed { event, after } => {
            let work = app.publish_owed(&call, event, after.clone(), around.now, around.time_left);
            Ok(match Box::pin(work).await? {
                PublishedWork::Changed => "changed",
                PublishedWork::Unchanged => "unchanged",
                PublishedWork::Already => "already",
                PublishedWork::Continues => "continues",
            })
        }
        Message::Job { job } => {
            Ok(match Box::pin(app.run_job(&call, job, around.now, around.time_left)).await? {
                Progressed::Ended => "ended",
                Progressed::Continues => "continues",
                Progressed::Waits => "waits",
                Progressed::Nothing => "nothing",
            })
        }
    }
}
