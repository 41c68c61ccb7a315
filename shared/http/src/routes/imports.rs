//! Import profiles, and the ingests below them.

use std::time::{Duration, Instant};

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use vitrine_app::imports::ingests::FileWish;
use vitrine_domain::ids::{IngestId, ProfileId};
use vitrine_domain::import::profile::ProfileSettings;

use super::{Api, Caller, Segments, id, page};
use crate::views::{
    INGEST, INGEST_FILES, INGEST_PARTS, INGESTS, PARTS, PROFILE, PROFILES, RUNS, SIGNED_PARTS, arrived,
    file_ticket, list as list_view, part, signed,
};
use crate::wire::query::cursor;
use crate::wire::{Body, IfMatch, Params, Problem, Reply, Shape, Wire};

/// How long one call deletes what lies in a folder; the function has 29 seconds.
const DELETING: Duration = Duration::from_secs(20);

/// A profile as a client sends it: its five sections.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct ProfileBody(ProfileSettings);

impl Wire for ProfileBody {
    fn shape() -> &'static Shape {
        &PROFILE
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct IngestBody {
    #[serde(default)]
    name: Option<String>,
}

impl Wire for IngestBody {
    fn shape() -> &'static Shape {
        &INGEST
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct FilesBody {
    #[serde(default)]
    file: Vec<FileBody>,
}

#[derive(Debug, Deserialize)]
struct FileBody {
    name: String,
    size: u64,
    #[serde(default)]
    mime_type: Option<String>,
    #[serde(default)]
    sha256: Option<String>,
}

impl Wire for FilesBody {
    fn shape() -> &'static Shape {
        &INGEST_FILES
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct PartsBody {
    name: String,
    multipart_id: String,
    size: u64,
    #[serde(default)]
    part: Vec<PartBody>,
}

#[derive(Debug, Deserialize)]
struct PartBody {
    part_number: u16,
    #[serde(default)]
    sha256: Option<String>,
}

impl Wire for PartsBody {
    fn shape() -> &'static Shape {
        &INGEST_PARTS
    }
}

fn profile_id(path: Segments<1>) -> Result<ProfileId, Problem> {
    let [profile] = path.0;
    id(&profile, "import profile")
}

fn ids([profile, ingest]: &[String; 2]) -> Result<(ProfileId, IngestId), Problem> {
    Ok((id(profile, "import profile")?, id(ingest, "ingest")?))
}

/// What a call with `op` asks for.
fn operation<'a>(params: &'a Params, known: &[&str]) -> Result<&'a str, Problem> {
    let given = params.get("op")?.unwrap_or_default();
    if known.contains(&given) {
        return Ok(given);
    }
    Err(Problem::bad_field("op", format!("must be one of: {}", known.join(", "))))
}

pub(crate) async fn list(State(api): State<Api>, caller: Caller, params: Params) -> Result<Reply, Problem> {
    // The vendor's filters name what every profile here is.
    for (name, only) in [("type", "REPOSITORY"), ("ie_type", "DIGITAL")] {
        if params.get(name)?.is_some_and(|given| !given.eq_ignore_ascii_case(only)) {
            return Ok(Reply::ok(&PROFILES, json!({ "import_profile": [], "total_record_count": 0 })));
        }
    }
    let (found, total) = api.app.list_profiles(&caller.0, &page(params.paging()?)).await?;
    let views = found.items.iter().map(|profile| api.addresses.profile(profile)).collect();
    Ok(Reply::ok(&PROFILES, list_view("import_profile", views, total, found.next.as_deref())))
}

pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<ProfileBody>,
) -> Result<Reply, Problem> {
    let created = api.app.create_profile(&caller.0, body.0).await?;
    Ok(Reply::ok(&PROFILE, api.addresses.profile(&created)).at_version(created.version))
}

pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let found = api.app.read_profile(&caller.0, &profile_id(path)?).await?;
    Ok(Reply::ok(&PROFILE, api.addresses.profile(&found)).at_version(found.version))
}

pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    if_match: IfMatch,
    Body(body): Body<ProfileBody>,
) -> Result<Reply, Problem> {
    let profile = profile_id(path)?;
    let after = if_match
        .guard(|expected| api.app.update_profile(&caller.0, &profile, body.0.clone(), expected))
        .await?;
    Ok(Reply::ok(&PROFILE, api.addresses.profile(&after)).at_version(after.version))
}

pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    if_match: IfMatch,
) -> Result<Reply, Problem> {
    let profile = profile_id(path)?;
    if_match.guard(|expected| api.app.delete_profile(&caller.0, &profile, expected)).await?;
    Ok(Reply::no_content())
}

pub(crate) async fn run(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
) -> Result<Reply, Problem> {
    operation(&params, &["run"])?;
    let runs = api.app.run_profile(&caller.0, &profile_id(path)?).await?;
    Ok(Reply::ok(&RUNS, api.addresses.runs(&runs)))
}

pub(crate) async fn copy(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let copied = api.app.copy_profile(&caller.0, &profile_id(path)?).await?;
    Ok(Reply::ok(&PROFILE, api.addresses.profile(&copied)).at_version(copied.version))
}

pub(crate) async fn template(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<impl axum::response::IntoResponse, Problem> {
    let text = api.app.profile_template(&caller.0, &profile_id(path)?).await?;
    let disposition = "attachment; filename=\"template.csv\"";
    Ok((
        [
            (http::header::CONTENT_TYPE, "text/csv; charset=utf-8"),
            (http::header::CONTENT_DISPOSITION, disposition),
            (http::header::CACHE_CONTROL, "no-store"),
        ],
        text,
    ))
}

pub(crate) async fn list_ingests(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
) -> Result<Reply, Problem> {
    let (found, total) = api.app.list_ingests(&caller.0, &profile_id(path)?, &page(params.paging()?)).await?;
    let views = found.items.iter().map(|ingest| api.addresses.ingest(ingest)).collect();
    Ok(Reply::ok(&INGESTS, list_view("ingest", views, total, found.next.as_deref())))
}

pub(crate) async fn create_ingest(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    Body(body): Body<IngestBody>,
) -> Result<Reply, Problem> {
    let created = api.app.create_ingest(&caller.0, &profile_id(path)?, body.name).await?;
    Ok(Reply::ok(&INGEST, api.addresses.ingest(&created)))
}

pub(crate) async fn read_ingest(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
) -> Result<Reply, Problem> {
    let (profile, ingest) = ids(&path.0)?;
    let found = api.app.read_ingest(&caller.0, &profile, &ingest).await?;
    Ok(Reply::ok(&INGEST, api.addresses.ingest(&found)))
}

pub(crate) async fn act_on_ingest(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
    params: Params,
) -> Result<Reply, Problem> {
    let (profile, ingest) = ids(&path.0)?;
    let (app, call) = (&api.app, &caller.0);
    let after = match operation(&params, &["lock", "unlock", "submit", "cancel"])? {
        "submit" => app.submit_ingest(call, &profile, &ingest, params.flag("dry_run", false)?).await?,
        "cancel" => app.cancel_ingest(call, &profile, &ingest).await?,
        lock => app.set_ingest_lock(call, &profile, &ingest, lock == "lock").await?,
    };
    Ok(Reply::ok(&INGEST, api.addresses.ingest(&after)))
}

pub(crate) async fn remove_ingest(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
) -> Result<Reply, Problem> {
    let (profile, ingest) = ids(&path.0)?;
    let started = Instant::now();
    let time_left = move || started.elapsed() < DELETING;
    if api.app.delete_ingest(&caller.0, &profile, &ingest, &time_left).await? {
        return Ok(Reply::no_content());
    }
    Err(Problem::unavailable("the folder is large and not all of it is deleted yet; delete the ingest again"))
}

pub(crate) async fn list_files(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
    params: Params,
) -> Result<Reply, Problem> {
    let (profile, ingest) = ids(&path.0)?;
    let limit = u16::try_from(params.number("limit", 100, 1000)?).unwrap_or(1000);
    let after = params.cursor()?;
    let listing = api.app.list_ingest_files(&caller.0, &profile, &ingest, limit, after.as_deref()).await?;
    let mut view = json!({ "file": listing.objects.iter().map(arrived).collect::<Vec<_>>() });
    if let (Some(next), Some(members)) = (listing.next, view.as_object_mut()) {
        members.insert("next".to_owned(), Value::String(cursor(&next)));
    }
    Ok(Reply::ok(&INGEST_FILES, view))
}

pub(crate) async fn sign_files(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
    Body(body): Body<FilesBody>,
) -> Result<Reply, Problem> {
    let (profile, ingest) = ids(&path.0)?;
    let wishes: Vec<FileWish> = body
        .file
        .into_iter()
        .map(|file| FileWish {
            name: file.name,
            size_bytes: file.size,
            mime: file.mime_type,
            sha256: file.sha256,
        })
        .collect();
    let tickets = api.app.sign_ingest_files(&caller.0, &profile, &ingest, &wishes).await?;
    let views: Vec<Value> =
        wishes.iter().zip(&tickets).map(|(wish, ticket)| file_ticket(&wish.name, ticket)).collect();
    Ok(Reply::ok(&INGEST_FILES, json!({ "file": views })))
}

pub(crate) async fn list_parts(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
    params: Params,
) -> Result<Reply, Problem> {
    let (profile, ingest) = ids(&path.0)?;
    let given = |name: &str| -> Result<String, Problem> {
        params.get(name)?.map(str::to_owned).ok_or_else(|| Problem::bad_field(name, "must be given"))
    };
    let (name, multipart_id) = (given("name")?, given("multipart_id")?);
    let found = api.app.list_ingest_parts(&caller.0, &profile, &ingest, &name, &multipart_id).await?;
    Ok(Reply::ok(&PARTS, json!({ "part": found.iter().map(part).collect::<Vec<_>>() })))
}

pub(crate) async fn act_on_parts(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
    params: Params,
    Body(body): Body<PartsBody>,
) -> Result<Reply, Problem> {
    let (profile, ingest) = ids(&path.0)?;
    let (app, call) = (&api.app, &caller.0);
    let PartsBody { name, multipart_id, size, part } = body;
    match params.get("op")? {
        None => {
            let wanted: Vec<_> = part.into_iter().map(|part| (part.part_number, part.sha256)).collect();
            let found =
                app.sign_ingest_parts(call, &profile, &ingest, &name, &multipart_id, size, &wanted).await?;
            let views: Vec<_> =
                found.iter().map(|(number, request)| signed(request, Some(*number))).collect();
            Ok(Reply::ok(&SIGNED_PARTS, json!({ "request": views })))
        }
        Some(_) => {
            match operation(&params, &["complete", "abort"])? {
                "complete" => {
                    app.complete_ingest_file(call, &profile, &ingest, &name, &multipart_id, size).await?;
                }
                _ => app.abort_ingest_file(call, &profile, &ingest, &name, &multipart_id).await?,
            }
            Ok(Reply::ok(&SIGNED_PARTS, json!({ "request": [] })))
        }
    }
}
