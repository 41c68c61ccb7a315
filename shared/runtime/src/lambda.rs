//! Lambda's side of the entry points: what a function's `main` calls.

use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use lambda_http::request::RequestContext;
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use serde_json::Value;
use vitrine_app::App;
use vitrine_domain::Timestamp;
use vitrine_http::Api;
use vitrine_http::auth::{Cdn, SourceAddress};
use vitrine_http::wire::GatewayRequestId;
use vitrine_triggers::Surroundings;

use crate::{Config, api, app, clients, start_log, write_metric};

/// What remains of an invocation's time when no new piece of work is begun.
const RESERVE: Duration = Duration::from_secs(20);

/// Serves routes behind the API gateway until Lambda ends the process.
///
/// # Errors
/// A configuration that can not be used; a runtime that can not be spoken to.
pub async fn serve(routes: impl FnOnce(Api) -> Router) -> Result<(), Error> {
    let config = Config::from_environment()?;
    start_log(&config.log);
    let api = api(&config, app(&config, &clients().await)?);
    let cdn = Cdn::with_secret(&config.cdn_secret);
    lambda_http::run(routes(api).layer(middleware::from_fn_with_state(cdn, from_gateway))).await
}

/// Puts what the gateway itself saw of a request where the routes look for it; of headers only those of a CDN that
/// proves itself are believed (B36).
async fn from_gateway(State(cdn): State<Cdn>, mut request: Request, next: Next) -> Response {
    if let Some(RequestContext::ApiGatewayV2(context)) = request.extensions().get::<RequestContext>().cloned()
    {
        let gateway = context.http.source_ip.as_deref().and_then(|address| address.parse().ok());
        if let Some(address) = cdn.source(request.headers(), gateway) {
            request.extensions_mut().insert(SourceAddress(address));
        }
        if let Some(id) = context.request_id {
            request.extensions_mut().insert(GatewayRequestId(id));
        }
    }
    next.run(request).await
}

/// Works batches of a queue off until Lambda ends the process.
///
/// # Errors
/// A configuration that can not be used; a runtime that can not be spoken to.
pub async fn serve_batches<F>(work: F) -> Result<(), Error>
where
    F: AsyncFn(&App, SqsEvent, &Surroundings<'_>) -> SqsBatchResponse,
{
    let (_, app) = start().await?;
    let (work, app) = (&work, &app);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let left = time_left(event.context);
        let around = Surroundings { now: &Timestamp::now, time_left: &left, metrics: &write_metric };
        // Boxed, because the use cases' futures are deep.
        Ok::<_, Error>(Box::pin(work(app, event.payload, &around)).await)
    }))
    .await
}

/// Runs on a schedule until Lambda ends the process.
///
/// # Errors
/// A configuration that can not be used; a runtime that can not be spoken to.
pub async fn serve_schedule<F>(work: F) -> Result<(), Error>
where
    F: AsyncFn(&App, &str, &Surroundings<'_>) -> Result<(), Error>,
{
    let (_, app) = start().await?;
    let (work, app) = (&work, &app);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let request_id = event.context.request_id.clone();
        let left = time_left(event.context);
        let around = Surroundings { now: &Timestamp::now, time_left: &left, metrics: &write_metric };
        Box::pin(work(app, &request_id, &around)).await
    }))
    .await
}

async fn start() -> Result<(Config, App), Error> {
    let config = Config::from_environment()?;
    start_log(&config.log);
    let app = app(&config, &clients().await)?;
    Ok((config, app))
}

fn time_left(context: Context) -> impl Fn() -> bool + Send + Sync {
    let deadline = context.deadline();
    move || deadline.duration_since(std::time::SystemTime::now()).is_ok_and(|left| left > RESERVE)
}
