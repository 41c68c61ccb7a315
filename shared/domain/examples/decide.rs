//! Decides a million times whether viewers may see something, for `cargo xtask bench`: a policy of ten rules with ranges,
//! groups and dates, and viewers for whom each of them matters.

use vitrine_domain::TimeZone;
use vitrine_domain::rights::{Facts, Governing, Identity, Known, Offered, PolicyDraft, Viewer, decide};

const DECISIONS: u32 = 1_000_000;

fn main() {
    let condition = |input: &str, operator: &str, values: Vec<String>| serde_json::json!({ "input": input, "operator": operator, "values": values });
    let rule = |inputs: Vec<serde_json::Value>| serde_json::json!({ "inputs": inputs, "output": { "effect": "ALLOW" } });
    let ranges = (0..20).map(|number| format!("10.{number}.0.0/16")).collect();
    let mut rules: Vec<_> = (0..7)
        .map(|number| {
            rule(vec![
                condition(
                    "USER_GROUP",
                    "IN_LIST",
                    vec![format!("GROUP-{number}"), format!("OTHER-{number}")],
                ),
                condition("CAMPUS", "EQUALS", vec!["NORTH".to_owned()]),
            ])
        })
        .collect();
    rules.push(rule(vec![condition("IP_RANGE", "IN_LIST", ranges)]));
    rules.push(rule(vec![condition("DATE", "FROM", vec!["2030-01-01".to_owned()])]));
    rules.push(rule(vec![condition("COURSE", "CONTAINS", vec!["HIST-".to_owned()])]));
    let policy = serde_json::json!({ "name": "p", "rules": rules, "default_rule": { "effect": "DENY" } });
    let draft: Result<PolicyDraft, _> = serde_json::from_value(policy);
    let settings = draft.ok().and_then(|draft| draft.into_settings(&TimeZone::UTC).ok());
    let Some(settings) = settings else {
        eprintln!("the policy can not be understood");
        std::process::exit(1);
    };
    let viewers: Vec<Viewer> = (0..16_u8)
        .map(|number| {
            let known = Known {
                id: None,
                groups: vec![format!("GROUP-{number}")],
                campuses: vec!["NORTH".to_owned()],
                courses: vec![format!("LAW-{number}")],
            };
            let identity = if number % 2 == 0 { Identity::Anonymous } else { Identity::Known(known) };
            let source_ip = Some(std::net::IpAddr::from([10, 10 + number, 0, 1]));
            Viewer { identity: Some(identity), source_ip, staff: false }
        })
        .collect();
    let facts = Facts { library: None, offered: Offered::Yes };
    let Ok(now) = "2026-11-24T12:00:00Z".parse() else { std::process::exit(1) };
    let mut let_in = 0_u32;
    for viewer in viewers.iter().cycle().take(DECISIONS as usize) {
        let_in += u32::from(decide(Governing::Policy(&settings), viewer, &facts, now).allows());
    }
    println!("{let_in} of {DECISIONS} let in");
}
