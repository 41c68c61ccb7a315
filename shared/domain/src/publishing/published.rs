//! What is out of a title, and what has to be written when that changes (S13, B49, B50).
//!
//! Each place that titles are published to is a *scope*: a publishing profile, and `ALL` for the OAI-PMH server as a
//! whole. A scope's log holds each title once, at the instant at which it last changed there. That instant lies a little
//! ahead of the clock, and readers see a row from then on, so that a row never appears behind a harvester's back
//! (ADR 0011).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{MmsId, PublishingId, RepId};
use crate::outbox::seconds;
use crate::publishing::profile::Rendition;

/// The scope of all sets together.
pub const ALL: &str = "ALL";
/// Into so many partitions a scope's log is spread, so that a full run is not held up by one of them.
pub const LOG_SHARDS: u8 = 4;
/// How far ahead of the clock a change is dated: longer than writing it takes.
pub const SETTLE_SECONDS: i64 = 3;

/// The state of a title in every scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The title.
    pub mms_id: MmsId,
    /// Its state by scope; none where it never was.
    pub scopes: BTreeMap<String, State>,
    /// Its page that everybody may see; none where nobody unknown is let in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub page: Option<PublicPage>,
    /// What it was last written for: an event of the outbox, or a job.
    pub by: String,
    /// How many times it was written.
    pub version: u64,
}

/// The page of a title that everybody may see, as search engines are told of it (META-4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicPage {
    /// The representation that stands for the title there.
    pub representation: RepId,
    /// The digest of what the page says.
    pub hash: String,
    /// Since when it says that.
    pub changed_at: Timestamp,
}

/// The state of a title in one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The digest of what is out; none where the title is out as deleted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hash: Option<String>,
    /// When it last changed, in whole seconds.
    pub stamp: Timestamp,
    /// Since when it is out, the first time.
    pub first: Timestamp,
}

/// What is to be out of a title in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The digest of the records, what changes with every save left out.
    pub hash: String,
    /// The sets that the title is in.
    pub sets: Vec<String>,
    /// The records.
    pub records: BTreeMap<Rendition, String>,
}

/// One row of a scope's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// The scope.
    pub scope: String,
    /// The title.
    pub mms_id: MmsId,
    /// When it changed; readers see it from then on.
    pub stamp: Timestamp,
    /// Since when it is out, the first time.
    pub first: Timestamp,
    /// The sets that it is in.
    pub sets: Vec<String>,
    /// The records; none of a title that is out as deleted.
    pub records: BTreeMap<Rendition, String>,
}

impl LogRow {
    /// Whether the title is out as deleted.
    pub fn is_deleted(&self) -> bool {
        self.records.is_empty()
    }
}

/// The writes that bring a title's scopes to what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The title's state afterwards.
    pub after: Published,
    /// Rows to be put.
    pub put: Vec<LogRow>,
    /// Rows to be taken out: scope and stamp.
    pub gone: Vec<(String, Timestamp)>,
    /// Whether the list of public pages is to follow the title's state.
    pub relists: bool,
}

impl Plan {
    /// The date that readers must not have passed when this is written.
    pub fn stamp(&self) -> Option<Timestamp> {
        self.put.iter().map(|row| row.stamp).min()
    }
}

/// The name of a profile's scope.
pub fn scope_of(profile: &PublishingId) -> String {
    profile.to_string()
}

/// The date of a change that is written at `now`: whole seconds, ahead of the clock by [`SETTLE_SECONDS`] or little more.
pub fn stamp_at(now: Timestamp) -> Timestamp {
    let whole = Timestamp::from_second(now.as_second()).unwrap_or(now);
    whole.saturating_add(seconds(SETTLE_SECONDS + 1)).unwrap_or(whole)
}

/// Whether readers may have passed `stamp` by the time that what carries it was certainly there.
pub fn is_late(stamp: Timestamp, there_at: Timestamp) -> bool {
    there_at.saturating_add(seconds(1)).unwrap_or(there_at) >= stamp
}

/// Plans what to write so that each scope holds what is wanted in it. `None` where all is as it should be.
///
/// `anew` dates what is right already anew too: whoever wrote it may have died before it knew that it was in time.
pub fn plan(
    before: Option<&Published>,
    mms_id: &MmsId,
    mut wanted: BTreeMap<String, Wanted>,
    page: Option<PublicPage>,
    by: &str,
    now: Timestamp,
    anew: bool,
) -> Option<Plan> {
    let mut after = before.cloned().unwrap_or_else(|| Published {
        mms_id: mms_id.clone(),
        scopes: BTreeMap::new(),
        page: None,
        by: String::new(),
        version: 0,
    });
    let mut scopes: Vec<String> = after.scopes.keys().chain(wanted.keys()).cloned().collect();
    scopes.sort_unstable();
    scopes.dedup();
    let (mut put, mut gone) = (Vec::new(), Vec::new());
    for scope in scopes {
        let old = after.scopes.get(&scope).cloned();
        let new = wanted.remove(&scope);
        let Some(hash) = next_state(old.as_ref(), new.as_ref(), anew) else { continue };
        // A clock that is behind another's must not date a change before the one that it follows.
        let stamp = match &old {
            Some(old) if stamp_at(now) < old.stamp => {
                old.stamp.saturating_add(seconds(1)).unwrap_or(old.stamp)
            }
            _ => stamp_at(now),
        };
        if let Some(old) = &old
            && old.stamp != stamp
        {
            gone.push((scope.clone(), old.stamp));
        }
        let first = old.map_or(stamp, |old| old.first);
        let (sets, records) = new.map(|new| (new.sets, new.records)).unwrap_or_default();
        after.scopes.insert(scope.clone(), State { hash, stamp, first });
        put.push(LogRow { scope, mms_id: mms_id.clone(), stamp, first, sets, records });
    }
    let says =
        |page: &Option<PublicPage>| page.as_ref().map(|it| (it.representation.clone(), it.hash.clone()));
    let relists = says(&after.page) != says(&page);
    if relists {
        after.page = page;
    }
    if put.is_empty() && !relists {
        return None;
    }
    by.clone_into(&mut after.by);
    Some(Plan { after, put, gone, relists })
}

/// The digest that a scope has to get; `None` where it stays as it is.
fn next_state(old: Option<&State>, new: Option<&Wanted>, anew: bool) -> Option<Option<String>> {
    let want = new.map(|new| new.hash.clone());
    match old {
        // What never was out is not published as deleted.
        None => want.map(Some),
        Some(old) if old.hash == want => anew.then_some(want),
        Some(_) => Some(want),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + second * 1000 + 900).unwrap()
    }

    fn mms() -> MmsId {
        "99123".parse().unwrap()
    }

    fn wanted(hashes: &[(&str, &str)]) -> BTreeMap<String, Wanted> {
        hashes
            .iter()
            .map(|(scope, hash)| {
                let records = [(Rendition::OaiDc, (*hash).to_owned())].into();
                let wanted = Wanted { hash: (*hash).to_owned(), sets: vec!["s".into()], records };
                ((*scope).to_owned(), wanted)
            })
            .collect()
    }

    fn after(before: Option<&Published>, hashes: &[(&str, &str)], second: i64) -> Option<Plan> {
        plan(before, &mms(), wanted(hashes), None, "e", at(second), false)
    }

    #[test]
    fn s13_what_is_out_already_is_not_published_again() {
        let first = after(None, &[("79", "a"), (ALL, "a")], 0).unwrap();
        assert_eq!((first.put.len(), first.gone.len(), first.after.scopes.len()), (2, 0, 2));
        assert_eq!(after(Some(&first.after), &[("79", "a"), (ALL, "a")], 60), None);
        assert_eq!(after(None, &[], 0), None, "what never was out is not published as deleted");
    }

    #[test]
    fn a_change_moves_the_row_and_a_deletion_stays_for_good() {
        let first = after(None, &[("79", "a")], 0).unwrap().after;
        let second = after(Some(&first), &[("79", "b")], 60).unwrap();
        assert_eq!(second.gone, [("79".to_owned(), first.scopes["79"].stamp)]);
        assert_eq!(second.after.scopes["79"].first, first.scopes["79"].stamp);
        let third = after(Some(&second.after), &[], 120).unwrap();
        assert!(third.put[0].is_deleted());
        assert_eq!(after(Some(&third.after), &[], 180), None);
        let fourth = after(Some(&third.after), &[("79", "b")], 240).unwrap();
        assert!(!fourth.put[0].is_deleted());
    }

    #[test]
    fn b50_a_change_is_dated_ahead_of_the_clock_and_never_before_the_one_it_follows() {
        let first = after(None, &[("79", "a")], 10).unwrap().after;
        let stamp = first.scopes["79"].stamp;
        assert!(stamp > at(10).saturating_add(seconds(SETTLE_SECONDS)).unwrap());
        assert_eq!(stamp.as_millisecond() % 1000, 0);
        assert!(!is_late(stamp, at(11)) && is_late(stamp, at(13)));
        let behind = after(Some(&first), &[("79", "b")], 0).unwrap().after;
        assert!(behind.scopes["79"].stamp > stamp);
        let same_second = after(Some(&first), &[("79", "b")], 10).unwrap();
        assert_eq!((same_second.gone.len(), same_second.put[0].stamp), (0, stamp), "written over");
    }

    #[test]
    fn a_public_page_is_listed_anew_only_when_it_says_something_else() {
        let page = |hash: &str, second| {
            let representation = "12123".parse().unwrap();
            Some(PublicPage { representation, hash: hash.to_owned(), changed_at: at(second) })
        };
        let plan =
            |before: Option<&Published>, page| plan(before, &mms(), BTreeMap::new(), page, "e", at(0), false);
        let first = plan(None, page("a", 0)).unwrap();
        assert!(first.relists && first.put.is_empty() && first.stamp().is_none());
        assert_eq!(plan(Some(&first.after), page("a", 9)), None);
        let second = plan(Some(&first.after), page("b", 9)).unwrap();
        assert_eq!(second.after.page, page("b", 9));
        let gone = plan(Some(&second.after), None).unwrap();
        assert!(gone.relists && gone.after.page.is_none());
        assert_eq!(plan(None, None), None);
    }

    #[test]
    fn b50_what_may_have_come_too_late_is_dated_anew() {
        let first = after(None, &[("79", "a")], 0).unwrap().after;
        let anew = plan(Some(&first), &mms(), wanted(&[("79", "a")]), None, "e", at(60), true).unwrap();
        assert!(anew.put[0].stamp > first.scopes["79"].stamp && anew.gone.len() == 1);
    }
}
