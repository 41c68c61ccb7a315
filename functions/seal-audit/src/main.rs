//! Seals the hours of the audit trail that are over: EventBridge -> here. Its role may read audit rows and add seals.

use lambda_runtime::Error;
use vitrine_triggers::seal_run;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    vitrine_runtime::lambda::serve_schedule(async |app, request_id, around| {
        seal_run(app, request_id, around).await?;
        Ok(())
    })
    .await
}
