//! The few calls to the engine that a deployment needs, over plain HTTP.
//!
//! The engine does not check header signatures of its root key, so none is computed; these calls work nowhere else.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::time::Duration;

/// Longest time one answer may take; the engine answers most calls in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Client {
    endpoint: String,
    agent: ureq::Agent,
}

impl Client {
    pub(crate) fn new(endpoint: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT));
        Self { endpoint: endpoint.to_owned(), agent: config.build().into() }
    }

    /// Calls an action of CloudFormation and returns the XML of the answer.
    ///
    /// # Errors
    /// When the engine refuses, with its own message.
    pub(crate) fn cloudformation(&self, action: &str, parameters: &[(String, String)]) -> Result<String> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action).append_pair("Version", "2010-05-15").extend_pairs(parameters);
        let mut answer = self
            .agent
            .post(format!("{}/", self.endpoint))
            .header("Authorization", authorization("cloudformation"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .send(form.finish())
            .with_context(|| format!("no answer to {action}"))?;
        let body = answer.body_mut().read_to_string().with_context(|| format!("no answer to {action}"))?;
        if answer.status().is_success() {
            return Ok(body);
        }
        let reason = text(&body, "Message").unwrap_or(body);
        bail!("{action} refused: {reason}")
    }

    /// Stores an object, or makes a bucket when `path` names only one.
    pub(crate) fn put(&self, path: &str, body: &[u8]) -> Result<()> {
        let mut answer = self
            .agent
            .put(format!("{}/{path}", self.endpoint))
            .header("Authorization", authorization("s3"))
            .send(body)
            .with_context(|| format!("no answer to a put of `{path}`"))?;
        let status = answer.status();
        let body = answer.body_mut().read_to_string().unwrap_or_default();
        if status.is_success() || (status.as_u16() == 409 && body.contains("BucketAlreadyOwnedByYou")) {
            return Ok(());
        }
        bail!("put of `{path}` refused with {status}: {body}")
    }

    /// Calls an action of Cognito's user pools.
    pub(crate) fn cognito(&self, action: &str, request: &Value) -> Result<Value> {
        let mut answer = self
            .agent
            .post(format!("{}/", self.endpoint))
            .header("Authorization", authorization("cognito-idp"))
            .header("X-Amz-Target", format!("AWSCognitoIdentityProviderService.{action}"))
            .header("Content-Type", "application/x-amz-json-1.1")
            .send(request.to_string())
            .with_context(|| format!("no answer to {action}"))?;
        let body = answer.body_mut().read_to_string().with_context(|| format!("no answer to {action}"))?;
        if answer.status().is_success() {
            return Ok(serde_json::from_str(&body).unwrap_or_default());
        }
        bail!("{action} refused: {body}")
    }

    /// Tells whether an object is there.
    pub(crate) fn has(&self, path: &str) -> bool {
        let url = format!("{}/{path}", self.endpoint);
        let answer = self.agent.head(url).header("Authorization", authorization("s3")).call();
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Tells whether the engine answers.
    pub(crate) fn is_healthy(&self) -> bool {
        let url = format!("{}/_ministack/health", self.endpoint);
        self.agent.get(url).call().is_ok_and(|answer| answer.status().is_success())
    }
}

fn authorization(service: &str) -> String {
    let region = crate::REGION;
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

/// Returns the text of the first element of that name.
pub(crate) fn text(xml: &str, name: &str) -> Option<String> {
    let document = roxmltree::Document::parse(xml).ok()?;
    let element = document.descendants().find(|node| node.tag_name().name() == name)?;
    element.text().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn finds_a_message_whatever_its_namespace() {
        let xml = r#"<E xmlns="http://x/"><Error><Message>a &lt; b</Message></Error></E>"#;
        assert_eq!(text(xml, "Message").as_deref(), Some("a < b"));
        assert_eq!(text(xml, "Other"), None);
        assert_eq!(text("no xml", "Message"), None);
    }
}
