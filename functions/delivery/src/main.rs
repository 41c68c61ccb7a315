//! Delivery behind the HTTP gateway: thumbnails. Its role may not write the catalogue.

use lambda_runtime::Error;
use vitrine_http::delivery_router;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    vitrine_runtime::lambda::serve(delivery_router).await
}
