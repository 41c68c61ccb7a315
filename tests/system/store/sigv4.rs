//! AWS signature version 4 from its description, without the SDK: what S3 would check of a signed request or form.
//!
//! Source: "Authenticating requests: using query parameters" and "Browser-based uploads using POST" of the S3 API
//! reference. Proven by the examples given there.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};
use vitrine_domain::Timestamp;
use vitrine_domain::outbox::seconds;

/// A request as it arrives: its headers include the host.
#[derive(Clone)]
pub struct Arriving {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
}

/// Whether S3 would honour the request at `now`; if not, why not.
pub fn check(request: &Arriving, secret: &str, now: Timestamp) -> Result<(), &'static str> {
    let (address, query) = request.url.split_once('?').ok_or("no query")?;
    let path = address.splitn(4, '/').nth(3).unwrap_or_default();
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect();
    let of = |name: &str| pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
    let given = of("X-Amz-Signature").ok_or("no signature")?;
    let date = of("X-Amz-Date").ok_or("no date")?;
    let credential = of("X-Amz-Credential").ok_or("no credential")?;
    let (_, scope) = credential.split_once('/').ok_or("no scope")?;
    let lifetime: i64 = of("X-Amz-Expires").and_then(|text| text.parse().ok()).ok_or("no lifetime")?;
    let begin = instant(&date).ok_or("no date")?;
    if now < begin - seconds(15 * 60) || now >= begin + seconds(lifetime) {
        return Err("expired");
    }
    let signed = of("X-Amz-SignedHeaders").ok_or("no signed headers")?;
    let names: Vec<&str> = signed.split(';').collect();
    let headers: BTreeMap<String, &str> =
        request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.trim())).collect();
    // S3's rule: the host and every header of its own must be signed.
    if !names.contains(&"host")
        || headers.keys().any(|name| name.starts_with("x-amz-") && !names.contains(&&**name))
    {
        return Err("a header that must be signed is not");
    }
    let mut canonical_headers = String::new();
    for name in &names {
        let value = headers.get(*name).ok_or("a signed header is not sent")?;
        canonical_headers.push_str(&format!("{name}:{value}\n"));
    }
    pairs.retain(|(name, _)| name != "X-Amz-Signature");
    let mut encoded: Vec<_> =
        pairs.iter().map(|(name, value)| (encode(name, false), encode(value, false))).collect();
    encoded.sort();
    let canonical_query: Vec<_> =
        encoded.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let canonical = format!(
        "{}\n/{}\n{}\n{canonical_headers}\n{signed}\nUNSIGNED-PAYLOAD",
        request.method,
        encode(&decode(path), true),
        canonical_query.join("&"),
    );
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    if signature(secret, scope, &to_sign)? == given { Ok(()) } else { Err("another signature") }
}

/// Whether S3 would take a form with a file of `size_bytes` at `now`; if not, why not.
pub fn check_form(
    fields: &[(String, String)],
    bucket: &str,
    size_bytes: u64,
    secret: &str,
    now: Timestamp,
) -> Result<(), &'static str> {
    let of = |name: &str| {
        fields.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    };
    let encoded = of("policy").ok_or("no policy")?;
    let (_, scope) = of("x-amz-credential").and_then(|it| it.split_once('/')).ok_or("no credential")?;
    if signature(secret, scope, encoded)? != of("x-amz-signature").ok_or("no signature")? {
        return Err("another signature");
    }
    let policy = BASE64_STANDARD.decode(encoded).map_err(|_| "no base64")?;
    let policy: Value = serde_json::from_slice(&policy).map_err(|_| "no JSON")?;
    let until: Timestamp =
        policy["expiration"].as_str().and_then(|text| text.parse().ok()).ok_or("no expiration")?;
    if now >= until {
        return Err("expired");
    }
    let mut covered = vec!["policy".to_owned(), "x-amz-signature".to_owned()];
    for condition in policy["conditions"].as_array().ok_or("no conditions")? {
        if let Some(exact) = condition.as_object() {
            let wanted = exact.get("bucket").and_then(Value::as_str);
            if wanted != Some(bucket) {
                return Err("another bucket");
            }
            continue;
        }
        match (condition[0].as_str(), &condition[1], &condition[2]) {
            (Some("content-length-range"), least, most) => {
                let range = least.as_u64().ok_or("no range")?..=most.as_u64().ok_or("no range")?;
                if !range.contains(&size_bytes) {
                    return Err("another size");
                }
                covered.push("content-length-range".to_owned());
            }
            (Some("eq"), name, value) => {
                let name = name.as_str().and_then(|name| name.strip_prefix('$')).ok_or("no name")?;
                if of(name) != value.as_str() {
                    return Err("another value");
                }
                covered.push(name.to_ascii_lowercase());
            }
            _ => return Err("a condition of another kind"),
        }
    }
    // S3's rule: every field is named by a condition, and a form without a size is a form for any size.
    if fields.iter().any(|(name, _)| !covered.contains(&name.to_ascii_lowercase())) {
        return Err("a field that no condition names");
    }
    if covered.iter().any(|name| name == "content-length-range") { Ok(()) } else { Err("any size") }
}

/// The signature of `text` with the key that `scope` (day, region, service, `aws4_request`) makes of the secret.
fn signature(secret: &str, scope: &str, text: &str) -> Result<String, &'static str> {
    let parts: Vec<&str> = scope.split('/').collect();
    if parts.len() != 4 || parts[2..] != ["s3", "aws4_request"] {
        return Err("another scope");
    }
    let first = mac(format!("AWS4{secret}").as_bytes(), parts[0]);
    let key = parts[1..].iter().fold(first, |key, part| mac(&key, part));
    Ok(hex(&mac(&key, text)))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn instant(text: &str) -> Option<Timestamp> {
    let part = |range: std::ops::Range<usize>| text.get(range);
    let (date, time) = (part(0..8)?, text.get(9..15)?);
    format!("{}-{}-{}T{}:{}:{}Z", &date[..4], &date[4..6], &date[6..], &time[..2], &time[2..4], &time[4..])
        .parse()
        .ok()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn encode(text: &str, is_path: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (is_path && byte == b'/') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[test]
fn the_example_of_the_reference_is_honoured_until_it_expires() {
    let request = Arriving {
        method: "GET".to_owned(),
        url: "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
              &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
              &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
              &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
            .to_owned(),
        headers: vec![("Host".to_owned(), "examplebucket.s3.amazonaws.com".to_owned())],
    };
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let at = |text: &str| text.parse().unwrap();
    assert_eq!(check(&request, secret, at("2013-05-24T23:59:59Z")), Ok(()));
    assert_eq!(check(&request, secret, at("2013-05-25T00:00:00Z")), Err("expired"));
    assert_eq!(check(&request, "other", at("2013-05-24T23:59:59Z")), Err("another signature"));
    let other = Arriving { url: request.url.replace("test.txt", "test2.txt"), ..request };
    assert_eq!(check(&other, secret, at("2013-05-24T23:59:59Z")), Err("another signature"));
}
