//! Bulk import: profiles that say how a folder of files and a metadata file become titles (domain.md 6.4).

pub mod glob;
pub mod ingest;
pub mod profile;
pub mod row;
pub mod rules;
