//! The HTTP API: who calls, what they sent, and what they get back.
//!
//! `auth` makes an [`Actor`](vitrine_domain::actor::Actor) of a request; `wire` reads and writes the two formats that
//! the vendor's clients speak and holds the one error body. No AWS here, and no rule of the catalogue.

pub mod auth;
pub mod wire;
