//! What the services themselves say when they refuse for the moment, and how a request is recognised.
//!
//! Sources: "Error handling with DynamoDB" and `TransactWriteItems` of its API reference; "Error responses" of the S3 API
//! reference; "Common errors" and `SendMessage` of the SQS API reference.

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

pub(super) type Answered = Result<HttpResponse, ConnectorError>;

/// The service and the operation of a request.
pub(super) fn name(request: &HttpRequest) -> String {
    if let Some(target) = request.headers().get("x-amz-target") {
        let (service, operation) = target.split_once('.').unwrap_or((target, ""));
        let service = if service.starts_with("DynamoDB") { "DynamoDB" } else { "SQS" };
        return format!("{service}.{operation}");
    }
    let query = request.uri().split_once('?').map_or("", |(_, query)| query);
    let has = |word: &str| query.split('&').any(|pair| pair.split('=').next() == Some(word));
    let copies = request.headers().get("x-amz-copy-source").is_some();
    let operation = match request.method() {
        "HEAD" => "HeadObject",
        "GET" if has("uploadId") => "ListParts",
        "GET" if has("versions") => "ListObjectVersions",
        "GET" => "GetObject",
        "PUT" if copies && has("uploadId") => "UploadPartCopy",
        "PUT" if copies => "CopyObject",
        "PUT" if has("uploadId") => "UploadPart",
        "PUT" => "PutObject",
        "POST" if has("uploads") => "CreateMultipartUpload",
        "POST" => "CompleteMultipartUpload",
        "DELETE" if has("uploadId") => "AbortMultipartUpload",
        "DELETE" => "DeleteObject",
        _ => "Other",
    };
    format!("S3.{operation}")
}

/// The answer of a service that is asked too much. DynamoDB has more than one; which one follows from `number`.
pub(super) fn throttled(name: &str, number: usize, request: &HttpRequest) -> Answered {
    match name.split_once('.') {
        Some(("DynamoDB", _)) => dynamo_throttled(number, request),
        Some(("SQS", _)) => {
            let body =
                json!({ "__type": "com.amazonaws.sqs#RequestThrottled", "message": "Request is throttled." });
            let mut answer = json_answer(403, &body)?;
            answer.headers_mut().insert("x-amzn-query-error", "RequestThrottled;Sender");
            Ok(answer)
        }
        _ => s3_error(name, 503, "SlowDown", "Please reduce your request rate."),
    }
}

fn dynamo_throttled(number: usize, request: &HttpRequest) -> Answered {
    let whole = [
        (
            "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded. Consider increasing your \
             provisioning level with the UpdateTable API.",
        ),
        (
            "com.amazonaws.dynamodb.v20120810#ThrottlingException",
            "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your \
             table or index so please try again shortly.",
        ),
        (
            "com.amazonaws.dynamodb.v20120810#RequestLimitExceeded",
            "Throughput exceeds the current throughput limit for your account.",
        ),
    ];
    // A transaction can also be throttled at one of its items.
    let items = items_of_transaction(request);
    let choices = whole.len() + usize::from(items.is_some());
    match (whole.get(number % choices), items) {
        (Some((kind, message)), _) => json_answer(400, &json!({ "__type": kind, "message": message })),
        (None, items) => canceled(
            items.unwrap_or(1),
            "ThrottlingError",
            "Throughput exceeds the current capacity of your table or index.",
        ),
    }
}

fn items_of_transaction(request: &HttpRequest) -> Option<usize> {
    let body: Value = serde_json::from_slice(request.body().bytes()?).ok()?;
    Some(body.get("TransactItems")?.as_array()?.len())
}

/// The answer of a service to a caller whose role lacks the right.
pub(super) fn denied(name: &str) -> Answered {
    let message = "User is not authorized to perform this operation";
    match name.split_once('.') {
        Some(("DynamoDB", _)) => {
            let kind = "com.amazon.coral.service#AccessDeniedException";
            json_answer(400, &json!({ "__type": kind, "Message": message }))
        }
        Some(("SQS", _)) => {
            let body = json!({ "__type": "com.amazon.coral.service#AccessDenied", "message": message });
            let mut answer = json_answer(403, &body)?;
            answer.headers_mut().insert("x-amzn-query-error", "AccessDenied;Sender");
            Ok(answer)
        }
        _ => s3_error(name, 403, "AccessDenied", "Access Denied"),
    }
}

/// The answer of a service where another writer is at the same thing; `None` for a call that can not meet one.
pub(super) fn conflicted(name: &str, request: &HttpRequest) -> Option<Answered> {
    match name {
        "DynamoDB.TransactWriteItems" => {
            let items = items_of_transaction(request)?;
            Some(canceled(items, "TransactionConflict", "Transaction is ongoing for the item"))
        }
        _ if request.headers().get("if-none-match").is_some() => Some(s3_error(
            name,
            409,
            "ConditionalRequestConflict",
            "The conditional request cannot succeed due to a conflicting operation against this resource.",
        )),
        _ => None,
    }
}

/// A transaction of `items` items that was given up because of its first one.
fn canceled(items: usize, code: &str, message: &str) -> Answered {
    let mut reasons = vec![json!({ "Code": code, "Message": message })];
    reasons.resize(items.max(1), json!({ "Code": "None" }));
    let codes: Vec<&str> = reasons.iter().filter_map(|reason| reason.get("Code")?.as_str()).collect();
    let text = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "CancellationReasons": reasons,
        "Message": text,
    });
    json_answer(400, &body)
}

fn json_answer(status: u16, body: &Value) -> Answered {
    let mut answer = response(status, body.to_string())?;
    answer.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    answer.headers_mut().insert("x-amzn-requestid", REQUEST_ID);
    Ok(answer)
}

fn s3_error(name: &str, status: u16, code: &str, message: &str) -> Answered {
    // S3 answers a HEAD without a body, so its status is all there is.
    let body = if name == "S3.HeadObject" {
        String::new()
    } else {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
             <RequestId>{REQUEST_ID}</RequestId><HostId>injected</HostId></Error>"
        )
    };
    let mut answer = response(status, body)?;
    answer.headers_mut().insert("content-type", "application/xml");
    answer.headers_mut().insert("x-amz-request-id", REQUEST_ID);
    Ok(answer)
}

const REQUEST_ID: &str = "INJECTEDBYATEST0";

fn response(status: u16, body: String) -> Answered {
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
    Ok(HttpResponse::new(status, SdkBody::from(body)))
}

/// The request with a token that its service has not seen, and all else as it was.
pub(super) fn with_another_token(mut request: HttpRequest, number: usize) -> HttpRequest {
    let Some(mut body) = request.body().bytes().and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok())
    else {
        return request;
    };
    let Some(token) = body.get_mut("ClientRequestToken") else { return request };
    let marked = format!("again-{number}-{}", token.as_str().unwrap_or_default());
    *token = json!(marked.chars().take(36).collect::<String>());
    let text = body.to_string();
    request.headers_mut().insert("content-length", text.len().to_string());
    *request.body_mut() = SdkBody::from(text);
    request
}
