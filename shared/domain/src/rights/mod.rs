//! Who may see what: access rights policies and the one decision that every byte and every listing asks (domain.md 4).
//!
//! [`policy`] is what a policy says, [`condition`] what its rules look at, [`viewer`] who looks at what, [`decide`] the
//! rule of it, [`decision`] how it came out and why, [`terms`] how long that holds.
//! Nothing here reads a clock, an address or a store: all of it is given.

pub mod condition;
pub mod decide;
pub mod decision;
pub mod embargo;
pub mod ip;
pub mod policy;
pub mod terms;
#[cfg(test)]
mod tests;
pub mod viewer;
pub mod watermark;

pub use condition::{Condition, Truth};
pub use decide::{Governing, decide};
pub use decision::{DecidedBy, Decision, Outcome, Permit, Reason};
pub use ip::IpRange;
pub use policy::{
    AccessRightsPolicy, DefaultAccess, Effect, Output, Permission, PolicyDraft, PolicySettings, Rule,
    SizeTier,
};
pub use terms::Terms;
pub use viewer::{Facts, Identity, Known, Offered, Viewer};
