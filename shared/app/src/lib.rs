//! Use cases: each authorises, loads, decides with the domain's rules, and stores once, in that order.
//!
//! A use case takes the [`App`] (what there is to work with) and a [`Call`] (who asks, when, why). It knows no HTTP and
//! no event format; those call it.

mod changes;
mod error;

pub mod bibs;
pub mod bulk;
pub mod collections;
pub mod delivery;
pub mod exports;
pub mod files;
pub mod fixity;
pub mod history;
pub mod imports;
pub mod jobs;
pub mod libraries;
pub mod make_derivatives;
pub mod members;
pub mod policies;
pub mod publishing;
mod purge;
pub mod register_file;
pub mod remote;
pub mod removals;
pub mod representations;
pub mod restore;
pub mod rights;
mod run_bulk;
mod run_export;
pub mod run_import;
pub mod run_job;
pub mod seal;
pub mod set_walk;
pub mod sets;
mod structures;
pub mod sweep;
pub mod thumbnails;
pub mod uploads;
pub mod usage;
pub mod users;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use vitrine_domain::actor::Actor;
use vitrine_domain::audit::Origin;
use vitrine_domain::fixity::Rhythm;
use vitrine_domain::ids::Minter;
use vitrine_domain::rights::DefaultAccess;
use vitrine_domain::{TimeZone, Timestamp};
use vitrine_store::egress::Egress;
use vitrine_store::objects::Objects;
use vitrine_store::queues::Queues;
use vitrine_store::secrets::Secrets;
use vitrine_store::{Catalog, Sessions};

pub use changes::{Subject, hex};
pub use error::{AppError, Rule};

/// What the use cases work with.
#[derive(Clone)]
pub struct App {
    /// The catalogue, what is published, the audit trail and usage.
    pub catalog: Catalog,
    /// The table that delivery may write.
    pub sessions: Sessions,
    /// The buckets.
    pub objects: Objects,
    /// The queues.
    pub queues: Queues,
    /// The secrets of targets outside.
    pub secrets: Secrets,
    /// What may be called outside.
    pub egress: Egress,
    /// The institution's settings.
    pub settings: Settings,
    /// Mints ids.
    pub minter: Minter,
    /// The secret that tells viewers of a day apart, once it was read.
    pub usage_salt: usage::DaySalt,
    /// How long a door waits for a marked copy; an argument, so that a test need not wait.
    pub patience: Duration,
    /// Gives random numbers; an argument, so that a test can repeat a run.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The institution's settings; each is one variable of the environment (docs/configuration.md).
#[derive(Debug, Clone)]
pub struct Settings {
    /// The institution's code, for example `VITRINE`.
    pub institution: String,
    /// Where delivery is reached, without a slash at the end; begins the links in published records.
    pub delivery_url: String,
    /// Whether a title must be in a collection before it gets a representation (D9).
    pub require_collection: bool,
    /// What holds for a representation without a policy (A3).
    pub default_access: DefaultAccess,
    /// After how many days an upload without bytes is given up.
    pub upload_expiry_days: i64,
    /// For how many days what was deleted can be taken back (E6).
    pub keep_deleted_days: u32,
    /// How often files are checked for whether their bytes are still right (E9).
    pub fixity: Rhythm,
    /// The time zone in which the institution's days begin (A7).
    pub time_zone: TimeZone,
}

/// One call of a use case.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who asks.
    pub actor: Actor,
    /// What set it off.
    pub origin: Origin,
    /// The request or message that it is part of.
    pub request_id: String,
    /// When.
    pub now: Timestamp,
}

impl App {
    pub(crate) fn random(&self) -> u64 {
        (self.random)()
    }
}

impl Call {
    /// The time this many seconds from now.
    pub(crate) fn after_seconds(&self, seconds: i64) -> Timestamp {
        self.now.saturating_add(vitrine_domain::outbox::seconds(seconds)).unwrap_or(self.now)
    }
}
