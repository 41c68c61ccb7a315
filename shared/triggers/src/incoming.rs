//! The incoming queue: registers what arrived.

use std::time::Instant;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use vitrine_app::register_file::Registered;
use vitrine_app::{App, AppError};
use vitrine_store::objects::Bucket;

use crate::batch::{Outcome, each};
use crate::decode::{Arrival, decode_arrivals};
use crate::{Metric, Surroundings};

const FUNCTION: &str = "register-file";

/// Works a batch off and returns the messages to be tried again.
pub async fn incoming_batch(app: &App, event: SqsEvent, around: &Surroundings<'_>) -> SqsBatchResponse {
    each(event, |id, body| async move { one(app, &id, &body, around).await }).await
}

/// Whether the message is done with.
async fn one(app: &App, message_id: &str, body: &str, around: &Surroundings<'_>) -> bool {
    let arrivals = match decode_arrivals(body, app.objects.bucket_name(Bucket::Incoming)) {
        Ok(arrivals) => arrivals,
        Err(error) => {
            tracing::error!(
                message.id = message_id,
                error = &error as &dyn std::error::Error,
                "message not understood"
            );
            (around.metrics)(Metric { function: FUNCTION, outcome: "not-understood", duration_ms: 0 });
            return false;
        }
    };
    let mut done = true;
    for arrival in arrivals {
        let started = Instant::now();
        let (outcome, settled) = match arrival {
            Arrival::Ignored(reason) => {
                tracing::info!(message.id = message_id, reason, "event ignored");
                ("ignored", true)
            }
            Arrival::Upload { upload, origin } => {
                let call = around.call(message_id, origin);
                let result = Box::pin(app.register_file(&call, &upload, around.time_left)).await;
                report(message_id, upload.as_str(), &result)
            }
        };
        around.count(FUNCTION, outcome, started);
        done &= settled;
    }
    done
}

fn report(message_id: &str, upload_id: &str, result: &Result<Registered, AppError>) -> Outcome {
    match result {
        Ok(Registered::File(file)) => {
            tracing::info!(message.id = message_id, upload.id = upload_id, file.id = %file, "file registered");
            ("registered", true)
        }
        Ok(Registered::Already) => {
            tracing::info!(message.id = message_id, upload.id = upload_id, "registered before");
            ("already", true)
        }
        Ok(Registered::Rejected { reason }) => {
            tracing::warn!(message.id = message_id, upload.id = upload_id, reason, "upload rejected");
            ("rejected", true)
        }
        Ok(Registered::Quarantined { reason }) => {
            tracing::warn!(message.id = message_id, upload.id = upload_id, reason, "object quarantined");
            ("quarantined", true)
        }
        Ok(Registered::Continues { hashed_bytes }) => {
            tracing::info!(
                message.id = message_id,
                upload.id = upload_id,
                hashed_bytes,
                "registration goes on"
            );
            ("continues", true)
        }
        Ok(Registered::Nothing) => {
            tracing::info!(message.id = message_id, upload.id = upload_id, "nothing to register");
            ("nothing", true)
        }
        Ok(Registered::NotThere) => {
            tracing::warn!(message.id = message_id, upload.id = upload_id, "object not there yet");
            ("not-there", false)
        }
        Err(error) => {
            tracing::error!(
                message.id = message_id,
                upload.id = upload_id,
                error = error as &dyn std::error::Error,
                "registration failed"
            );
            ("failed", false)
        }
    }
}
