//! Users, API keys, libraries, and what a caller may do.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use vitrine_app::users::UserInput;
use vitrine_domain::actor::{Grant, KeyPermission};
use vitrine_domain::ids::UserId;
use vitrine_domain::library::LibraryCode;
use vitrine_domain::roles::Role;

use super::bibs::CodedValue;
use super::representations::code;
use super::{Api, Caller, Segments, id, page};
use crate::auth::new_key;
use crate::views::{
    API_KEY, API_KEYS, LIBRARIES, LIBRARY, PERMISSIONS, USER, USERS, list as list_view, permission,
};
use crate::wire::{Body, IfMatch, Params, Problem, Reply, Shape, Wire};

#[derive(Debug, Deserialize)]
struct RoleBody {
    role_type: CodedValue,
    #[serde(default)]
    scope: Option<CodedValue>,
}

impl RoleBody {
    /// A scope that is the institution's code, or none, is the whole institution; any other is a library.
    fn into_grant(self, institution: &str) -> Result<Grant, Problem> {
        let role = code::<Role>("user_role.role_type", &self.role_type)?;
        let library = match self.scope.filter(|scope| scope.value != institution) {
            None => None,
            Some(scope) => Some(
                scope
                    .value
                    .parse()
                    .map_err(|_| Problem::bad_field("user_role.scope", "is not a library's code"))?,
            ),
        };
        Ok(Grant { role, library })
    }
}

fn grants(roles: Vec<RoleBody>, institution: &str) -> Result<Vec<Grant>, Problem> {
    roles.into_iter().map(|role| role.into_grant(institution)).collect()
}

/// A user as a client sends it.
#[derive(Debug, Deserialize)]
pub(crate) struct UserBody {
    #[serde(default)]
    primary_id: Option<String>,
    full_name: String,
    #[serde(default)]
    status: Option<CodedValue>,
    #[serde(default)]
    user_role: Vec<RoleBody>,
    #[serde(default)]
    user_group: Vec<String>,
    #[serde(default)]
    campus: Vec<String>,
    #[serde(default)]
    course: Vec<String>,
}

impl Wire for UserBody {
    fn shape() -> &'static Shape {
        &USER
    }
}

/// An API key as a client sends it.
#[derive(Debug, Deserialize)]
pub(crate) struct KeyBody {
    name: String,
    permission: CodedValue,
    #[serde(default)]
    user_role: Vec<RoleBody>,
}

impl Wire for KeyBody {
    fn shape() -> &'static Shape {
        &API_KEY
    }
}

/// A library as a client sends it.
#[derive(Debug, Deserialize)]
pub(crate) struct LibraryBody {
    name: String,
}

impl Wire for LibraryBody {
    fn shape() -> &'static Shape {
        &LIBRARY
    }
}

pub(crate) async fn permissions(State(api): State<Api>, caller: Caller) -> Result<Reply, Problem> {
    let actor = &caller.0.actor;
    let all: Vec<_> = api.app.permissions(actor).iter().map(permission).collect();
    Ok(Reply::ok(
        &PERMISSIONS,
        json!({ "user_id": actor.id.as_str(), "read_only": actor.read_only, "permission": all }),
    ))
}

pub(crate) async fn list(State(api): State<Api>, caller: Caller, params: Params) -> Result<Reply, Problem> {
    let (found, total) = api.app.list_users(&caller.0, &page(params.paging()?)).await?;
    let views = found.items.iter().map(|user| api.addresses.user(user)).collect();
    Ok(Reply::ok(&USERS, list_view("user", views, total, found.next.as_deref())))
}

pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let [user] = path.0;
    let found = api.app.read_user(&caller.0, &id(&user, "user")?).await?;
    Ok(Reply::ok(&USER, api.addresses.user(&found)).at_version(found.version))
}

pub(crate) async fn write(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    if_match: IfMatch,
    Body(body): Body<UserBody>,
) -> Result<Reply, Problem> {
    let [user] = path.0;
    if body.primary_id.as_ref().is_some_and(|given| *given != user) {
        return Err(Problem::bad_field("primary_id", "must be the id in the address"));
    }
    let active = match body.status.as_ref().map(|status| status.value.as_str()) {
        None | Some("ACTIVE") => true,
        Some("INACTIVE") => false,
        Some(_) => return Err(Problem::bad_field("status", "must be one of: ACTIVE, INACTIVE")),
    };
    let input = UserInput {
        name: body.full_name,
        grants: grants(body.user_role, &api.addresses.institution)?,
        groups: body.user_group,
        campuses: body.campus,
        courses: body.course,
        active,
    };
    let user: UserId = user
        .parse()
        .map_err(|_| Problem::bad_field("primary_id", "must be 1 to 128 letters, digits and `._-@+:`"))?;
    let after =
        if_match.guard(|expected| api.app.put_user(&caller.0, user.clone(), input.clone(), expected)).await?;
    Ok(Reply::ok(&USER, api.addresses.user(&after)).at_version(after.version))
}

pub(crate) async fn keys(State(api): State<Api>, caller: Caller, params: Params) -> Result<Reply, Problem> {
    let (found, total) = api.app.list_api_keys(&caller.0, &page(params.paging()?)).await?;
    let views = found.items.iter().map(|key| api.addresses.api_key(key, None)).collect();
    Ok(Reply::ok(&API_KEYS, list_view("api_key", views, total, found.next.as_deref())))
}

pub(crate) async fn create_key(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<KeyBody>,
) -> Result<Reply, Problem> {
    let permission = code::<KeyPermission>("permission", &body.permission)?;
    let grants = grants(body.user_role, &api.addresses.institution)?;
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random).map_err(|_| Problem::internal())?;
    let key = new_key(random);
    let created = api.app.create_api_key(&caller.0, &body.name, permission, grants, &key).await?;
    Ok(Reply::ok(&API_KEY, api.addresses.api_key(&created, Some(&key))))
}

pub(crate) async fn revoke_key(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let [key] = path.0;
    api.app.revoke_api_key(&caller.0, &id(&key, "API key")?).await?;
    Ok(Reply::no_content())
}

pub(crate) async fn libraries(State(api): State<Api>, caller: Caller) -> Result<Reply, Problem> {
    let found = api.app.list_libraries(&caller.0).await?;
    let views: Vec<_> = found.iter().map(|library| api.addresses.library(library)).collect();
    Ok(Reply::ok(&LIBRARIES, json!({ "total_record_count": views.len(), "library": views })))
}

pub(crate) async fn write_library(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    if_match: IfMatch,
    Body(body): Body<LibraryBody>,
) -> Result<Reply, Problem> {
    let [code] = path.0;
    let code: LibraryCode = code
        .parse()
        .map_err(|_| Problem::bad_field("code", "must be 1 to 50 letters, digits, `_` and `-`"))?;
    let after =
        if_match.guard(|expected| api.app.put_library(&caller.0, code.clone(), &body.name, expected)).await?;
    Ok(Reply::ok(&LIBRARY, api.addresses.library(&after)).at_version(after.version))
}
