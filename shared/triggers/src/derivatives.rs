//! The derivatives queue: makes thumbnails.

use std::time::Instant;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use vitrine_app::App;
use vitrine_app::make_derivatives::{Derived, Message};
use vitrine_domain::audit::Origin;
use vitrine_media::Tools;

use crate::incoming::{again, answer};
use crate::{Metric, Surroundings};

const FUNCTION: &str = "make-derivatives";

/// Works a batch off and returns the messages to be tried again.
pub async fn derivatives_batch(
    app: &App,
    event: SqsEvent,
    tools: &Tools,
    around: &Surroundings<'_>,
) -> SqsBatchResponse {
    let mut failures = Vec::new();
    for message in event.records {
        let id = message.message_id.unwrap_or_default();
        if !one(app, &id, message.body.as_deref().unwrap_or_default(), tools, around).await {
            failures.push(again(id));
        }
    }
    answer(failures)
}

async fn one(app: &App, message_id: &str, body: &str, tools: &Tools, around: &Surroundings<'_>) -> bool {
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
            let call = around.call(message_id, Origin::Event);
            match Box::pin(app.make_derivatives(&call, &message, tools)).await {
                Ok(Derived::Recorded(state)) => {
                    tracing::info!(message.id = message_id, file.id = %message.file, state, "thumbnail recorded");
                    (if state == "READY" { "ready" } else { "recorded" }, true)
                }
                Ok(Derived::Already) => {
                    tracing::info!(message.id = message_id, file.id = %message.file, "nothing to draw");
                    ("already", true)
                }
                Err(error) => {
                    tracing::error!(message.id = message_id, file.id = %message.file, error = &error as &dyn std::error::Error, "thumbnail failed for now");
                    ("failed", false)
                }
            }
        }
    };
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    (around.metrics)(Metric { function: FUNCTION, outcome, duration_ms });
    settled
}
