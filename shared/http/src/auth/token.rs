//! Bearer tokens: RS256 by a key of the issuer, for this audience, now. Everything else is refused (B33).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};
use vitrine_domain::Timestamp;
use vitrine_domain::ids::UserId;

use crate::wire::strict_json;

/// What a token must say.
#[derive(Debug, Clone)]
pub struct TokenSettings {
    /// The issuer, exactly.
    pub issuer: String,
    /// The audience, or the client id of an access token.
    pub audience: String,
}

/// Why a token is refused; never quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenError(&'static str);

impl TokenError {
    /// What the log says.
    pub fn reason(self) -> &'static str {
        self.0
    }
}

const MAX_TOKEN_BYTES: usize = 8 * 1024;
const MAX_DEPTH: usize = 6;
/// Clocks may differ by this much, in seconds.
const LEEWAY_SECONDS: i64 = 30;
/// A token that claims to live longer than this is no session token, in seconds.
const MAX_LIFE_SECONDS: i64 = 24 * 3600;

struct Taken {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

/// The name of the key that a token says it is signed with.
///
/// # Errors
/// A token whose header no key of ours could fit.
pub fn key_id(token: &str) -> Result<String, TokenError> {
    let taken = take_apart(token)?;
    match taken.header.get("kid") {
        Some(Value::String(kid)) if !kid.is_empty() && kid.len() <= 256 => Ok(kid.clone()),
        _ => Err(TokenError("the header names no key")),
    }
}

/// Verifies a token and returns the user it stands for.
///
/// # Errors
/// Any doubt.
pub fn verify(
    token: &str,
    key: &DecodingKey,
    settings: &TokenSettings,
    now: Timestamp,
) -> Result<UserId, TokenError> {
    let claims = take_apart(token)?.claims;
    let mut validation = Validation::new(Algorithm::RS256);
    // Times and names are checked below, with the clock that was given.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode::<Value>(token, key, &validation)
        .map_err(|_| TokenError("the signature does not fit"))?;

    if claims.get("iss").and_then(Value::as_str) != Some(settings.issuer.as_str()) {
        return Err(TokenError("another issuer"));
    }
    if !is_for(&claims, &settings.audience) {
        return Err(TokenError("another audience"));
    }
    let now = now.as_second();
    let expires = seconds(&claims, "exp")?.ok_or(TokenError("no expiry"))?;
    if expires.saturating_add(LEEWAY_SECONDS) <= now {
        return Err(TokenError("expired"));
    }
    if expires > now.saturating_add(MAX_LIFE_SECONDS + LEEWAY_SECONDS) {
        return Err(TokenError("it would live for more than a day"));
    }
    for (claim, reason) in [("nbf", "not valid yet"), ("iat", "issued in the future")] {
        if seconds(&claims, claim)?.is_some_and(|from| from.saturating_sub(LEEWAY_SECONDS) > now) {
            return Err(TokenError(reason));
        }
    }
    let names = ["username", "cognito:username", "sub"];
    let subject = names.iter().find_map(|name| claims.get(*name)).and_then(Value::as_str);
    let subject = subject.ok_or(TokenError("no subject"))?;
    let user: UserId = subject.parse().map_err(|_| TokenError("a subject that is no user id"))?;
    // `key:` and the system's own name belong to other kinds of actor.
    if subject.starts_with("key:") || user == UserId::system() {
        return Err(TokenError("a reserved subject"));
    }
    Ok(user)
}

/// Verifies the token that ends a sign-in: one for this client alone, that names the sign-in.
///
/// # Errors
/// Any doubt.
pub fn verify_sign_in(
    token: &str,
    key: &DecodingKey,
    settings: &TokenSettings,
    nonce: &str,
    now: Timestamp,
) -> Result<UserId, TokenError> {
    let user = verify(token, key, settings, now)?;
    let claims = take_apart(token)?.claims;
    if nonce.is_empty() || claims.get("nonce").and_then(Value::as_str) != Some(nonce) {
        return Err(TokenError("another sign-in's token"));
    }
    if claims.get("aud").is_none() {
        return Err(TokenError("no identity token"));
    }
    let authorized = claims.get("azp").is_none_or(|party| party.as_str() == Some(&settings.audience));
    if !authorized {
        return Err(TokenError("another client's token"));
    }
    Ok(user)
}

fn is_for(claims: &Map<String, Value>, audience: &str) -> bool {
    match (claims.get("aud"), claims.get("client_id")) {
        (Some(Value::String(one)), _) => one == audience,
        (Some(Value::Array(all)), _) => all.iter().any(|one| one.as_str() == Some(audience)),
        (Some(_), _) => false,
        (None, Some(Value::String(client))) => client == audience,
        (None, _) => false,
    }
}

fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => {
            value.as_i64().filter(|at| *at >= 0).map(Some).ok_or(TokenError("a time that is no whole number"))
        }
    }
}

/// Reads header and claims strictly, before anything is believed.
fn take_apart(token: &str) -> Result<Taken, TokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError("too long"));
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { return Err(TokenError("not three parts")) };
    if signature.is_empty() {
        return Err(TokenError("no signature"));
    }
    let header = object(header)?;
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err(TokenError("an algorithm other than RS256"));
    }
    if header.get("typ").is_some_and(|typ| {
        typ.as_str().is_none_or(|typ| !matches!(typ.to_ascii_uppercase().as_str(), "JWT" | "AT+JWT"))
    }) {
        return Err(TokenError("another type of token"));
    }
    if ["jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "zip", "b64"]
        .iter()
        .any(|name| header.contains_key(*name))
    {
        return Err(TokenError("a header that brings its own key or rules"));
    }
    Ok(Taken { header, claims: object(claims)? })
}

fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError("not base64url"))?;
    match strict_json::read(&bytes, MAX_DEPTH) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(TokenError("not a JSON object, or a member twice")),
    }
}
