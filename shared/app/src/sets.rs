//! Sets: create, read, list, change, delete, and the members of itemized ones (C11, ALMA-17).

use std::collections::BTreeSet;

use vitrine_domain::bib::BibKind;
use vitrine_domain::ids::{MmsId, RepId, SetId};
use vitrine_domain::outbox::OutboxRow;
use vitrine_domain::problem::Problems;
use vitrine_domain::roles::Action;
use vitrine_domain::set::{MAX_MEMBERS_A_CALL, Set, SetContent, SetKind, SetMember, SetSettings, TitleScope};
use vitrine_store::catalog::{Count, MAX_BATCH, PageRequest};
use vitrine_store::keys::Item;
use vitrine_store::{Page, StoreError};

use crate::bibs::check_version;
use crate::changes::again_on_conflict;
use crate::set_walk::{Skipped, WalkPage};
use crate::{App, AppError, Call, Rule};

/// How many members one transaction writes, beside the set and the audit row.
const MEMBERS_A_CHANGE: usize = 90;
/// How many titles with one identifier are taken for members.
const TITLES_AN_IDENTIFIER: u32 = 10;
/// How many pages of a logical set one call looks at to fill its own.
const LOOKS_A_CALL: u32 = 20;

/// A member as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownMember {
    /// Its id.
    pub id: String,
    /// Its title, label or name.
    pub description: Option<String>,
}

/// How the ids in a call are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdType {
    /// As ids of the set's content.
    Own,
    /// As identifiers of titles, in any of these schemes.
    Identifier(&'static [&'static str]),
}

/// What became of the ids of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membered {
    /// The set as it is now.
    pub set: Set,
    /// The ids that were left out because nothing has them.
    pub skipped: Vec<Skipped>,
}

impl App {
    /// The sets that the caller sees, by name, and how many there are in all.
    ///
    /// # Errors
    /// A caller without any staff role.
    pub async fn list_sets(&self, call: &Call, page: &PageRequest) -> Result<(Page<Set>, Count), AppError> {
        call.actor.may(Action::ReadSets, None)?;
        let mut found = self.catalog.sets(page).await?;
        found.items.retain(|set| set.is_seen_by(&call.actor.id));
        Ok((found, self.catalog.count_sets().await?))
    }

    /// One set.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn read_set(&self, call: &Call, id: &SetId) -> Result<Set, AppError> {
        call.actor.may(Action::ReadSets, None)?;
        self.set_for(call, id).await
    }

    /// A set that the caller sees.
    pub(crate) async fn set_for(&self, call: &Call, id: &SetId) -> Result<Set, AppError> {
        let set = self.catalog.set(id).await?.filter(|set| set.is_seen_by(&call.actor.id));
        set.ok_or_else(|| AppError::not_found("set", id))
    }

    /// Creates a set.
    ///
    /// # Errors
    /// Everything wrong with it at once.
    pub async fn create_set(&self, call: &Call, settings: SetSettings) -> Result<Set, AppError> {
        call.actor.may_somewhere(Action::ManageSets)?;
        let settings = self.checked(settings).await?;
        let set = Set {
            id: self.minter.set(call.now, self.random()),
            settings,
            member_count: 0,
            created_by: call.actor.id.clone(),
            created_at: call.now,
            modified_by: call.actor.id.clone(),
            modified_at: call.now,
            version: 0,
        };
        let mut change = self.change(call, "set.create", None, Some(&set));
        change.create(&set)?;
        self.commit(call, change).await?;
        Ok(Set { version: 1, ..set })
    }

    /// Changes a set. What it holds and how it knows its members stay as they are.
    ///
    /// # Errors
    /// As for creating; [`AppError::Precondition`] when `expected` is another version than it has.
    pub async fn update_set(
        &self,
        call: &Call,
        id: &SetId,
        settings: SetSettings,
        expected: Option<u64>,
    ) -> Result<Set, AppError> {
        call.actor.may_somewhere(Action::ManageSets)?;
        let before = self.set_for(call, id).await?;
        check_version("set", before.version, expected)?;
        let settings = self.checked(settings).await?;
        let mut problems = Problems::default();
        if settings.content != before.settings.content {
            problems.add("content", "can not be changed");
        }
        if settings.rule.is_some() != before.settings.rule.is_some() {
            problems.add("type", "can not be changed");
        }
        problems.into_result()?;
        let after =
            Set { settings, modified_by: call.actor.id.clone(), modified_at: call.now, ..before.clone() };
        let mut change = self.change(call, "set.update", Some(&before), Some(&after));
        change.replace(&after)?;
        // Profiles may publish the titles that it holds then.
        let is_other =
            after.settings.content == SetContent::Titles && after.settings.rule != before.settings.rule;
        let owed = is_other.then(|| self.owe_set(call, id.clone()));
        self.commit_owing(call, change, owed).await?;
        Ok(Set { version: before.version + 1, ..after })
    }

    /// Deletes a set that no publishing profile names; its members stay what they are.
    ///
    /// # Errors
    /// [`Rule::SetInUse`], [`AppError::Precondition`].
    pub async fn delete_set(&self, call: &Call, id: &SetId, expected: Option<u64>) -> Result<(), AppError> {
        call.actor.may_somewhere(Action::ManageSets)?;
        let before = self.set_for(call, id).await?;
        check_version("set", before.version, expected)?;
        if let Some(profile) = self.publishers_of(id).await?.into_iter().next() {
            return Err(Rule::SetInUse(profile.settings.name).into());
        }
        let mut change = self.change(call, "set.delete", Some(&before), None);
        change.remove(&before);
        if before.kind() == SetKind::Itemized {
            let work = vitrine_domain::outbox::Work::EmptySet { set: id.clone() };
            change.create(&self.owe(call, work, call.now))?;
        }
        Ok(self.commit(call, change).await?)
    }

    /// Checks settings and looks up what a rule names; values that are there twice are kept once.
    async fn checked(&self, mut settings: SetSettings) -> Result<SetSettings, AppError> {
        settings.check()?;
        let Some(rule) = &mut settings.rule else { return Ok(settings) };
        let mut problems = Problems::default();
        rule.collections = unlike(&rule.collections);
        let known = self.catalog.collections_each(&rule.collections).await?;
        let known: Vec<_> = known.into_iter().collect::<Result<_, StoreError>>()?;
        for id in rule.collections.iter().filter(|id| !known.iter().any(|it| it.id == **id)) {
            problems.add("rule.collection", format!("there is no collection `{id}`"));
        }
        rule.policies = unlike(&rule.policies);
        let known = self.catalog.policies_by_id(&rule.policies).await?;
        for id in rule.policies.iter().filter(|id| !known.iter().any(|it| it.id == **id)) {
            problems.add("rule.access_rights_policy", format!("there is no access rights policy `{id}`"));
        }
        if !rule.libraries.is_empty() {
            rule.libraries = unlike(&rule.libraries);
            let known = self.catalog.libraries().await?;
            for code in rule.libraries.iter().filter(|code| !known.iter().any(|it| it.code == **code)) {
                problems.add("rule.library", format!("there is no library `{code}`"));
            }
        }
        problems.into_result()?;
        Ok(settings)
    }

    /// A page of the members of a set, and how many there are as far as that is known without looking at all.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; an offset into a logical set that one call can not reach.
    pub async fn list_set_members(
        &self,
        call: &Call,
        id: &SetId,
        page: &PageRequest,
    ) -> Result<(WalkPage<ShownMember>, Count), AppError> {
        let set = self.read_set(call, id).await?;
        let mut found = WalkPage { next: page.after.clone(), ..WalkPage::default() };
        let (mut to_skip, limit) = (page.offset as usize, page.limit as usize);
        if page.after.is_some() {
            to_skip = 0;
        }
        let first = to_skip;
        let mut at_end = false;
        for _ in 0..LOOKS_A_CALL {
            if found.items.len() >= limit && to_skip == 0 {
                break;
            }
            let wanted = if to_skip > 0 { to_skip.min(100) } else { limit - found.items.len() };
            let wanted = u32::try_from(wanted).unwrap_or(100);
            let part = self.shown_page(&set, found.next.as_deref(), wanted).await?;
            // A page never has more than it was asked for, so skipped members are whole pages.
            let dropped = to_skip.min(part.items.len());
            to_skip -= dropped;
            found.items.extend(part.items.into_iter().skip(dropped));
            found.skipped.extend(part.skipped);
            found.next = part.next;
            if found.next.is_none() {
                at_end = true;
                break;
            }
        }
        if to_skip > 0 && !at_end {
            return Err(AppError::invalid("offset", "is too far into this set; go on with `next`"));
        }
        let count = match set.kind() {
            SetKind::Itemized => {
                Count { number: u32::try_from(set.member_count).unwrap_or(u32::MAX), at_least: false }
            }
            SetKind::Logical => {
                let seen = first - to_skip + found.items.len();
                Count { number: u32::try_from(seen).unwrap_or(u32::MAX), at_least: !at_end }
            }
        };
        Ok((found, count))
    }

    async fn shown_page(
        &self,
        set: &Set,
        after: Option<&str>,
        limit: u32,
    ) -> Result<WalkPage<ShownMember>, AppError> {
        let scope = TitleScope::Set { set: Box::new(set.clone()) };
        Ok(match set.settings.content {
            SetContent::Titles => self
                .titles_page(&scope, after, limit)
                .await?
                .map(|it| ShownMember { id: it.mms_id.to_string(), description: Some(it.brief.title) }),
            SetContent::Representations => self
                .representations_page(&scope, after, limit)
                .await?
                .map(|it| ShownMember { id: it.id.to_string(), description: it.fields.label }),
            SetContent::Collections => self
                .collections_page(set, after, limit)
                .await?
                .map(|it| ShownMember { id: it.id.to_string(), description: Some(it.name) }),
        })
    }

    /// Adds members to an itemized set; those that are in it already stay.
    ///
    /// # Errors
    /// [`Rule::LogicalSet`]; ids that nothing has, all of them by name, unless `keep_going` leaves them out.
    pub async fn add_set_members(
        &self,
        call: &Call,
        id: &SetId,
        given: &[String],
        id_type: &IdType,
        keep_going: bool,
    ) -> Result<Membered, AppError> {
        let set = self.itemized(call, id).await?;
        let (ids, skipped) = self.resolve(&set, given, id_type, keep_going).await?;
        let mut set = set;
        for part in ids.chunks(MEMBERS_A_CHANGE) {
            set = again_on_conflict(|| self.add_part(call, id, part)).await?;
        }
        Ok(Membered { set, skipped })
    }

    async fn add_part(&self, call: &Call, id: &SetId, ids: &[String]) -> Result<Set, AppError> {
        let before = self.itemized(call, id).await?;
        let held = self.catalog.set_members_by_id(id, ids).await?;
        let new: Vec<&String> =
            ids.iter().filter(|id| !held.iter().any(|member| member.member == **id)).collect();
        if new.is_empty() {
            return Ok(before);
        }
        let after = Set { member_count: before.member_count + new.len() as u64, ..before.clone() };
        self.write_members(call, before, after, new.clone(), |change, set| {
            for member in &new {
                change.create(&SetMember {
                    set: set.clone(),
                    member: (*member).clone(),
                    added_at: call.now,
                })?;
            }
            Ok(())
        })
        .await
    }

    /// Takes members out of an itemized set; those that are not in it are no error.
    ///
    /// # Errors
    /// [`Rule::LogicalSet`].
    pub async fn remove_set_members(
        &self,
        call: &Call,
        id: &SetId,
        given: &[String],
        id_type: &IdType,
        keep_going: bool,
    ) -> Result<Membered, AppError> {
        let mut set = self.itemized(call, id).await?;
        let (ids, skipped) = match id_type {
            // What is deleted meanwhile can still be taken out.
            IdType::Own => (distinct(given)?, Vec::new()),
            IdType::Identifier(_) => self.resolve(&set, given, id_type, keep_going).await?,
        };
        for part in ids.chunks(MEMBERS_A_CHANGE) {
            set = again_on_conflict(|| self.remove_part(call, id, part)).await?;
        }
        Ok(Membered { set, skipped })
    }

    async fn remove_part(&self, call: &Call, id: &SetId, ids: &[String]) -> Result<Set, AppError> {
        let before = self.itemized(call, id).await?;
        let held = self.catalog.set_members_by_id(id, ids).await?;
        if held.is_empty() {
            return Ok(before);
        }
        let left = before.member_count.saturating_sub(held.len() as u64);
        let after = Set { member_count: left, ..before.clone() };
        let ids = held.iter().map(|member| &member.member).collect();
        self.write_members(call, before, after, ids, |change, _| {
            for member in &held {
                change.forget(SetMember::KIND, member.key());
            }
            Ok(())
        })
        .await
    }

    /// Writes a set with members that come or go. Of two callers at once the second reads anew.
    async fn write_members(
        &self,
        call: &Call,
        before: Set,
        after: Set,
        ids: Vec<&String>,
        write: impl FnOnce(&mut vitrine_store::Change, SetId) -> Result<(), StoreError>,
    ) -> Result<Set, AppError> {
        let after = Set { modified_by: call.actor.id.clone(), modified_at: call.now, ..after };
        let mut change = self.change(call, "set.members", Some(&before), Some(&after));
        change.replace(&after)?;
        write(&mut change, after.id.clone())?;
        // Profiles may publish the titles that it lists.
        let titles = (after.settings.content == SetContent::Titles)
            .then(|| ids.into_iter().filter_map(|id| id.parse().ok()).collect());
        let owed = titles.map(|titles| self.owe_members(call, after.id.clone(), titles));
        self.commit_owing(call, change, owed).await?;
        Ok(Set { version: before.version + 1, ..after })
    }

    /// Commits a change with what it owes of publishing, and asks for that.
    async fn commit_owing(
        &self,
        call: &Call,
        mut change: vitrine_store::Change,
        owed: Option<OutboxRow>,
    ) -> Result<(), AppError> {
        if let Some(owed) = &owed {
            change.create(owed)?;
        }
        self.commit(call, change).await?;
        if let Some(owed) = owed {
            self.ask_to_publish(&owed.id).await;
        }
        Ok(())
    }

    async fn itemized(&self, call: &Call, id: &SetId) -> Result<Set, AppError> {
        call.actor.may_somewhere(Action::ManageSets)?;
        let set = self.set_for(call, id).await?;
        if set.kind() == SetKind::Logical {
            return Err(Rule::LogicalSet.into());
        }
        Ok(set)
    }

    /// The ids of what is meant, each once; what nothing has is refused by name, or left out.
    async fn resolve(
        &self,
        set: &Set,
        given: &[String],
        id_type: &IdType,
        keep_going: bool,
    ) -> Result<(Vec<String>, Vec<Skipped>), AppError> {
        let given = distinct(given)?;
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        match id_type {
            IdType::Own => {
                for part in given.chunks(MAX_BATCH) {
                    let there = self.which_are_there(set.settings.content, part).await?;
                    for id in part {
                        if there.contains(id) { found.push(id.clone()) } else { missing.push(id.clone()) }
                    }
                }
            }
            IdType::Identifier(schemes) => {
                for value in given {
                    let mut titles = Vec::new();
                    for scheme in *schemes {
                        let identifier = crate::bibs::identifier(scheme, &value);
                        titles.extend(self.catalog.bibs_with(&identifier, TITLES_AN_IDENTIFIER).await?);
                    }
                    if titles.is_empty() {
                        missing.push(value);
                    }
                    found.extend(titles.iter().map(ToString::to_string));
                }
                found = distinct_texts(&found);
            }
        }
        if !missing.is_empty() && !keep_going {
            let mut problems = Problems::default();
            for id in missing.iter().take(20) {
                problems
                    .add("members.member.id", format!("there is no {} `{id}`", word(set.settings.content)));
            }
            return Err(problems.into());
        }
        let reason = format!("there is no such {}", word(set.settings.content));
        let skipped = missing.into_iter().map(|id| Skipped { id, reason: reason.clone() }).collect();
        Ok((found, skipped))
    }

    async fn which_are_there(
        &self,
        content: SetContent,
        ids: &[String],
    ) -> Result<BTreeSet<String>, AppError> {
        Ok(match content {
            SetContent::Titles => {
                let ids: Vec<MmsId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
                let found = self.catalog.bibs_each(&ids).await?;
                let titles = found.into_iter().flatten();
                titles
                    .filter(|bib| bib.removal.is_none() && bib.kind == BibKind::Title)
                    .map(|bib| bib.mms_id.to_string())
                    .collect()
            }
            SetContent::Representations => {
                let ids: Vec<RepId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
                let found = self.catalog.representations_each(&ids).await?.into_iter().flatten().collect();
                let there = self.forms_that_are_there(found).await?;
                there.into_iter().map(|it| it.id.to_string()).collect()
            }
            SetContent::Collections => {
                let ids: Vec<_> = ids.iter().filter_map(|id| id.parse().ok()).collect();
                let found = self.catalog.collections_each(&ids).await?;
                found.into_iter().flatten().map(|it| it.id.to_string()).collect()
            }
        })
    }
}

impl<T> WalkPage<T> {
    pub(crate) fn map<U>(self, show: impl FnMut(T) -> U) -> WalkPage<U> {
        let items = self.items.into_iter().map(show).collect();
        WalkPage { items, skipped: self.skipped, next: self.next }
    }
}

fn word(content: SetContent) -> &'static str {
    match content {
        SetContent::Titles => "title",
        SetContent::Representations => "representation",
        SetContent::Collections => "collection",
    }
}

fn unlike<T: Clone + PartialEq>(values: &[T]) -> Vec<T> {
    let mut kept: Vec<T> = Vec::with_capacity(values.len());
    for value in values {
        if !kept.contains(value) {
            kept.push(value.clone());
        }
    }
    kept
}

fn distinct_texts(given: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    given.iter().filter(|id| seen.insert(id.as_str())).cloned().collect()
}

fn distinct(given: &[String]) -> Result<Vec<String>, AppError> {
    if given.is_empty() {
        return Err(AppError::invalid("members.member", "must be given"));
    }
    if given.len() > MAX_MEMBERS_A_CALL {
        let message = format!("must be at most {MAX_MEMBERS_A_CALL} a call; send the rest in further calls");
        return Err(AppError::invalid("members.member", message));
    }
    let trimmed: Vec<String> =
        given.iter().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect();
    Ok(distinct_texts(&trimmed))
}
