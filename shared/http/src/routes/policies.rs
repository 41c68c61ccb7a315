//! Access rights policies, where they are used, and trying them out.

use std::net::IpAddr;

use axum::extract::State;
use serde::Deserialize;
use vitrine_app::rights::{Simulation, Tried};
use vitrine_domain::ids::PolicyId;
use vitrine_domain::rights::PolicyDraft;

use super::{Api, Caller, Segments, id, page};
use crate::views::{POLICIES, POLICY, REPRESENTATIONS, SIMULATED, SIMULATION, list as list_view, simulated};
use crate::wire::{Body, IfMatch, Params, Problem, Reply, Shape, Wire};

/// A policy as a client sends it.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct PolicyBody(PolicyDraft);

impl Wire for PolicyBody {
    fn shape() -> &'static Shape {
        &POLICY
    }
}

/// Who asks, from where, when, for what, under which policy.
#[derive(Debug, Deserialize)]
pub(crate) struct SimulationBody {
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    registered: bool,
    #[serde(default)]
    user_group: Option<Vec<String>>,
    #[serde(default)]
    campus: Option<Vec<String>>,
    #[serde(default)]
    course: Option<Vec<String>>,
    #[serde(default)]
    ip_address: Option<String>,
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    representation_id: Option<String>,
    #[serde(default)]
    library: Option<String>,
    #[serde(default)]
    policy: Option<PolicyDraft>,
}

impl Wire for SimulationBody {
    fn shape() -> &'static Shape {
        &SIMULATION
    }
}

fn parsed<T: std::str::FromStr>(
    field: &'static str,
    text: Option<&String>,
    wrong: &'static str,
) -> Result<Option<T>, Problem> {
    text.map(|text| text.trim().parse().map_err(|_| Problem::bad_field(field, wrong))).transpose()
}

impl SimulationBody {
    fn into_parts(self) -> Result<(Option<PolicyDraft>, Simulation), Problem> {
        let simulation = Simulation {
            user: parsed("user_id", self.user_id.as_ref(), "is not a user's id")?,
            registered: self.registered,
            groups: self.user_group,
            campuses: self.campus,
            courses: self.course,
            source_ip: parsed::<IpAddr>("ip_address", self.ip_address.as_ref(), "must be one IP address")?,
            at: self.at,
            representation: parsed(
                "representation_id",
                self.representation_id.as_ref(),
                "is not a representation's id",
            )?,
            library: parsed("library", self.library.as_ref(), "is not a library's code")?,
        };
        Ok((self.policy, simulation))
    }
}

fn policy_id(path: Segments<1>) -> Result<PolicyId, Problem> {
    let [policy] = path.0;
    id(&policy, "access rights policy")
}

pub(crate) async fn list(State(api): State<Api>, caller: Caller, params: Params) -> Result<Reply, Problem> {
    let (found, total) = api.app.list_policies(&caller.0, &page(params.paging()?)).await?;
    let zone = &api.app.settings.time_zone;
    let views = found.items.iter().map(|policy| api.addresses.policy(policy, zone)).collect();
    Ok(Reply::ok(&POLICIES, list_view("access_rights_policy", views, total, found.next.as_deref())))
}

pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<PolicyBody>,
) -> Result<Reply, Problem> {
    let created = api.app.create_policy(&caller.0, body.0).await?;
    let view = api.addresses.policy(&created, &api.app.settings.time_zone);
    Ok(Reply::ok(&POLICY, view).at_version(created.version))
}

pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let found = api.app.read_policy(&caller.0, &policy_id(path)?).await?;
    let view = api.addresses.policy(&found, &api.app.settings.time_zone);
    Ok(Reply::ok(&POLICY, view).at_version(found.version))
}

pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    if_match: IfMatch,
    Body(body): Body<PolicyBody>,
) -> Result<Reply, Problem> {
    let policy = policy_id(path)?;
    let after = if_match
        .guard(|expected| api.app.update_policy(&caller.0, &policy, body.0.clone(), expected))
        .await?;
    let view = api.addresses.policy(&after, &api.app.settings.time_zone);
    Ok(Reply::ok(&POLICY, view).at_version(after.version))
}

pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    if_match: IfMatch,
) -> Result<Reply, Problem> {
    let policy = policy_id(path)?;
    if_match.guard(|expected| api.app.delete_policy(&caller.0, &policy, expected)).await?;
    Ok(Reply::no_content())
}

pub(crate) async fn copy(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let copied = api.app.copy_policy(&caller.0, &policy_id(path)?).await?;
    let view = api.addresses.policy(&copied, &api.app.settings.time_zone);
    Ok(Reply::ok(&POLICY, view).at_version(copied.version))
}

pub(crate) async fn representations(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
) -> Result<Reply, Problem> {
    let policy = policy_id(path)?;
    let (found, total) =
        api.app.list_policy_representations(&caller.0, &policy, &page(params.paging()?)).await?;
    let policies = api.app.policies_of(&found.items).await?;
    let views =
        found.items.iter().map(|found| api.addresses.representation(found, None, &policies)).collect();
    Ok(Reply::ok(&REPRESENTATIONS, list_view("representation", views, total, found.next.as_deref())))
}

pub(crate) async fn simulate_access(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<SimulationBody>,
) -> Result<Reply, Problem> {
    let (draft, simulation) = body.into_parts()?;
    let tried = draft.map_or(Tried::Current, |draft| Tried::Draft(Box::new(draft)));
    simulate(&api, &caller, tried, simulation).await
}

pub(crate) async fn simulate_policy(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    Body(body): Body<SimulationBody>,
) -> Result<Reply, Problem> {
    let policy = policy_id(path)?;
    let (draft, simulation) = body.into_parts()?;
    // An edit that is not saved yet is tried in the place of what is.
    let tried = draft.map_or(Tried::Saved(policy), |draft| Tried::Draft(Box::new(draft)));
    simulate(&api, &caller, tried, simulation).await
}

async fn simulate(
    api: &Api,
    caller: &Caller,
    tried: Tried,
    simulation: Simulation,
) -> Result<Reply, Problem> {
    let found = api.app.simulate(&caller.0, tried, simulation).await?;
    Ok(Reply::ok(&SIMULATED, simulated(&found, &api.app.settings.time_zone)))
}
