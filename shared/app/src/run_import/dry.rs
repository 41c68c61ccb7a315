//! A dry run's result, and the claims by which later rows of it know what a run would have done.

use vitrine_domain::import::row::{JobClaim, RowResult, RowTicket};
use vitrine_store::change::MAX_ITEMS;

use super::file_claim;
use super::find::{dry_claim, family_claim};
use super::look::{FileState, ReadyFile};
use super::row::{Step, write_result};
use super::rows::Context;
use super::write::Decided;
use super::write_files::named_twice;

impl Context<'_> {
    /// Writes what a run would do. A claim that another row has is a conflict, and the row is looked at again.
    pub(super) async fn write_dry(
        &self,
        ticket: &RowTicket,
        before: Option<&RowResult>,
        mut result: RowResult,
        decided: &Decided,
    ) -> Step<RowResult> {
        let files: Vec<&ReadyFile> = decided.ready.iter().flat_map(|it| &it.files).collect();
        let there = files.iter().filter(|it| matches!(it.state, FileState::There(_))).count();
        result.files_begun = result.files;
        result.files_there = u32::try_from(there).unwrap_or(u32::MAX);
        result.bytes = files
            .iter()
            .map(|it| if let FileState::Begin(head) = &it.state { head.size_bytes } else { 0 })
            .sum();
        for chunk in files.chunks(MAX_ITEMS - 5) {
            let claims: Vec<JobClaim> =
                chunk.iter().map(|file| self.claim_of(ticket, &file.file.name, None)).collect();
            let names: Vec<String> = claims.iter().map(|claim| claim.name.clone()).collect();
            let taken = self.app.catalog.job_claims(&self.job.id, &names).await?;
            if let Some(taken) = taken.iter().find(|claim| claim.row != ticket.number) {
                let of = chunk.iter().find(|it| file_claim(self.run, &it.file.name) == taken.name);
                let name = of.map(|it| it.file.name.as_str()).unwrap_or_default();
                return Ok(Err(named_twice(name, taken.row).into()));
            }
            let mut change = self.app.change(self.call, "import.dry_run", None, Some(&result));
            for claim in claims.iter().filter(|claim| !taken.iter().any(|it| it.name == claim.name)) {
                change.create(claim)?;
            }
            if !change.is_empty() {
                self.app.commit(self.call, change).await?;
            }
        }
        let mut change = self.app.change(self.call, "import.dry_run", before, Some(&result));
        let claim = |name: String| JobClaim {
            job: self.job.id.clone(),
            name,
            row: ticket.number,
            mms_id: Some(decided.mms.clone()),
            twin: None,
        };
        for of in &decided.claims {
            change.create(&claim(dry_claim(&of.name)))?;
        }
        if let Some(group) = result.group.as_deref().filter(|_| !decided.continues_family) {
            change.put(&claim(family_claim(group)))?;
        }
        write_result(&mut change, &result)?;
        self.app.commit(self.call, change).await?;
        Ok(Ok(RowResult { version: result.version + 1, ..result }))
    }
}
