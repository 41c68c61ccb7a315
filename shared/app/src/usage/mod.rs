//! Usage: counted once, at the service, whatever viewer asks (U1; complaint 19); and the reports made of it.
//!
//! Two viewers are told apart by a digest of session, user, or address and browser, under a secret that lives as long as
//! the day's counting. What is kept for good are counts.

mod report;

pub use report::UsageQuery;

use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use vitrine_domain::Timestamp;
use vitrine_domain::outbox::seconds;
use vitrine_domain::rights::{Identity, Viewer};
use vitrine_domain::usage::{ANONYMOUS, Measure, REGISTERED, STAFF, Seen, is_robot};

use crate::changes::hex;
use crate::delivery::{Access, Opened, Visit};
use crate::{App, AppError, Call};

/// How long after a day what tells its viewers apart is kept: until its report is final, with days to spare.
const KEPT_SECONDS: i64 = 4 * 86_400;

/// The secret of the day that was asked for last.
pub type DaySalt = Arc<Mutex<Option<(String, String)>>>;

impl App {
    /// The day of an instant where the institution is.
    pub fn day_of(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.settings.time_zone.clone()).strftime("%Y-%m-%d").to_string()
    }

    /// Counts that a representation was opened, or that it was not: what stands before it decides which.
    pub async fn count_opened(&self, call: &Call, visit: &Visit, opened: &Opened) {
        let measure = match &opened.access {
            Access::Denied { .. } => Measure::Denied,
            _ => Measure::RepresentationView,
        };
        self.count_measure(call, visit, opened, measure).await;
    }

    /// Counts what a viewer did with what it opened: one call, two for a double click. A failure costs the count and
    /// never the viewer's answer.
    pub async fn count_measure(&self, call: &Call, visit: &Visit, opened: &Opened, measure: Measure) {
        let Some(reader) = &visit.reader else { return };
        if let Err(error) = self.try_count(call, visit, reader.agent.as_deref(), opened, measure).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a use was not counted");
        }
    }

    async fn try_count(
        &self,
        call: &Call,
        visit: &Visit,
        agent: Option<&str>,
        opened: &Opened,
        measure: Measure,
    ) -> Result<bool, AppError> {
        let seen = Seen {
            title: opened.bib.mms_id.clone(),
            representation: opened.representation.id.clone(),
            file: opened.file.as_ref().map(|file| file.id.clone()),
            library: opened.representation.fields.library.clone(),
            measure,
            groups: groups_of(&visit.viewer),
            robot: is_robot(agent),
            times: 0,
        };
        let day = self.day_of(call.now);
        let gone_at = call.now.saturating_add(seconds(KEPT_SECONDS)).unwrap_or(call.now);
        let salt = self.salt_of(&day, gone_at).await?;
        let viewer = fingerprint(&salt, visit, agent);
        Ok(self.catalog.count_usage(&day, &viewer, &seen, call.now, gone_at).await?)
    }

    async fn salt_of(&self, day: &str, gone_at: Timestamp) -> Result<String, AppError> {
        let held = self.usage_salt.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, salt)) = held.filter(|(of, _)| of == day) {
            return Ok(salt);
        }
        let fresh: Vec<u8> = (0..4).flat_map(|_| self.random().to_le_bytes()).collect();
        let salt = self.catalog.usage_salt(day, &hex(&fresh), gone_at).await?;
        *self.usage_salt.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((day.to_owned(), salt.clone()));
        Ok(salt)
    }
}

/// The groups under which a viewer is counted.
fn groups_of(viewer: &Viewer) -> Vec<String> {
    let fixed = |name: &str| vec![name.to_owned()];
    match &viewer.identity {
        _ if viewer.staff => fixed(STAFF),
        Some(Identity::Known(known)) if known.groups.is_empty() => fixed(REGISTERED),
        Some(Identity::Known(known)) => {
            let mut groups = known.groups.clone();
            groups.sort();
            groups.dedup();
            groups
        }
        _ => fixed(ANONYMOUS),
    }
}

/// What tells one viewer of a day from another: nothing that it is made of can be had from it once the salt is gone.
fn fingerprint(salt: &str, visit: &Visit, agent: Option<&str>) -> String {
    let user = match &visit.viewer.identity {
        Some(Identity::Known(known)) => known.id.as_ref().map(|id| id.as_str()),
        _ => None,
    };
    let address = visit.viewer.source_ip.map(|address| address.to_string()).unwrap_or_default();
    let who = match (user, &visit.session) {
        (Some(user), _) => format!("user\n{user}"),
        (None, Some(session)) => format!("session\n{session}"),
        (None, None) => format!("address\n{address}\n{}", agent.unwrap_or_default()),
    };
    let digest = Sha256::digest(format!("{salt}\n{who}"));
    hex(digest.get(..16).unwrap_or(&digest))
}
