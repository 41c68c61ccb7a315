//! Faults where the SDK speaks HTTP: a call that fails before it is sent, or after its effect with the answer lost.
//!
//! For tests only. Calls are numbered from 0 in the order in which they are made and named by service and operation, so
//! that a test can count what a unit of work costs and let each of its calls fail in turn.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not sent.
    Before,
    /// It has its effect, and the answer is lost.
    After,
}

#[derive(Debug, Default)]
struct Record {
    calls: Vec<String>,
    fault: Option<(usize, Fault)>,
}

/// An HTTP client that writes down every call and lets one of them fail.
#[derive(Debug, Clone)]
pub struct Faulty {
    inner: SharedHttpClient,
    record: Arc<Mutex<Record>>,
}

impl Faulty {
    /// Wraps the product's own client; no call fails yet.
    pub fn new(inner: SharedHttpClient) -> Self {
        Self { inner, record: Arc::default() }
    }

    /// Lets call `number`, counted from here, fail.
    pub fn fail(&self, number: usize, fault: Fault) {
        let mut record = self.record.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        record.calls.clear();
        record.fault = Some((number, fault));
    }

    /// Lets no call fail and forgets the calls so far.
    pub fn heal(&self) {
        let mut record = self.record.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        record.calls.clear();
        record.fault = None;
    }

    /// The calls so far, for example `DynamoDB.GetItem` or `S3.CopyObject`.
    pub fn calls(&self) -> Vec<String> {
        self.record.lock().unwrap_or_else(std::sync::PoisonError::into_inner).calls.clone()
    }
}

impl HttpClient for Faulty {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(FaultyConnector { inner, record: self.record.clone() })
    }
}

#[derive(Debug)]
struct FaultyConnector {
    inner: SharedHttpConnector,
    record: Arc<Mutex<Record>>,
}

impl HttpConnector for FaultyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let fault = {
            let mut record = self.record.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let number = record.calls.len();
            record.calls.push(name(&request));
            record.fault.filter(|(chosen, _)| *chosen == number).map(|(_, fault)| fault)
        };
        match fault {
            None => self.inner.call(request),
            Some(Fault::Before) => HttpConnectorFuture::ready(Err(lost())),
            Some(Fault::After) => {
                let sent = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    let _ = sent.await;
                    Err(lost())
                })
            }
        }
    }
}

fn lost() -> ConnectorError {
    ConnectorError::io("injected by a test".into())
}

/// The service and the operation of a request.
fn name(request: &HttpRequest) -> String {
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
        "PUT" => "PutObject",
        "POST" if has("uploads") => "CreateMultipartUpload",
        "POST" => "CompleteMultipartUpload",
        "DELETE" if has("uploadId") => "AbortMultipartUpload",
        "DELETE" => "DeleteObject",
        _ => "Other",
    };
    format!("S3.{operation}")
}
