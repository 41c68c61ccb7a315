//! Checks in turn whether files are still what was registered: EventBridge -> here. Its role may read bytes and write none.

use lambda_runtime::Error;
use vitrine_triggers::fixity_run;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    vitrine_runtime::lambda::serve_schedule(async |app, request_id, around| {
        fixity_run(app, request_id, around).await?;
        Ok(())
    })
    .await
}
