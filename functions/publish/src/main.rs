//! Publishes titles that changed, and runs publishing profiles: the use cases' outbox rows -> SQS `publish` -> here.

use lambda_runtime::Error;
use vitrine_triggers::publish_batch;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    vitrine_runtime::lambda::serve_batches(publish_batch).await
}
