//! The derivatives queue: makes thumbnails and marked copies.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use vitrine_app::App;
use vitrine_app::make_derivatives::{Asked, Derived, MarkMessage, Marked, Message};
use vitrine_domain::audit::Origin;
use vitrine_media::Tools;

use crate::Surroundings;
use crate::batch::{Outcome, each, understood};

const FUNCTION: &str = "make-derivatives";

/// Works a batch off and returns the messages to be tried again.
pub async fn derivatives_batch(
    app: &App,
    event: SqsEvent,
    tools: &Tools,
    around: &Surroundings<'_>,
) -> SqsBatchResponse {
    each(event, |id, body| async move {
        understood(FUNCTION, &id, &body, around, async |asked| match asked {
            Asked::Thumbnail(message) => one(app, &id, message, tools, around).await,
            Asked::Mark(message) => mark(app, &id, message, tools, around).await,
        })
        .await
    })
    .await
}

async fn one(
    app: &App,
    message_id: &str,
    message: Message,
    tools: &Tools,
    around: &Surroundings<'_>,
) -> Outcome {
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

async fn mark(
    app: &App,
    message_id: &str,
    message: MarkMessage,
    tools: &Tools,
    around: &Surroundings<'_>,
) -> Outcome {
    let call = around.call(message_id, Origin::Event);
    match Box::pin(app.mark(&call, &message, tools)).await {
        Ok(marked) => {
            tracing::info!(message.id = message_id, file.id = %message.file, ?marked, "marked copy");
            let outcome = match marked {
                Marked::Made => "marked",
                Marked::Impossible => "unmarkable",
                Marked::Already => "already",
            };
            (outcome, true)
        }
        Err(error) => {
            tracing::error!(message.id = message_id, file.id = %message.file, error = &error as &dyn std::error::Error, "marking failed for now");
            ("failed", false)
        }
    }
}
