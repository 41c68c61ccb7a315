//! What can go wrong at the table, told apart by what a caller does about it.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::http::Response;

use crate::size::{MAX_CHANGE_BYTES, MAX_ITEM_BYTES};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A failure of the table itself; nothing a caller did.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The service did not answer, or not in time, or asked to slow down: trying again can help.
    #[error("the table did not answer `{operation}`")]
    Unavailable {
        /// The operation.
        operation: &'static str,
        /// What the SDK said.
        #[source]
        source: Source,
    },
    /// The service refused and will refuse the same again: a wrong request, a missing right, a missing table.
    #[error("the table refused `{operation}` of {what}: `{code}`")]
    Refused {
        /// The operation.
        operation: &'static str,
        /// What it was tried on: the kind of an item, or the whole request.
        what: &'static str,
        /// The service's code.
        code: String,
        /// What the SDK said.
        #[source]
        source: Source,
    },
    /// An item that can not be read or written as what it should be.
    #[error("the item `{key}` is not a {kind}")]
    Malformed {
        /// Its key.
        key: String,
        /// What it should be.
        kind: &'static str,
        /// Why not.
        #[source]
        source: Source,
    },
    /// An item that is larger than the table takes; found before it is sent.
    #[error("the {kind} `{key}` has {size_bytes} bytes where the table takes {MAX_ITEM_BYTES}")]
    ItemTooLarge {
        /// Its kind.
        kind: &'static str,
        /// Its key.
        key: String,
        /// How large it is.
        size_bytes: usize,
    },
    /// A change of something whose history would not tell of it (D24).
    #[error("the change of the {kind} `{key}` has no audit row")]
    NoHistory {
        /// Its kind.
        kind: &'static str,
        /// The partition that is written.
        key: String,
    },
    /// More items than one transaction takes.
    #[error("a change of {0} items does not fit into one transaction")]
    TooLarge(usize),
    /// More bytes than one transaction takes.
    #[error("a change of {0} bytes does not fit into one transaction, which takes {MAX_CHANGE_BYTES}")]
    TooManyBytes(usize),
}

impl StoreError {
    /// Whether trying again later can help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    pub(crate) fn unavailable_because(
        operation: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Unavailable { operation, source: Box::new(source) }
    }

    /// Sorts an error of the SDK into a kind.
    pub(crate) fn of<E>(operation: &'static str, error: SdkError<E, Response>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        match refusal(&error) {
            Some(code) => Self::Refused { operation, what: "the request", code, source: Box::new(error) },
            None => Self::Unavailable { operation, source: Box::new(error) },
        }
    }
}

/// What passes although the service calls it the caller's mistake: too much asked, another writer, credentials that are
/// renewed with the next call.
const PASSING: [&str; 8] = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
    "TransactionConflictException",
    "TransactionInProgressException",
    "ExpiredTokenException",
    "RequestExpired",
];

/// The code of an answer that would be the same again; `None` where trying again can help.
fn refusal<E: ProvideErrorMetadata>(error: &SdkError<E, Response>) -> Option<String> {
    match error {
        SdkError::ConstructionFailure(_) => Some("NotSent".to_owned()),
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let code = answer.err().code().unwrap_or_default();
            let passes = !(400..500).contains(&status) || status == 429 || PASSING.contains(&code);
            (!passes).then(|| if code.is_empty() { status.to_string() } else { code.to_owned() })
        }
        _ => None,
    }
}
