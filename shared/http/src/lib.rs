//! The HTTP API: who calls, what they sent, and what they get back.
//!
//! `auth` makes an [`Actor`](vitrine_domain::actor::Actor) of a request; `wire` reads and writes the two formats that
//! the vendor's clients speak and holds the one error body; `views` spells each resource; `routes` joins an address to a
//! use case. No rule of the catalogue is decided here.

pub mod auth;
mod delivery;
mod oai;
pub mod openapi;
mod problems;
pub mod routes;
mod views;
pub mod wire;

pub use delivery::{Origins, delivery_router};
pub use oai::oai_router;
pub use routes::{Api, api_router};
