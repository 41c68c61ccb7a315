//! What is done to one member: the change of the use case for one thing, not committed yet. A preview leaves it at that.

use serde::Serialize;
use serde_json::{Map, Value, json};
use vitrine_domain::bib::BibRecord;
use vitrine_domain::bulk::{BulkAction, RepresentationChange, Target};
use vitrine_domain::file::{DigitalFile, FileStatus, Thumbnail};
use vitrine_domain::ids::{CollectionId, FileId, MmsId, RepId};
use vitrine_domain::import::row::RowOutcome;
use vitrine_domain::outbox::{Work, retry_after_seconds};
use vitrine_domain::removal::EmptiedBib;
use vitrine_domain::roles::Action;
use vitrine_store::Change;

use crate::make_derivatives::Message;
use crate::{App, AppError, Call, Rule};

/// What is to be done to a member.
pub(super) struct Planned {
    pub(super) change: Option<Change>,
    pub(super) outcome: RowOutcome,
    pub(super) code: Option<&'static str>,
    pub(super) message: Option<String>,
    /// JSON: field, before, after.
    pub(super) differences: Option<String>,
    /// The drawing to be asked for when the change is made.
    pub(super) draw: Option<Message>,
}

impl Planned {
    fn change(change: Change, outcome: RowOutcome) -> Self {
        Self { change: Some(change), ..Self::nothing(outcome, None, "") }
    }

    fn nothing(outcome: RowOutcome, code: Option<&'static str>, message: &str) -> Self {
        let message = (!message.is_empty()).then(|| message.to_owned());
        Self { change: None, outcome, code, message, differences: None, draw: None }
    }
}

impl App {
    pub(super) async fn plan_bulk_row(
        &self,
        call: &Call,
        action: &BulkAction,
        target: &Target,
    ) -> Result<Planned, AppError> {
        match (action, &target.mms_id, &target.representation) {
            (BulkAction::ChangeRepresentations(change), _, Some(rep)) => {
                self.plan_change(call, change, rep).await
            }
            (BulkAction::MoveTitles { from, to }, Some(mms), _) => {
                self.plan_move(call, mms, from.as_ref(), to.as_ref()).await
            }
            (BulkAction::DeleteTitles { override_inventory }, Some(mms), _) => {
                self.plan_bib_delete(call, mms, *override_inventory).await
            }
            (BulkAction::DeleteRepresentations { override_files, bibs }, _, Some(rep)) => {
                self.plan_representation_delete(call, rep, *override_files, *bibs).await
            }
            (BulkAction::RecomputeThumbnails { all }, _, _) => {
                let id: FileId = target.id.parse().map_err(|_| AppError::not_found("file", &target.id))?;
                self.plan_redraw(call, &id, *all).await
            }
            _ => Err(AppError::not_found("member", &target.id)),
        }
    }

    async fn plan_change(
        &self,
        call: &Call,
        wanted: &RepresentationChange,
        rep: &RepId,
    ) -> Result<Planned, AppError> {
        let before = self.representation(rep).await?;
        self.bib(&before.mms_id).await?;
        call.actor.may(Action::UpdateRepresentation, Some(&before.fields.library))?;
        let fields = wanted.applied(&before.fields);
        if fields == before.fields {
            return Ok(Planned::nothing(RowOutcome::Unchanged, None, ""));
        }
        let (change, after) = self.changing_representation(call, &before, fields, false).await?;
        let differences = differences(&before.fields, &after.fields);
        Ok(Planned { differences, ..Planned::change(change, RowOutcome::Updated) })
    }

    async fn plan_move(
        &self,
        call: &Call,
        mms: &MmsId,
        from: Option<&CollectionId>,
        to: Option<&CollectionId>,
    ) -> Result<Planned, AppError> {
        let before = self.bib(mms).await?;
        match self.moving_title(call, &before, from, to).await {
            // Someone else moved it meanwhile: it is not one of those that are to be moved.
            Err(AppError::Rule(rule @ Rule::NotInEither)) => {
                Ok(Planned::nothing(RowOutcome::Skipped, Some("NOT_THERE"), &rule.to_string()))
            }
            Err(error) => Err(error),
            Ok(None) => Ok(Planned::nothing(RowOutcome::Unchanged, None, "")),
            Ok(Some((change, after))) => {
                let collections = |bib: &BibRecord| json!({ "collection": bib.collections });
                let differences = differences(&collections(&before), &collections(&after));
                Ok(Planned { differences, ..Planned::change(change, RowOutcome::Updated) })
            }
        }
    }

    async fn plan_bib_delete(
        &self,
        call: &Call,
        mms: &MmsId,
        override_inventory: bool,
    ) -> Result<Planned, AppError> {
        let found = self.catalog.bib(mms).await?;
        let Some(before) = found.filter(|it| it.removal.is_none()) else { return Ok(gone()) };
        let change = self.deleting_bib(call, &before, override_inventory).await?;
        Ok(Planned::change(change, RowOutcome::Deleted))
    }

    async fn plan_representation_delete(
        &self,
        call: &Call,
        rep: &RepId,
        override_files: bool,
        bibs: EmptiedBib,
    ) -> Result<Planned, AppError> {
        let found = self.catalog.representation(rep).await?;
        let Some(before) = found.filter(|it| it.removal.is_none()) else { return Ok(gone()) };
        // One whose title was deleted goes with it.
        match self.deleting_representation(call, &before, override_files, bibs).await {
            Err(AppError::NotFound { kind: "bib record", .. }) => Ok(gone()),
            change => Ok(Planned::change(change?, RowOutcome::Deleted)),
        }
    }

    async fn plan_redraw(&self, call: &Call, id: &FileId, all: bool) -> Result<Planned, AppError> {
        let found = self.catalog.file(id).await?.filter(|file| file.removal.is_none());
        let before = found.ok_or_else(|| AppError::not_found("file", id))?;
        self.representation_of(&before.mms_id, &before.representation).await?;
        call.actor.may(Action::UpdateFile, Some(&before.library))?;
        let skipped = |code, why: &str| Ok(Planned::nothing(RowOutcome::Skipped, Some(code), why));
        match &before.thumbnail {
            _ if before.status != FileStatus::Active => {
                return skipped("NOT_ACTIVE", "the file is not registered");
            }
            Thumbnail::Pending { .. } => return skipped("BEING_MADE", "its thumbnail is being made"),
            Thumbnail::Ready { supplied: true, .. } => {
                return skipped("SUPPLIED", "staff supplied its thumbnail");
            }
            Thumbnail::Ready { .. } if !all => return Ok(Planned::nothing(RowOutcome::Unchanged, None, "")),
            _ => {}
        }
        let after = DigitalFile { thumbnail: Thumbnail::Pending { supplied: None }, ..before.clone() };
        let due_at = call.after_seconds(retry_after_seconds(0));
        let owed = self.owe(call, Work::MakeDerivatives { file: id.clone() }, due_at);
        let mut change = self.change(call, "file.redraw", Some(&before), Some(&after));
        change.replace(&after)?;
        change.create(&owed)?;
        let state = |file: &DigitalFile| json!({ "thumbnail": file.thumbnail.state() });
        Ok(Planned {
            differences: differences(&state(&before), &state(&after)),
            draw: Some(Message { event: owed.id, file: id.clone() }),
            ..Planned::change(change, RowOutcome::Updated)
        })
    }
}

fn gone() -> Planned {
    Planned::nothing(RowOutcome::Unchanged, Some("DELETED_ALREADY"), "it is deleted already")
}

/// The fields in which two states differ, as a row shows them.
fn differences<T: Serialize>(before: &T, after: &T) -> Option<String> {
    let fields = |side: &T| -> Map<String, Value> {
        serde_json::to_value(side).ok().and_then(|it| it.as_object().cloned()).unwrap_or_default()
    };
    let (before, after) = (fields(before), fields(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let shown = |value: Option<&Value>| -> Vec<String> {
        let one = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match value {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(values)) => values.iter().map(one).collect(),
            Some(value) => vec![one(value)],
        }
    };
    let found: Vec<Value> = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| {
            let (before, after) = (shown(before.get(name)), shown(after.get(name)));
            json!({ "field": name, "before": before, "after": after })
        })
        .collect();
    (!found.is_empty()).then(|| json!(found).to_string())
}
