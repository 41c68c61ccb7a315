//! What crosses crates, against the real engine. One module a topic; `walk` is what they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod audit;
mod bulk;
mod delivery;
mod doors;
mod events;
mod exports;
mod faults;
mod fixity;
mod gateway;
mod http_conditions;
mod http_fuzz;
mod iiif;
mod imports;
mod matrix;
mod peers;
mod publishing;
mod refusals;
mod registration;
mod restore;
mod rights;
mod secrets;
mod sets;
mod store;
mod structure;
mod titles;
mod uploads;
mod usage;
mod viewer;
mod walk;
