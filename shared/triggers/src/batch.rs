//! A batch of messages: each on its own, those that failed for now back to the queue.

use std::time::Instant;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use serde::de::DeserializeOwned;

use crate::Surroundings;

/// What a message came to, and whether it is done with.
pub(crate) type Outcome = (&'static str, bool);

/// Gives `work` each message's id and body, and returns the messages that are not done with.
pub(crate) async fn each<F: Future<Output = bool>>(
    event: SqsEvent,
    work: impl Fn(String, String) -> F,
) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in event.records {
        let id = message.message_id.unwrap_or_default();
        if !work(id.clone(), message.body.unwrap_or_default()).await {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
    }
    response
}

/// Reads a message, gives it to `work`, and counts what it came to. One that is not understood is tried again, so that it
/// ends where it is seen.
pub(crate) async fn understood<M: DeserializeOwned, F: Future<Output = Outcome>>(
    function: &'static str,
    id: &str,
    body: &str,
    around: &Surroundings<'_>,
    work: impl FnOnce(M) -> F,
) -> bool {
    let started = Instant::now();
    let (outcome, settled) = match serde_json::from_str(body) {
        Ok(message) => work(message).await,
        Err(error) => {
            tracing::error!(
                message.id = id,
                error = &error as &dyn std::error::Error,
                "message not understood"
            );
            ("not-understood", false)
        }
    };
    around.count(function, outcome, started);
    settled
}
