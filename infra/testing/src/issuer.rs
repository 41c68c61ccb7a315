//! An issuer of tokens for tests: a key that opens nothing, its key set on a loopback port, and tokens signed by it.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{LazyLock, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::sha2::{Digest, Sha256};
use rsa::signature::{SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};

/// Put among a token's claims by what changes them: the status that the token endpoint answers in its place; 0 hangs up.
pub const TOKEN_STATUS: &str = "test_token_status";

/// The issuer that tokens name.
pub const ISSUER: &str = "https://issuer.test";
/// The audience that tokens name.
pub const AUDIENCE: &str = "vitrine-tests";

static KEY: LazyLock<RsaPrivateKey> = LazyLock::new(|| {
    let mut rng = <rand_chacha::ChaCha8Rng as rand_chacha::rand_core::SeedableRng>::seed_from_u64(20_261_124);
    RsaPrivateKey::new(&mut rng, 2048).expect("a key")
});

/// Where the issuer's keys are: one listener a process.
pub static KEYS_URL: LazyLock<String> = LazyLock::new(|| format!("{}/jwks.json", *HOME));
/// Where the issuer says where its pages are.
pub static DISCOVERY_URL: LazyLock<String> = LazyLock::new(|| format!("{}/openid-configuration", *HOME));

/// Codes that were given and not taken: what their page was asked for, and what the token will say.
static CODES: LazyLock<Mutex<HashMap<String, Given>>> = LazyLock::new(Mutex::default);

type Given = (BTreeMap<String, String>, Value);

static HOME: LazyLock<String> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let home = format!("http://{}", listener.local_addr().expect("an address"));
    let own = home.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let (path, body) = read_request(&mut stream);
            let (status, answer) = match path.as_str() {
                "/token" => redeem(&body),
                "/openid-configuration" => (
                    200,
                    json!({
                        "issuer": ISSUER, "authorization_endpoint": format!("{own}/authorize"),
                        "token_endpoint": format!("{own}/token"), "end_session_endpoint": format!("{own}/logout"),
                    }),
                ),
                _ => {
                    let (n, e) = (B64.encode(KEY.n().to_bytes_be()), B64.encode(KEY.e().to_bytes_be()));
                    let key =
                        json!({ "kid": "t", "kty": "RSA", "alg": "RS256", "use": "sig", "n": n, "e": e });
                    (200, json!({ "keys": [key] }))
                }
            };
            // A server that falls over in the middle says nothing.
            if status == 0 {
                continue;
            }
            let body = answer.to_string();
            let head =
                format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    home
});

/// The path and the body of a request.
fn read_request(stream: &mut impl Read) -> (String, String) {
    let (mut all, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut chunk).unwrap_or(0);
        all.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&all).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        if read == 0 || (text.contains("\r\n\r\n") && body.len() >= length.unwrap_or(0)) {
            return (head.split(' ').nth(1).unwrap_or("/").to_owned(), body.to_owned());
        }
    }
}

/// The parameters of a query or a form.
pub fn parameters(query: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| {
        let bytes = text.as_bytes();
        let (mut out, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let hex =
                (bytes[at] == b'%').then(|| u8::from_str_radix(&text[at + 1..at + 3], 16).expect("hex"));
            out.push(hex.unwrap_or(bytes[at]));
            at += if hex.is_some() { 3 } else { 1 };
        }
        String::from_utf8(out).expect("UTF-8")
    };
    query.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (decoded(k), decoded(v))).collect()
}

/// What the token endpoint answers: once for each code, to who knows the verifier.
fn redeem(form: &str) -> (u16, Value) {
    let form = parameters(form);
    let of = |name: &str| form.get(name).cloned().unwrap_or_default();
    let given = CODES.lock().expect("codes").remove(&of("code"));
    let Some((page, claims)) = given else { return (400, json!({ "error": "invalid_grant" })) };
    if let Some(status) = claims[TOKEN_STATUS].as_u64().and_then(|status| u16::try_from(status).ok()) {
        return (status, json!({ "error": "server_error" }));
    }
    let challenge = B64.encode(Sha256::digest(of("code_verifier").as_bytes()));
    let fits = page.get("code_challenge") == Some(&challenge)
        && page.get("code_challenge_method").is_some_and(|method| method == "S256")
        && page.get("redirect_uri") == Some(&of("redirect_uri"))
        && of("client_id") == AUDIENCE
        && of("grant_type") == "authorization_code";
    match fits {
        true => {
            (200, json!({ "id_token": signed(&claims), "access_token": "opaque", "token_type": "Bearer" }))
        }
        false => (400, json!({ "error": "invalid_grant" })),
    }
}

/// Signs in as `user` at the page of this address; returns the query that the browser is sent back with. `change` may make
/// the token another than it should be.
pub fn consent(page: &str, user: &str, change: impl FnOnce(&mut Value)) -> String {
    let asked = parameters(page.split_once('?').expect("a query").1);
    let mut claims = claims(user);
    claims["nonce"] = json!(asked["nonce"]);
    change(&mut claims);
    let code = B64.encode(Sha256::digest(format!("{page}{user}").as_bytes()));
    let state = asked["state"].clone();
    CODES.lock().expect("codes").insert(code.clone(), (asked, claims));
    format!("code={code}&state={state}")
}

fn claims(user: &str) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": user, "iat": now, "exp": now + 3600 })
}

/// A token of a user, good for an hour.
pub fn token(user: &str) -> String {
    signed(&claims(user))
}

fn signed(claims: &Value) -> String {
    let header = json!({ "alg": "RS256", "kid": "t", "typ": "JWT" });
    let message = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
    let signature = SigningKey::<Sha256>::new(KEY.clone()).sign(message.as_bytes());
    format!("{message}.{}", B64.encode(signature.to_bytes()))
}
