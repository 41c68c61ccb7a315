//! The same routers as the functions, on one local port; and what an operator does before there is a user.
//!
//! `vitrine-gateway` serves on `VITRINE_LISTEN`; `create-admin` makes the library `MAIN` and an administrator with an
//! API key that is printed once; `docs FOLDER` writes the generated documents.

mod admin;
mod docs;
mod server;

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use vitrine_http::{api_router, delivery_router, oai_router};
use vitrine_runtime::Config;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => serve().await,
        ["create-admin"] => admin::create().await,
        ["docs", folder] => docs::write(std::path::Path::new(folder)),
        _ => bail!("usage: vitrine-gateway [create-admin | docs FOLDER]"),
    }
}

async fn serve() -> Result<()> {
    let config = Config::from_environment()?;
    vitrine_runtime::start_log(&config.log);
    let listen: SocketAddr = std::env::var("VITRINE_LISTEN")
        .context("the variable `VITRINE_LISTEN` must be set, for example to 127.0.0.1:8080")?
        .parse()
        .context("the variable `VITRINE_LISTEN` must be an address and a port")?;
    let api =
        vitrine_runtime::api(&config, vitrine_runtime::app(&config, &vitrine_runtime::clients().await)?);
    let routes = api_router(api.clone()).merge(delivery_router(api.clone())).merge(oai_router(api));
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("{listen} can not be listened on"))?;
    server::serve(listener, routes, server::Limits::default(), ended()).await;
    Ok(())
}

async fn ended() {
    let interrupted = tokio::signal::ctrl_c();
    let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        let _ = interrupted.await;
        return;
    };
    tokio::select! {
        _ = interrupted => {}
        _ = terminated.recv() => {}
    }
}
