//! The OAI-PMH repository: what it calls itself, its sets, and who may harvest (S11, S12).
//!
//! Kept in the published store, beside what it hands out, because the function that answers harvesters reads nothing else.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::ids::PublishingId;
use crate::problem::Problems;
use crate::publishing::profile::PublishingProfile;
use crate::rights::ip::{IpRange, canonical};

/// How many records one answer holds unless configured (OAI-12).
pub const DEFAULT_PAGE: u32 = 200;
/// How many it may hold.
pub const MAX_PAGE: u32 = 900;

/// The OAI-PMH repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OaiRepository {
    /// What staff set.
    #[serde(flatten)]
    pub settings: OaiSettings,
    /// The sets, by name.
    #[serde(default)]
    pub sets: Vec<OaiSet>,
    /// What resumption tokens are signed with, in hex; made once, so that tokens never expire.
    pub key: String,
    /// How many times it was written.
    pub version: u64,
}

/// What staff set on the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OaiSettings {
    /// Its name for people.
    pub repository_name: String,
    /// Whom harvesters write to.
    pub admin_email: String,
    /// How many records one answer holds.
    #[serde(default = "default_page")]
    pub page_size: u32,
    /// The addresses that may harvest, one or a range each; empty means all.
    #[serde(default)]
    pub allowed_addresses: Vec<String>,
}

fn default_page() -> u32 {
    DEFAULT_PAGE
}

/// One set: a publishing profile whose target is the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OaiSet {
    /// Its name in requests.
    pub spec: String,
    /// Its name for people.
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub description: String,
    /// The profile.
    pub profile: PublishingId,
}

impl OaiSettings {
    /// The settings of an institution that has set none.
    pub fn of_institution(code: &str) -> Self {
        Self {
            repository_name: format!("Digital collections of {code}"),
            admin_email: "repository@example.org".to_owned(),
            page_size: DEFAULT_PAGE,
            allowed_addresses: Vec::new(),
        }
    }

    /// Checks every field.
    pub fn check(&self) -> Problems {
        let mut problems = Problems::default();
        problems.check_text("repository_name", &self.repository_name, 255);
        let mail = self.admin_email.split_once('@');
        let plain = |part: &str| {
            !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == ':' || c == '@')
        };
        if !mail.is_some_and(|(name, host)| plain(name) && plain(host) && host.contains('.'))
            || self.admin_email.len() > 254
        {
            problems.add("admin_email", "must be an address such as `repository@library.example`");
        }
        if !(1..=MAX_PAGE).contains(&self.page_size) {
            problems.add("page_size", format!("must be 1 to {MAX_PAGE}"));
        }
        if self.allowed_addresses.len() > 500 {
            problems.add("allowed_addresses", "must not be more than 500");
        }
        for (at, range) in self.allowed_addresses.iter().enumerate() {
            if range.parse::<IpRange>().is_err() {
                problems.add(
                    &format!("allowed_addresses.{at}"),
                    "must be an address, a network such as `192.0.2.0/24`, or a range",
                );
            }
        }
        problems
    }
}

impl OaiRepository {
    /// Whether someone at an address may harvest; nobody at an unknown one where addresses are listed (S12).
    pub fn admits(&self, address: Option<IpAddr>) -> bool {
        let ranges = &self.settings.allowed_addresses;
        ranges.is_empty()
            || address.map(canonical).is_some_and(|address| {
                ranges
                    .iter()
                    .filter_map(|range| range.parse::<IpRange>().ok())
                    .any(|range| range.contains(address))
            })
    }

    /// Lists a profile as it is now, or no longer.
    pub fn list(&mut self, profile: &PublishingProfile, there: bool) {
        self.sets.retain(|set| set.profile != profile.id);
        if let Some(spec) = profile.settings.set_spec().filter(|_| there && profile.settings.active) {
            self.sets.push(OaiSet {
                spec: spec.to_owned(),
                name: profile.settings.name.clone(),
                description: profile.settings.description.clone(),
                profile: profile.id.clone(),
            });
            self.sets.sort_by(|a, b| a.spec.cmp(&b.spec));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(ranges: &[&str]) -> OaiRepository {
        let mut settings = OaiSettings::of_institution("X");
        settings.allowed_addresses = ranges.iter().map(|&range| range.to_owned()).collect();
        OaiRepository { settings, sets: vec![], key: String::new(), version: 0 }
    }

    #[test]
    fn s12_only_listed_addresses_harvest_where_some_are_listed() {
        let anyone = repository(&[]);
        assert!(anyone.admits(None));
        let some = repository(&["192.0.2.0/24", "2001:db8::/32"]);
        for (address, may) in
            [("192.0.2.7", true), ("192.0.3.7", false), ("2001:db8::1", true), ("::ffff:192.0.2.9", true)]
        {
            assert_eq!(some.admits(address.parse().ok()), may, "{address}");
        }
        assert!(!some.admits(None));
    }

    #[test]
    fn names_what_is_wrong_with_the_settings() {
        let wrong = OaiSettings {
            repository_name: String::new(),
            admin_email: "mailto:x@y.org".into(),
            page_size: 901,
            allowed_addresses: vec!["10.0.0.1".into(), "x".into()],
        };
        let fields: Vec<_> = wrong.check().0.into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["repository_name", "admin_email", "page_size", "allowed_addresses.1"]);
    }
}
