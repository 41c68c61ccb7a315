//! What a profile compares to find the title that a record belongs to.

use vitrine_domain::import::profile::MatchMethod;

use crate::identifier::{Identifier, Scheme};
use crate::index::BibIndex;

/// Returns the identifiers of a record that a match method compares, in the record's order.
///
/// | method | MARC 21 | Dublin Core | MODS |
/// |---|---|---|---|
/// | MMS id | 001: its value is the MMS id | - | - |
/// | identifier | 010, 020, 022, 024 | `dc:identifier` and its refinement by scheme | `identifier` |
/// | originating system id | 035 | - | `recordInfo/recordIdentifier`, `identifier[@type=oclc]` |
/// | control number | 001 | - | - |
/// | standard number | ISBN, ISSN | ISBN, ISSN | ISBN, ISSN |
///
/// Only those count that start with `prefix`, as the record writes them or as they are compared; the prefix stays part
/// of them. Ids that a table's columns hold (`mms_id`, `originating_system_id`) are its reader's.
pub fn match_identifiers(index: &BibIndex, method: MatchMethod, prefix: Option<&str>) -> Vec<Identifier> {
    let compared = |scheme: Scheme| match method {
        MatchMethod::None => false,
        MatchMethod::MmsId | MatchMethod::ControlNumber => scheme == Scheme::ControlNumber,
        MatchMethod::Identifier => !matches!(scheme, Scheme::ControlNumber | Scheme::OtherSystem),
        MatchMethod::OriginatingSystemId => scheme == Scheme::OtherSystem,
        MatchMethod::StandardNumber => matches!(scheme, Scheme::Isbn | Scheme::Issn),
    };
    let prefix = prefix.unwrap_or_default();
    index
        .identifiers
        .iter()
        .filter(|i| compared(i.scheme) && (i.value.starts_with(prefix) || i.normalised.starts_with(prefix)))
        .cloned()
        .collect()
}
