//! OAI-PMH behind the HTTP gateway. Its role may read the published store and nothing else.

use lambda_runtime::Error;
use vitrine_http::oai_router;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    vitrine_runtime::lambda::serve(oai_router).await
}
