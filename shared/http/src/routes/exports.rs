//! Exports, their runs, and links to what they wrote.

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use vitrine_domain::coded::Coded;
use vitrine_domain::export::{ExportFormat, ExportLayout, ExportSettings, ExportTitles};
use vitrine_domain::ids::{ExportId, JobId};
use vitrine_domain::schedule::Schedule;

use super::bibs::CodedValue;
use super::sets::instant;
use super::{Api, Caller, Segments, id, page};
use crate::views::{EXPORT, EXPORT_FILES, EXPORTS, JOB, bag_file, export_file, list as list_view};
use crate::wire::query::{codes, cursor};
use crate::wire::{Body, IfMatch, Params, Problem, Reply, Shape, Wire};

/// An export as a client sends it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ExportBody {
    #[serde(default)]
    name: String,
    #[serde(default)]
    everything: Option<bool>,
    #[serde(default)]
    set: Option<CodedValue>,
    #[serde(default)]
    mms_id: Vec<String>,
    #[serde(default)]
    format: Option<CodedValue>,
    #[serde(default)]
    layout: Option<CodedValue>,
    #[serde(default)]
    records_per_file: u32,
    #[serde(default)]
    changed_since: Option<String>,
    #[serde(default)]
    include_files: bool,
    #[serde(default)]
    schedule: Option<Schedule>,
}

impl Wire for ExportBody {
    fn shape() -> &'static Shape {
        &EXPORT
    }
}

impl ExportBody {
    fn into_settings(self) -> Result<ExportSettings, Problem> {
        let format = match &self.format {
            None => return Err(Problem::bad_field("format", codes::<ExportFormat>())),
            Some(given) => ExportFormat::from_code(given.value.trim())
                .ok_or_else(|| Problem::bad_field("format", codes::<ExportFormat>()))?,
        };
        let layout = match &self.layout {
            None => ExportLayout::default(),
            Some(given) => ExportLayout::from_code(given.value.trim())
                .ok_or_else(|| Problem::bad_field("layout", codes::<ExportLayout>()))?,
        };
        let titles = chosen_titles(self.everything.unwrap_or(false), self.set, &self.mms_id)?;
        Ok(ExportSettings {
            name: self.name,
            titles,
            format,
            layout,
            records_per_file: self.records_per_file,
            changed_since: instant("changed_since", self.changed_since.as_deref())?,
            include_files: self.include_files,
            schedule: self.schedule,
        })
    }
}

/// Which titles are meant. Everything is a word of its own: a field that is misspelt must not mean it.
pub(crate) fn chosen_titles(
    everything: bool,
    set: Option<CodedValue>,
    ids: &[String],
) -> Result<ExportTitles, Problem> {
    match (everything, set, ids.is_empty()) {
        (true, None, true) => Ok(ExportTitles::Everything),
        (false, Some(set), true) => {
            let set = set.value.trim().parse();
            Ok(ExportTitles::Set {
                set: set.map_err(|_| Problem::bad_field("set", "must be the id of a set"))?,
            })
        }
        (false, None, false) => {
            let ids = ids.iter().map(|text| text.trim().parse());
            let ids: Result<_, vitrine_domain::ids::IdError> = ids.collect();
            Ok(ExportTitles::Ids {
                ids: ids.map_err(|error| Problem::bad_field("mms_id", error.to_string()))?,
            })
        }
        _ => {
            let choice = "or `mms_id`, or `everything`, must be given, and only one of them";
            Err(Problem::bad_field("set", choice))
        }
    }
}

fn export_id(path: Segments<1>) -> Result<ExportId, Problem> {
    let [export] = path.0;
    id(&export, "export")
}

pub(crate) async fn list(State(api): State<Api>, caller: Caller, params: Params) -> Result<Reply, Problem> {
    let (found, total) = api.app.list_exports(&caller.0, &page(params.paging()?)).await?;
    let views = found.items.iter().map(|export| api.addresses.export(export)).collect();
    Ok(Reply::ok(&EXPORTS, list_view("export", views, total, found.next.as_deref())))
}

pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<ExportBody>,
) -> Result<Reply, Problem> {
    let created = api.app.create_export(&caller.0, body.into_settings()?).await?;
    Ok(Reply::ok(&EXPORT, api.addresses.export(&created)).at_version(created.version))
}

pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let found = api.app.read_export(&caller.0, &export_id(path)?).await?;
    Ok(Reply::ok(&EXPORT, api.addresses.export(&found)).at_version(found.version))
}

pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    if_match: IfMatch,
    Body(body): Body<ExportBody>,
) -> Result<Reply, Problem> {
    let export = export_id(path)?;
    let settings = body.into_settings()?;
    let after = if_match
        .guard(|expected| api.app.update_export(&caller.0, &export, settings.clone(), expected))
        .await?;
    Ok(Reply::ok(&EXPORT, api.addresses.export(&after)).at_version(after.version))
}

pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    if_match: IfMatch,
) -> Result<Reply, Problem> {
    let export = export_id(path)?;
    if_match.guard(|expected| api.app.delete_export(&caller.0, &export, expected)).await?;
    Ok(Reply::no_content())
}

pub(crate) async fn run(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
) -> Result<Reply, Problem> {
    let export = export_id(path)?;
    if params.get("op")? != Some("run") {
        return Err(Problem::bad_field("op", "must be `run`"));
    }
    let job = api.app.run_export(&caller.0, &export).await?;
    Ok(Reply::ok(&JOB, api.addresses.job(&job, caller.0.now)))
}

pub(crate) async fn files(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
) -> Result<Reply, Problem> {
    let [job] = path.0;
    let job: JobId = id(&job, "job")?;
    if let Some(path) = params.get("path")? {
        let link = api.app.export_file_link(&caller.0, &job, path).await?;
        return Ok(Reply::ok(&EXPORT_FILES, bag_file(path, &link)));
    }
    let found = api.app.list_export_files(&caller.0, &job, &page(params.paging()?)).await?;
    let mut view = json!({ "file": found.items.iter().map(export_file).collect::<Vec<_>>() });
    if let (Some(next), Some(members)) = (found.next, view.as_object_mut()) {
        members.insert("next".to_owned(), Value::String(cursor(&next)));
    }
    Ok(Reply::ok(&EXPORT_FILES, view))
}
