//! Access rights policies, and what trying one out gives (A1, A20).

use serde_json::{Value, json};
use vitrine_app::rights::Simulated;
use vitrine_domain::TimeZone;
use vitrine_domain::rights::{
    AccessRightsPolicy, Condition, Facts, Offered, Outcome, Permit, PolicySettings, Truth, embargo,
};

use super::{Addresses, code, day, without_nulls};
use crate::wire::shape::{Shape, coded, count, flag, object, text};

/// What a rule gives to whom it matches.
static OUTPUT: Shape = Shape {
    root: "rule_output",
    members: &[
        text("effect"),
        text("permission"),
        text("size"),
        text("watermark"),
        count("concurrent_users"),
        count("session_minutes"),
        count("cool_off_minutes"),
        count("loan_copies"),
        count("loan_days"),
        flag("waive_declaration"),
    ],
};

static INPUT: Shape = Shape {
    root: "rule_input",
    members: &[text("input"), text("operator"), text("values").many(), text("local").output_only()],
};

static RULE: Shape = Shape {
    root: "rule",
    members: &[text("name"), object("inputs", &INPUT).many(), object("output", &OUTPUT)],
};

pub static POLICY: Shape = Shape {
    root: "access_rights_policy",
    members: &[
        text("link").attribute().output_only(),
        text("id").output_only(),
        text("name"),
        text("description"),
        text("copyright_declaration"),
        text("denied_note"),
        text("denied_note_unregistered"),
        text("restricted_thumbnail"),
        object("rules", &RULE).many(),
        object("default_rule", &OUTPUT),
        text("created_by").output_only(),
        text("created_date").output_only(),
        text("last_modified_by").output_only(),
        text("last_modified_date").output_only(),
    ],
};

list_shape!(POLICIES: "access_rights_policies" of "access_rights_policy" POLICY);

/// Who asks, from where, when, for what, under which policy.
pub static SIMULATION: Shape = Shape {
    root: "simulation",
    members: &[
        text("user_id"),
        flag("registered"),
        text("user_group").many(),
        text("campus").many(),
        text("course").many(),
        text("ip_address"),
        text("at"),
        text("representation_id"),
        text("library"),
        object("policy", &POLICY),
    ],
};

static SEEN: Shape = Shape {
    root: "seen_input",
    members: &[
        text("input"),
        text("operator"),
        text("values").many(),
        text("local"),
        text("seen").many(),
        coded("holds"),
    ],
};

static TRIED: Shape = Shape {
    root: "tried_rule",
    members: &[
        count("number"),
        text("name"),
        text("effect"),
        coded("holds"),
        flag("decides"),
        object("inputs", &SEEN).many(),
    ],
};

/// What would come of it, and why.
pub static SIMULATED: Shape = Shape {
    root: "simulated",
    members: &[
        coded("outcome"),
        coded("decided_by"),
        count("rule_number"),
        text("rule_name"),
        coded("reason"),
        text("note"),
        text("declaration"),
        text("at"),
        text("local"),
        text("may_change_at"),
        text("may_change_local"),
        flag("thumbnail"),
        object("permit", &OUTPUT),
        object("trace", &TRIED).many(),
    ],
};

impl Addresses {
    /// An access rights policy; dates are also shown as they read in `zone`.
    pub fn policy(&self, found: &AccessRightsPolicy, zone: &TimeZone) -> Value {
        let mut view = json!({
            "link": format!("{}/conf/access-rights-policies/{}", self.api, found.id),
            "id": found.id.as_str(),
            "created_by": found.created_by.as_str(),
            "created_date": day(found.created_at),
            "last_modified_by": found.modified_by.as_str(),
            "last_modified_date": day(found.modified_at),
        });
        if let (Some(view), Value::Object(settings)) = (view.as_object_mut(), settings(&found.settings, zone))
        {
            view.extend(settings);
        }
        view
    }
}

fn settings(of: &PolicySettings, zone: &TimeZone) -> Value {
    let mut view = serde_json::to_value(of).unwrap_or_default();
    let rules: Vec<Value> = of
        .rules
        .iter()
        .map(|rule| {
            let inputs: Vec<Value> = rule.inputs.iter().map(|input| condition(input, zone)).collect();
            without_nulls(json!({ "name": rule.name, "inputs": inputs, "output": rule.output }))
        })
        .collect();
    if let Some(members) = view.as_object_mut() {
        members.insert("rules".to_owned(), Value::Array(rules));
    }
    view
}

fn condition(of: &Condition, zone: &TimeZone) -> Value {
    without_nulls(json!({
        "input": of.input(),
        "operator": of.operator(),
        "values": of.values(),
        "local": of.instant().map(|at| embargo::local(at, zone)),
    }))
}

/// A simulation's outcome and the rules that were tried for it.
pub fn simulated(found: &Simulated, zone: &TimeZone) -> Value {
    let decision = &found.decision;
    let mut view = json!({
        "decided_by": code(decision.by.decider),
        "rule_number": decision.by.rule,
        "rule_name": decision.by.rule.and_then(|number| rule_name(found.policy.as_ref(), number)),
        "at": found.at.to_string(),
        "local": embargo::local(found.at, zone),
        "may_change_at": decision.changes_at.map(|at| at.to_string()),
        "may_change_local": decision.changes_at.map(|at| embargo::local(at, zone)),
        "thumbnail": decision.shows_thumbnail,
        "trace": trace(found, zone),
    });
    let more = match &decision.outcome {
        Outcome::Allow(permit) => json!({
            "outcome": { "value": "ALLOW", "desc": "It is shown" },
            "permit": permit_view(permit),
        }),
        Outcome::Declare { text, permit } => json!({
            "outcome": { "value": "DECLARE", "desc": "It is shown once the declaration is accepted" },
            "declaration": text,
            "permit": permit_view(permit),
        }),
        Outcome::Deny { note, reason, .. } => json!({
            "outcome": { "value": "DENY", "desc": "It is not shown" },
            "note": note,
            "reason": code(*reason),
        }),
        Outcome::Hide => json!({ "outcome": { "value": "HIDE", "desc": "It is as if it were not there" } }),
    };
    if let (Some(view), Value::Object(more)) = (view.as_object_mut(), more) {
        view.extend(more);
    }
    without_nulls(view)
}

fn rule_name(policy: Option<&PolicySettings>, number: usize) -> Option<&str> {
    policy?.rules.get(number.checked_sub(1)?)?.name.as_deref()
}

fn permit_view(permit: &Permit) -> Value {
    without_nulls(json!({
        "effect": "ALLOW",
        "permission": permit.permission,
        "size": permit.size,
        "watermark": permit.watermark,
        "concurrent_users": permit.concurrent_users,
        "session_minutes": permit.session_minutes,
        "cool_off_minutes": permit.cool_off_minutes,
        "loan_copies": permit.loan.map(|loan| loan.copies),
        "loan_days": permit.loan.map(|loan| loan.days),
    }))
}

fn trace(found: &Simulated, zone: &TimeZone) -> Vec<Value> {
    let rules = found.policy.iter().flat_map(|policy| &policy.rules);
    let facts = Facts { library: found.library.as_ref(), offered: Offered::Yes };
    rules
        .zip(&found.decision.trace)
        .enumerate()
        .map(|(index, (rule, tried))| {
            let inputs: Vec<Value> = rule
                .inputs
                .iter()
                .zip(&tried.inputs)
                .map(|(input, holds)| {
                    let mut view = condition(input, zone);
                    if let Some(members) = view.as_object_mut() {
                        let seen = input.saw(&found.viewer, &facts, found.at).unwrap_or_default();
                        members.insert("seen".to_owned(), json!(seen));
                        members.insert("holds".to_owned(), truth(*holds));
                    }
                    view
                })
                .collect();
            without_nulls(json!({
                "number": index + 1,
                "name": rule.name,
                "effect": rule.output.effect,
                "holds": truth(tried.all),
                "decides": found.decision.by.rule == Some(index + 1),
                "inputs": inputs,
            }))
        })
        .collect()
}

fn truth(of: Truth) -> Value {
    match of {
        Truth::Yes => json!({ "value": "YES", "desc": "It holds" }),
        Truth::No => json!({ "value": "NO", "desc": "It does not hold" }),
        Truth::Doubt => json!({ "value": "UNKNOWN", "desc": "What it looks at is not known" }),
    }
}
