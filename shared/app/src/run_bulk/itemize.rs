//! Itemizing (C11): the members of a set are written into an itemized one, many in one transaction, because each changes
//! the set's count.

use vitrine_domain::bulk::BulkRun;
use vitrine_domain::ids::SetId;
use vitrine_domain::import::row::{RowOutcome, RowResult};
use vitrine_domain::job::Job;
use vitrine_domain::roles::Action;
use vitrine_domain::set::{Set, SetKind, SetMember};

use super::rows::{ToDo, blank, read_target};
use super::{failed, why_failed};
use crate::changes::{again_on_conflict, also};
use crate::run_import::write_result;
use crate::run_job::Around;
use crate::{App, AppError, Call, Rule};

/// How many members one transaction takes, each with its row's result.
const MEMBERS_A_CHANGE: usize = 45;

impl App {
    pub(super) async fn itemize(
        &self,
        call: &Call,
        job: &Job,
        run: &BulkRun,
        into: Option<&SetId>,
        to_do: Vec<ToDo>,
        around: Around<'_>,
    ) -> Result<Vec<RowResult>, AppError> {
        let mut done: Vec<RowResult> = Vec::with_capacity(to_do.len());
        for part in to_do.chunks(MEMBERS_A_CHANGE) {
            if !done.is_empty() && !(around.time_left)() {
                break;
            }
            let call = &Call { now: (around.clock)(), ..call.clone() };
            let mut rows = Vec::with_capacity(part.len());
            for (ticket, before) in part {
                let target = read_target(ticket)?;
                let row = blank(call, job, ticket, &target, before.as_ref().map_or(0, |it| it.version));
                rows.push(match target.unreadable {
                    Some(reason) => failed(row, "UNREADABLE", reason),
                    None => RowResult { outcome: RowOutcome::Updated, ..row },
                });
            }
            done.extend(again_on_conflict(|| self.itemize_part(call, run, into, &rows)).await?);
        }
        Ok(done)
    }

    async fn itemize_part(
        &self,
        call: &Call,
        run: &BulkRun,
        into: Option<&SetId>,
        rows: &[RowResult],
    ) -> Result<Vec<RowResult>, AppError> {
        let mut rows = rows.to_vec();
        let before = match self.set_to_write(call, into).await {
            Ok(set) => Some(set),
            // A preview has no set where the run would make one.
            Err(AppError::NotFound { .. }) if run.preview => None,
            Err(error @ AppError::Unavailable(_)) => return Err(error),
            Err(error) => {
                let (code, message) = why_failed(&error);
                rows = rows.into_iter().map(|row| failed(row, code, message.clone())).collect();
                None
            }
        };
        let mut new = Vec::new();
        if let Some(set) = &before {
            let ids: Vec<String> = rows.iter().filter_map(|row| row.member.clone()).collect();
            let held = self.catalog.set_members_by_id(&set.id, &ids).await?;
            for row in rows.iter_mut().filter(|row| row.outcome == RowOutcome::Updated) {
                let Some(id) = &row.member else { continue };
                // A set that changes under the walk can give a member twice.
                if held.iter().any(|it| it.member == *id) || new.contains(id) {
                    row.outcome = RowOutcome::Unchanged;
                } else {
                    new.push(id.clone());
                }
            }
        }
        let mut change = self.change(call, "job.row", None, rows.first());
        if let Some(before) = before.filter(|_| !run.preview && !new.is_empty()) {
            let after = Set {
                member_count: before.member_count + new.len() as u64,
                modified_by: call.actor.id.clone(),
                modified_at: call.now,
                ..before.clone()
            };
            also(&mut change, Some(&before), Some(&after));
            change.replace(&after)?;
            for member in new {
                change.create(&SetMember { set: after.id.clone(), member, added_at: call.now })?;
            }
        }
        for row in &rows {
            write_result(&mut change, row)?;
        }
        match self.commit(call, change).await.map_err(AppError::from) {
            // Another worker has the page.
            Err(AppError::Conflict("row result")) => Err(AppError::Conflict("job")),
            Err(error) => Err(error),
            Ok(()) => Ok(rows.into_iter().map(|row| RowResult { version: row.version + 1, ..row }).collect()),
        }
    }

    async fn set_to_write(&self, call: &Call, into: Option<&SetId>) -> Result<Set, AppError> {
        call.actor.may_somewhere(Action::ManageSets)?;
        let id = into.ok_or_else(|| AppError::invalid("into_set", "must be given"))?;
        let set = self.set_for(call, id).await?;
        if set.kind() == SetKind::Logical { Err(Rule::LogicalSet.into()) } else { Ok(set) }
    }
}
