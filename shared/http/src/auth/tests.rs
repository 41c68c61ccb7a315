//! Forged tokens (B33) and the key set's cache (B34), against a fake issuer and a clock that is given.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock, Mutex};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as B64};
use rsa::pkcs1v15::SigningKey;
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use rsa::{RsaPrivateKey, pkcs8::EncodePublicKey};
use vitrine_domain::Timestamp;
use vitrine_domain::actor::{ApiKey, User};
use vitrine_domain::ids::UserId;
use vitrine_domain::session::{Session, SessionId};

use super::{
    AuthError, Authenticator, CachedDirectory, Directory, FetchKeys, JwksCache, KeySetError, Looked,
    SessionCookie, TokenSettings,
};

const NOW: i64 = 1_800_000_000;
static KEYS: LazyLock<[RsaPrivateKey; 2]> = LazyLock::new(|| {
    // Made for these tests with a fixed seed; they open nothing.
    let mut rng = <rand_chacha::ChaCha8Rng as rand_chacha::rand_core::SeedableRng>::seed_from_u64(20_261_124);
    [RsaPrivateKey::new(&mut rng, 2048).unwrap(), RsaPrivateKey::new(&mut rng, 2048).unwrap()]
});

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn jwks(named: &[(&str, usize)]) -> Vec<u8> {
    let keys: Vec<_> = named
        .iter()
        .map(|(kid, key)| {
            serde_json::json!({
                "kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig",
                "n": B64.encode(KEYS[*key].n().to_bytes_be()), "e": B64.encode(KEYS[*key].e().to_bytes_be()),
            })
        })
        .collect();
    serde_json::json!({ "keys": keys }).to_string().into_bytes()
}

fn signed_by(key: usize, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", B64.encode(header), B64.encode(claims));
    let signature = SigningKey::<Sha256>::new(KEYS[key].clone()).sign(message.as_bytes());
    format!("{message}.{}", B64.encode(signature.to_bytes()))
}
const HEADER: &str = r#"{"alg":"RS256","kid":"k1","typ":"JWT"}"#;
fn claims_with(change: &[(&str, Option<&str>)]) -> String {
    let base = [
        ("iss", r#""https://issuer""#.to_owned()),
        ("aud", r#""client""#.to_owned()),
        ("sub", r#""anna""#.to_owned()),
        ("exp", (NOW + 600).to_string()),
        ("iat", (NOW - 5).to_string()),
    ];
    let mut all: Vec<(String, String)> = base.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    for (name, value) in change {
        all.retain(|(k, _)| k != name);
        if let Some(value) = value {
            all.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    format!("{{{}}}", all.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect::<Vec<_>>().join(","))
}
fn claims() -> String {
    claims_with(&[])
}

struct Nobody;
impl Directory for Nobody {
    fn user<'a>(&'a self, id: &'a UserId) -> Looked<'a, User> {
        Box::pin(async move {
            Ok((id.as_str() == "off").then(|| User {
                id: id.clone(),
                name: "x".into(),
                grants: vec![],
                groups: vec![],
                campuses: vec![],
                courses: vec![],
                active: false,
                version: 1,
            }))
        })
    }
    fn key_by_hash<'a>(&'a self, _: &'a str) -> Looked<'a, ApiKey> {
        Box::pin(async { Ok(None) })
    }
    fn session<'a>(&'a self, id: &'a SessionId) -> Looked<'a, Session> {
        Box::pin(async { Ok(Some(Session::begin(id.clone(), "off".parse().unwrap(), at(NOW)))) })
    }
}
struct Issuer {
    document: Mutex<Vec<u8>>,
    down: AtomicBool,
    asked: AtomicUsize,
}
fn issuer(named: &[(&str, usize)]) -> (Arc<Issuer>, FetchKeys) {
    let issuer = Arc::new(Issuer {
        document: Mutex::new(jwks(named)),
        down: AtomicBool::new(false),
        asked: AtomicUsize::new(0),
    });
    let held = issuer.clone();
    let fetch: FetchKeys = Arc::new(move || {
        let held = held.clone();
        Box::pin(async move {
            held.asked.fetch_add(1, SeqCst);
            if held.down.load(SeqCst) {
                return Err(KeySetError::Fetch("down".into()));
            }
            Ok(held.document.lock().unwrap().clone())
        })
    });
    (issuer, fetch)
}
fn authenticator(fetch: FetchKeys) -> Authenticator {
    Authenticator::new(
        TokenSettings { issuer: "https://issuer".into(), audience: "client".into() },
        JwksCache::new(fetch),
        CachedDirectory::new(Arc::new(Nobody)),
    )
}
async fn call(auth: &Authenticator, token: &str, now: i64) -> Result<String, AuthError> {
    let request =
        http::Request::builder().header("authorization", format!("Bearer {token}")).body(()).unwrap();
    auth.authenticate(&request.into_parts().0, at(now)).await.map(|actor| actor.id.to_string())
}

#[tokio::test]
async fn b35_the_session_of_a_user_who_is_switched_off_or_of_hours_ago_is_nobodys() {
    let (_, fetch) = issuer(&[("k1", 0)]);
    let auth = authenticator(fetch);
    let cookie = SessionCookie::new(true).unwrap();
    for seconds in [0, 9 * 3600] {
        assert!(auth.actor_of_session(&cookie, None, at(NOW + seconds)).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn b33_forged_tokens_are_refused_and_true_ones_taken() {
    let (issuer, fetch) = issuer(&[("k1", 0)]);
    let auth = authenticator(fetch);
    let c = claims();
    let cw = claims_with;
    let with = |name: &'static str, value: &str| signed_by(0, HEADER, &cw(&[(name, Some(value))]));
    let head = |header: &str| signed_by(0, header, &c);
    let extra = |member: &str| head(&format!(r#"{{"alg":"RS256","kid":"k1",{member}}}"#));
    let good = signed_by(0, HEADER, &c);
    let parts: Vec<&str> = good.split('.').collect();
    let none =
        |alg: &str| format!("{}.{}.", B64.encode(format!(r#"{{"alg":"{alg}","kid":"k1"}}"#)), parts[1]);
    let hs = {
        let der = KEYS[0].to_public_key().to_public_key_der().unwrap();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            BASE64_STANDARD.encode(der.as_bytes())
        );
        let key = jsonwebtoken::EncodingKey::from_secret(pem.as_bytes());
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        header.kid = Some("k1".into());
        jsonwebtoken::encode(&header, &serde_json::from_str::<serde_json::Value>(&c).unwrap(), &key).unwrap()
    };
    let flipped = {
        let mut s = parts[2].to_owned().into_bytes();
        s[10] = if s[10] == b'A' { b'B' } else { b'A' };
        String::from_utf8(s).unwrap()
    };
    let deep = format!("{}1{}", "[".repeat(50), "]".repeat(50));
    let forged: Vec<(&str, String)> = vec![
        ("alg none", none("none")),
        ("alg None", none("None")),
        ("alg NONE", none("NONE")),
        ("alg empty", none("")),
        (
            "alg none with signature",
            format!("{}.{}.{}", B64.encode(r#"{"alg":"none","kid":"k1"}"#), parts[1], parts[2]),
        ),
        ("HS256 with the public key", hs),
        ("HS256 said", head(r#"{"alg":"HS256","kid":"k1"}"#)),
        ("RS384 said", head(r#"{"alg":"RS384","kid":"k1"}"#)),
        ("RS512 said", head(r#"{"alg":"RS512","kid":"k1"}"#)),
        ("PS256 said", head(r#"{"alg":"PS256","kid":"k1"}"#)),
        ("ES256 said", head(r#"{"alg":"ES256","kid":"k1"}"#)),
        ("EdDSA said", head(r#"{"alg":"EdDSA","kid":"k1"}"#)),
        ("rs256 lower", head(r#"{"alg":"rs256","kid":"k1"}"#)),
        ("alg list", head(r#"{"alg":["RS256"],"kid":"k1"}"#)),
        ("no alg", head(r#"{"kid":"k1"}"#)),
        ("alg null", head(r#"{"alg":null,"kid":"k1"}"#)),
        ("alg twice", head(r#"{"alg":"none","alg":"RS256","kid":"k1"}"#)),
        ("no kid", head(r#"{"alg":"RS256"}"#)),
        ("kid number", head(r#"{"alg":"RS256","kid":1}"#)),
        ("kid empty", head(r#"{"alg":"RS256","kid":""}"#)),
        ("kid path", head(r#"{"alg":"RS256","kid":"../../dev/null"}"#)),
        ("kid sql", head(r#"{"alg":"RS256","kid":"k1' OR '1'='1"}"#)),
        ("kid case", head(r#"{"alg":"RS256","kid":"K1"}"#)),
        ("kid space", head(r#"{"alg":"RS256","kid":"k1 "}"#)),
        ("kid NUL", head(r#"{"alg":"RS256","kid":"k1\u0000"}"#)),
        ("kid long", head(&format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(300)))),
        ("kid twice", head(r#"{"alg":"RS256","kid":"k2","kid":"k1"}"#)),
        ("kid url", head(r#"{"alg":"RS256","kid":"https://evil/k"}"#)),
        ("jku", extra(r#""jku":"https://evil/jwks""#)),
        ("x5u", extra(r#""x5u":"https://evil/x""#)),
        ("x5c", extra(r#""x5c":["AA"]"#)),
        ("jwk", extra(r#""jwk":{"kty":"RSA"}"#)),
        ("crit", extra(r#""crit":["exp"]"#)),
        ("crit empty", extra(r#""crit":[]"#)),
        ("zip", extra(r#""zip":"DEF""#)),
        ("b64", extra(r#""b64":false"#)),
        ("typ JWE", extra(r#""typ":"JWE""#)),
        ("typ number", extra(r#""typ":1"#)),
        ("header list", head("[]")),
        ("header text", head("\"x\"")),
        ("header not JSON", head("{")),
        ("header tail", head(&format!("{HEADER}x"))),
        ("another's signature", signed_by(1, HEADER, &c)),
        ("signature flipped", format!("{}.{}.{flipped}", parts[0], parts[1])),
        ("signature cut", format!("{}.{}.{}", parts[0], parts[1], &parts[2][..100])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{good}.x")),
        ("five parts", format!("{good}.x.y")),
        ("empty parts", "..".into()),
        ("one word", "abc".into()),
        (
            "claims exchanged",
            format!("{}.{}.{}", parts[0], B64.encode(cw(&[("sub", Some("\"root\""))])), parts[2]),
        ),
        ("padded", format!("{}.{}.{}=", parts[0], parts[1], parts[2])),
        (
            "standard base64",
            format!("{}.{}.{}", parts[0], parts[1], BASE64_STANDARD.encode(B64.decode(parts[2]).unwrap())),
        ),
        ("no exp", signed_by(0, HEADER, &cw(&[("exp", None)]))),
        ("exp text", with("exp", "\"1900000000\"")),
        ("exp float", with("exp", "1800000600.5")),
        ("exp null", with("exp", "null")),
        ("exp negative", with("exp", "-1")),
        ("exp huge", with("exp", "99999999999999999999")),
        ("exp max", with("exp", "9223372036854775807")),
        ("exp list", with("exp", "[1800000600]")),
        ("exp true", with("exp", "true")),
        ("exp past", with("exp", "1799999900")),
        ("exp at the leeway", with("exp", "1799999970")),
        ("exp in a year", with("exp", "1831536000")),
        ("nbf later", with("nbf", "1800000100")),
        ("nbf just past the leeway", with("nbf", "1800000031")),
        ("nbf text", with("nbf", "\"0\"")),
        ("iat later", with("iat", "1800000100")),
        ("iss other", with("iss", "\"https://evil\"")),
        ("iss slash", with("iss", "\"https://issuer/\"")),
        ("iss case", with("iss", "\"HTTPS://issuer\"")),
        ("iss list", with("iss", "[\"https://issuer\"]")),
        ("no iss", signed_by(0, HEADER, &cw(&[("iss", None)]))),
        ("aud other", with("aud", "\"other\"")),
        ("aud list of others", with("aud", "[\"a\",\"b\"]")),
        ("aud empty list", with("aud", "[]")),
        ("aud number", with("aud", "1")),
        ("aud null", with("aud", "null")),
        ("aud prefix", with("aud", "\"client2\"")),
        ("no aud", signed_by(0, HEADER, &cw(&[("aud", None)]))),
        ("client_id other", signed_by(0, HEADER, &cw(&[("aud", None), ("client_id", Some("\"other\""))]))),
        (
            "client_id does not mend aud",
            signed_by(0, HEADER, &cw(&[("aud", Some("\"other\"")), ("client_id", Some("\"client\""))])),
        ),
        ("no sub", signed_by(0, HEADER, &cw(&[("sub", None)]))),
        ("sub empty", with("sub", "\"\"")),
        ("sub number", with("sub", "1")),
        ("sub key:", with("sub", "\"key:1\"")),
        ("sub system", with("sub", &format!("\"{}\"", UserId::system()))),
        ("sub control", with("sub", "\"a\\nb\"")),
        ("claim twice", signed_by(0, HEADER, &format!(r#"{},"sub":"root"}}"#, &c[..c.len() - 1]))),
        (
            "claim twice by escape",
            signed_by(0, HEADER, &format!(r#"{},"s\u0075b":"root"}}"#, &c[..c.len() - 1])),
        ),
        ("claims deep", with("x", &deep)),
        ("claims list", signed_by(0, HEADER, "[]")),
        ("claims not UTF-8", {
            let m = format!("{}.{}", parts[0], B64.encode([0x7b, 0xff, 0x7d]));
            format!("{m}.{}", parts[2])
        }),
        ("64 KB", with("x", &format!("\"{}\"", "a".repeat(64_000)))),
        ("switched off user", with("sub", "\"off\"")),
    ];
    let mut taken = Vec::new();
    let mut odd = Vec::new();
    for (name, token) in &forged {
        match call(&auth, token, NOW).await {
            Ok(id) => taken.push(format!("{name} -> {id}")),
            Err(AuthError::Invalid(reason)) => assert!(!token.contains(reason)),
            Err(other) => odd.push(format!("{name}: {other:?}")),
        }
    }
    assert!(forged.len() >= 90 && issuer.asked.load(SeqCst) == 1, "no token sends us anywhere");
    for (name, token) in [
        ("plain", good.clone()),
        ("aud list", with("aud", "[\"x\",\"client\"]")),
        ("client_id", signed_by(0, HEADER, &cw(&[("aud", None), ("client_id", Some("\"client\""))]))),
        ("within leeway", with("exp", "1799999980")),
        ("nbf within leeway", with("nbf", "1800000030")),
    ] {
        assert_eq!(call(&auth, &token, NOW).await.ok().as_deref(), Some("anna"), "{name}");
    }
    assert!(taken.is_empty() && odd.is_empty(), "{taken:?} {odd:?}");
}

#[tokio::test]
async fn b34_keys_rotate_outlast_an_outage_and_are_not_fetched_in_a_storm() {
    let (source, fetch) = issuer(&[("k1", 0)]);
    let auth = authenticator(fetch);
    let first = signed_by(0, HEADER, &claims_with(&[("exp", Some("1800080000"))]));
    let second = |exp: i64| {
        signed_by(1, r#"{"alg":"RS256","kid":"k2"}"#, &claims_with(&[("exp", Some(&exp.to_string()))]))
    };
    assert!(call(&auth, &first, NOW).await.is_ok());
    for i in 0..1000 {
        assert!(
            call(&auth, &signed_by(1, &format!(r#"{{"alg":"RS256","kid":"u{}"}}"#, i % 7), "{}"), NOW + 1)
                .await
                .is_err()
        );
    }
    assert_eq!(source.asked.load(SeqCst), 1, "a storm of unknown keys asks no more often");
    *source.document.lock().unwrap() = jwks(&[("k2", 1)]);
    assert!(call(&auth, &second(NOW + 600), NOW + 61).await.is_ok(), "a new key is taken within a minute");
    assert!(call(&auth, &first, NOW + 62).await.is_err(), "a withdrawn key is not");
    source.down.store(true, SeqCst);
    assert!(
        call(&auth, &second(NOW + 90_000), NOW + 60 + 82_800).await.is_ok(),
        "known keys last through an outage"
    );
    let stale = call(&auth, &second(NOW + 100_000), NOW + 62 + 86_400).await;
    assert!(matches!(stale, Err(AuthError::Unavailable)), "but not for more than a day");
}

#[tokio::test]
async fn b34_a_withdrawn_key_is_refused_though_no_other_was_asked_for() {
    let (source, fetch) = issuer(&[("k1", 0)]);
    let auth = authenticator(fetch);
    let token = |exp: i64| signed_by(0, HEADER, &claims_with(&[("exp", Some(&exp.to_string()))]));
    assert!(call(&auth, &token(NOW + 600), NOW).await.is_ok());
    *source.document.lock().unwrap() = jwks(&[("k2", 1)]);
    assert!(call(&auth, &token(NOW + 5_000), NOW + 601).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn b34_an_issuer_that_hangs_does_not_hold_up_callers_with_a_known_key() {
    let first = Arc::new(AtomicBool::new(true));
    let fetch: FetchKeys = Arc::new(move || {
        let once = first.swap(false, SeqCst);
        Box::pin(async move { if once { Ok(jwks(&[("k1", 0)])) } else { std::future::pending().await } })
    });
    let auth = authenticator(fetch);
    let good = signed_by(0, HEADER, &claims());
    assert!(call(&auth, &good, NOW).await.is_ok());
    let (other, token) = (auth.clone(), signed_by(1, r#"{"alg":"RS256","kid":"zz"}"#, "{}"));
    let hanging = tokio::spawn(async move {
        let _ = call(&other, &token, NOW + 61).await;
    });
    tokio::task::yield_now().await;
    let known = tokio::time::timeout(std::time::Duration::from_secs(5), call(&auth, &good, NOW + 61)).await;
    assert!(known.is_ok_and(|answer| answer.is_ok()));
    hanging.abort();
}
