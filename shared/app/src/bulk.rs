//! Submitting jobs over sets (C11, C12, E5, E7, T5). What becomes of them: `run_bulk`.

use vitrine_domain::bulk::{BulkAction, BulkOrder, BulkRun, BulkStep, RowsOf};
use vitrine_domain::coded::Coded;
use vitrine_domain::export::ExportTitles;
use vitrine_domain::ids::SetId;
use vitrine_domain::job::{Job, JobWork};
use vitrine_domain::roles::Action;
use vitrine_domain::set::{Set, SetContent, SetKind, SetSettings, TitleScope};

use crate::changes::also;
use crate::{App, AppError, Call, Rule};

impl App {
    /// Starts a job that does the same to every member of a set, or says what it would do.
    ///
    /// # Errors
    /// Everything wrong with it at once; a set that the caller does not see or that holds something else; collections,
    /// a library, a policy that are not there, or that the caller has no role for.
    pub async fn run_over_set(&self, call: &Call, order: BulkOrder) -> Result<Job, AppError> {
        call.actor.may_somewhere(Action::ManageSets)?;
        call.actor.may_somewhere(order.action.needs())?;
        order.check()?;
        self.check_bulk(call, &order.action).await?;
        let scope = match order.members {
            ExportTitles::Everything => TitleScope::Everything,
            ExportTitles::Ids { ids } => TitleScope::Ids { ids },
            ExportTitles::Set { set } => {
                let set = self.named_set(call, "set", &set).await?;
                check_content(&set, order.action.rows_of())?;
                TitleScope::Set { set: Box::new(set) }
            }
        };
        let mut action = order.action;
        let name = order.name.unwrap_or_else(|| match &scope {
            TitleScope::Set { set } => format!("{}: {}", action.kind().description(), set.settings.name),
            _ => action.kind().description().to_owned(),
        });
        let made = match &mut action {
            BulkAction::Itemize { into } => self.set_to_fill(call, &scope, into).await?,
            _ => None,
        };
        let run = BulkRun { action, scope, preview: order.preview, step: BulkStep::List { after: None } };
        let job = Job::new(
            self.minter.job(call.now, self.random()),
            JobWork::Bulk(Box::new(run)),
            name,
            &call.actor,
            call.now,
            self.mint_event(call),
        );
        let mut change = self.change(call, "job.run", None, Some(&job));
        change.create(&job)?;
        // A preview fills nothing, so it makes nothing to be filled.
        if let Some(set) = made.filter(|_| !order.preview) {
            also(&mut change, None, Some(&set));
            change.create(&set)?;
        }
        self.watch_job(call, &mut change, &job)?;
        self.commit(call, change).await?;
        self.send_job(&job).await;
        Ok(Job { version: 1, ..job })
    }

    /// Looks up what an action names. A row asks again: what is there now can be gone then.
    async fn check_bulk(&self, call: &Call, action: &BulkAction) -> Result<(), AppError> {
        match action {
            BulkAction::ChangeRepresentations(change) => {
                if let Some(library) = &change.library {
                    self.check_library(library).await?;
                    call.actor.may(Action::UpdateRepresentation, Some(library))?;
                }
                self.check_policy(change.policy.as_ref()).await
            }
            BulkAction::MoveTitles { from, to } => {
                for (field, id) in [("from_collection", from), ("to_collection", to)] {
                    let Some(id) = id else { continue };
                    let Some(collection) = self.catalog.collection(id).await? else {
                        return Err(AppError::invalid(field, "must be the id of a collection"));
                    };
                    call.actor.may(Action::AssignTitle, Some(&collection.library))?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn named_set(&self, call: &Call, field: &str, id: &SetId) -> Result<Set, AppError> {
        match self.set_for(call, id).await {
            Err(AppError::NotFound { .. }) => Err(AppError::invalid(field, "must be the id of a set")),
            found => found,
        }
    }

    /// The itemized set that members are written into: the one that is named, or a new one, which is given back.
    async fn set_to_fill(
        &self,
        call: &Call,
        scope: &TitleScope,
        into: &mut Option<SetId>,
    ) -> Result<Option<Set>, AppError> {
        let TitleScope::Set { set: from } = scope else {
            return Err(AppError::invalid("set", "must be given"));
        };
        let Some(id) = into else {
            let (mut settings, name) = (from.settings.clone(), &from.settings.name);
            settings.rule = None;
            let short: String = name.chars().take(200).collect();
            let settings = SetSettings { name: format!("{short} (itemized)"), ..settings };
            let made = Set {
                id: self.minter.set(call.now, self.random()),
                settings,
                member_count: 0,
                created_by: call.actor.id.clone(),
                created_at: call.now,
                modified_by: call.actor.id.clone(),
                modified_at: call.now,
                version: 0,
            };
            *into = Some(made.id.clone());
            return Ok(Some(made));
        };
        let found = self.named_set(call, "into_set", id).await?;
        if found.kind() == SetKind::Logical {
            return Err(Rule::LogicalSet.into());
        }
        if found.id == from.id || found.settings.content != from.settings.content {
            let wrong = "must be another set, of the same content";
            return Err(AppError::invalid("into_set", wrong));
        }
        Ok(None)
    }
}

fn check_content(set: &Set, rows: RowsOf) -> Result<(), AppError> {
    match (rows, set.settings.content) {
        (RowsOf::Members, _) | (_, SetContent::Titles) => Ok(()),
        (RowsOf::Representations | RowsOf::Files, SetContent::Representations) => Ok(()),
        (RowsOf::Titles, _) => Err(Rule::NotTitles.into()),
        _ => Err(AppError::invalid("set", "must be a set of titles or of representations")),
    }
}
