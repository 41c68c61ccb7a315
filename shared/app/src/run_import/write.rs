//! A row's title and representations: everything of its first transaction but the files.

use vitrine_domain::bib::{BibKind, BibRecord, MAX_INLINE_BYTES, RecordSource};
use vitrine_domain::ids::{MmsId, RepId};
use vitrine_domain::import::profile::OnMatch;
use vitrine_domain::import::row::{BibBefore, JobClaim, RowOutcome, RowResult, RowTicket, UndoNote};
use vitrine_domain::representation::Representation;
use vitrine_metadata::rows::SourceRow;
use vitrine_metadata::{parse_record, rules};
use vitrine_store::Change;
use vitrine_store::keys::Claim;

use super::find::{Target, family_claim};
use super::look::{FileState, Ready};
use super::plan::Refused;
use super::prepare::Prepared;
use super::row::{Step, Tries, or_stop};
use super::rows::Context;
use super::write_files::files_of;
use crate::AppError;
use crate::bibs::{brief, entry, put_identifiers};
use crate::changes::also;
use crate::policies::note_policy_use;

/// The longest list of differences that a result holds.
const MAX_DIFFERENCES: usize = 60 * 1024;
/// Metadata longer than this is kept beside the result and not in it.
const MAX_NOTE: usize = 50 * 1024;

/// Everything that was decided about a row.
pub(super) struct Decided {
    pub(super) prepared: Prepared,
    /// The claims on what the profile compares, for a new title.
    pub(super) claims: Vec<Claim>,
    pub(super) target: Target,
    pub(super) mms: MmsId,
    pub(super) ready: Vec<Ready>,
    pub(super) continues_family: bool,
}

impl Context<'_> {
    /// Writes the row, in as many transactions as its files take.
    pub(super) async fn write(
        &self,
        ticket: &RowTicket,
        row: &SourceRow,
        before: Option<&RowResult>,
        decided: Decided,
        tries: Tries,
    ) -> Step<RowResult> {
        let mut result = self.blank(ticket, before, RowOutcome::Unchanged);
        result.group = row.group.as_ref().map(|group| group.chars().take(200).collect());
        result.mms_id = Some(decided.mms.clone());
        result.warnings.clone_from(&decided.prepared.warnings);
        result.representations = decided.ready.iter().map(|it| it.id.clone()).collect();
        result.files = decided
            .ready
            .iter()
            .map(|it| u32::try_from(it.planned.files.len()).unwrap_or(u32::MAX))
            .fold(0, u32::saturating_add);
        let change = or_stop!(self.write_title(ticket, &mut result, &decided, row).await?);
        if self.run.dry_run {
            // The change was made to find out what it would be, and is not committed.
            return self.write_dry(ticket, before, result, &decided).await;
        }
        self.write_files(ticket, result, Some(change), files_of(&decided.ready), tries).await
    }

    /// The title and its representations: everything of the first transaction but the files.
    async fn write_title(
        &self,
        ticket: &RowTicket,
        result: &mut RowResult,
        decided: &Decided,
        row: &SourceRow,
    ) -> Step<Change> {
        let Decided { prepared, claims, target, mms, ready, continues_family } = decided;
        let continues_family = *continues_family;
        let (app, call, settings) = (self.app, self.call, &self.run.settings);
        let made: Vec<RepId> = ready.iter().filter(|it| it.is_new).map(|it| it.id.clone()).collect();
        let new_representations = u32::try_from(made.len()).unwrap_or(u32::MAX);
        let mut undo = UndoNote {
            made_bib: false,
            bib_written_at: None,
            bib_before: None,
            joined: Vec::new(),
            made_representations: made,
        };
        let mut change;
        match target {
            Target::Imagined { row, .. } => {
                result.outcome = RowOutcome::Updated;
                result.message = Some(format!("adds to the title of row {row}"));
                change = app.change(call, "import.row", None, Some(&*result));
            }
            Target::New => {
                let Some(record) = &prepared.record else {
                    return Ok(Err(Refused::new("NO_METADATA", "the row has no metadata").into()));
                };
                let source = self.keep(&record.source, MAX_INLINE_BYTES).await?;
                let mut bib = app.bib_of(call, BibKind::Title, record, settings.tags.suppress, source);
                bib.mms_id = mms.clone();
                bib.collections = match prepared.collections.as_slice() {
                    [] => vec![or_stop!(self.default_collection().await?)],
                    named => named.to_vec(),
                };
                bib.representation_count = new_representations;
                change = app.change(call, "import.create", None, Some(&bib));
                change.create(&bib)?;
                put_identifiers(&mut change, &bib, &[])?;
                for collection in &bib.collections {
                    change.put(&entry(&bib, collection, call.now))?;
                }
                // Two runs at once make one title of an identifier (B22).
                for claim in claims {
                    let claim =
                        Claim { holder: mms.to_string(), job: Some(self.job.id.clone()), ..claim.clone() };
                    if claim.version == 0 { change.create(&claim)? } else { change.replace(&claim)? }
                }
                undo.made_bib = true;
                undo.bib_written_at = Some(call.now);
                result.outcome = RowOutcome::Created;
                if self.run.dry_run {
                    let after = Some(record.source.as_str());
                    result.differences = differences(record.format, None, after);
                }
            }
            Target::Known(before) => {
                let after = self.changed_title(before, prepared, continues_family, result).await?;
                let mut after = or_stop!(after).unwrap_or_else(|| (**before).clone());
                after.representation_count += new_representations;
                if after.collections.is_empty() && new_representations > 0 && app.settings.require_collection
                {
                    let collection = or_stop!(self.default_collection().await?);
                    after.collections.push(collection.clone());
                    undo.joined.push(collection);
                }
                let metadata_changed = after.source != before.source || after.suppressed != before.suppressed;
                if metadata_changed {
                    undo.bib_written_at = Some(call.now);
                    let source = app.source_of(before).await?;
                    undo.bib_before = Some(BibBefore {
                        source: self.keep(&source, MAX_NOTE).await?,
                        suppressed: before.suppressed,
                        modified_by: before.modified_by.clone(),
                        modified_at: before.modified_at,
                    });
                    after.modified_by = call.actor.id.clone();
                    after.modified_at = call.now;
                }
                if after == **before {
                    change = app.change(call, "import.row", None, Some(&*result));
                } else {
                    change = app.change(call, "import.update", Some(&**before), Some(&after));
                    change.replace(&after)?;
                    put_identifiers(&mut change, &after, &before.brief.identifiers)?;
                    let listed = |it: &BibRecord| {
                        (it.brief.title.clone(), it.brief.author.clone(), it.brief.sort_title.clone())
                    };
                    for collection in &after.collections {
                        if listed(&after) != listed(before) || !before.collections.contains(collection) {
                            change.put(&entry(&after, collection, call.now))?;
                        }
                    }
                    result.outcome = RowOutcome::Updated;
                }
            }
        }
        if row.group.is_some() && !continues_family {
            let name = row.group.as_deref().map(family_claim).unwrap_or_default();
            let mms_id = Some(mms.clone());
            change.put(&JobClaim {
                job: self.job.id.clone(),
                name,
                row: ticket.number,
                mms_id,
                twin: None,
            })?;
        }
        for one in ready.iter().filter(|it| it.is_new) {
            let representation = Representation {
                id: one.id.clone(),
                mms_id: mms.clone(),
                fields: one.planned.fields.clone(),
                created_by: call.actor.id.clone(),
                created_at: call.now,
                modified_by: call.actor.id.clone(),
                modified_at: call.now,
                removal: None,
                version: 0,
            };
            also(&mut change, None, Some(&representation));
            change.create(&representation)?;
            note_policy_use(&mut change, None, Some(&representation))?;
            if one.replaces_claim { change.replace(&one.claim)? } else { change.create(&one.claim)? }
        }
        let adds_files =
            ready.iter().flat_map(|it| &it.files).any(|it| matches!(it.state, FileState::Begin(_)));
        if adds_files && result.outcome == RowOutcome::Unchanged {
            result.outcome = RowOutcome::Updated;
        }
        if result.outcome != RowOutcome::Unchanged {
            result.undo = Some(undo);
        }
        Ok(Ok(change))
    }

    /// Keeps metadata; a dry run keeps none.
    async fn keep(&self, source: &str, inline_bytes: usize) -> Result<RecordSource, AppError> {
        if self.run.dry_run {
            return Ok(RecordSource::Inline(source.to_owned()));
        }
        self.app.keep_source_over(source, inline_bytes).await
    }

    /// What the record does to a title that is there; `None` where it does nothing.
    async fn changed_title(
        &self,
        before: &BibRecord,
        prepared: &Prepared,
        continues_family: bool,
        result: &mut RowResult,
    ) -> Step<Option<BibRecord>> {
        let settings = &self.run.settings;
        let mut after = before.clone();
        if !settings.tags.only_new && settings.tags.suppress {
            after.suppressed = true;
        }
        let files_only = settings.matching.on_match == OnMatch::FilesOnly || continues_family;
        if let Some(record) = prepared.record.as_ref().filter(|_| !files_only) {
            let old = self.app.source_of(before).await?;
            let overlay = settings.matching.on_match == OnMatch::Overlay;
            if record.format != before.format {
                let message = format!(
                    "the title `{}` is kept in {}, and the profile's format is {}",
                    before.mms_id, before.format, record.format
                );
                return Ok(Err(Refused::new("FORMAT_DIFFERS", message).into()));
            }
            let protected = &settings.matching.protected;
            let new = if overlay {
                rules::overlay_protecting(record.format, &old, &record.source, protected)
            } else {
                rules::merge_protecting(record.format, &old, &record.source, protected)
            };
            let new = or_stop!(new.map_err(|errors| Refused::new("INVALID_RECORD", errors.to_string())));
            let found = rules::differences(record.format, Some(&old), Some(&new));
            // A record that says the same in other bytes changes nothing.
            if found.as_ref().is_ok_and(|found| !found.is_empty()) || found.is_err() {
                let parsed = parse_record(record.format, &new);
                let parsed =
                    or_stop!(parsed.map_err(|errors| Refused::new("INVALID_RECORD", errors.to_string())));
                after.source = self.keep(&parsed.source, MAX_INLINE_BYTES).await?;
                after.brief = brief(&parsed);
                result.differences = differences(record.format, Some(&old), Some(&new));
            }
        }
        Ok(Ok((after != *before).then_some(after)))
    }
}

fn differences(
    format: vitrine_metadata::Format,
    before: Option<&str>,
    after: Option<&str>,
) -> Option<String> {
    let found = rules::differences(format, before, after).ok().filter(|found| !found.is_empty())?;
    let mut text = serde_json::json!(found).to_string();
    let mut kept = found;
    while text.len() > MAX_DIFFERENCES && kept.len() > 1 {
        kept.truncate(kept.len() / 2);
        text = serde_json::json!(kept).to_string();
    }
    (text.len() <= MAX_DIFFERENCES).then_some(text)
}
