//! People who can sign in at the engine's own sign-in page, which stands for the user pool's.

use anyhow::{Context, Result};
use serde_json::json;

use crate::aws::Client;

/// A user pool with one public client, apart from any stack; for tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its id.
    pub id: String,
    /// The client's id.
    pub client: String,
}

/// Makes a pool whose client may come back to these addresses.
///
/// # Errors
/// When the engine refuses.
pub fn make_pool(endpoint: &str, name: &str, callback: &str, logout: &str) -> Result<Pool> {
    let engine = Client::new(endpoint);
    let made = engine.cognito("CreateUserPool", &json!({ "PoolName": name }))?;
    let id = made.pointer("/UserPool/Id").and_then(|id| id.as_str()).context("a pool without an id")?;
    let request = json!({
        "UserPoolId": id, "ClientName": "vitrine", "AllowedOAuthFlowsUserPoolClient": true,
        "AllowedOAuthFlows": ["code"], "AllowedOAuthScopes": ["openid"],
        "SupportedIdentityProviders": ["COGNITO"], "CallbackURLs": [callback], "LogoutURLs": [logout],
    });
    let made = engine.cognito("CreateUserPoolClient", &request)?;
    let client = made.pointer("/UserPoolClient/ClientId").and_then(|id| id.as_str());
    Ok(Pool { id: id.to_owned(), client: client.context("a client without an id")?.to_owned() })
}

/// Sees to it that a person is in a pool, with this password.
///
/// # Errors
/// When the engine refuses.
pub fn put_person(endpoint: &str, pool: &str, name: &str, password: &str) -> Result<()> {
    let engine = Client::new(endpoint);
    let person = json!({ "UserPoolId": pool, "Username": name });
    if engine.cognito("AdminGetUser", &person).is_err() {
        let request = json!({ "UserPoolId": pool, "Username": name, "MessageAction": "SUPPRESS" });
        engine.cognito("AdminCreateUser", &request)?;
    }
    let request = json!({ "UserPoolId": pool, "Username": name, "Password": password, "Permanent": true });
    engine.cognito("AdminSetUserPassword", &request).map(|_| ())
}

/// The address of a pool's discovery document on the engine.
pub fn discovery_url(endpoint: &str, pool: &str) -> String {
    format!("{endpoint}/{pool}/.well-known/openid-configuration")
}

/// The address of a pool's keys on the engine.
pub fn keys_url(endpoint: &str, pool: &str) -> String {
    format!("{endpoint}/{pool}/.well-known/jwks.json")
}
