//! Clients of the AWS services, built from the SDK's standard environment variables and nothing else.
//!
//! Building them reads no file but the SDK's own configuration and opens no connection: TLS roots are loaded and
//! sockets opened with the first call, so a cold start pays for neither.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpClient};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::shared::IntoShared;
use aws_smithy_types::body::SdkBody;

/// How often a call is tried before its error reaches the use case, which then leaves it to its queue.
const MAX_ATTEMPTS: u32 = 4;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// From the request's last byte to the answer's first.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// How long bytes may stand still. A store that serves gigabytes from cold needs more than the SDK's five seconds, and a
/// download that is given up begins again.
const STALL: Duration = Duration::from_secs(60);

/// The clients of DynamoDB, S3, SQS and Secrets Manager, sharing credentials, region and connections.
#[derive(Debug, Clone)]
pub struct Clients {
    /// DynamoDB.
    pub dynamo: aws_sdk_dynamodb::Client,
    /// S3; path style where an endpoint is set, because `*.localhost` does not resolve everywhere.
    pub s3: aws_sdk_s3::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
    config: SdkConfig,
}

impl Clients {
    /// Builds the clients from the SDK's standard environment variables; `AWS_ENDPOINT_URL` is honoured.
    pub async fn from_environment() -> Self {
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client())
            .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
            .timeout_config(timeouts())
            .load()
            .await;
        Self::from_config(config)
    }

    /// Builds the clients from `config`, speaking HTTP through `http`.
    ///
    /// This is the seam at which tests count calls and inject faults. `attempts` is how often the SDK itself tries:
    /// with 1, every fault reaches the caller.
    pub fn with(config: &SdkConfig, http: impl IntoShared<SharedHttpClient>, attempts: u32) -> Self {
        let builder = config.clone().into_builder();
        let retry = RetryConfig::standard().with_max_attempts(attempts.max(1));
        let mut builder = builder.retry_config(retry);
        builder.set_http_client(Some(http.into_shared()));
        if config.timeout_config().is_none() {
            builder.set_timeout_config(Some(timeouts()));
        }
        Self::from_config(builder.build())
    }

    fn from_config(config: SdkConfig) -> Self {
        let own_endpoint =
            config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(own_endpoint)
            .stalled_stream_protection(StalledStreamProtectionConfig::enabled().grace_period(STALL).build())
            .build();
        Self {
            dynamo: aws_sdk_dynamodb::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            sqs: aws_sdk_sqs::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            config,
        }
    }

    /// What the clients were built from.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }
}

/// The HTTP client that the product uses: rustls with ring, connections pooled.
pub fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// Why a document was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The server answered with this status.
    #[error("status {0}")]
    Status(u16),
    /// The server could not be asked, or its answer not be read.
    #[error("{0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl FetchError {
    fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed(error.into())
    }
}

/// Fetches a small document over HTTPS or HTTP with the same client stack, or sends a form and fetches the answer; for the
/// issuer.
///
/// # Errors
/// [`FetchError::Status`] for a status other than 200; [`FetchError::Failed`] for an address that is none, no answer in time, and
/// more than `max_bytes`.
pub async fn fetch(address: &str, form: Option<String>, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
    let connector =
        aws_smithy_http_client::Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring)).build();
    let request = match form {
        None => HttpRequest::get(address).map_err(FetchError::failed)?,
        Some(form) => {
            let mut request = HttpRequest::new(SdkBody::from(form));
            request.set_method("POST").map_err(FetchError::failed)?;
            request.set_uri(address).map_err(FetchError::failed)?;
            request.headers_mut().insert("content-type", "application/x-www-form-urlencoded");
            request.headers_mut().insert("accept", "application/json");
            request
        }
    };
    let call = async {
        let answer = connector.call(request).await.map_err(FetchError::failed)?;
        match answer.status().as_u16() {
            200 => {}
            status => return Err(FetchError::Status(status)),
        }
        let mut body = aws_smithy_types::byte_stream::ByteStream::new(answer.into_body());
        let mut all = Vec::new();
        while let Some(bytes) = body.next().await {
            all.extend_from_slice(&bytes.map_err(FetchError::failed)?);
            if all.len() > max_bytes {
                return Err(FetchError::failed("the document is too large"));
            }
        }
        Ok(all)
    };
    tokio::time::timeout(READ_TIMEOUT, call).await.map_err(FetchError::failed)?
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build()
}
