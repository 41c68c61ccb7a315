//! Who may see what: access rights policies and the one decision that every byte and every listing asks (domain.md 4).
//!
//! [`policy`] is what a policy says, [`condition`] what its rules look at, [`decide`] the decision and why it came out so.
//! Nothing here reads a clock, an address or a store: all of it is given.

pub mod condition;
pub mod decide;
pub mod embargo;
pub mod ip;
pub mod policy;
#[cfg(test)]
mod tests;

pub use condition::{Condition, Truth};
pub use decide::{DecidedBy, Decision, Facts, Governing, Identity, Outcome, Permit, Reason, Viewer, decide};
pub use ip::IpRange;
pub use policy::{AccessRightsPolicy, DefaultAccess, Output, PolicyDraft, PolicySettings, Rule};
