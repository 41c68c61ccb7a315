//! Does what is due, once a minute: EventBridge -> here.

use lambda_runtime::Error;
use vitrine_triggers::sweep_run;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    vitrine_runtime::lambda::serve_schedule(async |app, request_id, around| {
        sweep_run(app, request_id, around).await?;
        Ok(())
    })
    .await
}
