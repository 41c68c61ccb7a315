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
use vitrine_domain::session::SessionId;

const NAME: &str = "vitrine_session";
const SIGNED_IN: &str = "u.";
const ANYONE: &str = "a.";
const SECRET_BYTES: usize = 32;
/// The longest that a browser keeps a cookie of ours, in seconds.
const KEPT_SECONDS: i64 = 12 * 3600;

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
    /// When the system has no random bytes: a secret that can be guessed is none.
    pub fn new(signed_in: bool) -> Result<Self, getrandom::Error> {
        let mut secret = [0_u8; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        let kind = if signed_in { SIGNED_IN } else { ANYONE };
        Ok(Self(format!("{kind}{}", BASE64_URL_SAFE_NO_PAD.encode(secret))))
    }

    /// The one that a request carries; none where it carries several, or one that we can not have made.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut found = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == NAME)
            .map(|(_, value)| value);
        let (value, None) = (found.next()?, found.next()) else { return None };
        let secret = value.strip_prefix(SIGNED_IN).or_else(|| value.strip_prefix(ANYONE))?;
        let decoded = BASE64_URL_SAFE_NO_PAD.decode(secret).ok()?;
        (decoded.len() == SECRET_BYTES).then(|| Self(value.to_owned()))
    }

    /// Whether someone had signed in when it was made.
    pub fn is_signed_in(&self) -> bool {
        self.0.starts_with(SIGNED_IN)
    }

    /// The name under which the session is kept.
    pub fn id(&self) -> SessionId {
        SessionId::of_digest(hex(&Sha256::digest(self.0.as_bytes())))
    }

    /// What a browser is told to keep. Scripts do not see it. Over HTTPS viewers of other sites can use it, as IIIF's
    /// flow wants (AUTH-8); what changes anything checks the origin.
    pub fn set(&self, https: bool) -> Option<HeaderValue> {
        Self::header(&self.0, KEPT_SECONDS, https)
    }

    /// What makes a browser forget it.
    pub fn forget(https: bool) -> Option<HeaderValue> {
        Self::header("", 0, https)
    }

    fn header(value: &str, seconds: i64, https: bool) -> Option<HeaderValue> {
        let site = if https { "SameSite=None; Secure" } else { "SameSite=Lax" };
        HeaderValue::from_str(&format!("{NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; {site}")).ok()
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
        let found = SessionCookie::of(&headers(&[("cookie", &format!("x=1; {pair}; y=2"))])).unwrap();
        assert_eq!((found.id(), found.is_signed_in()), (cookie.id(), true));
        assert!(set.contains("HttpOnly") && set.contains("SameSite=None; Secure"), "{set}");
        assert!(cookie.set(false).unwrap().to_str().unwrap().contains("SameSite=Lax"));
        for bad in [
            String::new(),
            format!("{pair}; {pair}"),
            format!("{pair}A"),
            pair.replace("u.", "x."),
            pair.replace("u.", ""),
            "vitrine_session=u.short".to_owned(),
        ] {
            assert_eq!(SessionCookie::of(&headers(&[("cookie", &bad)])), None, "{bad}");
        }
        assert_eq!(format!("{found:?}"), "SessionCookie(…)");
        assert_ne!(SessionCookie::new(true).unwrap().id(), cookie.id());
        // Who calls itself nobody is nobody: another letter, another session.
        let other = SessionCookie::of(&headers(&[("cookie", &pair.replace("u.", "a."))])).unwrap();
        assert!(other.id() != cookie.id() && !other.is_signed_in());
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
