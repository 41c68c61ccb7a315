//! Delivery: what viewers and pages ask for, below `/view`.

mod answer;
mod assets;
mod auth;
mod bytes;
mod cors;
mod html;
mod loan;
mod manifest;
mod page;
mod resource;
mod seat;
mod session;
mod sign_in;
mod thumbnail;
mod viewer;

use axum::Router;
use axum::routing::{get, post};

pub use cors::Origins;

use crate::routes::Api;
use crate::wire::with_delivery_edge;

/// The routes of delivery below `/view`.
pub fn delivery_router(api: Api) -> Router {
    let origins = api.viewer_origins.clone();
    let routes = Router::new()
        .route("/view/delivery/thumbnail/{institution}/{id}", get(thumbnail::thumbnail))
        .route("/view/assets/{*name}", get(assets::asset))
        .route("/view/iiif/presentation/{institution}/{id}/manifest", get(manifest::vendor))
        .route("/view/iiif/3/{institution}/{id}/manifest", get(manifest::third))
        .route("/view/iiif/3/{institution}/{id}/file/{place}", get(bytes::at_place))
        .route("/view/metadata/{institution}/{id}/{format}", get(manifest::metadata))
        .route("/view/delivery/text/{institution}/{id}", get(bytes::text))
        .route("/view/delivery/{institution}/{id}", get(resource::resource))
        .route("/view/session", get(session::read).post(session::begin).delete(session::end))
        .route("/view/sign-in", get(sign_in::begin))
        .route("/view/sign-in/callback", get(sign_in::end))
        .route("/view/sign-out", get(sign_in::ask_to_leave).post(sign_in::leave))
        .route("/view/delivery/{institution}/{id}/seat", get(seat::read).post(seat::take).delete(seat::leave))
        .route(
            "/view/delivery/{institution}/{id}/loan",
            get(loan::read).post(loan::borrow).delete(loan::give_back),
        )
        .route("/view/delivery/{institution}/loans", get(loan::list))
        .route("/view/delivery/{institution}/{id}/declaration", post(seat::declare))
        .route("/view/delivery/{institution}/{id}/share", post(resource::share))
        .route("/view/delivery/{institution}/{id}/content", get(bytes::content))
        .route("/view/delivery/{institution}/{id}/download", get(bytes::download));
    let services = Router::new()
        .route("/view/iiif/auth/{institution}/probe/{id}", get(auth::probe))
        .route("/view/iiif/auth/{institution}/probe/{id}/{place}", get(auth::probe_place))
        .route("/view/iiif/auth/{institution}/token/{id}", get(auth::token));
    let services = with_delivery_edge(auth::from_everywhere(services).with_state(api.clone()));
    cors::with_origins(with_delivery_edge(routes.with_state(api)), origins).merge(services)
}
