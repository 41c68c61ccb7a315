//! Collections and the titles in them.

use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use vitrine_app::collections::CollectionInput;
use vitrine_domain::collection::{Collection, CollectionFields};
use vitrine_domain::ids::{CollectionId, MmsId};
use vitrine_store::catalog::PageRequest;

use super::bibs::CodedValue;
use super::{Api, Caller, Segments, id, page};
use crate::views::{COLLECTION, COLLECTIONS, MEMBER, MEMBERS, list as list_view};
use crate::wire::{Body, IfMatch, Params, Problem, Reply, Shape, Wire};

/// A collection as a client sends it.
#[derive(Debug, Deserialize)]
pub(crate) struct CollectionBody {
    #[serde(default)]
    parent_pid: Option<CodedValue>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    library: Option<CodedValue>,
    #[serde(default)]
    sort_by: Option<String>,
    #[serde(default)]
    external_system: Option<String>,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    order: Option<i64>,
    #[serde(default)]
    suppress_from_discovery: bool,
}

impl Wire for CollectionBody {
    fn shape() -> &'static Shape {
        &COLLECTION
    }
}

impl CollectionBody {
    fn into_input(self) -> Result<CollectionInput, Problem> {
        let parent = match self.parent_pid {
            None => None,
            Some(parent) => Some(parent.value.parse().map_err(|_| Problem {
                code: "402550",
                ..Problem::bad_field("parent_pid", "is not a collection id")
            })?),
        };
        let library = match self.library {
            None => None,
            Some(code) => Some(code.value.parse().map_err(|_| Problem {
                code: "402469",
                ..Problem::bad_field("library", "is not a library's code")
            })?),
        };
        Ok(CollectionInput {
            parent,
            library,
            title: self.title,
            suppressed: self.suppress_from_discovery,
            fields: CollectionFields {
                name: self.name,
                description: self.description,
                sort_by: self.sort_by,
                external_system: self.external_system,
                external_id: self.external_id,
                order: self.order,
            },
        })
    }
}

/// What a caller sends to put a title into a collection.
#[derive(Debug, Deserialize)]
pub(crate) struct MemberBody {
    mms_id: String,
}

impl Wire for MemberBody {
    fn shape() -> &'static Shape {
        &MEMBER
    }
}

/// The deepest tree that one answer shows.
const MAX_LEVEL: u32 = 5;
/// How many collections of one parent a tree shows, and how many the whole tree.
const CHILDREN_SHOWN: u32 = 100;
const TREE_SHOWN: usize = 500;

/// The views of collections with `levels` more levels below each, read level by level: one query a collection that has
/// any below it.
async fn tree(api: &Api, caller: &Caller, top: Vec<Collection>, levels: u32) -> Result<Vec<Value>, Problem> {
    let mut shown = top.len();
    let mut rows: Vec<Vec<(Collection, Vec<usize>)>> =
        vec![top.into_iter().map(|found| (found, Vec::new())).collect()];
    for _ in 0..levels {
        let mut below: Vec<(Collection, Vec<usize>)> = Vec::new();
        let Some(row) = rows.last_mut() else { break };
        for (collection, children) in row.iter_mut().filter(|(collection, _)| collection.child_count > 0) {
            if shown >= TREE_SHOWN {
                break;
            }
            let page = PageRequest { limit: CHILDREN_SHOWN, ..PageRequest::default() };
            let (found, _) = api.app.list_collections(&caller.0, Some(&collection.id), &page).await?;
            for child in found.items {
                children.push(below.len());
                below.push((child, Vec::new()));
                shown += 1;
            }
        }
        if below.is_empty() {
            break;
        }
        rows.push(below);
    }
    let mut views_below: Vec<Value> = Vec::new();
    while let Some(row) = rows.pop() {
        views_below = row
            .into_iter()
            .map(|(collection, children)| {
                let below =
                    children.into_iter().filter_map(|index| views_below.get(index).cloned()).collect();
                api.addresses.collection(&collection, below)
            })
            .collect();
    }
    Ok(views_below)
}

fn levels(params: &Params) -> Result<u32, Problem> {
    Ok(params.number("level", 1, MAX_LEVEL)?.saturating_sub(1))
}

pub(crate) async fn list(State(api): State<Api>, caller: Caller, params: Params) -> Result<Reply, Problem> {
    let levels = levels(&params)?;
    let (found, total) = api.app.list_collections(&caller.0, None, &page(params.paging()?)).await?;
    let views = tree(&api, &caller, found.items, levels).await?;
    Ok(Reply::ok(&COLLECTIONS, list_view("collection", views, total, found.next.as_deref())))
}

pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<CollectionBody>,
) -> Result<Reply, Problem> {
    let created = api.app.create_collection(&caller.0, body.into_input()?).await?;
    Ok(Reply::ok(&COLLECTION, api.addresses.collection(&created, Vec::new())).at_version(created.version))
}

pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
) -> Result<Reply, Problem> {
    let [collection] = path.0;
    let levels = levels(&params)?;
    let found = api.app.read_collection(&caller.0, &id(&collection, "collection")?).await?;
    let version = found.version;
    let view = tree(&api, &caller, vec![found], levels).await?.pop().ok_or_else(Problem::internal)?;
    let reply = Reply::ok(&COLLECTION, view);
    // With others below it, its own version does not vouch for the whole answer.
    Ok(if levels == 0 { reply.at_version(version) } else { reply })
}

pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    if_match: IfMatch,
    Body(body): Body<CollectionBody>,
) -> Result<Reply, Problem> {
    let [collection] = path.0;
    let collection: CollectionId = id(&collection, "collection")?;
    let input = body.into_input()?;
    let after = if_match
        .guard(|expected| api.app.update_collection(&caller.0, &collection, input.clone(), expected))
        .await?;
    Ok(Reply::ok(&COLLECTION, api.addresses.collection(&after, Vec::new())).at_version(after.version))
}

pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
    if_match: IfMatch,
) -> Result<Reply, Problem> {
    let [collection] = path.0;
    let override_titles = params.flag("override", false)?;
    let collection = id(&collection, "collection")?;
    if_match
        .guard(|expected| api.app.delete_collection(&caller.0, &collection, override_titles, expected))
        .await?;
    Ok(Reply::no_content())
}

pub(crate) async fn members(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
) -> Result<Reply, Problem> {
    let [collection] = path.0;
    let (found, total) =
        api.app.list_members(&caller.0, &id(&collection, "collection")?, &page(params.paging()?)).await?;
    let views = found.items.iter().map(|member| api.addresses.member(member)).collect();
    Ok(Reply::ok(&MEMBERS, list_view("bib", views, total, found.next.as_deref())))
}

pub(crate) async fn add_member(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    Body(body): Body<MemberBody>,
) -> Result<Reply, Problem> {
    let [collection] = path.0;
    let mms: MmsId = body
        .mms_id
        .parse()
        .map_err(|_| Problem { code: "402204", ..Problem::bad_field("mms_id", "is not a bib record id") })?;
    let bib = api.app.add_member(&caller.0, &id(&collection, "collection")?, &mms).await?;
    let view = serde_json::json!({ "link": format!("{}/bibs/{mms}", api.addresses.api), "mms_id": mms.as_str(), "title": bib.brief.title });
    Ok(Reply::ok(&MEMBER, view))
}

pub(crate) async fn remove_member(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
) -> Result<Reply, Problem> {
    let [collection, mms] = path.0;
    api.app.remove_member(&caller.0, &id(&collection, "collection")?, &id(&mms, "bib record")?).await?;
    Ok(Reply::no_content())
}
