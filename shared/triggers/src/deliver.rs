//! The queue of deliveries: targets outside that are to be told of what changed, or sent files.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use vitrine_app::publishing::DeliverMessage;
use vitrine_app::{App, AppError};
use vitrine_domain::audit::Origin;

use crate::Surroundings;
use crate::batch::{Outcome, each, understood};

const FUNCTION: &str = "deliver";

/// Works a batch off and returns the messages to be tried again.
pub async fn deliver_batch(app: &App, event: SqsEvent, around: &Surroundings<'_>) -> SqsBatchResponse {
    each(event, |id, body| async move {
        understood(FUNCTION, &id, &body, around, |message| one(app, &id, message, around)).await
    })
    .await
}

async fn one(app: &App, message_id: &str, message: DeliverMessage, around: &Surroundings<'_>) -> Outcome {
    match work(app, message_id, &message, around).await {
        Ok(outcome) => {
            tracing::info!(message.id = message_id, outcome, "delivery worked on");
            (outcome, true)
        }
        Err(error) => {
            tracing::error!(
                message.id = message_id,
                error = &error as &dyn std::error::Error,
                "delivery failed for now"
            );
            ("failed", false)
        }
    }
}

async fn work(
    app: &App,
    message_id: &str,
    message: &DeliverMessage,
    around: &Surroundings<'_>,
) -> Result<&'static str, AppError> {
    let call = around.call(message_id, Origin::Event);
    let (now, time_left) = (around.now, around.time_left);
    Ok(match message {
        DeliverMessage::Profile { profile } => {
            Box::pin(app.deliver(&call, profile, now, time_left)).await?.word()
        }
        DeliverMessage::Job { job } => Box::pin(app.run_job(&call, job, now, time_left)).await?.word(),
    })
}
