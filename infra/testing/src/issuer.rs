//! An issuer of tokens for tests: a key that opens nothing, its key set on a loopback port, and tokens signed by it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use serde_json::json;

/// The issuer that tokens name.
pub const ISSUER: &str = "https://issuer.test";
/// The audience that tokens name.
pub const AUDIENCE: &str = "vitrine-tests";

static KEY: LazyLock<RsaPrivateKey> = LazyLock::new(|| {
    let mut rng = <rand_chacha::ChaCha8Rng as rand_chacha::rand_core::SeedableRng>::seed_from_u64(20_261_124);
    RsaPrivateKey::new(&mut rng, 2048).expect("a key")
});

/// Where the issuer's keys are: one listener a process.
pub static KEYS_URL: LazyLock<String> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let _ = stream.read(&mut [0; 4096]);
            let (n, e) = (B64.encode(KEY.n().to_bytes_be()), B64.encode(KEY.e().to_bytes_be()));
            let keys = json!({ "keys": [{ "kid": "t", "kty": "RSA", "alg": "RS256", "use": "sig", "n": n, "e": e }] });
            let body = keys.to_string();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    format!("http://{address}/jwks.json")
});

/// A token of a user, good for an hour.
pub fn token(user: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let header = json!({ "alg": "RS256", "kid": "t", "typ": "JWT" });
    let claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": user, "iat": now, "exp": now + 3600 });
    let message = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
    let signature = SigningKey::<Sha256>::new(KEY.clone()).sign(message.as_bytes());
    format!("{message}.{}", B64.encode(signature.to_bytes()))
}
