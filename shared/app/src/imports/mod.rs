//! Import profiles and the folders that they are applied to (domain.md 6.4).

pub mod ingests;
pub mod profiles;
