//! Settings: flags, else the environment, else the settings file. The key is held, never shown.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::Deserialize;

use crate::args::ConnectionArgs;
use crate::failure::Failure;

/// Where the API of a server is, when only the server is named.
const BASE: &str = "/almaws/v1";
/// How often a request is repeated unless told otherwise.
const RETRIES: u32 = 8;
/// How much is sent at the same time unless told otherwise.
const PARALLEL: u8 = 4;

/// A secret; printing it shows nothing.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The secret itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What a command needs to know about the repository.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The base of the API without a slash at the end.
    pub url: String,
    pub key: Secret,
    pub retries: u32,
    pub parallel: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsFile {
    url: Option<String>,
    api_key: Option<Secret>,
    parallel: Option<u8>,
    retries: Option<u32>,
}

/// The members of a local stack's description that matter here.
#[derive(Debug, Deserialize)]
struct Stack {
    api_url: String,
    admin_api_key: Secret,
}

impl Settings {
    /// Puts the sources together. `from_environment` says that a value of `args` came from there: a stack named by a
    /// flag wins over it.
    ///
    /// # Errors
    /// A file that can not be read; no address or no key anywhere.
    pub fn load(args: &ConnectionArgs, from_environment: FromEnvironment) -> Result<Self, Failure> {
        let file = settings_file(args.config.as_deref())?;
        let stack = args.stack.as_deref().map(stack).transpose()?;
        let (stack_url, stack_key) =
            stack.map_or((None, None), |stack| (Some(stack.api_url), Some(stack.admin_api_key)));
        let given = |value: &Option<String>| value.clone().filter(|text| !text.trim().is_empty());
        let (url, key) = (given(&args.url), given(&args.api_key).map(Secret));
        let url = if from_environment.url { stack_url.or(url) } else { url.or(stack_url) };
        let key = if from_environment.key { stack_key.or(key) } else { key.or(stack_key) };
        let url = url.or(file.url).ok_or_else(|| {
            Failure::Usage(
                "no address: give --url, or set VITRINE_URL, or `url` in the settings file".to_owned(),
            )
        })?;
        let key = key.or(file.api_key).ok_or_else(|| {
            Failure::Usage("no API key: set VITRINE_API_KEY, or `api_key` in the settings file".to_owned())
        })?;
        let key = Secret(key.0.trim().to_owned());
        if key.0.is_empty() || !key.0.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::Usage("the API key has characters that no key has".to_owned()));
        }
        Ok(Self {
            url: base(&url)?,
            key,
            retries: args.retries.or(file.retries).unwrap_or(RETRIES).min(100),
            parallel: file.parallel.unwrap_or(PARALLEL).clamp(1, 64),
        })
    }

    /// The same with the number of a command's own flag.
    pub fn in_parallel(mut self, wanted: Option<u8>) -> Self {
        self.parallel = wanted.unwrap_or(self.parallel);
        self
    }
}

/// Which values clap took from the environment rather than from a flag.
#[derive(Debug, Clone, Copy, Default)]
pub struct FromEnvironment {
    pub url: bool,
    pub key: bool,
}

/// The base of the API that `given` names.
fn base(given: &str) -> Result<String, Failure> {
    let given = given.trim().trim_end_matches('/');
    let bad = |why: &str| Failure::Usage(format!("`{given}` is not the address of a repository: {why}"));
    let rest = given
        .strip_prefix("https://")
        .or_else(|| given.strip_prefix("http://"))
        .ok_or_else(|| bad("it begins with https:// or http://"))?;
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() {
        return Err(bad("it names no host"));
    }
    if host.contains('@') {
        return Err(Failure::Usage("an address must not hold a user name or a password".to_owned()));
    }
    if !given.bytes().all(|byte| byte.is_ascii_graphic()) || given.contains(['?', '#', '"', '<', '>']) {
        return Err(bad("it has a character that does not belong into one"));
    }
    Ok(if rest.contains('/') { given.to_owned() } else { format!("{given}{BASE}") })
}

fn settings_file(named: Option<&Path>) -> Result<SettingsFile, Failure> {
    let (path, required) = match named {
        Some(path) => (path.to_owned(), true),
        None => match folders() {
            Some(folders) => (folders.config_dir().join("vitrine/config.toml"), false),
            None => return Ok(SettingsFile::default()),
        },
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && !required => {
            return Ok(SettingsFile::default());
        }
        Err(error) => {
            return Err(Failure::Usage(format!(
                "the settings file `{}` can not be read: {error}",
                path.display()
            )));
        }
    };
    // The parser's own message quotes the line, which may be the key's.
    let file: SettingsFile = toml::from_str(&text).map_err(|error| {
        let line =
            error.span().and_then(|span| text.get(..span.start)).map(|before| before.lines().count().max(1));
        Failure::Usage(format!(
            "the settings file `{}` can not be used{}: it takes the lines url, api_key, parallel and retries",
            path.display(),
            line.map(|line| format!(" (line {line})")).unwrap_or_default(),
        ))
    })?;
    if file.api_key.is_some() && others_can_read(&path) {
        eprintln!("note: other users can read `{}`, which holds an API key", path.display());
    }
    Ok(file)
}

#[cfg(unix)]
fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_: &Path) -> bool {
    false
}

fn stack(path: &Path) -> Result<Stack, Failure> {
    // The folder of a stack does as well as its file.
    let path = if path.is_dir() { path.join("stack.json") } else { path.to_owned() };
    let unusable = |why: &str| Failure::Usage(format!("the stack file `{}` {why}", path.display()));
    let text = fs::read_to_string(&path).map_err(|error| unusable(&format!("can not be read: {error}")))?;
    serde_json::from_str(&text).map_err(|_| unusable("does not describe a stack"))
}

fn folders() -> Option<impl BaseStrategy> {
    etcetera::choose_base_strategy().ok()
}

/// Where journals are kept.
///
/// # Errors
/// A system without a home folder.
pub fn state_folder() -> Result<PathBuf, Failure> {
    let folders = folders().ok_or_else(|| Failure::Usage("no home folder is set".to_owned()))?;
    Ok(folders.state_dir().unwrap_or_else(|| folders.data_dir()).join("vitrine"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_completed_and_checked() {
        assert_eq!(base("https://a.example/").unwrap(), "https://a.example/almaws/v1");
        assert_eq!(base("http://127.0.0.1:80/almaws/v1/").unwrap(), "http://127.0.0.1:80/almaws/v1");
        for bad in ["a.example", "ftp://a", "https://", "https://u:p@a", "https://a/x?y", "https://a b"] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret("k3y".to_owned())), "(secret)");
    }
}
