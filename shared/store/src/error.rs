//! What can go wrong at the table, told apart by what a caller does about it.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

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
        source: Box<dyn std::error::Error + Send + Sync>,
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
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// More items than one transaction takes.
    #[error("a change of {0} items does not fit into one transaction")]
    TooLarge(usize),
}

impl StoreError {
    pub(crate) fn unavailable_because(
        operation: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Unavailable { operation, source: Box::new(source) }
    }

    pub(crate) fn unavailable<E, R>(operation: &'static str, error: SdkError<E, R>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        Self::Unavailable { operation, source: Box::new(error) }
    }
}
