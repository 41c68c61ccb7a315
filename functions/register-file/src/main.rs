//! Registers what arrives in the incoming bucket: S3 -> SQS `incoming` -> here.

use lambda_runtime::Error;
use vitrine_triggers::incoming_batch;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    vitrine_runtime::lambda::serve_batches(incoming_batch).await
}
