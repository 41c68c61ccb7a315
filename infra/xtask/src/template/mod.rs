//! `cargo xtask check-template`: what `template.yaml` must hold, as rules with ids.
//!
//! cfn-lint knows CloudFormation; the rules here know this project (reliability.md B7, B59, E.12). They read the
//! expanded template, because that is what is deployed. A rule can be waived on one resource, in its metadata,
//! with a reason and a last day:
//!
//! ```yaml
//! Metadata:
//!   Waivers:
//!     - { Rule: T02, Until: "2027-06-30", Why: AWS X-Ray knows no resource-level rights }
//! ```

mod access;
mod functions;
mod model;
mod storage;
mod waivers;

use crate::tools::run;
use anyhow::{Result, bail};
use model::Model;
use serde_json::Value;
use std::process::Command;
use vitrine_engine::{REGION, Template, venv, workspace_root};

/// A rule that the template breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable id, such as `T06`.
    pub rule: &'static str,
    /// Logical id of the resource.
    pub resource: String,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
}

/// Checks the product's template with cfn-lint, as written and as expanded, and with the project's own rules.
///
/// # Errors
/// When anything is found; everything found is printed first.
pub fn check_template() -> Result<()> {
    let path = workspace_root().join("template.yaml");
    let cfn_lint = venv()?.join("bin/cfn-lint");
    let lint = |file: &std::path::Path| {
        run(Command::new(&cfn_lint).args(["--regions", REGION, "--template"]).arg(file))
    };
    lint(&path)?;

    let expanded = Template::read_expanded(&path)?;
    let file = vitrine_engine::vitrine_home().join("cache/expanded-template.json");
    std::fs::write(&file, serde_json::to_vec_pretty(expanded.as_json())?)?;
    lint(&file)?;

    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let findings = check(expanded.as_json(), &today);
    for finding in &findings {
        println!("{} {}: {}", finding.rule, finding.resource, finding.message);
    }
    if !findings.is_empty() {
        bail!("template.yaml breaks {} rules", findings.len());
    }
    Ok(())
}

/// Returns every rule that an expanded template breaks and that no waiver covers on the day `today` (`YYYY-MM-DD`).
pub fn check(template: &Value, today: &str) -> Vec<Finding> {
    let model = Model::new(template);
    let mut findings = Vec::new();
    access::check(&model, &mut findings);
    functions::check(&model, &mut findings);
    storage::check(&model, &mut findings);
    waivers::apply(&model, today, findings)
}

#[cfg(test)]
mod tests;
