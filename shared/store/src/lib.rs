//! DynamoDB, S3, SQS and Secrets Manager: the only crate that names the AWS SDK.
//!
//! `keys` spells every key of the tables, `catalog` reads, `change` writes: one transaction a change, with its audit
//! row. `objects` holds the bytes, `queues` the messages. Nothing here decides; rules are in `vitrine-domain`.

pub mod audit;
pub mod catalog;
pub mod change;
pub mod clients;
pub mod deleted;
pub mod egress;
pub mod error;
pub mod exports;
#[cfg(feature = "faults")]
pub mod faults;
pub mod fixity;
pub mod imports;
pub mod keys;
pub mod objects;
pub mod policies;
pub mod published;
pub mod queues;
pub mod secrets;
pub mod sessions;
pub mod sets;
pub mod sftp;
mod size;
pub mod usage;

pub use catalog::{Catalog, Page, PageRequest, Tables};
pub use change::{Change, CommitError};
pub use error::StoreError;
pub use sessions::Sessions;
pub use size::{MAX_CHANGE_BYTES, MAX_ITEM_BYTES};
