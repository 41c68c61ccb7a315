//! Batches of which a service does only a part, as it may at any time.

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Map, Value, json};

/// What the service leaves over: a member of its answer.
pub(super) struct Rest {
    member: &'static str,
    value: Value,
}

/// The request for the first half of a batch, and what is left over; a request that is no batch stays whole.
pub(super) fn split(name: &str, request: HttpRequest) -> (HttpRequest, Option<Rest>) {
    let body = request.body().bytes().and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    let Some(mut body) = body else { return (request, None) };
    let rest = match name {
        "DynamoDB.BatchGetItem" => rest_of_tables(&mut body, "UnprocessedKeys"),
        "DynamoDB.BatchWriteItem" => rest_of_tables(&mut body, "UnprocessedItems"),
        _ => None,
    };
    if rest.is_none() {
        return (request, None);
    }
    (with_body(request, &body), rest)
}

/// Takes the second half of what each table is asked.
fn rest_of_tables(body: &mut Value, member: &'static str) -> Option<Rest> {
    let mut left = Map::new();
    for (table, asked) in body.get_mut("RequestItems")?.as_object_mut()? {
        let whole = asked.clone();
        // A read has its keys below further settings, a write is a list by itself.
        let (list, is_read) = match asked.get_mut("Keys") {
            Some(keys) => (keys.as_array_mut()?, true),
            None => (asked.as_array_mut()?, false),
        };
        let rest = second_half(list);
        if rest.is_empty() {
            continue;
        }
        let mut value = if is_read { whole } else { json!([]) };
        match value.get_mut("Keys") {
            Some(keys) => *keys = Value::Array(rest),
            None => value = Value::Array(rest),
        }
        left.insert(table.clone(), value);
    }
    (!left.is_empty()).then_some(Rest { member, value: Value::Object(left) })
}

fn second_half(list: &mut Vec<Value>) -> Vec<Value> {
    list.split_off(list.len().div_ceil(2))
}

fn with_body(mut request: HttpRequest, body: &Value) -> HttpRequest {
    let text = body.to_string();
    request.headers_mut().insert("content-length", text.len().to_string());
    *request.body_mut() = SdkBody::from(text);
    request
}

/// The service's answer, which also says what was left over.
pub(super) async fn with_rest(
    mut answer: HttpResponse,
    rest: Option<Rest>,
) -> Result<HttpResponse, ConnectorError> {
    let Some(Rest { member, value }) = rest.filter(|_| answer.status().is_success()) else {
        return Ok(answer);
    };
    let body = ByteStream::new(answer.take_body());
    let bytes = body.collect().await.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    let mut said: Value =
        serde_json::from_slice(&bytes).map_err(|error| ConnectorError::other(error.into(), None))?;
    if let Some(said) = said.as_object_mut() {
        said.insert(member.to_owned(), value);
    }
    let text = said.to_string();
    answer.headers_mut().insert("content-length", text.len().to_string());
    // The service's own checksum of its body is of another body.
    answer.headers_mut().remove("x-amz-crc32");
    *answer.body_mut() = SdkBody::from(text);
    Ok(answer)
}
