//! Every environment variable, in one struct.

use vitrine_domain::TimeZone;
use vitrine_domain::coded::Coded;
use vitrine_domain::fixity::Rhythm;
use vitrine_domain::rights::DefaultAccess;
use vitrine_store::Tables;
use vitrine_store::egress::Egress;
use vitrine_store::objects::Buckets;
use vitrine_store::queues::QueueUrls;

/// One variable, for `docs/configuration.md`.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The value used where it is not set; `None` where it must be.
    pub default: Option<&'static str>,
    /// What it means, with its unit.
    pub meaning: &'static str,
}

macro_rules! variables {
    ($($name:literal, $default:expr, $meaning:literal;)+) => {
        /// Every variable that the product reads, beside the AWS SDK's own.
        pub const VARIABLES: &[Variable] = &[$(Variable { name: $name, default: $default, meaning: $meaning }),+];
    };
}

variables!(
    "VITRINE_INSTITUTION", None, "code of the institution; part of addresses";
    "VITRINE_INSTITUTION_SUFFIX", None, "the four digits that every id ends in";
    "VITRINE_CATALOG_TABLE", None, "table of everything current";
    "VITRINE_AUDIT_TABLE", None, "table of everything that happened";
    "VITRINE_PUBLISHED_TABLE", None, "table of what is published";
    "VITRINE_SESSIONS_TABLE", None, "table of viewers' sessions, declarations, seats and loans";
    "VITRINE_USAGE_TABLE", None, "table of what viewers did, as counts";
    "VITRINE_INCOMING_BUCKET", None, "bucket where uploads arrive";
    "VITRINE_CONTENT_BUCKET", None, "bucket of registered bytes";
    "VITRINE_DERIVATIVES_BUCKET", None, "bucket of thumbnails";
    "VITRINE_PUBLISHED_BUCKET", None, "bucket of reports, exports and published files";
    "VITRINE_AUDIT_BUCKET", None, "bucket of the seals over audit rows";
    "VITRINE_INCOMING_QUEUE_URL", None, "queue of uploads to register";
    "VITRINE_DERIVATIVES_QUEUE_URL", None, "queue of thumbnails to make";
    "VITRINE_MARKS_QUEUE_URL", None, "queue of marked copies to make, which somebody waits for";
    "VITRINE_IMPORTS_QUEUE_URL", None, "queue of imports to go on with";
    "VITRINE_PUBLISH_QUEUE_URL", None, "queue of titles to publish";
    "VITRINE_EXPORTS_QUEUE_URL", None, "queue of exports to go on with";
    "VITRINE_DELIVERIES_QUEUE_URL", None, "queue of targets outside to be told of changes";
    "VITRINE_DELIVERIES_DEAD_URL", None, "queue of targets that did not answer for long, for a person to see";
    "VITRINE_SECRETS_PREFIX", None, "what begins the names of this stack's secrets";
    "VITRINE_PRIVATE_TARGETS", Some(""), "addresses and networks, separated by commas, that targets outside may lie in though they are not public; plain HTTP is spoken to them too";
    "VITRINE_API_URL", Some("http://127.0.0.1/almaws/v1"), "where the API is reached; begins the links in answers";
    "VITRINE_DELIVERY_URL", Some("http://127.0.0.1/view"), "where delivery is reached; begins the links in answers";
    "VITRINE_VIEWER_ORIGINS", Some(""), "web origins, separated by commas, whose pages may read delivery's answers with their viewers' cookies (S4)";
    "VITRINE_TOKEN_ISSUER", Some(""), "issuer of bearer tokens; none are taken where it is empty";
    "VITRINE_TOKEN_AUDIENCE", Some(""), "audience or client id that a token must name";
    "VITRINE_TOKEN_KEYS_URL", Some(""), "address of the issuer's key set; the issuer's `/.well-known/jwks.json` where empty";
    "VITRINE_SIGN_IN_DISCOVERY_URL", Some(""), "address of the OpenID Connect discovery document of the issuer at whose page people sign in; nobody can where it is empty";
    "VITRINE_SIGN_IN_CLIENT_ID", Some(""), "what we are called there; the audience of bearer tokens where empty";
    "VITRINE_SIGN_IN_CLIENT_SECRET", Some(""), "what the issuer wants beside PKCE; empty for a public client";
    "VITRINE_CDN_SECRET", Some(""), "what a CDN before the gateway sends as `x-origin-verify`; only beside it is its `cloudfront-viewer-address` believed";
    "VITRINE_DEFAULT_ACCESS", Some("restrict"), "`allow` or `restrict`: what holds for a representation without a policy (A3)";
    "VITRINE_TIME_ZONE", Some("UTC"), "IANA name of the time zone in which the institution's days begin, as access rights policies mean them (A7)";
    "VITRINE_REQUIRE_COLLECTION", Some("true"), "whether a title must be in a collection before it gets a representation (D9)";
    "VITRINE_UPLOAD_EXPIRY_DAYS", Some("7"), "days after which an upload without bytes is given up";
    "VITRINE_KEEP_DELETED_DAYS", Some("30"), "days for which what was deleted can be taken back; then it is purged (E6)";
    "VITRINE_FIXITY_DAYS", Some("90"), "days in which the bytes of every file are read once and compared with what was registered (E9)";
    "VITRINE_FIXITY_LOOK_DAYS", Some("7"), "days in which size and stored checksums of every file are looked at once (E9)";
    "VITRINE_REQUESTS_PER_SECOND", Some("100"), "requests a second that one caller may make of one instance (D23)";
    "VITRINE_FFMPEG", Some(""), "ffmpeg, for pictures of video; looked for on PATH where empty";
    "VITRINE_SOFFICE", Some(""), "LibreOffice, for pictures of office documents; looked for on PATH where empty";
    "VITRINE_LOG", Some("info"), "filter of the log, for example `info,vitrine_app=debug`";
);

/// What the environment says.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "each field is the variable of its name")]
pub struct Config {
    pub institution: String,
    pub institution_suffix: String,
    pub tables: Tables,
    pub sessions_table: String,
    pub buckets: Buckets,
    pub queues: QueueUrls,
    pub secrets_prefix: String,
    pub private_targets: Egress,
    pub api_url: String,
    pub delivery_url: String,
    pub viewer_origins: String,
    pub token_issuer: String,
    pub token_audience: String,
    pub token_keys_url: String,
    pub sign_in_discovery_url: String,
    pub sign_in_client_id: String,
    pub sign_in_client_secret: String,
    pub cdn_secret: String,
    pub default_access: DefaultAccess,
    pub time_zone: TimeZone,
    pub require_collection: bool,
    pub upload_expiry_days: i64,
    pub keep_deleted_days: u32,
    pub fixity: Rhythm,
    pub requests_per_second: u32,
    pub ffmpeg: String,
    pub soffice: String,
    pub log: String,
}

/// Why the environment can not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable that must be set is not.
    #[error("the variable `{0}` must be set")]
    Missing(&'static str),
    /// A variable has a value that it can not have.
    #[error("the variable `{name}` must be {expected}")]
    Invalid {
        /// Its name.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
    },
}

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// The first variable that is missing or wrong.
    pub fn from_environment() -> Result<Self, ConfigError> {
        Self::from(|name| std::env::var(name).ok())
    }

    /// Reads variables through `lookup`.
    ///
    /// # Errors
    /// The first variable that is missing or wrong.
    pub fn from(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let text = |name: &'static str| {
            let default =
                VARIABLES.iter().find(|variable| variable.name == name).and_then(|variable| variable.default);
            lookup(name)
                .filter(|value| !value.is_empty())
                .or(default.map(str::to_owned))
                .ok_or(ConfigError::Missing(name))
        };
        let access = text("VITRINE_DEFAULT_ACCESS")?;
        let invalid = |name, expected| ConfigError::Invalid { name, expected };
        Ok(Self {
            institution: text("VITRINE_INSTITUTION")?,
            institution_suffix: text("VITRINE_INSTITUTION_SUFFIX")?,
            tables: Tables {
                catalog: text("VITRINE_CATALOG_TABLE")?,
                published: text("VITRINE_PUBLISHED_TABLE")?,
                audit: text("VITRINE_AUDIT_TABLE")?,
                usage: text("VITRINE_USAGE_TABLE")?,
            },
            sessions_table: text("VITRINE_SESSIONS_TABLE")?,
            buckets: Buckets {
                incoming: text("VITRINE_INCOMING_BUCKET")?,
                content: text("VITRINE_CONTENT_BUCKET")?,
                derivatives: text("VITRINE_DERIVATIVES_BUCKET")?,
                published: text("VITRINE_PUBLISHED_BUCKET")?,
                audit: text("VITRINE_AUDIT_BUCKET")?,
            },
            queues: QueueUrls {
                incoming: text("VITRINE_INCOMING_QUEUE_URL")?,
                derivatives: text("VITRINE_DERIVATIVES_QUEUE_URL")?,
                marks: text("VITRINE_MARKS_QUEUE_URL")?,
                imports: text("VITRINE_IMPORTS_QUEUE_URL")?,
                exports: text("VITRINE_EXPORTS_QUEUE_URL")?,
                publish: text("VITRINE_PUBLISH_QUEUE_URL")?,
                deliveries: text("VITRINE_DELIVERIES_QUEUE_URL")?,
                deliveries_dead: text("VITRINE_DELIVERIES_DEAD_URL")?,
            },
            secrets_prefix: text("VITRINE_SECRETS_PREFIX")?,
            private_targets: Egress::new(&text("VITRINE_PRIVATE_TARGETS")?).map_err(|_| {
                invalid("VITRINE_PRIVATE_TARGETS", "addresses and networks such as `192.0.2.0/24`")
            })?,
            api_url: text("VITRINE_API_URL")?,
            delivery_url: text("VITRINE_DELIVERY_URL")?,
            viewer_origins: text("VITRINE_VIEWER_ORIGINS")?,
            token_issuer: text("VITRINE_TOKEN_ISSUER")?,
            token_audience: text("VITRINE_TOKEN_AUDIENCE")?,
            token_keys_url: text("VITRINE_TOKEN_KEYS_URL")?,
            sign_in_discovery_url: text("VITRINE_SIGN_IN_DISCOVERY_URL")?,
            sign_in_client_id: text("VITRINE_SIGN_IN_CLIENT_ID")?,
            sign_in_client_secret: text("VITRINE_SIGN_IN_CLIENT_SECRET")?,
            cdn_secret: text("VITRINE_CDN_SECRET")?,
            default_access: DefaultAccess::from_code(&access)
                .ok_or(invalid("VITRINE_DEFAULT_ACCESS", "`allow` or `restrict`"))?,
            time_zone: TimeZone::get(&text("VITRINE_TIME_ZONE")?).map_err(|_| {
                invalid("VITRINE_TIME_ZONE", "the name of a time zone such as `Europe/Vienna`")
            })?,
            require_collection: text("VITRINE_REQUIRE_COLLECTION")?
                .parse()
                .map_err(|_| invalid("VITRINE_REQUIRE_COLLECTION", "`true` or `false`"))?,
            upload_expiry_days: text("VITRINE_UPLOAD_EXPIRY_DAYS")?
                .parse()
                .ok()
                .filter(|days| (1..=365).contains(days))
                .ok_or(invalid("VITRINE_UPLOAD_EXPIRY_DAYS", "a whole number from 1 to 365"))?,
            keep_deleted_days: days(&text("VITRINE_KEEP_DELETED_DAYS")?)
                .ok_or(invalid("VITRINE_KEEP_DELETED_DAYS", "a whole number from 1 to 3650"))?,
            fixity: Rhythm {
                read_days: days(&text("VITRINE_FIXITY_DAYS")?)
                    .ok_or(invalid("VITRINE_FIXITY_DAYS", "a whole number from 1 to 3650"))?,
                look_days: days(&text("VITRINE_FIXITY_LOOK_DAYS")?)
                    .ok_or(invalid("VITRINE_FIXITY_LOOK_DAYS", "a whole number from 1 to 3650"))?,
            },
            requests_per_second: text("VITRINE_REQUESTS_PER_SECOND")?
                .parse()
                .ok()
                .filter(|requests| *requests > 0)
                .ok_or(invalid("VITRINE_REQUESTS_PER_SECOND", "a whole number from 1"))?,
            ffmpeg: text("VITRINE_FFMPEG")?,
            soffice: text("VITRINE_SOFFICE")?,
            log: text("VITRINE_LOG")?,
        })
    }
}

fn days(text: &str) -> Option<u32> {
    text.parse().ok().filter(|days| (1..=3650).contains(days))
}

/// Renders the variables as Markdown for `docs/configuration.md`.
pub fn render_configuration() -> String {
    let mut out = String::from(
        "# Configuration\n\nGenerated from `shared/runtime/src/config.rs` by `cargo xtask docs`; do not edit.\n\n\
         The functions read these variables of their environment, which `template.yaml` sets. Endpoints, region and \
         credentials come from the AWS SDK's own variables, such as `AWS_ENDPOINT_URL`.\n\n\
         | variable | default | meaning |\n|---|---|---|\n",
    );
    for variable in VARIABLES {
        let default = match variable.default {
            None => "must be set".to_owned(),
            Some("") => "empty".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        out.push_str(&format!("| `{}` | {default} | {} |\n", variable.name, variable.meaning));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(extra: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from(|name| {
            let given = extra.iter().find(|(held, _)| *held == name).map(|(_, value)| (*value).to_owned());
            let variable = VARIABLES.iter().find(|variable| variable.name == name);
            given
                .or_else(|| variable.filter(|variable| variable.default.is_none()).map(|_| "0101".to_owned()))
        })
    }

    #[test]
    fn denies_and_requires_a_collection_unless_told_otherwise() {
        let config = read(&[]).unwrap();
        assert_eq!((config.default_access, config.require_collection), (DefaultAccess::Restrict, true));
    }

    #[test]
    fn names_the_variable_that_is_missing_or_wrong() {
        assert_eq!(
            Config::from(|_| None).unwrap_err().to_string(),
            "the variable `VITRINE_INSTITUTION` must be set"
        );
        for (name, value) in [
            ("VITRINE_DEFAULT_ACCESS", "open"),
            ("VITRINE_TIME_ZONE", "Mars/Olympus"),
            ("VITRINE_UPLOAD_EXPIRY_DAYS", "0"),
            ("VITRINE_KEEP_DELETED_DAYS", "0"),
            ("VITRINE_FIXITY_DAYS", "0"),
            ("VITRINE_FIXITY_LOOK_DAYS", "3651"),
            ("VITRINE_REQUESTS_PER_SECOND", "x"),
        ] {
            assert!(read(&[(name, value)]).unwrap_err().to_string().contains(name));
        }
    }
}
