//! Who looks, from where, and at what: all that a decision is told beside the policy.

use std::net::IpAddr;

use crate::actor::Actor;
use crate::bib::BibRecord;
use crate::ids::UserId;
use crate::library::LibraryCode;
use crate::representation::{Representation, UsageType};

/// What is known of a viewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// Who it is; `None` where that is not known, which is something else than anonymous.
    pub identity: Option<Identity>,
    /// The address that the gateway saw; `None` where it is not known.
    pub source_ip: Option<IpAddr>,
    /// Whether it holds a staff role.
    pub staff: bool,
}

/// Who a viewer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Someone who has not signed in.
    Anonymous,
    /// Someone who has.
    Known(Known),
}

/// What is known of someone who has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The id; `None` where it is not known who it is.
    pub id: Option<UserId>,
    /// The user groups.
    pub groups: Vec<String>,
    /// The campuses.
    pub campuses: Vec<String>,
    /// The courses.
    pub courses: Vec<String>,
}

impl Viewer {
    /// Who calls, from where.
    pub fn of(actor: Option<&Actor>, source_ip: Option<IpAddr>) -> Self {
        let identity = match actor {
            None => Identity::Anonymous,
            Some(actor) => Identity::Known(Known {
                id: Some(actor.id.clone()),
                groups: actor.groups.clone(),
                campuses: actor.campuses.clone(),
                courses: actor.courses.clone(),
            }),
        };
        Self { identity: Some(identity), source_ip, staff: actor.is_some_and(Actor::is_staff) }
    }

    /// Whether it has signed in; `None` where that is not known.
    pub fn is_registered(&self) -> Option<bool> {
        self.identity.as_ref().map(|identity| *identity != Identity::Anonymous)
    }

    pub(super) fn is_anonymous(&self) -> bool {
        self.identity == Some(Identity::Anonymous)
    }
}

/// Whether something is offered to patrons at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It is, where rights allow.
    Yes,
    /// Only to staff: suppressed, inactive, auxiliary (D8).
    StaffOnly,
    /// To nobody: deleted.
    Nobody,
}

/// What is known of the thing that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The library that owns it; `None` where that is not known.
    pub library: Option<&'a LibraryCode>,
    /// Whether it is offered at all.
    pub offered: Offered,
}

impl<'a> Facts<'a> {
    /// What a representation of a title says of itself.
    pub fn of(bib: &BibRecord, representation: &'a Representation) -> Self {
        let fields = &representation.fields;
        let offered = if bib.removal.is_some() || representation.removal.is_some() {
            Offered::Nobody
        } else if bib.suppressed || !fields.active || fields.usage_type == UsageType::Auxiliary {
            Offered::StaffOnly
        } else {
            Offered::Yes
        };
        Self { library: Some(&fields.library), offered }
    }
}
