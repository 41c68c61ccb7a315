//! The types and rules of a digital-resource repository.
//!
//! Everything here is a pure function of values: no I/O, no async, no clock, no AWS, no HTTP. Time and ids are
//! arguments. The structures are also what the store keeps, so a field's name here is its name in the table.

pub mod actor;
pub mod address;
pub mod audit;
pub mod bib;
pub mod bulk;
pub mod coded;
pub mod collection;
pub mod export;
pub mod file;
pub mod fixity;
pub mod ids;
pub mod import;
pub mod job;
pub mod library;
pub mod loans;
pub mod outbox;
pub mod problem;
pub mod publishing;
pub mod remote;
pub mod removal;
pub mod representation;
pub mod rights;
pub mod roles;
pub mod schedule;
pub mod seats;
pub mod session;
pub mod set;
pub mod structure;
pub mod upload;
pub mod usage;

pub use jiff::Timestamp;
pub use jiff::tz::TimeZone;
