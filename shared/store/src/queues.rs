//! SQS: sending work on.

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::http::Response;

use crate::clients::Clients;

/// The queues and how to reach them.
#[derive(Debug, Clone)]
pub struct Queues {
    sqs: aws_sdk_sqs::Client,
    urls: QueueUrls,
}

/// The addresses of the queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueUrls {
    /// Uploads to register.
    pub incoming: String,
    /// Thumbnails to make.
    pub derivatives: String,
    /// Marked copies to make, which somebody waits for.
    pub marks: String,
    /// Imports to go on with.
    pub imports: String,
    /// Titles to publish, and runs of publishing profiles.
    pub publish: String,
    /// Targets outside to be told of changes.
    pub deliveries: String,
    /// Targets that did not answer for long, for a person to see.
    pub deliveries_dead: String,
    /// Exports to go on with.
    pub exports: String,
}

/// One of the queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Uploads to register.
    Incoming,
    /// Thumbnails to make.
    Derivatives,
    /// Marked copies to make, which somebody waits for.
    Marks,
    /// Imports to go on with.
    Imports,
    /// Titles to publish, and runs of publishing profiles.
    Publish,
    /// Exports to go on with.
    Exports,
    /// Targets outside to be told of changes.
    Deliveries,
    /// Targets that did not answer for long, for a person to see.
    DeliveriesDead,
}

/// A message that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// SQS's id.
    pub id: String,
    /// The text.
    pub body: String,
    /// What deletes it.
    pub receipt: String,
    /// How often it was received, this time included.
    pub receive_count: u32,
}

/// Why a queue could not be used.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// SQS is busy, throttles, did not answer, or took only some of the messages; trying again later can help.
    #[error("the queue is unavailable for {operation}")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// What the SDK said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// SQS refused; trying again will not help.
    #[error("the queue refused {operation}: `{code}`")]
    Refused {
        /// What was tried.
        operation: &'static str,
        /// SQS's code, or ours.
        code: String,
    },
}

impl QueueError {
    /// Whether trying again later can help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, QueueError::Unavailable { .. })
    }

    fn of<E>(operation: &'static str, error: SdkError<E, Response>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let code = error.code().unwrap_or_default().to_owned();
        let refused = match &error {
            SdkError::ConstructionFailure(_) => true,
            SdkError::ServiceError(_) => status < 500 && status != 429 && !code.contains("Throttl"),
            _ => false,
        };
        if refused {
            let code = if code.is_empty() { status.to_string() } else { code };
            return QueueError::Refused { operation, code };
        }
        QueueError::Unavailable { operation, source: error.into() }
    }
}

impl Queues {
    /// The queues at `urls`, reached through `clients`.
    pub fn new(clients: &Clients, urls: QueueUrls) -> Self {
        Self { sqs: clients.sqs.clone(), urls }
    }

    fn url(&self, queue: Queue) -> &str {
        match queue {
            Queue::Incoming => &self.urls.incoming,
            Queue::Derivatives => &self.urls.derivatives,
            Queue::Marks => &self.urls.marks,
            Queue::Imports => &self.urls.imports,
            Queue::Publish => &self.urls.publish,
            Queue::Deliveries => &self.urls.deliveries,
            Queue::DeliveriesDead => &self.urls.deliveries_dead,
            Queue::Exports => &self.urls.exports,
        }
    }

    /// Sends one message.
    ///
    /// # Errors
    /// When SQS does not take it.
    pub async fn send(&self, queue: Queue, body: impl Into<String>) -> Result<(), QueueError> {
        self.sqs
            .send_message()
            .queue_url(self.url(queue))
            .message_body(body)
            .send()
            .await
            .map_err(|error| QueueError::of("SendMessage", error))?;
        Ok(())
    }

    /// Sends one message that is not received before `seconds` have passed; at most 900.
    ///
    /// # Errors
    /// When SQS does not take it.
    pub async fn send_later(
        &self,
        queue: Queue,
        body: impl Into<String>,
        seconds: u16,
    ) -> Result<(), QueueError> {
        self.sqs
            .send_message()
            .queue_url(self.url(queue))
            .message_body(body)
            .delay_seconds(i32::from(seconds.min(900)))
            .send()
            .await
            .map_err(|error| QueueError::of("SendMessage", error))?;
        Ok(())
    }

    /// Receives at most `limit` messages, waiting up to `wait_seconds` for the first. Functions get theirs from
    /// Lambda; this is for tools and tests.
    ///
    /// # Errors
    /// When SQS can not be asked.
    pub async fn receive(
        &self,
        queue: Queue,
        limit: u8,
        wait_seconds: u8,
    ) -> Result<Vec<Received>, QueueError> {
        let answer = self
            .sqs
            .receive_message()
            .queue_url(self.url(queue))
            .max_number_of_messages(i32::from(limit.clamp(1, 10)))
            .wait_time_seconds(i32::from(wait_seconds.min(20)))
            .message_system_attribute_names(
                aws_sdk_sqs::types::MessageSystemAttributeName::ApproximateReceiveCount,
            )
            .send()
            .await
            .map_err(|error| QueueError::of("ReceiveMessage", error))?;
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(received).collect())
    }

    /// Deletes a message that was received.
    ///
    /// # Errors
    /// When SQS can not be asked.
    pub async fn delete(&self, queue: Queue, receipt: &str) -> Result<(), QueueError> {
        self.sqs
            .delete_message()
            .queue_url(self.url(queue))
            .receipt_handle(receipt)
            .send()
            .await
            .map_err(|error| QueueError::of("DeleteMessage", error))?;
        Ok(())
    }
}

fn received(message: aws_sdk_sqs::types::Message) -> Option<Received> {
    let count = message.attributes.as_ref().and_then(|attributes| {
        attributes.get(&aws_sdk_sqs::types::MessageSystemAttributeName::ApproximateReceiveCount)?.parse().ok()
    });
    Some(Received {
        id: message.message_id?,
        body: message.body?,
        receipt: message.receipt_handle?,
        receive_count: count.unwrap_or(1),
    })
}
