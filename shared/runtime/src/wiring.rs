//! Puts the pieces together, once a process.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use vitrine_app::{App, Settings};
use vitrine_domain::Timestamp;
use vitrine_domain::actor::{ApiKey, User};
use vitrine_domain::ids::{IdError, Minter, UserId};
use vitrine_domain::session::{Session, SessionId};
use vitrine_http::auth::{
    AskError, AskIssuer, Authenticator, CachedDirectory, Directory, FetchKeys, JwksCache, KeySetError,
    Looked, SignIn, SignInSettings, TokenSettings, Unavailable,
};
use vitrine_http::wire::Throttle;
use vitrine_http::{Api, Origins};
use vitrine_media::Tools;
use vitrine_store::clients::{Clients, FetchError, fetch};
use vitrine_store::objects::Objects;
use vitrine_store::queues::Queues;
use vitrine_store::secrets::Secrets;
use vitrine_store::{Catalog, Sessions};

use crate::config::Config;

/// How long delivery waits for a marked copy before it asks the viewer to come again: most are made by then, and the gateway
/// gives up after 30 seconds.
const MARKED_WITHIN: Duration = Duration::from_secs(6);

/// The AWS clients that the environment describes.
pub async fn clients() -> Clients {
    Clients::from_environment().await
}

/// The use cases over `clients`.
///
/// # Errors
/// An institution suffix that is not four digits.
pub fn app(config: &Config, clients: &Clients) -> Result<App, IdError> {
    Ok(App {
        catalog: Catalog::new(clients.dynamo.clone(), config.tables.clone()),
        sessions: Sessions::new(clients.dynamo.clone(), config.sessions_table.clone()),
        objects: Objects::new(clients, config.buckets.clone()),
        queues: Queues::new(clients, config.queues.clone()),
        secrets: Secrets::new(clients, config.secrets_prefix.clone()),
        egress: config.private_targets.clone(),
        settings: Settings {
            institution: config.institution.clone(),
            delivery_url: config.delivery_url.trim_end_matches('/').to_owned(),
            require_collection: config.require_collection,
            default_access: config.default_access,
            time_zone: config.time_zone.clone(),
            upload_expiry_days: config.upload_expiry_days,
            keep_deleted_days: config.keep_deleted_days,
            fixity: config.fixity,
        },
        minter: Minter::new(&config.institution_suffix)?,
        usage_salt: Arc::default(),
        patience: MARKED_WITHIN,
        random: Arc::new(random),
    })
}

/// A random number from the operating system; the time where it gives none, so that ids still differ.
fn random() -> u64 {
    let mut bytes = [0_u8; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => Timestamp::now().as_nanosecond().unsigned_abs() as u64,
    }
}

/// The HTTP API over the use cases.
pub fn api(config: &Config, app: App) -> Api {
    let directory = CachedDirectory::new(Arc::new(StoreDirectory(app.catalog.clone(), app.sessions.clone())));
    let settings =
        TokenSettings { issuer: config.token_issuer.clone(), audience: config.token_audience.clone() };
    Api {
        authenticator: Authenticator::new(settings, JwksCache::new(fetch_keys(config)), directory),
        throttle: Throttle::per_second(
            NonZeroU32::new(config.requests_per_second).unwrap_or(NonZeroU32::MIN),
        ),
        addresses: Api::addresses(
            &config.api_url,
            &config.delivery_url,
            &config.institution,
            !config.sign_in_discovery_url.is_empty(),
        ),
        sign_in: sign_in(config),
        viewer_origins: Origins::parse(&config.viewer_origins),
        clock: Arc::new(Timestamp::now),
        app,
    }
}

/// ffmpeg and LibreOffice, as configured or as found.
pub fn tools(config: &Config) -> Tools {
    let given = |path: &str| (!path.is_empty()).then(|| PathBuf::from(path));
    Tools::from_configuration(given(&config.ffmpeg), given(&config.soffice))
}

const MAX_KEY_SET_BYTES: usize = 256 * 1024;

fn fetch_keys(config: &Config) -> FetchKeys {
    let address = match (config.token_keys_url.as_str(), config.token_issuer.as_str()) {
        ("", "") => None,
        ("", issuer) => Some(format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/'))),
        (keys, _) => Some(keys.to_owned()),
    };
    Arc::new(move || {
        let address = address.clone();
        Box::pin(async move {
            let address = address.ok_or_else(|| KeySetError::Fetch("no issuer is configured".to_owned()))?;
            fetch(&address, None, MAX_KEY_SET_BYTES)
                .await
                .map_err(|error| KeySetError::Fetch(error.to_string()))
        })
    })
}

/// Signing in at the issuer's page; `None` where none is configured.
fn sign_in(config: &Config) -> Option<Arc<SignIn>> {
    let client_id = match config.sign_in_client_id.as_str() {
        "" => &config.token_audience,
        own => own,
    };
    let settings = SignInSettings {
        discovery: config.sign_in_discovery_url.clone(),
        issuer: config.token_issuer.clone(),
        client_id: client_id.to_owned(),
        client_secret: config.sign_in_client_secret.clone(),
        redirect_uri: format!("{}/sign-in/callback", config.delivery_url.trim_end_matches('/')),
    };
    let ask: AskIssuer = Arc::new(|address, form| {
        Box::pin(async move {
            fetch(&address, form, MAX_KEY_SET_BYTES).await.map_err(|error| match error {
                FetchError::Status(400) => AskError::Refused,
                other => AskError::Failed(other.to_string()),
            })
        })
    });
    (!settings.discovery.is_empty()).then(|| Arc::new(SignIn::new(settings, ask)))
}

/// Users and keys, from the catalogue.
struct StoreDirectory(Catalog, Sessions);

impl Directory for StoreDirectory {
    fn user<'a>(&'a self, id: &'a UserId) -> Looked<'a, User> {
        Box::pin(async move { self.0.user(id).await.map_err(unavailable) })
    }

    fn session<'a>(&'a self, id: &'a SessionId) -> Looked<'a, Session> {
        Box::pin(async move { self.1.session(id).await.map_err(unavailable) })
    }

    fn key_by_hash<'a>(&'a self, hash: &'a str) -> Looked<'a, ApiKey> {
        Box::pin(async move { self.0.api_key_by_hash(hash).await.map_err(unavailable) })
    }
}

fn unavailable(error: vitrine_store::StoreError) -> Unavailable {
    tracing::error!(error = &error as &dyn std::error::Error, "users and keys could not be read");
    Unavailable
}
