//! Sessions of browsers: a cookie with a secret that we made and nobody can guess, of which only a digest is kept.
//!
//! Nothing is signed and no key is kept: a cookie that we did not make leads nowhere. The letter before the secret says
//! whether someone has signed in, so that browsers where nobody has cost no read; who changes it signs itself out.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::header::{COOKIE, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};
use vitrine_app::hex;
use vitrine_domain::session::{SIGN_IN_SECONDS, SessionId};

const SESSION: &str = "vitrine_session";
const SIGNING_IN: &str = "vitrine_signing_in";
const SIGNED_IN: &str = "u.";
const ANYONE: &str = "a.";
const SECRET_BYTES: usize = 32;
/// The longest that a browser keeps a cookie of ours in which nobody has signed in, in seconds.
const KEPT_SECONDS: i64 = 12 * 3600;

/// A text that nobody can guess.
///
/// # Errors
/// When the system has no random bytes: a secret that can be guessed is none.
pub fn new_secret() -> Result<String, getrandom::Error> {
    let mut secret = [0_u8; SECRET_BYTES];
    getrandom::fill(&mut secret)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(secret))
}

/// The name under which what belongs to a secret is kept.
pub fn digest_of(secret: &str) -> SessionId {
    SessionId::of_digest(hex(&Sha256::digest(secret.as_bytes())))
}

fn is_secret(text: &str) -> bool {
    BASE64_URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == SECRET_BYTES)
}

/// Over HTTPS a cookie has the prefix with which no neighbour's page can plant it, nor one that was read in the clear.
fn named(name: &str, https: bool) -> String {
    if https { format!("__Host-{name}") } else { name.to_owned() }
}

/// The one cookie of that name; none where a request carries several.
fn cookie(headers: &HeaderMap, name: &str, https: bool) -> Option<String> {
    let name = named(name, https);
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(held, _)| *held == name)
        .map(|(_, value)| value.to_owned());
    let (value, None) = (found.next()?, found.next()) else { return None };
    Some(value)
}

fn set_cookie(name: &str, value: &str, more: &str, https: bool) -> Option<HeaderValue> {
    let name = named(name, https);
    HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; {more}")).ok()
}

/// Over HTTPS viewers of other sites can use it, as IIIF's flow wants (AUTH-8); what changes anything checks the origin.
fn site(https: bool) -> &'static str {
    if https { "SameSite=None; Secure" } else { "SameSite=Lax" }
}

/// What a browser has while its user is at the issuer's page: only where it is still there does the sign-in end, so that
/// nobody is signed in as someone else by a link. It stays at home (`SameSite=Lax`).
#[derive(Clone, PartialEq, Eq)]
pub struct SigningIn(String);

impl SigningIn {
    /// The one that a request carries, or a new one.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn of_or_new(headers: &HeaderMap, https: bool) -> Result<Self, getrandom::Error> {
        // Who signs in in two windows may end both.
        Self::of(headers, https).map_or_else(|| new_secret().map(Self), Ok)
    }

    /// The one that a request carries.
    pub fn of(headers: &HeaderMap, https: bool) -> Option<Self> {
        cookie(headers, SIGNING_IN, https).filter(|value| is_secret(value)).map(Self)
    }

    /// The name of this browser.
    pub fn id(&self) -> SessionId {
        digest_of(&self.0)
    }

    /// What a browser is told to keep for as long as a sign-in may take.
    pub fn set(&self, https: bool) -> Option<HeaderValue> {
        let secure = if https { "; Secure" } else { "" };
        set_cookie(SIGNING_IN, &self.0, &format!("SameSite=Lax{secure}; Max-Age={SIGN_IN_SECONDS}"), https)
    }
}

/// A session's cookie. Its `Debug` form hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionCookie(String);

impl std::fmt::Debug for SessionCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionCookie(…)")
    }
}

impl SessionCookie {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn new(signed_in: bool) -> Result<Self, getrandom::Error> {
        let kind = if signed_in { SIGNED_IN } else { ANYONE };
        Ok(Self(format!("{kind}{}", new_secret()?)))
    }

    /// The one that a request carries; none where it carries several, or one that we can not have made.
    pub fn of(headers: &HeaderMap, https: bool) -> Option<Self> {
        let value = cookie(headers, SESSION, https)?;
        let secret = value.strip_prefix(SIGNED_IN).or_else(|| value.strip_prefix(ANYONE))?;
        is_secret(secret).then(|| Self(value.clone()))
    }

    /// Whether someone had signed in when it was made.
    pub fn is_signed_in(&self) -> bool {
        self.0.starts_with(SIGNED_IN)
    }

    /// The name under which the session is kept.
    pub fn id(&self) -> SessionId {
        digest_of(&self.0)
    }

    /// What a browser is told to keep; one in which someone has signed in only until it is closed, for the next reader at
    /// the same desk. Scripts do not see it.
    pub fn set(&self, https: bool) -> Option<HeaderValue> {
        let site = site(https);
        if self.is_signed_in() {
            return set_cookie(SESSION, &self.0, site, https);
        }
        set_cookie(SESSION, &self.0, &format!("{site}; Max-Age={KEPT_SECONDS}"), https)
    }

    /// What makes a browser forget it.
    pub fn forget(https: bool) -> Option<HeaderValue> {
        set_cookie(SESSION, "", &format!("{}; Max-Age=0", site(https)), https)
    }
}

/// Whether a request that a browser sent with its cookies comes from a page of ours, or of an origin that `listed` names.
/// Browsers name the origin with every request that changes something; other clients, which do not, have no cookies that
/// a page could make them send.
pub fn is_from_a_page_of_ours(headers: &HeaderMap, own: &str, listed: impl Fn(&str) -> bool) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let authority = |address: &str| {
        address.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default().to_owned())
    };
    let same_host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .is_some_and(|host| authority(origin).is_some_and(|authority| authority == host));
    let same_as_configured =
        own.strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    same_host || same_as_configured || listed(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        map
    }

    #[test]
    fn a_cookie_is_read_back_and_no_other_is() {
        let cookie = SessionCookie::new(true).unwrap();
        let set = cookie.set(true).unwrap().to_str().unwrap().to_owned();
        let pair = set.split(';').next().unwrap();
        let found = SessionCookie::of(&headers(&[("cookie", &format!("x=1; {pair}; y=2"))]), true).unwrap();
        assert_eq!((found.id(), found.is_signed_in()), (cookie.id(), true));
        assert!(set.contains("HttpOnly") && set.contains("SameSite=None; Secure"), "{set}");
        assert!(set.starts_with("__Host-") && set.contains("Path=/;") && !set.contains("Max-Age"), "{set}");
        assert!(cookie.set(false).unwrap().to_str().unwrap().contains("SameSite=Lax"));
        for bad in [
            String::new(),
            format!("{pair}; {pair}"),
            format!("{pair}A"),
            pair.replace("u.", "x."),
            pair.replace("u.", ""),
            "__Host-vitrine_session=u.short".to_owned(),
            // Without the prefix a neighbour could have planted it.
            pair.trim_start_matches("__Host-").to_owned(),
        ] {
            assert_eq!(SessionCookie::of(&headers(&[("cookie", &bad)]), true), None, "{bad}");
        }
        assert_eq!(format!("{found:?}"), "SessionCookie(…)");
        assert_ne!(SessionCookie::new(true).unwrap().id(), cookie.id());
        // Who calls itself nobody is nobody: another letter, another session.
        let other = SessionCookie::of(&headers(&[("cookie", &pair.replace("u.", "a."))]), true).unwrap();
        assert!(other.id() != cookie.id() && !other.is_signed_in());
    }

    #[test]
    fn the_cookie_of_a_sign_in_stays_at_home_and_is_short_lived() {
        let nothing = HeaderMap::new();
        let made = SigningIn::of_or_new(&nothing, true).unwrap();
        let set = made.set(true).unwrap().to_str().unwrap().to_owned();
        for word in ["__Host-vitrine_signing_in=", "HttpOnly", "SameSite=Lax", "Secure", "Max-Age=600"] {
            assert!(set.contains(word), "{word} in {set}");
        }
        let pair = set.split(';').next().unwrap();
        let sent = headers(&[("cookie", pair)]);
        assert_eq!(SigningIn::of(&sent, true).unwrap().id(), made.id());
        assert_eq!(SigningIn::of_or_new(&sent, true).unwrap().id(), made.id());
        assert!(SigningIn::of(&sent, false).is_none() && SigningIn::of(&nothing, true).is_none());
        assert!(SigningIn::of(&headers(&[("cookie", "__Host-vitrine_signing_in=x")]), true).is_none());
    }

    #[test]
    fn only_pages_of_ours_and_listed_ones_change_something_with_a_cookie() {
        let own = "https://repository.example/view";
        let listed = |origin: &str| origin == "https://viewer.example";
        let ask = |pairs: &[(&str, &str)]| is_from_a_page_of_ours(&headers(pairs), own, listed);
        for yes in [
            &[][..],
            &[("origin", "https://repository.example")],
            &[("origin", "https://viewer.example")],
            &[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")],
        ] {
            assert!(ask(yes), "{yes:?}");
        }
        for no in [
            &[("origin", "null")][..],
            &[("origin", "https://repository.example.evil")],
            &[("origin", "https://repository")],
            &[("origin", "https://evil.example"), ("host", "repository.example")],
            &[("origin", "")],
        ] {
            assert!(!ask(no), "{no:?}");
        }
    }
}
