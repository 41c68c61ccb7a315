//! Goes on with imports: SQS `imports` -> here.

use lambda_runtime::Error;
use vitrine_triggers::imports_batch;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    vitrine_runtime::lambda::serve_batches(imports_batch).await
}
