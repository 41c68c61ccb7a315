//! The real binary against a repository that is strict and fails on demand.
//!
//! The fake stands for a remote service of which this crate knows the public API only; the product's own walk runs the
//! same commands against the real stack.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod commands;
mod desk;
mod failures;
mod fake;
mod fetch;
mod ingest;
mod memory;
mod resume;
