//! Writing the members down: a page of the walk is a page of tickets, kept with the walk's place in one transaction.

use serde::{Deserialize, Serialize};
use vitrine_domain::bib::RecordSource;
use vitrine_domain::bulk::{BulkRun, BulkStep, RowsOf, Target};
use vitrine_domain::ids::{MmsId, RepId};
use vitrine_domain::import::row::RowTicket;
use vitrine_domain::job::{Job, JobStatus};
use vitrine_domain::set::{SetContent, TitleScope};
use vitrine_store::catalog::PageRequest;

use super::at_step;
use crate::run_job::Next;
use crate::set_walk::{Skipped, WalkPage, readable};
use crate::{App, AppError, Call};

/// How many tickets one transaction takes, beside the job, its outbox row and its audit row.
const TICKETS_A_CHANGE: usize = 90;
/// How many members a page asks for.
const MEMBERS_A_PAGE: u32 = 80;
/// The same where so many can not be read that they, with those that can, are more than a transaction takes.
const MEMBERS_A_BAD_PAGE: u32 = 25;
/// How many representations a page of files looks at.
const FORMS_A_PAGE: u32 = 60;

/// Where the walk over the files of representations is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct FilesPlace {
    /// Where the walk over the representations goes on.
    walk: Option<String>,
    /// Whether that walk is at its end.
    ended: bool,
    /// The representation whose files are not all written down, and the place in them.
    within: Option<(MmsId, RepId, String)>,
}

impl App {
    /// Writes down a page of members.
    pub(super) async fn list_targets(
        &self,
        call: &Call,
        job: &Job,
        run: &BulkRun,
        after: Option<&str>,
    ) -> Result<Next, AppError> {
        let mut found = self.targets(run, after, MEMBERS_A_PAGE).await?;
        if found.items.len() + found.skipped.len() > TICKETS_A_CHANGE {
            found = self.targets(run, after, MEMBERS_A_BAD_PAGE).await?;
        }
        let WalkPage { items, skipped, next } = found;
        let targets = items.into_iter().chain(skipped.into_iter().map(unreadable));
        let mut tickets = Vec::new();
        for (target, number) in targets.zip(job.rows + 1..) {
            tickets.push(RowTicket {
                job: job.id.clone(),
                number,
                files_before: 0,
                // Those of one title follow each other: each writes the title's count, or what is published of it.
                chain: target.mms_id.as_ref().map(ToString::to_string),
                content: RecordSource::Inline(serde_json::json!(target).to_string()),
            });
        }
        let step = match next {
            Some(next) => BulkStep::List { after: Some(next) },
            None => BulkStep::Rows { next: 1 },
        };
        let mut listed = at_step(job, JobStatus::Initializing, step);
        listed.rows += tickets.len() as u64;
        let saved = self
            .save_job_and(call, job, listed, |change| {
                tickets.iter().try_for_each(|ticket| change.put(ticket))
            })
            .await?;
        Ok(Next::GoOn(Box::new(saved)))
    }

    async fn targets(
        &self,
        run: &BulkRun,
        after: Option<&str>,
        limit: u32,
    ) -> Result<WalkPage<Target>, AppError> {
        let scope = &run.scope;
        let content = match (run.action.rows_of(), scope) {
            (RowsOf::Files, _) => return self.file_targets(scope, after, limit).await,
            (RowsOf::Members, TitleScope::Set { set }) => set.settings.content,
            (RowsOf::Representations, _) => SetContent::Representations,
            (RowsOf::Titles | RowsOf::Members, _) => SetContent::Titles,
        };
        Ok(match (content, scope) {
            (SetContent::Collections, TitleScope::Set { set }) => self
                .collections_page(set, after, limit)
                .await?
                .map(|it| Target { id: it.id.to_string(), ..Target::default() }),
            (SetContent::Representations, _) => {
                self.representations_page(scope, after, limit).await?.map(|it| Target {
                    id: it.id.to_string(),
                    mms_id: Some(it.mms_id),
                    representation: Some(it.id),
                    ..Target::default()
                })
            }
            _ => self.titles_page(scope, after, limit).await?.map(|it| Target {
                id: it.mms_id.to_string(),
                mms_id: Some(it.mms_id),
                ..Target::default()
            }),
        })
    }

    /// A page of the files of representations: three queries a representation and page of files.
    async fn file_targets(
        &self,
        scope: &TitleScope,
        after: Option<&str>,
        limit: u32,
    ) -> Result<WalkPage<Target>, AppError> {
        let mut place: FilesPlace = match after {
            Some(text) => serde_json::from_str(text).map_err(|error| AppError::Internal(Box::new(error)))?,
            None => FilesPlace::default(),
        };
        let mut found = WalkPage::default();
        for _ in 0..FORMS_A_PAGE {
            let left = (limit as usize).saturating_sub(found.items.len() + found.skipped.len());
            if left == 0 || (place.ended && place.within.is_none()) {
                break;
            }
            let (mms, rep, from) = match place.within.take() {
                Some((mms, rep, from)) => (mms, rep, Some(from)),
                None => {
                    let page = self.representations_page(scope, place.walk.as_deref(), 1).await?;
                    found.skipped.extend(page.skipped);
                    place.ended = page.next.is_none();
                    place.walk = page.next;
                    let Some(it) = page.items.into_iter().next() else { continue };
                    (it.mms_id, it.id, None)
                }
            };
            let request = PageRequest { limit: u32::try_from(left).unwrap_or(limit), offset: 0, after: from };
            let files = self.catalog.files_each_of(&rep, &request).await?;
            for file in files.items {
                if let Some(file) = readable(file, &mut found.skipped)? {
                    found.items.push(Target {
                        id: file.id.to_string(),
                        mms_id: Some(mms.clone()),
                        representation: Some(rep.clone()),
                        unreadable: None,
                    });
                }
            }
            place.within = files.next.map(|next| (mms, rep, next));
        }
        if !place.ended || place.within.is_some() {
            found.next = serde_json::to_string(&place).ok();
        }
        Ok(found)
    }
}

fn unreadable(left_out: Skipped) -> Target {
    Target { id: left_out.id, unreadable: Some(left_out.reason), ..Target::default() }
}
