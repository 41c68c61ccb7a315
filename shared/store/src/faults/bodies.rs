//! Answers whose bytes do not all arrive, or not as they were sent.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

/// The answer with the first half of its body, under the length of the whole.
pub(super) async fn cut_short(answer: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    with_body(answer, |body| body.truncate(body.len() / 2)).await
}

/// The answer with one bit of its body turned over.
pub(super) async fn flipped(answer: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    with_body(answer, |body| {
        let middle = body.len() / 2;
        if let Some(byte) = body.get_mut(middle) {
            *byte ^= 1;
        }
    })
    .await
}

async fn with_body(
    mut answer: HttpResponse,
    change: impl FnOnce(&mut Vec<u8>),
) -> Result<HttpResponse, ConnectorError> {
    let body = ByteStream::new(answer.take_body());
    let mut bytes = body.collect().await.map_err(|error| ConnectorError::io(error.into()))?.to_vec();
    change(&mut bytes);
    *answer.body_mut() = SdkBody::from(bytes);
    Ok(answer)
}
