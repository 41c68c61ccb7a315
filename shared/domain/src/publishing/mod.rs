//! Publishing: what the library holds reaches discovery (domain.md 8.3, S11-S16).
//!
//! A [`profile`] says which titles go out, how and where. What is out is kept title by title ([`published`]), so that a
//! title is published anew exactly if what would be seen of it changed, and never falls out of a harvest.

pub mod delivery;
pub mod profile;
pub mod published;
pub mod repository;
pub mod run;

/// The identifier of a title for other systems: in the OAI-PMH server, in what is delivered, and in OCFL objects.
pub fn oai_identifier(institution: &str, mms: impl std::fmt::Display) -> String {
    format!("oai:alma.{institution}:{mms}")
}
