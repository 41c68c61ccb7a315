//! A stack of its own for a test: the tables, buckets and queues of `template.yaml` on the local engine, the use cases
//! over them, and an HTTP client for the router. Nothing here stands in for a part of the product.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can not be set up has failed"
)]

pub mod harvester;
pub mod issuer;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use vitrine_app::{App, Call};
use vitrine_domain::Timestamp;
use vitrine_domain::actor::{Actor, Grant, KeyPermission};
use vitrine_domain::audit::Origin;
use vitrine_domain::coded::Coded;
use vitrine_domain::ids::UserId;
use vitrine_domain::roles::Role;
use vitrine_engine::{DeployOptions, Engine, Template};
use vitrine_http::auth::SourceAddress;
use vitrine_http::{Api, api_router, delivery_router, oai_router};
use vitrine_runtime::Config;
use vitrine_store::clients::{Clients, http_client};
use vitrine_store::faults::Faulty;

/// A deployed stack.
pub struct Stack {
    engine: Engine,
    /// What a function of it would read from its environment.
    pub config: Config,
    sdk: SdkConfig,
    gateway: String,
    environment: BTreeMap<String, String>,
}

impl Stack {
    /// Deploys tables, buckets and queues under names of their own.
    pub fn new() -> Self {
        Self::with_parameter("DefaultAccess", "restrict")
    }

    /// The same with one parameter of the template set.
    pub fn with_parameter(name: &str, value: &str) -> Self {
        let engine = Engine::for_tests().expect("the engine starts");
        let options = DeployOptions::unique("t").parameter(name, value);
        let outputs = engine
            .deploy(&Template::load().expect("a template").only_resources(), &options)
            .expect("a stack");
        let mut environment: BTreeMap<String, String> = outputs.environment();
        if name == "DefaultAccess" {
            environment.insert("VITRINE_DEFAULT_ACCESS".to_owned(), value.to_owned());
        }
        let config = Config::from(|name| environment.get(name).cloned());
        let sdk = sdk(&engine);
        Self { engine, config: config.expect("a configuration"), sdk, gateway: String::new(), environment }
    }

    /// The same where the issuer of tests is believed, and nobody is held back for asking much.
    pub fn with_sign_in(mut self) -> Self {
        self.config.token_issuer = issuer::ISSUER.to_owned();
        self.config.token_audience = issuer::AUDIENCE.to_owned();
        self.config.token_keys_url = issuer::KEYS_URL.clone();
        self.config.sign_in_discovery_url = issuer::DISCOVERY_URL.clone();
        self.config.requests_per_second = 1_000_000;
        self
    }

    /// The same where people sign in at the engine's own page, which stands for the user pool's.
    pub fn with_user_pool(mut self, name: &str, password: &str) -> Self {
        use vitrine_engine::accounts;
        let (endpoint, own) = (self.engine.endpoint().to_owned(), self.config.delivery_url.clone());
        let back = [format!("{own}/sign-in/callback"), format!("{own}/sign-out")];
        let pool = accounts::make_pool(&endpoint, "people", &back[0], &back[1]).expect("a pool");
        accounts::put_person(&endpoint, &pool.id, name, password).expect("a person");
        self.config.token_issuer = format!("https://cognito-idp.us-east-1.amazonaws.com/{}", pool.id);
        self.config.token_audience = pool.client;
        self.config.token_keys_url = accounts::keys_url(&endpoint, &pool.id);
        self.config.sign_in_discovery_url = accounts::discovery_url(&endpoint, &pool.id);
        self
    }

    /// Deploys the whole template with the function zips that were built for tests.
    pub fn deployed() -> Self {
        let engine = Engine::for_tests().expect("the engine starts");
        let template = Template::load().expect("a template");
        let mut options = DeployOptions::unique("e");
        options.code = vitrine_engine::function_zips(&template).expect("function zips");
        let outputs = engine.deploy(&template, &options).expect("a stack");
        let gateway = format!(
            "{}/_aws/execute-api/{}/$default",
            engine.endpoint(),
            outputs.get("HttpApiId").expect("an API")
        );
        let config = Config::from(|name| outputs.environment().get(name).cloned()).expect("a configuration");
        let sdk = sdk(&engine);
        Self { engine, config, sdk, gateway, environment: outputs.environment() }
    }

    /// The address of the engine's API gateway for a stack that was deployed whole.
    pub fn gateway(&self) -> String {
        self.gateway.clone()
    }

    /// What a process of the product needs in its environment to work on this stack.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut all = self.environment.clone();
        all.extend(self.engine.environment());
        all
    }

    /// The address of the engine.
    pub fn endpoint(&self) -> &str {
        self.engine.endpoint()
    }

    /// Switches the versions of a bucket off, as someone with rights on it can: what is registered from now on can be
    /// written over.
    pub fn suspend_versions(&self, bucket: &str) {
        self.engine.suspend_versions(bucket).expect("versions are switched off");
    }

    /// The use cases, over calls that reach the engine.
    pub fn app(&self) -> App {
        self.app_over(&Clients::with(&self.sdk, http_client(), 4))
    }

    /// Doors wait for nothing: where a test wants them to, it says so.
    fn app_over(&self, clients: &Clients) -> App {
        let app = vitrine_runtime::app(&self.config, clients).expect("an app");
        App { patience: Duration::ZERO, ..app }
    }

    /// The use cases over calls that are written down and can fail; the SDK itself tries once.
    pub fn faulty_app(&self) -> (App, Faulty) {
        self.faulty_app_trying(1)
    }

    /// The same where the SDK tries `attempts` times, as it does in the product with 4.
    pub fn faulty_app_trying(&self, attempts: u32) -> (App, Faulty) {
        let faulty = Faulty::new(http_client());
        let clients = Clients::with(&self.sdk, faulty.clone(), attempts);
        (self.app_over(&clients), faulty)
    }

    /// The API and delivery, with an administrator's key.
    pub async fn client(&self) -> Client {
        self.client_over(self.app()).await
    }

    /// The same over use cases whose calls are counted or fail.
    pub async fn client_over(&self, app: App) -> Client {
        let call = operator();
        app.put_library(&call, "MAIN".parse().unwrap(), "Main Library", None).await.expect("a library");
        let api = vitrine_runtime::api(&self.config, app);
        let mut client = Client::of(api);
        let admin = client.key_with(&all_roles(), KeyPermission::ReadWrite).await;
        client.key = Some(admin);
        client
    }
}

impl Default for Stack {
    fn default() -> Self {
        Self::new()
    }
}

/// What the SDK's clients are made from: this engine, and the key that it knows.
fn sdk(engine: &Engine) -> SdkConfig {
    let credentials = Credentials::from_keys("test", "test", None);
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(engine.endpoint())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(
            aws_smithy_async::rt::sleep::TokioSleep::new(),
        ))
        .build()
}

fn routes(api: Api) -> Router {
    api_router(api.clone()).merge(delivery_router(api.clone())).merge(oai_router(api))
}

/// Every staff role for the institution.
pub fn all_roles() -> Vec<Grant> {
    Role::ALL.iter().filter(|role| role.is_staff()).map(|role| Grant { role: *role, library: None }).collect()
}

/// A call of the operator, who may do everything.
pub fn operator() -> Call {
    let actor = Actor::new(UserId::system(), all_roles());
    Call { actor, origin: Origin::Operator, request_id: "test".to_owned(), now: Timestamp::now() }
}

/// A client of the router, as a person with a key.
#[derive(Clone)]
pub struct Client {
    /// What the routes work with.
    pub api: Api,
    routes: Router,
    key: Option<String>,
    token: Option<String>,
    address: Option<IpAddr>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as text.
    pub text: String,
    /// How many bytes its body has.
    pub length: usize,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// The body as JSON of an answer that must be a success.
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// The vendor's error code.
    pub fn code(&self) -> String {
        self.json()["errorList"]["error"][0]["errorCode"].as_str().unwrap_or_default().to_owned()
    }
}

impl Client {
    /// A client without a key, of routes that work with this.
    pub fn of(api: Api) -> Self {
        Self { routes: routes(api.clone()), api, key: None, token: None, address: None }
    }

    /// A key with these roles, made by the operator.
    pub async fn key_with(&self, grants: &[Grant], permission: KeyPermission) -> String {
        let key = vitrine_http::auth::new_key(random());
        self.api
            .app
            .create_api_key(&operator(), "test", permission, grants.to_vec(), &key)
            .await
            .expect("a key");
        key
    }

    /// The same client with another key, or none.
    pub fn with_key(&self, key: Option<&str>) -> Self {
        Self { key: key.map(str::to_owned), token: None, ..self.clone() }
    }

    /// The same client as a user who has signed in, on a stack [`Stack::with_sign_in`].
    pub fn signed_in(&self, user: &str) -> Self {
        Self { key: None, token: Some(issuer::token(user)), ..self.clone() }
    }

    /// The same client with the server's clock so many seconds ahead: what is dated up to then can be seen.
    pub fn later(&self, seconds: i64) -> Self {
        let later = move || Timestamp::now() + vitrine_domain::outbox::seconds(seconds);
        let api = Api { clock: Arc::new(later), ..self.api.clone() };
        Self { routes: routes(api.clone()), api, ..self.clone() }
    }

    /// The same client at an address, as an entry point would have seen it.
    pub fn at_address(&self, address: &str) -> Self {
        Self { address: Some(address.parse().unwrap()), ..self.clone() }
    }

    /// The same client where the clock stands at `now`.
    pub fn at_time(&self, now: Timestamp) -> Self {
        let api = Api { clock: std::sync::Arc::new(move || now), ..self.api.clone() };
        Self { routes: routes(api.clone()), api, ..self.clone() }
    }

    /// Sends a request with any headers and body.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("apikey {key}"));
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(address) = self.address {
            request = request.extension(SourceAddress(address));
        }
        let response = self.routes.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, headers, text: String::from_utf8_lossy(&bytes).into_owned(), length: bytes.len() }
    }

    /// GET, as JSON.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", &full(path), &[("accept", "application/json")], String::new()).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.with_json("POST", path, &body, &[]).await
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.with_json("PUT", path, &body, &[]).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", &full(path), &[("accept", "application/json")], String::new()).await
    }

    /// Any method with JSON and further headers.
    pub async fn with_json(&self, method: &str, path: &str, body: &Value, more: &[(&str, &str)]) -> Answer {
        let mut headers = vec![("accept", "application/json"), ("content-type", "application/json")];
        headers.extend_from_slice(more);
        self.send(method, &full(path), &headers, body.to_string()).await
    }
}

fn full(path: &str) -> String {
    if path.starts_with("/view") || path.starts_with("/almaws") {
        path.to_owned()
    } else {
        format!("/almaws/v1{path}")
    }
}

fn random() -> [u8; 32] {
    let nanos = Timestamp::now().as_nanosecond().unsigned_abs();
    let mut bytes = [0_u8; 32];
    bytes[..16].copy_from_slice(&nanos.to_le_bytes());
    bytes[16..20].copy_from_slice(&std::process::id().to_le_bytes());
    bytes
}

/// Sends bytes to a signed address with a client that is not ours, and returns the status.
pub fn send_signed(request: &Value, bytes: &[u8]) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut put = agent.put(request["url"].as_str().unwrap());
    for header in request["header"].as_array().into_iter().flatten() {
        let name = header["name"].as_str().unwrap();
        if !name.eq_ignore_ascii_case("content-length") {
            put = put.header(name, header["value"].as_str().unwrap());
        }
    }
    put.send(bytes).unwrap().status().as_u16()
}

/// Fetches a signed address with a client that is not ours.
pub fn fetch_signed(url: &str) -> (u16, Vec<u8>) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent.get(url).call().unwrap();
    (answer.status().as_u16(), answer.body_mut().with_config().limit(100 << 20).read_to_vec().unwrap())
}

/// Asks again until there is an answer.
pub async fn poll_until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(30) {
        if let Some(found) = ask().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no {what} in time");
}
