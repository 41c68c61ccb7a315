//! Sets that profiles publish (C11, S13): which of them hold a title, and what is published anew when one changes.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use vitrine_domain::Timestamp;
use vitrine_domain::bib::BibRecord;
use vitrine_domain::ids::{MmsId, PublishingId, SetId};
use vitrine_domain::publishing::profile::PublishingProfile;
use vitrine_domain::publishing::published::{LOG_SHARDS, scope_of, stamp_at};
use vitrine_domain::representation::Representation;
use vitrine_domain::set::{Set, SetContent, SetKind, SetRule, TitleScope, Tree};
use vitrine_store::published::{Row, Window};

use super::{PAGE, Spread, Worker};
use crate::register_file::TimeLeft;
use crate::{App, AppError};

/// Where the walk is that follows the change of a set's rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Place {
    /// In the titles of the set as it is now.
    Titles(Option<String>),
    /// In what a profile has out.
    Out(PublishingId, u8, Option<String>),
}

impl App {
    /// The sets that active profiles name, as they were last written; one read, and none where none is named. A set that
    /// is not there any more holds nothing.
    pub(super) async fn published_sets(&self, profiles: &[PublishingProfile]) -> Result<Vec<Set>, AppError> {
        let active = profiles.iter().map(|profile| &profile.settings).filter(|settings| settings.active);
        let mut ids: Vec<SetId> = active.filter_map(|it| it.selection.named_set().cloned()).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut sets = self.catalog.sets_by_id(&ids).await?;
        sets.retain(|set| set.settings.content == SetContent::Titles);
        Ok(sets)
    }

    /// Which of these sets hold a title: one read where some are itemized.
    pub(super) async fn holding(
        &self,
        sets: &[Set],
        bib: &BibRecord,
        representations: &[Representation],
        tree: &Tree,
    ) -> Result<HashSet<SetId>, AppError> {
        let listing: Vec<SetId> =
            sets.iter().filter(|set| set.kind() == SetKind::Itemized).map(|set| set.id.clone()).collect();
        let mut holding = HashSet::new();
        if !listing.is_empty() && SetRule::default().takes_record(bib, tree) {
            let found = self.catalog.memberships(bib.mms_id.as_str(), &listing).await?;
            holding.extend(found.into_iter().map(|member| member.set));
        }
        for set in sets {
            if set.settings.rule.as_ref().is_some_and(|rule| rule.takes_title(bib, tree, representations)) {
                holding.insert(set.id.clone());
            }
        }
        Ok(holding)
    }

    /// The profiles that name a set.
    pub(crate) async fn publishers_of(&self, set: &SetId) -> Result<Vec<PublishingProfile>, AppError> {
        let mut found = self.catalog.publishing_profiles().await?;
        found.retain(|profile| profile.settings.selection.named_set() == Some(set));
        Ok(found)
    }

    /// Titles that came into a set or left it.
    pub(super) async fn publish_moved(
        &self,
        worker: Worker<'_>,
        set: &SetId,
        titles: &[MmsId],
    ) -> Result<Spread, AppError> {
        if self.publishers_of(set).await?.is_empty() {
            return Ok(Spread::Done { changed: false });
        }
        Ok(Spread::Done { changed: self.publish_each(worker, titles).await? })
    }

    /// The titles of a set as its rule is now, and then what its profiles have out and may not belong there any more.
    pub(super) async fn publish_set(
        &self,
        worker: Worker<'_>,
        id: &SetId,
        after: Option<String>,
        time_left: TimeLeft<'_>,
    ) -> Result<Spread, AppError> {
        let profiles = self.publishers_of(id).await?;
        let mut place = after
            .and_then(|text| serde_json::from_str(&text).ok())
            .or_else(|| (!profiles.is_empty()).then_some(Place::Titles(None)));
        let first_behind = |last: Option<&PublishingId>| {
            let next = profiles.iter().map(|profile| &profile.id).find(|id| Some(*id) > last);
            next.map(|id| Place::Out(id.clone(), 0, None))
        };
        let mut changed = false;
        while let Some(at) = place {
            let (titles, next) = match at {
                Place::Titles(after) => {
                    let Some(set) = self.catalog.set(id).await? else {
                        place = first_behind(None);
                        continue;
                    };
                    let scope = TitleScope::Set { set: Box::new(set) };
                    let found = self.titles_page(&scope, after.as_deref(), PAGE).await?;
                    let titles = found.items.into_iter().map(|bib| bib.mms_id).collect();
                    let next = found.next.map(|next| Place::Titles(Some(next)));
                    (titles, next.or_else(|| first_behind(None)))
                }
                Place::Out(profile, shard, after) => {
                    let until = stamp_at((worker.clock)());
                    let (titles, next) = self.what_is_out(&profile, shard, after.as_deref(), until).await?;
                    let next = next.map(|(shard, after)| Place::Out(profile.clone(), shard, after));
                    (titles, next.or_else(|| first_behind(Some(&profile))))
                }
            };
            changed |= self.publish_each(worker, &titles).await?;
            if let Some(next) = &next
                && !time_left()
            {
                return Ok(Spread::OutOfTime { after: serde_json::json!(next).to_string() });
            }
            place = next;
        }
        Ok(Spread::Done { changed })
    }

    /// A page of the titles that a profile has out, up to a date, and where its log goes on.
    pub(super) async fn what_is_out(
        &self,
        profile: &PublishingId,
        shard: u8,
        after: Option<&str>,
        until: Timestamp,
    ) -> Result<(Vec<MmsId>, Option<(u8, Option<String>)>), AppError> {
        let scope = scope_of(profile);
        let window = Window { scope: &scope, shard, from: None, until, after, limit: PAGE, format: None };
        let (rows, more) = self.catalog.published_rows(&window).await?;
        let last = rows.last().map(Row::sort_key);
        let titles = rows.into_iter().filter(|row| !row.deleted).map(|row| row.mms_id).collect();
        let next = match (more, shard + 1) {
            (true, _) => Some((shard, last)),
            (false, next) => (next < LOG_SHARDS).then_some((next, None)),
        };
        Ok((titles, next))
    }
}
