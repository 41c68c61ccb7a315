//! Makes thumbnails, texts and marked copies: SQS `derivatives` and `marks` -> here. Started again by itself, it is the limited child that decodes.

use lambda_runtime::Error;
use vitrine_triggers::derivatives_batch;

fn main() -> Result<(), Error> {
    // Before any thread or connection: the child has nothing but its input.
    vitrine_media::run_child_if_asked();
    work()
}

#[tokio::main(flavor = "current_thread")]
async fn work() -> Result<(), Error> {
    let tools = vitrine_runtime::tools(&vitrine_runtime::Config::from_environment()?);
    vitrine_runtime::lambda::serve_batches(async |app, event, around| {
        derivatives_batch(app, event, &tools, around).await
    })
    .await
}
