//! The queues of jobs: goes on with them.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use vitrine_app::App;
use vitrine_app::jobs::Message;
use vitrine_domain::audit::Origin;

use crate::Surroundings;
use crate::batch::{Outcome, each, understood};

/// Works a batch of imports off and returns the messages to be tried again.
pub async fn imports_batch(app: &App, event: SqsEvent, around: &Surroundings<'_>) -> SqsBatchResponse {
    batch("run-import", app, event, around).await
}

/// Works a batch of exports off and returns the messages to be tried again.
pub async fn exports_batch(app: &App, event: SqsEvent, around: &Surroundings<'_>) -> SqsBatchResponse {
    batch("export", app, event, around).await
}

async fn batch(
    function: &'static str,
    app: &App,
    event: SqsEvent,
    around: &Surroundings<'_>,
) -> SqsBatchResponse {
    each(event, |id, body| async move {
        understood(function, &id, &body, around, |message| one(app, &id, message, around)).await
    })
    .await
}

async fn one(app: &App, message_id: &str, message: Message, around: &Surroundings<'_>) -> Outcome {
    let call = around.call(message.job.as_str(), Origin::Job);
    match Box::pin(app.run_job(&call, &message.job, around.now, around.time_left)).await {
        Ok(progressed) => {
            let outcome = progressed.word();
            tracing::info!(message.id = message_id, job.id = %message.job, outcome, "job worked on");
            (outcome, true)
        }
        Err(error) => {
            tracing::error!(message.id = message_id, job.id = %message.job, error = &error as &dyn std::error::Error, "job failed for now");
            ("failed", false)
        }
    }
}
