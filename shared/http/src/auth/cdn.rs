//! A CDN before the gateway: the gateway sees the CDN's address, and the CDN says in a header whose request it is.
//! Anyone can send that header, so it is believed only beside a secret that the CDN alone adds (B36).

use std::net::IpAddr;

use http::HeaderMap;
use sha2::{Digest, Sha256};

/// The header with the secret.
pub const SECRET: &str = "x-origin-verify";
/// The header with the viewer's address and port.
pub const VIEWER_ADDRESS: &str = "cloudfront-viewer-address";

/// What is known of the CDN: the digest of its secret, where there is one.
#[derive(Clone)]
pub struct Cdn {
    digest: Option<[u8; 32]>,
}

impl std::fmt::Debug for Cdn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cdn").finish_non_exhaustive()
    }
}

impl Cdn {
    /// A CDN that adds `secret`; none at all where that is empty.
    pub fn with_secret(secret: &str) -> Self {
        Self { digest: (!secret.is_empty()).then(|| Sha256::digest(secret).into()) }
    }

    /// Where a request came from: what the CDN says, else what the gateway saw.
    ///
    /// A request with the secret whose address can not be read came from nowhere: doubt opens nothing (B37).
    pub fn source(&self, headers: &HeaderMap, gateway: Option<IpAddr>) -> Option<IpAddr> {
        // Digests are compared, so the time that it takes tells nothing of the secret.
        let given: Option<[u8; 32]> = once(headers, SECRET).map(|secret| Sha256::digest(secret).into());
        if self.digest.is_none() || given != self.digest {
            return gateway;
        }
        let (address, port) = once(headers, VIEWER_ADDRESS)?.rsplit_once(':')?;
        port.parse::<u16>().ok()?;
        address.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }
}

/// The one header of that name; none where there are several.
fn once<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(one), None) => one.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b36_the_cdns_header_is_believed_only_beside_its_secret() {
        let secret = "a secret that only the cdn has 1234";
        let gateway = Some("198.51.100.1".parse().unwrap());
        let claimed = |address: &str| -> Option<IpAddr> { Some(address.parse().unwrap()) };
        let v4 = (VIEWER_ADDRESS, "203.0.113.9:4711");
        for (known, headers, source) in [
            (secret, &[(SECRET, secret), v4][..], claimed("203.0.113.9")),
            (secret, &[(SECRET, secret), (VIEWER_ADDRESS, "2001:db8::7:443")], claimed("2001:db8::7")),
            (secret, &[(SECRET, secret), (VIEWER_ADDRESS, "[2001:db8::7]:443")], claimed("2001:db8::7")),
            // No secret, a wrong one, two of them, or none that is known.
            (secret, &[v4], gateway),
            (secret, &[(SECRET, "wrong"), v4], gateway),
            (secret, &[(SECRET, ""), v4], gateway),
            (secret, &[(SECRET, secret), (SECRET, "wrong"), v4], gateway),
            ("", &[(SECRET, ""), v4], gateway),
            ("", &[(SECRET, secret), v4], gateway),
            // What can not be read is nowhere.
            (secret, &[(SECRET, secret)], None),
            (secret, &[(SECRET, secret), v4, v4], None),
            (secret, &[(SECRET, secret), (VIEWER_ADDRESS, "203.0.113.9")], None),
            (secret, &[(SECRET, secret), (VIEWER_ADDRESS, "203.0.113.9, 10.0.0.1:1")], None),
            (secret, &[(SECRET, secret), (VIEWER_ADDRESS, "010.0.0.1:80")], None),
            (secret, &[(SECRET, secret), (VIEWER_ADDRESS, "fe80::1%eth0:80")], None),
            // Headers of others are nobody's.
            (
                secret,
                &[
                    ("x-forwarded-for", "203.0.113.9"),
                    ("true-client-ip", "203.0.113.9"),
                    ("forwarded", "for=203.0.113.9"),
                ],
                gateway,
            ),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, value.parse().unwrap());
            }
            assert_eq!(Cdn::with_secret(known).source(&map, gateway), source, "{headers:?}");
        }
    }
}
