//! The staff and patron API behind the HTTP gateway. See `shared/http` for the routes.

use lambda_runtime::Error;
use vitrine_http::api_router;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    vitrine_runtime::lambda::serve(api_router).await
}
