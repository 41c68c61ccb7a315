//! Who may see: the decision that every byte and every listing for patrons asks.
//!
//! This is the part of it that stands without policies: hidden titles, inactive representations and the institution's
//! default (A3). Rules come in front of the default; nothing else asks another question.

use crate::actor::Actor;
use crate::bib::BibRecord;
use crate::coded;
use crate::representation::{Representation, UsageType};

coded!(
    /// What holds for a representation without a policy: the institution's `access_right_default_policy`.
    DefaultAccess, "default access" {
        /// Everyone may see it.
        Allow = "allow": "Allow",
        /// Only staff may see it.
        Restrict = "restrict": "Restrict",
    }
);

/// Whether a viewer may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It may.
    Allow,
    /// It may not, and may know that there is something.
    Deny,
    /// It may not know that there is something: suppressed, inactive, deleted.
    Hide,
}

/// Decides whether `viewer` may see a representation of a title.
///
/// Staff see everything that is not deleted. A representation with a policy is denied to everyone else, because a
/// policy that this version can not read must not open anything. Source: domain.md section 4, D8, C8.
pub fn decide(
    viewer: Option<&Actor>,
    bib: &BibRecord,
    representation: &Representation,
    default: DefaultAccess,
) -> Decision {
    if bib.removal.is_some() || representation.removal.is_some() {
        return Decision::Hide;
    }
    if viewer.is_some_and(Actor::is_staff) {
        return Decision::Allow;
    }
    let offered = representation.fields.active && representation.fields.usage_type != UsageType::Auxiliary;
    if bib.suppressed || !offered {
        return Decision::Hide;
    }
    match (&representation.fields.access_rights_policy_id, default) {
        (None, DefaultAccess::Allow) => Decision::Allow,
        _ => Decision::Deny,
    }
}
