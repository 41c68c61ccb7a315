//! The staff API: which address takes what to which use case. [`ENDPOINTS`] is the only list of routes; the router, the
//! OpenAPI document and the refusal tests are made from it.

mod bibs;
mod bulk;
mod collections;
mod endpoints;
mod exports;
mod files;
mod fixity;
mod history;
mod imports;
mod jobs;
mod loans;
mod policies;
mod publishing;
mod remote;
mod representations;
mod restore;
mod sets;
mod structures;
mod uploads;
mod usage;
mod users;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, State};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, delete, get, post, put};
use axum::{Extension, Router};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use vitrine_app::{App, Call};
use vitrine_domain::Timestamp;
use vitrine_domain::audit::Origin;
use vitrine_store::catalog::PageRequest;

use crate::auth::{Authenticator, SignIn};
use crate::delivery::Origins;
use crate::views::Addresses;
use crate::wire::{Exchange, Paging, Params, Problem, Throttle, with_edge};

pub use endpoints::{ENDPOINTS, Endpoint};
pub(crate) use history::short_cursor;

/// What the routes work with.
#[derive(Clone)]
pub struct Api {
    /// The use cases.
    pub app: App,
    /// Makes actors of credentials.
    pub authenticator: Authenticator,
    /// Where people sign in; `None` where they can not.
    pub sign_in: Option<Arc<SignIn>>,
    /// Holds back callers that ask too often.
    pub throttle: Throttle,
    /// Where addresses in answers begin.
    pub addresses: Arc<Addresses>,
    /// Whose pages may read what delivery answers.
    pub viewer_origins: Origins,
    /// The time; an argument, so that a test can set it.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Api {
    /// Addresses that begin at these two, for one institution.
    pub fn addresses(api: &str, delivery: &str, institution: &str, sign_in: bool) -> Arc<Addresses> {
        let trimmed = |address: &str| address.trim_end_matches('/').to_owned();
        Arc::new(Addresses {
            api: trimmed(api),
            delivery: trimmed(delivery),
            institution: institution.to_owned(),
            sign_in,
        })
    }
}

/// An authenticated call. Every route but the document of the API takes one.
pub(crate) struct Caller(pub Call);

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let exchange = Exchange::of(&parts.extensions)?.clone();
        let now = (api.clock)();
        let actor = api.authenticator.authenticate(parts, now).await?;
        let _ = exchange.caller.set(actor.id.to_string());
        exchange.admit(&api.throttle, actor.id.as_str())?;
        if let Some(endpoint) = parts.extensions.get::<&'static Endpoint>() {
            Params::of(parts)?.only(endpoint.query)?;
        }
        Ok(Self(Call { actor, origin: Origin::Api, request_id: exchange.request_id, now }))
    }
}

/// An id in a path: one that is none of its kind is not found, like one that nothing has.
pub(crate) fn id<T: std::str::FromStr>(text: &str, kind: &'static str) -> Result<T, Problem> {
    text.parse().map_err(|_| {
        Problem::not_found(format!("there is no {kind} `{}`", text.chars().take(64).collect::<String>()))
    })
}

pub(crate) fn page(paging: Paging) -> PageRequest {
    PageRequest { limit: paging.limit, offset: paging.offset, after: paging.after }
}

/// The routes of the staff API below `/almaws/v1`.
pub fn api_router(api: Api) -> Router {
    let mut routes: Router<Api> = Router::new();
    for endpoint in ENDPOINTS {
        if let Some(handler) = handler(endpoint.id) {
            let handler = handler.route_layer(Extension(endpoint));
            routes = routes.route(&format!("/almaws/v1{}", endpoint.path), handler.clone());
            // The vendor's clients also call lists with a slash at the end (ALMA-6).
            routes = routes.route(&format!("/almaws/v1{}/", endpoint.path), handler);
        }
    }
    with_edge(routes.with_state(api))
}

fn handler(operation: &str) -> Option<MethodRouter<Api>> {
    Some(match operation {
        "get_openapi" => get(document),
        "find_bibs" => get(bibs::find),
        "create_bib" => post(bibs::create),
        "get_bib" => get(bibs::read),
        "update_bib" => put(bibs::update),
        "delete_bib" => delete(bibs::remove),
        "list_representations" => get(representations::list),
        "create_representation" => post(representations::create),
        "get_representation" => get(representations::read),
        "update_representation" => put(representations::update),
        "delete_representation" => delete(representations::remove),
        "get_structure" => get(structures::read),
        "put_structure" => put(structures::update),
        "delete_structure" => delete(structures::remove),
        "list_files" => get(files::list),
        "create_file" => post(files::create),
        "get_file" => get(files::read),
        "update_file" => put(files::update),
        "delete_file" => delete(files::remove),
        "check_file_fixity" => post(fixity::check_file),
        "check_representation_fixity" => post(fixity::check_representation),
        "list_fixity" => get(fixity::list),
        "list_collections" => get(collections::list),
        "create_collection" => post(collections::create),
        "get_collection" => get(collections::read),
        "update_collection" => put(collections::update),
        "delete_collection" => delete(collections::remove),
        "list_collection_bibs" => get(collections::members),
        "add_collection_bib" => post(collections::add_member),
        "remove_collection_bib" => delete(collections::remove_member),
        "create_upload" => post(uploads::create),
        "get_upload" => get(uploads::read),
        "abort_upload" => delete(uploads::abort),
        "list_upload_parts" => get(uploads::parts),
        "sign_upload_parts" => post(uploads::sign_parts),
        "complete_upload" => post(uploads::complete),
        "get_permissions" => get(users::permissions),
        "list_users" => get(users::list),
        "get_user" => get(users::read),
        "put_user" => put(users::write),
        "list_api_keys" => get(users::keys),
        "create_api_key" => post(users::create_key),
        "revoke_api_key" => delete(users::revoke_key),
        "list_libraries" => get(users::libraries),
        "put_library" => put(users::write_library),
        "list_remote_repositories" => get(remote::list),
        "get_remote_repository" => get(remote::read),
        "put_remote_repository" => put(remote::write),
        "list_policies" => get(policies::list),
        "create_policy" => post(policies::create),
        "simulate_access" => post(policies::simulate_access),
        "get_policy" => get(policies::read),
        "update_policy" => put(policies::update),
        "delete_policy" => delete(policies::remove),
        "copy_policy" => post(policies::copy),
        "simulate_policy" => post(policies::simulate_policy),
        "list_policy_representations" => get(policies::representations),
        "list_publishing_profiles" => get(publishing::list),
        "create_publishing_profile" => post(publishing::create),
        "get_publishing_profile" => get(publishing::read),
        "update_publishing_profile" => put(publishing::update),
        "delete_publishing_profile" => delete(publishing::remove),
        "run_publishing_profile" => post(publishing::run),
        "set_publishing_secret" => put(publishing::set_secret),
        "renew_publishing_secret" => post(publishing::secret),
        "copy_publishing_profile" => post(publishing::copy),
        "preview_publishing_profile" => get(publishing::preview),
        "list_published_files" => get(publishing::files),
        "get_oai_repository" => get(publishing::read_oai),
        "put_oai_repository" => put(publishing::update_oai),
        "list_import_profiles" => get(imports::list),
        "create_import_profile" => post(imports::create),
        "get_import_profile" => get(imports::read),
        "update_import_profile" => put(imports::update),
        "delete_import_profile" => delete(imports::remove),
        "run_import_profile" => post(imports::run),
        "copy_import_profile" => post(imports::copy),
        "get_import_template" => get(imports::template),
        "list_ingests" => get(imports::list_ingests),
        "create_ingest" => post(imports::create_ingest),
        "get_ingest" => get(imports::read_ingest),
        "act_on_ingest" => post(imports::act_on_ingest),
        "delete_ingest" => delete(imports::remove_ingest),
        "list_ingest_files" => get(imports::list_files),
        "sign_ingest_files" => post(imports::sign_files),
        "list_ingest_parts" => get(imports::list_parts),
        "act_on_ingest_parts" => post(imports::act_on_parts),
        "list_sets" => get(sets::list),
        "create_set" => post(sets::create),
        "get_set" => get(sets::read),
        "update_set" => put(sets::update),
        "delete_set" => delete(sets::remove),
        "act_on_set" => post(sets::act),
        "list_set_members" => get(sets::members),
        "list_exports" => get(exports::list),
        "create_export" => post(exports::create),
        "get_export" => get(exports::read),
        "update_export" => put(exports::update),
        "delete_export" => delete(exports::remove),
        "run_export" => post(exports::run),
        "list_export_files" => get(exports::files),
        "list_deleted" => get(restore::list),
        "get_deleted" => get(restore::read),
        "act_on_deleted" => post(restore::act),
        "list_jobs" => get(jobs::list),
        "run_job" => post(bulk::run),
        "get_job" => get(jobs::read),
        "act_on_job" => post(jobs::act),
        "list_job_rows" => get(jobs::rows),
        "decide_job_row" => post(jobs::decide),
        "get_job_report" => get(jobs::report),
        "get_usage" => get(usage::report),
        "list_audit_manifests" => get(history::list_seals),
        "list_audit_rows" => get(history::list_audit_rows),
        "get_bib_history" => get(history::of_bib),
        "list_representation_loans" => get(loans::list),
        "get_representation_history" => get(history::of_representation),
        "get_file_history" => get(history::of_file),
        "get_collection_history" => get(history::of_collection),
        "get_policy_history" => get(history::of_policy),
        "get_import_profile_history" => get(history::of_profile),
        "get_ingest_history" => get(history::of_ingest),
        "get_upload_history" => get(history::of_upload),
        "get_set_history" => get(history::of_set),
        "get_export_history" => get(history::of_export),
        "get_remote_repository_history" => get(history::of_remote_repository),
        "get_oai_repository_history" => get(history::of_oai_repository),
        "get_publishing_profile_history" => get(history::of_publishing),
        "get_job_history" => get(history::of_job),
        "get_library_history" => get(history::of_library),
        "get_user_history" => get(history::of_user),
        "get_api_key_history" => get(history::of_api_key),
        _ => return None,
    })
}

async fn document(State(api): State<Api>, params: Params) -> Result<impl IntoResponse, Problem> {
    params.only(&[])?;
    let document = crate::openapi::document(&api.addresses.api).to_string();
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=300")];
    Ok((headers, document))
}

/// The segments of a path, by position.
pub(crate) type Segments<const N: usize> = Path<[String; N]>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_has_a_handler() {
        for endpoint in ENDPOINTS {
            assert!(handler(endpoint.id).is_some(), "{}", endpoint.id);
        }
    }
}
