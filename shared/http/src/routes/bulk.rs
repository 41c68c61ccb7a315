//! Jobs over sets, as they are asked for: `POST /conf/jobs?op=run`.

use axum::extract::State;
use serde::Deserialize;
use vitrine_domain::bulk::{BulkAction, BulkOrder, RepresentationChange};
use vitrine_domain::job::JobKind;
use vitrine_domain::removal::EmptiedBib;
use vitrine_domain::representation::UsageType;

use super::bibs::CodedValue;
use super::exports::chosen_titles;
use super::representations::{code, usage_type};
use super::{Api, Caller};
use crate::views::{JOB, JOB_ORDER};
use crate::wire::normalise::parse_flag;
use crate::wire::{Body, Params, Problem, Reply, Shape, Wire};

/// A job over a set as a client sends it.
#[derive(Debug, Deserialize)]
pub(crate) struct JobBody {
    kind: CodedValue,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    set: Option<CodedValue>,
    #[serde(default)]
    mms_id: Vec<String>,
    #[serde(default)]
    everything: bool,
    #[serde(default)]
    change: ChangeBody,
    #[serde(default)]
    from_collection: Option<CodedValue>,
    #[serde(default)]
    to_collection: Option<CodedValue>,
    #[serde(default, rename = "override")]
    override_below: bool,
    #[serde(default)]
    bibs: Option<CodedValue>,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    into_set: Option<CodedValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ChangeBody {
    library: Option<CodedValue>,
    usage_type: Option<CodedValue>,
    active: Option<CodedValue>,
    label: Option<String>,
    public_note: Option<String>,
    note: Option<String>,
    access_rights_policy_id: Option<CodedValue>,
    clear: Vec<String>,
}

impl Wire for JobBody {
    fn shape() -> &'static Shape {
        &JOB_ORDER
    }
}

impl JobBody {
    fn into_order(self, preview: bool) -> Result<BulkOrder, Problem> {
        let kind: JobKind = code("kind", &self.kind)?;
        // A member that says nothing to this kind of job is a mistake that must not pass for a wish.
        let (change, moves) =
            (self.change.is_there(), self.from_collection.is_some() || self.to_collection.is_some());
        for (field, is_there, fits) in [
            ("change", change, kind == JobKind::ChangeRepresentations),
            ("to_collection", moves, kind == JobKind::MoveTitles),
            (
                "override",
                self.override_below,
                matches!(kind, JobKind::DeleteTitles | JobKind::DeleteRepresentations),
            ),
            ("bibs", self.bibs.is_some(), kind == JobKind::DeleteRepresentations),
            ("all", self.all, kind == JobKind::RecomputeThumbnails),
            ("into_set", self.into_set.is_some(), kind == JobKind::ItemizeSet),
        ] {
            if is_there && !fits {
                return Err(Problem::bad_field(field, format!("does not apply to `{}`", self.kind.value)));
            }
        }
        let action = match kind {
            JobKind::ChangeRepresentations => {
                BulkAction::ChangeRepresentations(Box::new(self.change.into_change()?))
            }
            JobKind::MoveTitles => BulkAction::MoveTitles {
                from: given("from_collection", self.from_collection, "a collection")?,
                to: given("to_collection", self.to_collection, "a collection")?,
            },
            JobKind::DeleteTitles => BulkAction::DeleteTitles { override_inventory: self.override_below },
            JobKind::DeleteRepresentations => BulkAction::DeleteRepresentations {
                override_files: self.override_below,
                bibs: match &self.bibs {
                    Some(bibs) => code("bibs", bibs)?,
                    None => EmptiedBib::Retain,
                },
            },
            JobKind::RecomputeThumbnails => BulkAction::RecomputeThumbnails { all: self.all },
            JobKind::ItemizeSet => BulkAction::Itemize { into: given("into_set", self.into_set, "a set")? },
            JobKind::Import | JobKind::UndoImport | JobKind::Publish | JobKind::Export => {
                return Err(Problem::bad_field("kind", "must be one of the jobs over sets"));
            }
        };
        let members = chosen_titles(self.everything, self.set, &self.mms_id)?;
        Ok(BulkOrder { name: self.name, members, action, preview })
    }
}

impl ChangeBody {
    fn is_there(&self) -> bool {
        let coded = [&self.library, &self.usage_type, &self.active, &self.access_rights_policy_id];
        let texts = [&self.label, &self.public_note, &self.note];
        coded.iter().any(|it| it.is_some()) || texts.iter().any(|it| it.is_some()) || !self.clear.is_empty()
    }

    fn into_change(self) -> Result<RepresentationChange, Problem> {
        let active = match &self.active {
            None => None,
            Some(given) => Some(
                parse_flag(&given.value)
                    .ok_or_else(|| Problem::bad_field("change.active", "must be true or false"))?,
            ),
        };
        let usage_type: Option<UsageType> =
            self.usage_type.map(|given| usage_type("change.usage_type", &given)).transpose()?;
        let policy = self.access_rights_policy_id;
        let mut change = RepresentationChange {
            library: given("change.library", self.library, "a library")?,
            usage_type,
            active,
            label: filled("change.label", self.label)?,
            public_note: filled("change.public_note", self.public_note)?,
            add_note: filled("change.note", self.note)?,
            policy: given("change.access_rights_policy_id", policy, "an access rights policy")?,
            ..RepresentationChange::default()
        };
        // What is absent and what is empty are the same everywhere, so taking away has a word of its own.
        for name in &self.clear {
            match name.as_str() {
                "label" if change.label.is_none() => change.label = Some(String::new()),
                "public_note" if change.public_note.is_none() => change.public_note = Some(String::new()),
                "note" => change.without_notes = true,
                "access_rights_policy_id" => change.without_policy = true,
                _ => {
                    let wrong =
                        "must be label, public_note, note or access_rights_policy_id, and not set too";
                    return Err(Problem::bad_field("change.clear", wrong));
                }
            }
        }
        Ok(change)
    }
}

/// A text that is there is not empty: to take one away, `clear` names it.
fn filled(field: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.trim().is_empty() => {
            Err(Problem::bad_field(field, "must not be empty; `clear` takes a value away"))
        }
        text => Ok(text),
    }
}

fn given<T: std::str::FromStr>(
    field: &str,
    value: Option<CodedValue>,
    what: &str,
) -> Result<Option<T>, Problem> {
    let Some(value) = value else { return Ok(None) };
    let parsed = value.value.trim().parse();
    parsed.map(Some).map_err(|_| Problem::bad_field(field, format!("must be the id of {what}")))
}

pub(crate) async fn run(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
    Body(body): Body<JobBody>,
) -> Result<Reply, Problem> {
    if params.get("op")? != Some("run") {
        return Err(Problem::bad_field("op", "must be `run`"));
    }
    let order = body.into_order(params.flag("dry_run", false)?)?;
    let job = api.app.run_over_set(&caller.0, order).await?;
    Ok(Reply::ok(&JOB, api.addresses.job(&job, caller.0.now)))
}
