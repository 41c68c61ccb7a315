//! The queue of publishing: titles that changed, and runs of publishing profiles.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use vitrine_app::publishing::{Message, PublishedWork};
use vitrine_app::{App, AppError};
use vitrine_domain::audit::Origin;

use crate::Surroundings;
use crate::batch::{Outcome, each, understood};

const FUNCTION: &str = "publish";

/// Works a batch off and returns the messages to be tried again.
pub async fn publish_batch(app: &App, event: SqsEvent, around: &Surroundings<'_>) -> SqsBatchResponse {
    each(event, |id, body| async move {
        understood(FUNCTION, &id, &body, around, |message| one(app, &id, message, around)).await
    })
    .await
}

async fn one(app: &App, message_id: &str, message: Message, around: &Surroundings<'_>) -> Outcome {
    match work(app, message_id, &message, around).await {
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
    }
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
            Ok(Box::pin(app.run_job(&call, job, around.now, around.time_left)).await?.word())
        }
    }
}
