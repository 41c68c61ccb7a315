//! Goes on with exports: SQS `exports` -> here.

use lambda_runtime::Error;
use vitrine_triggers::exports_batch;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    vitrine_runtime::lambda::serve_batches(exports_batch).await
}
