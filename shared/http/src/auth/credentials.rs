//! The credential that a request carries: exactly one.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use percent_encoding::percent_decode_str;

/// The longest credential that is looked at.
const MAX_CREDENTIAL_BYTES: usize = 8 * 1024;

/// A credential. Its `Debug` form hides it.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A token of the issuer.
    Bearer(String),
    /// An API key.
    ApiKey(String),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer(…)",
            Self::ApiKey(_) => "ApiKey(…)",
        })
    }
}

/// Why a request carries no usable credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialError {
    /// None at all.
    Missing,
    /// More than one, which could be told apart differently elsewhere.
    Several,
    /// Not of a form that is known.
    Malformed,
}

impl CredentialError {
    /// What the log says.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Missing => "no credential",
            Self::Several => "more than one credential",
            Self::Malformed => "malformed credential",
        }
    }
}

/// Finds the credential in `Authorization: Bearer`, `Authorization: apikey` or the `apikey` parameter (ALMA-1).
///
/// # Errors
/// None, more than one, or one of an unknown form.
pub fn credential_of(headers: &HeaderMap, query: &str) -> Result<Credential, CredentialError> {
    let mut found = Vec::new();
    for value in headers.get_all(AUTHORIZATION) {
        let text = value.to_str().map_err(|_| CredentialError::Malformed)?;
        let (scheme, rest) = text.trim().split_once(' ').ok_or(CredentialError::Malformed)?;
        let rest = rest.trim();
        found.push(match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Credential::Bearer(sound(rest)?),
            "apikey" => Credential::ApiKey(sound(rest)?),
            _ => return Err(CredentialError::Malformed),
        });
    }
    for pair in query.split('&') {
        if let Some(value) = pair.strip_prefix("apikey=") {
            let decoded = percent_decode_str(value).decode_utf8().map_err(|_| CredentialError::Malformed)?;
            found.push(Credential::ApiKey(sound(&decoded)?));
        }
    }
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(CredentialError::Missing),
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(CredentialError::Several),
    }
}

fn sound(text: &str) -> Result<String, CredentialError> {
    let legal =
        (1..=MAX_CREDENTIAL_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if legal { Ok(text.to_owned()) } else { Err(CredentialError::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(headers: &[&str], query: &str) -> Result<Credential, CredentialError> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(AUTHORIZATION, header.parse().unwrap());
        }
        credential_of(&map, query)
    }

    #[test]
    fn alma_1_takes_a_key_from_header_or_query() {
        assert_eq!(find(&["apikey K1"], ""), Ok(Credential::ApiKey("K1".into())));
        assert_eq!(find(&[], "limit=1&apikey=K%2B1"), Ok(Credential::ApiKey("K+1".into())));
        assert_eq!(find(&["Bearer a.b.c"], "x=1"), Ok(Credential::Bearer("a.b.c".into())));
    }

    #[test]
    fn refuses_two_credentials_and_unknown_forms() {
        assert_eq!(find(&[], ""), Err(CredentialError::Missing));
        assert_eq!(find(&["Bearer a"], "apikey=K"), Err(CredentialError::Several));
        assert_eq!(find(&["Bearer a", "Bearer a"], ""), Err(CredentialError::Several));
        for bad in ["Basic dTpw", "Bearer", "Bearer ", "apikey a b"] {
            assert_eq!(find(&[bad], ""), Err(CredentialError::Malformed), "{bad}");
        }
        assert_eq!(find(&[], &format!("apikey={}", "k".repeat(9000))), Err(CredentialError::Malformed));
    }

    #[test]
    fn a_credential_does_not_show_itself() {
        assert_eq!(format!("{:?}", Credential::ApiKey("secret".into())), "ApiKey(…)");
    }
}
