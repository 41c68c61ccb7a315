//! Signing in at the issuer's own page: OpenID Connect's authorization code flow with PKCE (RFC 6749, RFC 7636).
//!
//! The issuer says in its discovery document where its page is; any that does so will do. What is secret - state, nonce,
//! verifier - is made by the caller and kept with the sign-in.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use vitrine_domain::Timestamp;
use vitrine_domain::ids::UserId;

use super::{AuthError, Authenticator};
use crate::wire::strict_json;

/// Fetches a document of the issuer at an address, or sends it a form and fetches the answer. The runtime gives it, so that
/// no HTTP client is linked here.
pub type AskIssuer = Arc<
    dyn Fn(String, Option<String>) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, AskError>> + Send>>
        + Send
        + Sync,
>;

/// Why the issuer gave no document.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It answered 400: what it was asked is not valid. So it answers a code that is none, or none any more (RFC 6749, 5.2).
    #[error("the issuer refused")]
    Refused,
    /// It was not reached, gave no answer in time, or failed.
    #[error("{0}")]
    Failed(String),
}

/// Where people sign in, and as which client.
#[derive(Debug, Clone, Default)]
pub struct SignInSettings {
    /// Address of the issuer's discovery document.
    pub discovery: String,
    /// The issuer, exactly.
    pub issuer: String,
    /// What we are called there.
    pub client_id: String,
    /// What the issuer knows us by beside PKCE; empty for a public client.
    pub client_secret: String,
    /// Where the issuer sends browsers back to.
    pub redirect_uri: String,
}

/// Why a sign-in did not end well; never quotes a secret.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The issuer can not be asked now, or answers what no issuer would.
    #[error("the issuer can not be asked: {0}")]
    Issuer(String),
    /// The issuer does not take the code, or its token is not the one of this sign-in.
    #[error("the sign-in is not valid: {0}")]
    Invalid(String),
}

#[derive(Debug, Clone, Deserialize)]
struct Endpoints {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    end_session_endpoint: Option<String>,
}

/// How long a discovery document is believed, in milliseconds.
const KNOWN_MS: i64 = 3_600_000;
const MAX_DEPTH: usize = 8;
/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Signing in at one issuer.
pub struct SignIn {
    settings: SignInSettings,
    ask: AskIssuer,
    known: Mutex<Option<(i64, Endpoints)>>,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn").field("issuer", &self.settings.issuer).finish_non_exhaustive()
    }
}

impl SignIn {
    /// Signing in as `settings` say; asks nobody yet.
    pub fn new(settings: SignInSettings, ask: AskIssuer) -> Self {
        Self { settings, ask, known: Mutex::default() }
    }

    /// The address of the issuer's page for one sign-in.
    ///
    /// # Errors
    /// [`SignInError::Issuer`].
    pub async fn page(
        &self,
        state: &str,
        nonce: &str,
        verifier: &str,
        now: Timestamp,
    ) -> Result<String, SignInError> {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let page = self.endpoints(now).await?.authorization_endpoint;
        Ok(with_query(
            &page,
            &[
                ("response_type", "code"),
                ("client_id", &self.settings.client_id),
                ("redirect_uri", &self.settings.redirect_uri),
                ("scope", "openid"),
                ("state", state),
                ("nonce", nonce),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ],
        ))
    }

    /// The user whom the issuer's code stands for.
    ///
    /// # Errors
    /// [`SignInError::Invalid`] for a code that the issuer does not take, as the second time, and for a token that is not
    /// of the sign-in that `nonce` names; [`SignInError::Issuer`].
    pub async fn redeem(
        &self,
        code: &str,
        verifier: &str,
        nonce: &str,
        authenticator: &Authenticator,
        now: Timestamp,
    ) -> Result<UserId, SignInError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.settings.redirect_uri),
            ("client_id", &self.settings.client_id),
            ("code_verifier", verifier),
        ];
        if !self.settings.client_secret.is_empty() {
            form.push(("client_secret", &self.settings.client_secret));
        }
        let endpoint = self.endpoints(now).await?.token_endpoint;
        let answer = (self.ask)(endpoint, Some(encoded(&form))).await.map_err(|error| match error {
            AskError::Refused => SignInError::Invalid("the issuer does not take the code".to_owned()),
            AskError::Failed(why) => SignInError::Issuer(why),
        })?;
        let said = strict_json::read(&answer, MAX_DEPTH)
            .map_err(|error| SignInError::Issuer(format!("its answer is no JSON: {error}")))?;
        let token = said.get("id_token").and_then(|token| token.as_str());
        let token = token.ok_or_else(|| SignInError::Issuer("it gave no identity token".to_owned()))?;
        authenticator.user_of_sign_in(token, &self.settings.client_id, nonce, now).await.map_err(|error| {
            match error {
                AuthError::Invalid(reason) => SignInError::Invalid(reason.to_owned()),
                other => SignInError::Issuer(other.to_string()),
            }
        })
    }

    /// The address at which the issuer forgets the browser, too, and sends it back to `back`; `None` where it has none.
    ///
    /// # Errors
    /// [`SignInError::Issuer`].
    pub async fn leave(&self, back: &str, now: Timestamp) -> Result<Option<String>, SignInError> {
        let end = self.endpoints(now).await?.end_session_endpoint;
        // The second name is OpenID Connect's, the third Cognito's.
        Ok(end.map(|end| {
            with_query(
                &end,
                &[
                    ("client_id", &self.settings.client_id),
                    ("post_logout_redirect_uri", back),
                    ("logout_uri", back),
                ],
            )
        }))
    }

    /// Whether an answer that names its issuer names ours (RFC 9207).
    pub fn is_of_issuer(&self, named: Option<&str>) -> bool {
        named.is_none_or(|named| named == self.settings.issuer)
    }

    async fn endpoints(&self, now: Timestamp) -> Result<Endpoints, SignInError> {
        let now = now.as_millisecond();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, known)) = &known
            && (0..KNOWN_MS).contains(&(now - at))
        {
            return Ok(known.clone());
        }
        match self.discover().await {
            Ok(found) => {
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, found.clone()));
                Ok(found)
            }
            // What was true an hour ago is better than nobody signing in.
            Err(error) => known.map(|(_, known)| known).ok_or(error),
        }
    }

    async fn discover(&self) -> Result<Endpoints, SignInError> {
        let asked = (self.ask)(self.settings.discovery.clone(), None).await;
        let document = asked.map_err(|error| SignInError::Issuer(error.to_string()))?;
        let read = strict_json::read(&document, MAX_DEPTH).map_err(|error| error.to_string());
        let found = read.and_then(|it| serde_json::from_value(it).map_err(|error| error.to_string()));
        let found: Endpoints = found.map_err(SignInError::Issuer)?;
        if found.issuer != self.settings.issuer {
            return Err(SignInError::Issuer("its document names another issuer".to_owned()));
        }
        // Codes and people go over HTTPS, but where the whole system is one machine's.
        let is_safe = |address: &str| {
            address.starts_with("https://")
                || (address.starts_with("http://") && self.settings.discovery.starts_with("http://"))
        };
        let ends = found.end_session_endpoint.iter();
        if ![&found.authorization_endpoint, &found.token_endpoint]
            .into_iter()
            .chain(ends)
            .all(|it| is_safe(it))
        {
            return Err(SignInError::Issuer("an address in its document is not HTTPS".to_owned()));
        }
        Ok(found)
    }
}

fn with_query(address: &str, pairs: &[(&str, &str)]) -> String {
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{}", encoded(pairs))
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, RESERVED));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_in(discovery: &str, document: serde_json::Value) -> SignIn {
        let settings = SignInSettings {
            discovery: discovery.to_owned(),
            issuer: "https://issuer.example".to_owned(),
            client_id: "vitrine".to_owned(),
            client_secret: String::new(),
            redirect_uri: "https://r.example/view/sign-in/callback".to_owned(),
        };
        let ask: AskIssuer = Arc::new(move |_, _| {
            let document = document.to_string().into_bytes();
            Box::pin(async move { Ok(document) })
        });
        SignIn::new(settings, ask)
    }

    fn document(issuer: &str, page: &str) -> serde_json::Value {
        serde_json::json!({
            "issuer": issuer, "authorization_endpoint": page, "token_endpoint": "https://issuer.example/token",
            "end_session_endpoint": "https://issuer.example/logout?x=1",
        })
    }

    #[tokio::test]
    async fn the_issuers_page_is_asked_for_a_code_bound_to_state_nonce_and_verifier() {
        let found = sign_in(
            "https://issuer.example/d",
            document("https://issuer.example", "https://issuer.example/auth"),
        );
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let page = found.page("s t", "n", verifier, Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!(
            page,
            "https://issuer.example/auth?response_type=code&client_id=vitrine\
             &redirect_uri=https%3A%2F%2Fr.example%2Fview%2Fsign-in%2Fcallback&scope=openid&state=s%20t&nonce=n\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
        );
        let end =
            found.leave("https://r.example/view/sign-out", Timestamp::UNIX_EPOCH).await.unwrap().unwrap();
        assert!(end.starts_with("https://issuer.example/logout?x=1&client_id=vitrine&"), "{end}");
        assert!(found.is_of_issuer(None) && found.is_of_issuer(Some("https://issuer.example")));
        assert!(!found.is_of_issuer(Some("https://other.example")));
    }

    #[tokio::test]
    async fn a_document_of_another_issuer_or_with_plain_addresses_is_not_believed() {
        for (discovery, issuer, page) in [
            ("https://issuer.example/d", "https://other.example", "https://issuer.example/auth"),
            ("https://issuer.example/d", "https://issuer.example", "http://issuer.example/auth"),
            ("https://issuer.example/d", "https://issuer.example", "javascript:alert(1)"),
            ("http://issuer.example/d", "https://issuer.example", "ftp://issuer.example/auth"),
        ] {
            let found = sign_in(discovery, document(issuer, page));
            let refused = found.page("s", "n", "v", Timestamp::UNIX_EPOCH).await;
            assert!(matches!(refused, Err(SignInError::Issuer(_))), "{discovery} {issuer} {page}");
        }
    }
}
