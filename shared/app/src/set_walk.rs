//! Walks over the members of sets, page by page: what runs over titles, representations and collections go by.
//!
//! A page costs a bounded number of calls at any size of the repository and at any depth: it is a page of what is looked
//! at, and where a rule is hard to meet it can have few members or none. What can not be read is left out and named, so
//! that one damaged member does not stop the others (complaint 11 of domain.md 9).

use std::collections::{BTreeSet, HashMap};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use vitrine_domain::bib::BibRecord;
use vitrine_domain::collection::{Collection, MAX_DEPTH};
use vitrine_domain::ids::{CollectionId, MmsId, RepId};
use vitrine_domain::representation::Representation;
use vitrine_domain::set::{Levels, Set, SetContent, SetRule, TitleScope, Tree};
use vitrine_store::catalog::{MAX_BATCH, PageRequest};
use vitrine_store::keys::TITLE_SHARDS;
use vitrine_store::{Page, StoreError};

use crate::{App, AppError, Rule};

/// How many titles are asked for their representations side by side.
const ASKED_AT_ONCE: usize = 16;
/// How many empty collections one page passes.
const PASSED_A_PAGE: usize = 16;

/// Why a member is left out that was deleted since it was listed.
pub(crate) const GONE: &str = "is not there any more";

/// Something that was left out of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its id, or its key where it has no readable id.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// A page of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkPage<T> {
    /// The members.
    pub items: Vec<T>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
    /// Where the walk goes on; `None` at the end.
    pub next: Option<String>,
}

impl<T> Default for WalkPage<T> {
    fn default() -> Self {
        Self { items: Vec::new(), skipped: Vec::new(), next: None }
    }
}

impl<T> WalkPage<T> {
    /// Keeps what can be read and names what can not.
    fn sift(&mut self, each: Vec<Result<T, StoreError>>) -> Result<(), AppError> {
        for one in each {
            if let Some(one) = readable(one, &mut self.skipped)? {
                self.items.push(one);
            }
        }
        Ok(())
    }

    /// Puts the items into the order of `ids` and names those that are not there.
    fn order_by(&mut self, ids: &[String], id_of: impl Fn(&T) -> &str) {
        let damaged: Vec<&str> = self.skipped.iter().map(|it| it.id.as_str()).collect();
        let mut found: HashMap<String, T> =
            self.items.drain(..).map(|item| (id_of(&item).to_owned(), item)).collect();
        let mut gone = Vec::new();
        for id in ids {
            match found.remove(id) {
                Some(item) => self.items.push(item),
                None if damaged.iter().any(|key| key.ends_with(id.as_str())) => {}
                None => gone.push(Skipped { id: id.clone(), reason: GONE.to_owned() }),
            }
        }
        self.skipped.extend(gone);
    }
}

/// What was read, or `None` with a note where it is damaged.
pub(crate) fn readable<T>(
    one: Result<T, StoreError>,
    skipped: &mut Vec<Skipped>,
) -> Result<Option<T>, AppError> {
    match one {
        Ok(one) => Ok(Some(one)),
        Err(error @ StoreError::Malformed { .. }) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a damaged item is left out");
            let StoreError::Malformed { key, kind, .. } = error else { return Ok(None) };
            skipped.push(Skipped { id: key, reason: format!("can not be read as a {kind}") });
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// A collection with those above it, the topmost first; `None` where one of them is hidden (C8) or not known.
pub(crate) fn seen_path<'a>(
    known: &'a HashMap<CollectionId, Collection>,
    id: &CollectionId,
) -> Option<Vec<&'a Collection>> {
    let mut path = Vec::new();
    let mut at = Some(id);
    while let Some(id) = at {
        let one = known.get(id).filter(|one| !one.suppressed && path.len() <= MAX_DEPTH)?;
        path.insert(0, one);
        at = one.parent.as_ref();
    }
    Some(path)
}

/// Where a walk is; given to callers as text that they give back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Place {
    /// In the list of all titles.
    Shard(u8, Option<String>),
    /// In an itemized set.
    Member(Option<String>),
    /// In a list of ids.
    Id(usize),
    /// In the collections of a rule: the way to the one that is looked at, and the place in it.
    Collection(TreeWalk, Option<(CollectionId, Option<String>)>),
    /// In the representations of a page of titles: where that page begins, and the last title that was begun with the
    /// place in it, `None` after it.
    Form(Option<String>, Option<(MmsId, Option<String>)>),
}

/// A walk over collections, each before those below it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct TreeWalk {
    root: usize,
    path: Vec<(Option<CollectionId>, Below)>,
}

/// How far a walk is with the collections below one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Below {
    From(Option<String>),
    Done,
}

fn place(after: Option<&str>, start: Place) -> Result<Place, AppError> {
    let Some(text) = after else { return Ok(start) };
    let given: Place = serde_json::from_str(text).map_err(|_| bad_cursor())?;
    // One of another list is none of this one.
    if std::mem::discriminant(&given) == std::mem::discriminant(&start) {
        Ok(given)
    } else {
        Err(bad_cursor())
    }
}

fn bad_cursor() -> AppError {
    AppError::invalid("next", "must be the `next` of an earlier answer")
}

fn text(place: &Place) -> Option<String> {
    serde_json::to_string(place).ok()
}

fn page(limit: u32, after: Option<String>) -> PageRequest {
    PageRequest { limit: limit.clamp(1, 100), offset: 0, after }
}

impl App {
    /// A page of the titles of a scope, after `after`; at most 100 are looked at.
    ///
    /// # Errors
    /// [`Rule::NotTitles`] for a set of something else; a cursor of another walk.
    pub async fn titles_page(
        &self,
        scope: &TitleScope,
        after: Option<&str>,
        limit: u32,
    ) -> Result<WalkPage<BibRecord>, AppError> {
        match scope {
            TitleScope::Everything => {
                let everything = SetRule::default();
                self.titles_by_rule(&everything, SetContent::Titles, after, limit).await
            }
            TitleScope::Rule { rule } => self.titles_by_rule(rule, SetContent::Titles, after, limit).await,
            TitleScope::Ids { ids } => {
                let Place::Id(from) = place(after, Place::Id(0))? else { return Err(bad_cursor()) };
                let to = from.saturating_add(limit.clamp(1, 100) as usize).min(ids.len());
                let part = ids.get(from..to).unwrap_or_default();
                let mut found = self.titles_by_id(part.iter().map(ToString::to_string).collect()).await?;
                found.next = (to < ids.len()).then(|| text(&Place::Id(to))).flatten();
                Ok(found)
            }
            TitleScope::Set { set } => match (&set.settings.content, &set.settings.rule) {
                (SetContent::Titles, Some(rule)) => {
                    self.titles_by_rule(rule, SetContent::Titles, after, limit).await
                }
                (SetContent::Titles, None) => {
                    let (ids, next) = self.member_ids(set, after, limit).await?;
                    Ok(WalkPage { next, ..self.titles_by_id(ids).await? })
                }
                _ => Err(Rule::NotTitles.into()),
            },
        }
    }

    /// Whether a title is in a scope, at the cost of a few reads at most.
    ///
    /// # Errors
    /// [`Rule::NotTitles`] for a set of something else.
    pub async fn is_title_in(&self, scope: &TitleScope, bib: &BibRecord) -> Result<bool, AppError> {
        let everything = SetRule::default();
        let rule = match scope {
            TitleScope::Everything => &everything,
            TitleScope::Rule { rule } => rule,
            TitleScope::Ids { ids } => {
                return Ok(ids.contains(&bib.mms_id) && everything.takes_record(bib, &Tree::default()));
            }
            TitleScope::Set { set } if set.settings.content != SetContent::Titles => {
                return Err(Rule::NotTitles.into());
            }
            TitleScope::Set { set } => match &set.settings.rule {
                Some(rule) => rule,
                None => {
                    let is_member = self.catalog.set_member(&set.id, bib.mms_id.as_str()).await?.is_some();
                    return Ok(is_member && everything.takes_record(bib, &Tree::default()));
                }
            },
        };
        let tree = self.tree_for(rule, std::iter::once(bib)).await?;
        self.fits(rule, SetContent::Titles, bib, &tree, &mut Vec::new()).await
    }

    /// A page of representations: those of a set of representations, or all of the titles of a scope.
    ///
    /// # Errors
    /// [`Rule::NotTitles`] for a set of collections; a cursor of another walk.
    pub async fn representations_page(
        &self,
        scope: &TitleScope,
        after: Option<&str>,
        limit: u32,
    ) -> Result<WalkPage<Representation>, AppError> {
        if let TitleScope::Set { set } = scope
            && set.settings.content == SetContent::Representations
        {
            return match &set.settings.rule {
                Some(rule) => self.forms_page(scope, Some(rule), after, limit).await,
                None => {
                    let (ids, next) = self.member_ids(set, after, limit).await?;
                    let reps: Vec<RepId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
                    let mut found = WalkPage { next, ..WalkPage::default() };
                    found.sift(self.catalog.representations_each(&reps).await?)?;
                    found.items = self.forms_that_are_there(found.items).await?;
                    found.order_by(&ids, |it| it.id.as_str());
                    Ok(found)
                }
            };
        }
        self.forms_page(scope, None, after, limit).await
    }

    /// Leaves out representations that are deleted, by themselves or with their title: one read for up to 100 titles.
    pub(crate) async fn forms_that_are_there(
        &self,
        found: Vec<Representation>,
    ) -> Result<Vec<Representation>, AppError> {
        let living: Vec<Representation> = found.into_iter().filter(|it| it.removal.is_none()).collect();
        let ids: BTreeSet<_> = living.iter().map(|it| it.mms_id.clone()).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let mut titles = BTreeSet::new();
        for part in ids.chunks(MAX_BATCH) {
            // A title that can not be read says nothing against its representations.
            let read = self.catalog.bibs_each(part).await?;
            let gone = read.into_iter().flatten().filter(|bib| bib.removal.is_some());
            titles.extend(gone.map(|bib| bib.mms_id));
        }
        Ok(living.into_iter().filter(|it| !titles.contains(&it.mms_id)).collect())
    }

    async fn forms_page(
        &self,
        scope: &TitleScope,
        rule: Option<&SetRule>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<WalkPage<Representation>, AppError> {
        let Place::Form(start, begun) = place(after, Place::Form(None, None))? else {
            return Err(bad_cursor());
        };
        let titles = match rule {
            Some(rule) => {
                self.titles_by_rule(rule, SetContent::Representations, start.as_deref(), limit).await?
            }
            None => self.titles_page(scope, start.as_deref(), limit).await?,
        };
        let mut found = WalkPage { items: Vec::new(), skipped: Vec::new(), next: None };
        let mut ahead = titles.items.as_slice();
        let mut within = None;
        if let Some((mms, place)) = begun {
            let at = ahead.iter().position(|bib| bib.mms_id == mms);
            match (at, &place) {
                (Some(at), Some(_)) => ahead = ahead.get(at..).unwrap_or_default(),
                (Some(at), None) => ahead = ahead.get(at + 1..).unwrap_or_default(),
                (None, _) => {}
            }
            within = at.and(place);
        } else {
            found.skipped = titles.skipped;
        }
        for bib in ahead {
            let tree = Tree::default();
            let tree = match rule {
                Some(rule) => &self.tree_for(rule, std::iter::once(bib)).await?,
                None => &tree,
            };
            loop {
                let left = limit.saturating_sub(u32::try_from(found.items.len()).unwrap_or(u32::MAX));
                let request = page(left, within.take());
                let forms = self.catalog.representations_each_of(&bib.mms_id, &request).await?;
                for form in forms.items {
                    if let Some(form) = readable(form, &mut found.skipped)?
                        && rule.is_none_or(|rule| rule.takes_representation(bib, tree, &form))
                    {
                        found.items.push(form);
                    }
                }
                within = forms.next;
                if found.items.len() >= limit as usize {
                    found.next = text(&Place::Form(start, Some((bib.mms_id.clone(), within))));
                    return Ok(found);
                }
                if within.is_none() {
                    break;
                }
            }
        }
        found.next = titles.next.and_then(|next| text(&Place::Form(Some(next), None)));
        Ok(found)
    }

    /// A page of the collections of a set of them.
    ///
    /// # Errors
    /// A cursor of another walk.
    pub async fn collections_page(
        &self,
        set: &Set,
        after: Option<&str>,
        limit: u32,
    ) -> Result<WalkPage<Collection>, AppError> {
        let mut found = WalkPage::default();
        let Some(rule) = &set.settings.rule else {
            let (ids, next) = self.member_ids(set, after, limit).await?;
            let wanted: Vec<CollectionId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
            found.sift(self.catalog.collections_each(&wanted).await?)?;
            found.order_by(&ids, |it: &Collection| it.id.as_str());
            return Ok(WalkPage { next, ..found });
        };
        let Place::Collection(mut walk, _) = place(after, Place::Collection(TreeWalk::default(), None))?
        else {
            return Err(bad_cursor());
        };
        for _ in 0..limit.clamp(1, 100) {
            let Some(id) = self.next_collection(rule, &mut walk).await? else { return Ok(found) };
            let Some(collection) = self.catalog.collection(&id).await? else { continue };
            let tree = if rule.asks_for_parents() { self.tree_above([id]).await? } else { Tree::default() };
            if rule.takes_collection(&collection, &tree) {
                found.items.push(collection);
            }
        }
        found.next = text(&Place::Collection(walk, None));
        Ok(found)
    }

    async fn member_ids(
        &self,
        set: &Set,
        after: Option<&str>,
        limit: u32,
    ) -> Result<(Vec<String>, Option<String>), AppError> {
        let Place::Member(after) = place(after, Place::Member(None))? else { return Err(bad_cursor()) };
        let members = self.catalog.members_of_set(&set.id, &page(limit, after)).await?;
        // A member's own item says nothing but its id; one that can not be read has its id in its key all the same.
        let mut ids = Vec::with_capacity(members.items.len());
        for member in members.items {
            match member {
                Ok(member) => ids.push(member.member),
                Err(StoreError::Malformed { key, .. }) => {
                    tracing::error!(key, "a member of a set can not be read");
                }
                Err(error) => return Err(error.into()),
            }
        }
        let next = members.next.and_then(|next| text(&Place::Member(Some(next))));
        Ok((ids, next))
    }

    async fn titles_by_id(&self, ids: Vec<String>) -> Result<WalkPage<BibRecord>, AppError> {
        let wanted: Vec<MmsId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let mut found = WalkPage::default();
        found.sift(self.catalog.bibs_each(&wanted).await?)?;
        let everything = SetRule::default();
        found.items.retain(|bib: &BibRecord| everything.takes_record(bib, &Tree::default()));
        found.order_by(&ids, |bib| bib.mms_id.as_str());
        Ok(found)
    }

    async fn titles_by_rule(
        &self,
        rule: &SetRule,
        content: SetContent,
        after: Option<&str>,
        limit: u32,
    ) -> Result<WalkPage<BibRecord>, AppError> {
        if rule.collections.is_empty() {
            return self.titles_of_shards(rule, content, after, limit).await;
        }
        let start = Place::Collection(TreeWalk::default(), None);
        let Place::Collection(mut walk, mut current) = place(after, start)? else { return Err(bad_cursor()) };
        let mut found = WalkPage::default();
        for _ in 0..PASSED_A_PAGE {
            let (id, from) = match current.take() {
                Some(current) => current,
                None => match self.next_collection(rule, &mut walk).await? {
                    Some(id) => (id, None),
                    None => return Ok(found),
                },
            };
            let members = self.catalog.members_each(&id, &page(limit, from)).await?;
            let is_empty = members.items.is_empty();
            let mut ids = Vec::with_capacity(members.items.len());
            for member in members.items {
                ids.extend(readable(member, &mut found.skipped)?.map(|it| it.mms_id));
            }
            current = members.next.map(|next| (id.clone(), Some(next)));
            if !is_empty {
                let mut each = self.catalog.bibs_each(&ids).await?;
                each.sort_by_key(|one| {
                    let at = |bib: &BibRecord| ids.iter().position(|id| *id == bib.mms_id);
                    one.as_ref().map_or(None, at)
                });
                self.keep_fitting(rule, content, each, Some(&id), &mut found).await?;
                break;
            }
        }
        found.next = text(&Place::Collection(walk, current));
        Ok(found)
    }

    async fn titles_of_shards(
        &self,
        rule: &SetRule,
        content: SetContent,
        after: Option<&str>,
        limit: u32,
    ) -> Result<WalkPage<BibRecord>, AppError> {
        let Place::Shard(mut shard, mut from) = place(after, Place::Shard(0, None))? else {
            return Err(bad_cursor());
        };
        let mut found = WalkPage::default();
        while shard < TITLE_SHARDS {
            let Page { items, next } = self.catalog.titles_of_shard(shard, &page(limit, from.take())).await?;
            let is_empty = items.is_empty();
            self.keep_fitting(rule, content, items, None, &mut found).await?;
            (shard, from) = if next.is_some() { (shard, next) } else { (shard + 1, None) };
            if !is_empty {
                break;
            }
        }
        found.next = (shard < TITLE_SHARDS).then(|| text(&Place::Shard(shard, from))).flatten();
        Ok(found)
    }

    /// Keeps the titles that fit a rule; of those that several collections reach, the ones that are met through `met_in`.
    async fn keep_fitting(
        &self,
        rule: &SetRule,
        content: SetContent,
        each: Vec<Result<BibRecord, StoreError>>,
        met_in: Option<&CollectionId>,
        found: &mut WalkPage<BibRecord>,
    ) -> Result<(), AppError> {
        let mut bibs = Vec::with_capacity(each.len());
        for one in each {
            bibs.extend(readable(one, &mut found.skipped)?);
        }
        let tree = &self.tree_for(rule, bibs.iter()).await?;
        let looked: Vec<(BibRecord, bool, Vec<Skipped>)> = stream::iter(bibs)
            .map(|bib| async move {
                let mut skipped = Vec::new();
                let fits = met_in.is_none_or(|id| rule.met_through(&bib, tree) == Some(id))
                    && self.fits(rule, content, &bib, tree, &mut skipped).await?;
                Ok::<_, AppError>((bib, fits, skipped))
            })
            .buffered(ASKED_AT_ONCE)
            .try_collect()
            .await?;
        for (bib, fits, skipped) in looked {
            found.skipped.extend(skipped);
            if fits {
                found.items.push(bib);
            }
        }
        Ok(())
    }

    async fn fits(
        &self,
        rule: &SetRule,
        content: SetContent,
        bib: &BibRecord,
        tree: &Tree,
        skipped: &mut Vec<Skipped>,
    ) -> Result<bool, AppError> {
        if !rule.takes_record(bib, tree) {
            return Ok(false);
        }
        // Which of its representations are members is asked when they are read.
        if content == SetContent::Representations {
            return Ok(true);
        }
        if !rule.asks_for_representations() {
            return Ok(rule.takes_title(bib, tree, &[]));
        }
        let mut from = None;
        loop {
            let forms = self.catalog.representations_each_of(&bib.mms_id, &page(100, from)).await?;
            for form in forms.items {
                if let Some(form) = readable(form, skipped)?
                    && rule.takes_title(bib, tree, &[form])
                {
                    return Ok(true);
                }
            }
            from = forms.next;
            if from.is_none() {
                return Ok(false);
            }
        }
    }

    async fn tree_for<'a>(
        &self,
        rule: &SetRule,
        bibs: impl Iterator<Item = &'a BibRecord>,
    ) -> Result<Tree, AppError> {
        if !rule.asks_for_parents() {
            return Ok(Tree::default());
        }
        self.tree_above(bibs.flat_map(|bib| bib.collections.iter().cloned())).await
    }

    /// What is above these collections. One that is damaged is left out, and what is above it.
    async fn tree_above(&self, ids: impl IntoIterator<Item = CollectionId>) -> Result<Tree, AppError> {
        let found = self.collections_above(ids, |one| readable(one, &mut Vec::new())).await?;
        Ok(found.into_values().map(|it| (it.id, it.parent)).collect())
    }

    /// These collections and all above them, by id: one read of up to 100 a level. `keep` decides on what is damaged.
    pub(crate) async fn collections_above(
        &self,
        ids: impl IntoIterator<Item = CollectionId>,
        mut keep: impl FnMut(Result<Collection, StoreError>) -> Result<Option<Collection>, AppError>,
    ) -> Result<HashMap<CollectionId, Collection>, AppError> {
        let mut found: HashMap<CollectionId, Collection> = HashMap::new();
        let mut wanted: BTreeSet<CollectionId> = ids.into_iter().collect();
        for _ in 0..=MAX_DEPTH {
            if wanted.is_empty() {
                break;
            }
            let asked: Vec<CollectionId> = std::mem::take(&mut wanted).into_iter().collect();
            for part in asked.chunks(MAX_BATCH) {
                for one in self.catalog.collections_each(part).await? {
                    let Some(one) = keep(one)? else { continue };
                    wanted.extend(one.parent.clone());
                    found.insert(one.id.clone(), one);
                }
            }
            wanted.retain(|id| !found.contains_key(id));
        }
        Ok(found)
    }

    /// The next collection that a rule reaches.
    async fn next_collection(
        &self,
        rule: &SetRule,
        walk: &mut TreeWalk,
    ) -> Result<Option<CollectionId>, AppError> {
        let all = rule.levels == Some(Levels::All);
        loop {
            let Some((parent, below)) = walk.path.last_mut() else {
                walk.root += 1;
                if rule.collections.is_empty() {
                    if walk.root > 1 {
                        return Ok(None);
                    }
                    walk.path.push((None, Below::From(None)));
                    continue;
                }
                let Some(root) = rule.collections.get(walk.root - 1) else { return Ok(None) };
                // One below another one of the rule is met on the way through that.
                if all {
                    let tree = self.tree_above([root.clone()]).await?;
                    if tree.above(root).skip(1).any(|above| rule.collections.contains(above)) {
                        continue;
                    }
                }
                walk.path.push((Some(root.clone()), if all { Below::From(None) } else { Below::Done }));
                return Ok(Some(root.clone()));
            };
            let Below::From(from) = below else {
                walk.path.pop();
                continue;
            };
            let children = self.catalog.children_of(parent.as_ref(), &page(1, from.take())).await?;
            *below = children.next.map_or(Below::Done, |next| Below::From(Some(next)));
            if let Some(child) = children.items.into_iter().next() {
                let deeper = walk.path.len() <= MAX_DEPTH && child.child_count > 0;
                walk.path
                    .push((Some(child.id.clone()), if deeper { Below::From(None) } else { Below::Done }));
                return Ok(Some(child.id));
            }
        }
    }
}
