//! Tells targets outside of what changed: a change of a webhook's profile, or the clock -> SQS `deliveries` -> here.

use lambda_runtime::Error;
use vitrine_triggers::deliver_batch;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    vitrine_runtime::lambda::serve_batches(deliver_batch).await
}
