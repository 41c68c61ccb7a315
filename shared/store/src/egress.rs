//! Calls to addresses outside that staff name: over HTTPS alone, to the public internet alone, and no further than the
//! address that was named.
//!
//! A name is resolved here, each of its addresses is looked at, and only those that may be called are connected to: a name
//! that leads elsewhere a moment later gains nothing. Redirects are answers like others.

use std::net::IpAddr;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use vitrine_domain::address::is_public;
use vitrine_domain::rights::IpRange;

/// From the first byte of a call to the last of its answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest address.
const MAX_ADDRESS: usize = 2000;

/// Why something outside could not be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// It must not be.
    #[error("the address {0}")]
    Forbidden(&'static str),
    /// It did not answer as it should.
    #[error("{0}")]
    Failed(String),
}

/// What may be called outside.
#[derive(Debug, Clone, Default)]
pub struct Egress {
    except: Vec<IpRange>,
}

impl Egress {
    /// Everything public, and what lies in `except`: addresses and networks, separated by commas; for tests, and for a
    /// target in one's own network. What lies there may be called over plain HTTP too.
    ///
    /// # Errors
    /// The first part that is no address, network or range.
    pub fn new(except: &str) -> Result<Self, String> {
        let parts = except.split(',').map(str::trim).filter(|part| !part.is_empty());
        let except = parts.map(|part| part.parse().map_err(|_| part.to_owned())).collect::<Result<_, _>>()?;
        Ok(Self { except })
    }

    /// Whether an address may be connected to.
    pub fn admits(&self, address: IpAddr) -> bool {
        is_public(address) || self.is_excepted(address)
    }

    fn is_excepted(&self, address: IpAddr) -> bool {
        self.except.iter().any(|range| range.contains(address))
    }

    /// Checks an address that is to be called, as far as that can be done without resolving its name.
    ///
    /// # Errors
    /// [`EgressError::Forbidden`] with what is wrong with it.
    pub fn check(&self, address: &str) -> Result<(), EgressError> {
        let forbidden = |why| Err(EgressError::Forbidden(why));
        if address.len() > MAX_ADDRESS {
            return forbidden("must not be longer than 2000 characters");
        }
        let Ok(uri) = address.parse::<http::Uri>() else { return forbidden("must be one of HTTPS") };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return forbidden("must be one of HTTPS");
        };
        if authority.as_str().contains('@') {
            return forbidden("must not hold a user or a password");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return forbidden("must name a host");
        }
        let literal: Option<IpAddr> = host.parse().ok();
        match scheme {
            "https" => {}
            // Only an address says by itself that it is one of the exceptions.
            "http" if literal.is_some_and(|address| self.is_excepted(address)) => {}
            _ => return forbidden("must be one of HTTPS"),
        }
        match literal {
            Some(address) if !self.admits(address) => forbidden("must not be one of a private network"),
            _ => Ok(()),
        }
    }

    /// The addresses of a host that may be connected to.
    ///
    /// # Errors
    /// A name that is not there, and one that leads to private addresses alone.
    pub async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, EgressError> {
        let found = tokio::net::lookup_host((host, 0)).await;
        let found = found.map_err(|error| EgressError::Failed(format!("`{host}` is not found: {error}")))?;
        let mut addresses: Vec<IpAddr> = found.map(|it| it.ip()).collect();
        addresses.retain(|address| self.admits(*address));
        if addresses.is_empty() {
            return Err(EgressError::Forbidden("must not be one of a private network"));
        }
        Ok(addresses)
    }

    /// Sends a document to an address. Any status that tells of success is one.
    ///
    /// # Errors
    /// An address that must not be called; no answer in time; another status, a redirect among them.
    pub async fn post(
        &self,
        address: &str,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<(), EgressError> {
        self.check(address)?;
        let failed = |error: &dyn std::error::Error| EgressError::Failed(told(error));
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST").map_err(|error| failed(&error))?;
        request.set_uri(address).map_err(|error| failed(&error))?;
        for (name, value) in headers {
            request.headers_mut().try_insert(*name, value.clone()).map_err(|error| failed(&error))?;
        }
        let connector = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_with_resolver(Guarded(self.clone()));
        let answer = tokio::time::timeout(CALL_TIMEOUT, connector.call(request))
            .await
            .map_err(|_| EgressError::Failed("no answer in 15 seconds".to_owned()))?
            .map_err(|error| failed(&error))?;
        match answer.status().as_u16() {
            200..=299 => Ok(()),
            status => Err(EgressError::Failed(format!("status {status}"))),
        }
    }
}

/// An error with its causes, in a line.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

/// Resolves names to addresses that may be connected to, and to no others.
#[derive(Debug, Clone)]
struct Guarded(Egress);

impl ResolveDns for Guarded {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move { self.0.resolve(name).await.map_err(ResolveDnsError::new) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_to_the_public_internet_is_called() {
        let egress = Egress::default();
        for (address, right) in [
            ("https://hooks.example.org/x?y=z", true),
            ("https://93.184.216.34:8443/", true),
            ("http://hooks.example.org/", false),
            ("ftp://hooks.example.org/", false),
            ("hooks.example.org", false),
            ("/x", false),
            ("", false),
            ("https://user@hooks.example.org/", false),
            ("https://user:word@hooks.example.org/", false),
            ("https://127.0.0.1/", false),
            ("https://[::1]/", false),
            ("https://[::ffff:10.0.0.1]/", false),
            ("https://169.254.169.254/latest/meta-data/", false),
            ("https://10.0.0.1:8443/", false),
            ("http://127.0.0.1/", false),
        ] {
            assert_eq!(egress.check(address).is_ok(), right, "{address}");
        }
        let tested = Egress::new("127.0.0.1, 10.0.0.0/8").unwrap();
        for (address, right) in [
            ("http://127.0.0.1:9/", true),
            ("https://10.7.7.7/", true),
            ("http://192.168.0.1/", false),
            ("http://localhost/", false),
            ("https://169.254.169.254/", false),
        ] {
            assert_eq!(tested.check(address).is_ok(), right, "{address}");
        }
        assert_eq!(Egress::new("127.0.0.1,x").unwrap_err(), "x");
    }

    #[tokio::test]
    async fn a_name_that_leads_into_our_own_network_is_not_connected_to() {
        let refused = Egress::default().resolve("localhost").await;
        assert_eq!(refused, Err(EgressError::Forbidden("must not be one of a private network")));
        // Spelt so that no literal is seen, as resolvers of the system still take it.
        for odd in ["127.1", "0x7f.1", "2130706433"] {
            assert!(Egress::default().resolve(odd).await.is_err(), "{odd}");
        }
        let told = Egress::default().post("https://localhost:9/", &[], String::new()).await.unwrap_err();
        assert!(told.to_string().contains("private network"), "{told}");
        assert!(Egress::new("127.0.0.0/8").unwrap().resolve("localhost").await.is_ok());
    }
}
