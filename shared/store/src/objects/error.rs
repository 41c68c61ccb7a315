//! What can go wrong with an object, in the few kinds that a use case decides by.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfigError;
use aws_smithy_runtime_api::http::Response;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why an object could not be read, written, copied or signed for.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// There is no such object, version or multipart upload.
    #[error("no object at `{key}`")]
    NotFound {
        /// The key that was asked for.
        key: String,
    },
    /// Something is there already, and the write was create-only.
    #[error("there is already an object at `{key}`")]
    PreconditionFailed {
        /// The key.
        key: String,
    },
    /// The bytes are not those that were announced.
    #[error("the bytes at `{key}` are not as announced: {reason}")]
    Mismatch {
        /// The key.
        key: String,
        /// What differs.
        reason: String,
    },
    /// The object store is busy, throttles, or did not answer; trying again later can help (B15, B29).
    #[error("the object store is unavailable for {operation}")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// What the SDK said.
        #[source]
        source: Source,
    },
    /// The object store refused, or the call could not be made; trying again will not help.
    #[error("the object store refused {operation}: `{code}`")]
    Refused {
        /// What was tried.
        operation: &'static str,
        /// The store's code, or ours.
        code: String,
        /// What the SDK said, where it said something.
        #[source]
        source: Option<Source>,
    },
    /// A local file could not be written.
    #[error("could not write a working copy of `{key}`")]
    WorkingCopy {
        /// The key of the object.
        key: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl ObjectsError {
    /// Whether trying again later can help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, ObjectsError::Unavailable { .. } | ObjectsError::WorkingCopy { .. })
    }

    pub(crate) fn refused(operation: &'static str, code: impl Into<String>) -> Self {
        ObjectsError::Refused { operation, code: code.into(), source: None }
    }

    pub(crate) fn mismatch(key: &str, reason: impl Into<String>) -> Self {
        ObjectsError::Mismatch { key: key.to_owned(), reason: reason.into() }
    }

    /// Sorts an error of the SDK into a kind.
    pub(crate) fn of<E>(operation: &'static str, key: &str, error: SdkError<E, Response>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let code = error.code().map(str::to_owned);
        match error {
            SdkError::ConstructionFailure(_) => {
                ObjectsError::Refused { operation, code: "NotSent".to_owned(), source: Some(error.into()) }
            }
            SdkError::ServiceError(_) => {
                Self::of_answer(operation, key, status.unwrap_or_default(), code, error.into())
            }
            _ => ObjectsError::Unavailable { operation, source: error.into() },
        }
    }

    /// The same for one of many objects, which S3 names in an answer that is a success.
    pub(crate) fn of_one(operation: &'static str, error: &aws_sdk_s3::types::Error) -> Self {
        let code = error.code().unwrap_or_default();
        let said =
            format!("{}: {code} {}", error.key().unwrap_or_default(), error.message().unwrap_or_default());
        match code {
            "InternalError" | "OperationAborted" | "ServiceUnavailable" | "SlowDown" => {
                ObjectsError::Unavailable { operation, source: said.into() }
            }
            _ => ObjectsError::Refused { operation, code: code.to_owned(), source: Some(said.into()) },
        }
    }

    fn of_answer(
        operation: &'static str,
        key: &str,
        status: u16,
        code: Option<String>,
        source: Source,
    ) -> Self {
        let key = || key.to_owned();
        match (status, code.as_deref()) {
            // A bucket that is not there is a wrong setting, not a missing object.
            (404, Some("NoSuchBucket")) => {
                ObjectsError::Refused { operation, code: "NoSuchBucket".to_owned(), source: Some(source) }
            }
            // 405: the version is a delete marker.
            (404 | 405, _) => ObjectsError::NotFound { key: key() },
            (412, _) => ObjectsError::PreconditionFailed { key: key() },
            (
                _,
                Some(
                    "BadDigest"
                    | "InvalidDigest"
                    | "XAmzContentSHA256Mismatch"
                    | "XAmzContentChecksumMismatch",
                ),
            ) => ObjectsError::Mismatch { key: key(), reason: "checksum".to_owned() },
            // 409: another conditional write of the key is under way, and one of them will win.
            (409 | 429 | 500.., _) | (_, Some("RequestTimeout" | "SlowDown" | "Throttling")) => {
                ObjectsError::Unavailable { operation, source }
            }
            (status, code) => ObjectsError::Refused {
                operation,
                code: code.map_or_else(|| status.to_string(), str::to_owned),
                source: Some(source),
            },
        }
    }
}

impl From<PresigningConfigError> for ObjectsError {
    fn from(error: PresigningConfigError) -> Self {
        ObjectsError::Refused {
            operation: "presign",
            code: "InvalidLifetime".to_owned(),
            source: Some(error.into()),
        }
    }
}
