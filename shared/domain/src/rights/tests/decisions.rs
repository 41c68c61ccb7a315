//! A2-A13 as tables: what a librarian expects of a policy.

use jiff::Timestamp;

use super::condition;
use crate::library::LibraryCode;
use crate::rights::condition::{Condition, Input, Operator, RawCondition, Truth};
use crate::rights::decision::{Decider, Reason};
use crate::rights::policy::{
    DefaultAccess, Effect, Output, Permission, PolicyDraft, PolicySettings, RestrictedThumbnail, Rule,
    SizeTier,
};
use crate::rights::{Decision, Facts, Governing, Identity, Known, Offered, Outcome, Viewer, decide};

const NOW: &str = "2026-11-24T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn rule(effect: Effect, inputs: Vec<Condition>) -> Rule {
    Rule { name: None, inputs, output: Output::plain(effect, Permission::View) }
}

fn policy(rules: Vec<Rule>, default: Effect) -> PolicySettings {
    PolicySettings {
        name: "p".to_owned(),
        description: None,
        copyright_declaration: None,
        denied_note: Some("Ask at the desk.".to_owned()),
        denied_note_unregistered: Some("Sign in.".to_owned()),
        restricted_thumbnail: RestrictedThumbnail::Hide,
        rules,
        default_rule: Output::plain(default, Permission::View),
    }
}

fn anyone() -> Viewer {
    Viewer {
        identity: Some(Identity::Anonymous),
        source_ip: Some("198.51.100.1".parse().unwrap()),
        staff: false,
    }
}

fn reader(id: &str, groups: &[&str]) -> Viewer {
    let known = Known {
        id: Some(id.parse().unwrap()),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        campuses: vec!["NORTH".to_owned()],
        courses: vec!["HIST-101".to_owned()],
    };
    Viewer { identity: Some(Identity::Known(known)), ..anyone() }
}

fn from(viewer: Viewer, address: &str) -> Viewer {
    Viewer { source_ip: Some(address.parse().unwrap()), ..viewer }
}

fn main_library() -> LibraryCode {
    "MAIN".parse().unwrap()
}

fn asked(policy: &PolicySettings, viewer: &Viewer) -> Decision {
    let library = main_library();
    decide(
        Governing::Policy(policy),
        viewer,
        &Facts { library: Some(&library), offered: Offered::Yes },
        now(),
    )
}

fn check(policy: &PolicySettings, viewer: &Viewer, allowed: bool, by_rule: Option<usize>) {
    let decision = asked(policy, viewer);
    assert_eq!(decision.allows(), allowed, "{viewer:?}: {decision:?}");
    assert_eq!(decision.by.rule, by_rule, "{viewer:?}: {decision:?}");
}

fn reason_of(decision: &Decision) -> Option<Reason> {
    match &decision.outcome {
        Outcome::Deny { reason, .. } => Some(*reason),
        _ => None,
    }
}

#[test]
fn a2_the_first_rule_whose_conditions_all_hold_decides_else_the_default() {
    let campus = || condition(Input::IpRange, Operator::InList, &["192.0.2.0/24", "2001:db8::/32"]);
    let faculty = || condition(Input::UserGroup, Operator::Equals, &["FACULTY"]);
    let policy = policy(
        vec![
            rule(Effect::Allow, vec![campus(), faculty()]),
            rule(Effect::Deny, vec![campus()]),
            rule(Effect::Allow, vec![faculty()]),
        ],
        Effect::Deny,
    );
    check(&policy, &from(reader("a", &["FACULTY"]), "192.0.2.9"), true, Some(1));
    check(&policy, &from(reader("a", &["STUDENT"]), "192.0.2.9"), false, Some(2));
    check(&policy, &from(anyone(), "2001:db8::1"), false, Some(2));
    check(&policy, &reader("a", &["STUDENT", "FACULTY"]), true, Some(3));
    check(&policy, &reader("a", &["STUDENT"]), false, None);
    check(&policy, &anyone(), false, None);
}

#[test]
fn a2_a_rule_without_conditions_always_matches() {
    let policy = policy(vec![rule(Effect::Allow, vec![]), rule(Effect::Deny, vec![])], Effect::Deny);
    check(&policy, &anyone(), true, Some(1));
}

#[test]
fn a3_without_a_policy_the_institution_decides_and_a_missing_one_denies() {
    let library = main_library();
    let facts = Facts { library: Some(&library), offered: Offered::Yes };
    let allow = decide(Governing::Institution(DefaultAccess::Allow), &anyone(), &facts, now());
    assert!(allow.allows() && allow.shared_seconds(now()) == 60);
    let restrict = Governing::Institution(DefaultAccess::Restrict);
    for viewer in [anyone(), reader("a", &["FACULTY"])] {
        assert_eq!(reason_of(&decide(restrict, &viewer, &facts, now())), Some(Reason::NoPolicy));
        let missing = decide(Governing::Missing, &viewer, &facts, now());
        assert_eq!(reason_of(&missing), Some(Reason::MissingPolicy));
        assert_eq!(missing.by.decider, Decider::MissingPolicy);
    }
}

#[test]
fn d8_what_is_not_offered_is_hidden_whatever_the_policy_says() {
    let open = policy(vec![], Effect::Allow);
    let staff = Viewer { staff: true, ..anyone() };
    let shut = policy(vec![], Effect::Deny);
    for (offered, viewer, governed, expected) in [
        (Offered::Nobody, &staff, &open, Decider::NotOffered),
        (Offered::Nobody, &anyone(), &open, Decider::NotOffered),
        (Offered::StaffOnly, &anyone(), &open, Decider::NotOffered),
        (Offered::StaffOnly, &staff, &shut, Decider::Staff),
        (Offered::Yes, &staff, &shut, Decider::Staff),
    ] {
        let facts = Facts { library: None, offered };
        let decision = decide(Governing::Policy(governed), viewer, &facts, now());
        assert_eq!(decision.by.decider, expected, "{offered:?} {viewer:?}");
        assert_eq!(decision.allows(), expected == Decider::Staff);
        assert_eq!(decision.shared_seconds(now()), 0);
    }
}

#[test]
fn a4_to_a9_each_input_looks_at_what_it_names() {
    let group = reader("anna", &["FACULTY", "ALUMNI"]);
    for (input, operator, values, viewer, expected) in [
        (Input::UserGroup, Operator::InList, vec!["STUDENT", "ALUMNI"], &group, Truth::Yes),
        (Input::UserGroup, Operator::InList, vec!["STUDENT"], &group, Truth::No),
        (Input::UserGroup, Operator::NotInList, vec!["STUDENT", "ALUMNI"], &group, Truth::No),
        (Input::UserGroup, Operator::Contains, vec!["ACULT"], &group, Truth::Yes),
        (Input::UserGroup, Operator::Empty, vec![], &group, Truth::No),
        (Input::UserGroup, Operator::Empty, vec![], &anyone(), Truth::Yes),
        (Input::UserGroup, Operator::Equals, vec!["faculty"], &group, Truth::No),
        (Input::UserId, Operator::InList, vec!["anna", "ben"], &group, Truth::Yes),
        (Input::UserId, Operator::NotEquals, vec!["anna"], &anyone(), Truth::Yes),
        (Input::Registered, Operator::Equals, vec!["true"], &group, Truth::Yes),
        (Input::Registered, Operator::Equals, vec!["true"], &anyone(), Truth::No),
        (Input::Registered, Operator::NotEquals, vec!["true"], &anyone(), Truth::Yes),
        (Input::Registered, Operator::Equals, vec!["false"], &anyone(), Truth::Yes),
        (Input::Campus, Operator::Equals, vec!["NORTH"], &group, Truth::Yes),
        (Input::Course, Operator::InList, vec!["HIST-101"], &group, Truth::Yes),
        (Input::Course, Operator::Contains, vec!["HIST-"], &group, Truth::Yes),
        (Input::Library, Operator::Equals, vec!["MAIN"], &anyone(), Truth::Yes),
        (Input::Library, Operator::NotInList, vec!["LAW", "MAIN"], &anyone(), Truth::No),
        (Input::IpRange, Operator::InList, vec!["198.51.100.0-198.51.100.1"], &anyone(), Truth::Yes),
        (Input::IpRange, Operator::NotInList, vec!["198.51.100.0/24"], &anyone(), Truth::No),
        (Input::Date, Operator::From, vec!["2026-11-24"], &anyone(), Truth::Yes),
        (Input::Date, Operator::From, vec!["2026-11-25"], &anyone(), Truth::No),
        (Input::Date, Operator::Before, vec!["2026-11-25"], &anyone(), Truth::Yes),
    ] {
        let library = main_library();
        let facts = Facts { library: Some(&library), offered: Offered::Yes };
        let found = condition(input, operator, &values).holds(viewer, &facts, now());
        assert_eq!(found, expected, "{input} {operator} {values:?} {viewer:?}");
    }
}

#[test]
fn a10_an_earlier_rule_is_an_exception_to_a_later_one() {
    let policy = policy(
        vec![
            rule(Effect::Allow, vec![condition(Input::UserId, Operator::Equals, &["anna"])]),
            rule(Effect::Deny, vec![condition(Input::UserGroup, Operator::NotInList, &["FACULTY"])]),
        ],
        Effect::Allow,
    );
    check(&policy, &reader("anna", &[]), true, Some(1));
    check(&policy, &reader("ben", &["STUDENT"]), false, Some(2));
    check(&policy, &reader("ben", &["FACULTY"]), true, None);
    check(&policy, &anyone(), false, Some(2));
}

#[test]
fn b37_what_is_not_known_denies_and_never_allows() {
    let nowhere = Viewer { source_ip: None, ..anyone() };
    let nobody = Viewer { identity: None, ..anyone() };
    let inside = condition(Input::IpRange, Operator::InList, &["192.0.2.0/24"]);
    let outside = condition(Input::IpRange, Operator::NotInList, &["192.0.2.0/24"]);
    let group = condition(Input::UserGroup, Operator::NotInList, &["BANNED"]);
    for (conditions, viewer) in
        [(inside, &nowhere), (outside, &nowhere), (group, &nobody)].map(|(it, viewer)| (vec![it], viewer))
    {
        check(&policy(vec![rule(Effect::Allow, conditions.clone())], Effect::Deny), viewer, false, None);
        check(&policy(vec![rule(Effect::Deny, conditions)], Effect::Allow), viewer, false, Some(1));
    }
}

#[test]
fn a11_a_denied_viewer_gets_the_note_the_reason_and_when_it_may_change() {
    let date = |operator| condition(Input::Date, operator, &["2027-01-01"]);
    let faculty = || condition(Input::UserGroup, Operator::Equals, &["FACULTY"]);
    let campus = || condition(Input::IpRange, Operator::Equals, &["192.0.2.0/24"]);
    let student = reader("a", &["STUDENT"]);
    for (conditions, viewer, reason, changes) in [
        (vec![date(Operator::From)], &anyone(), Reason::Embargo, Some("2027-01-01T00:00:00Z")),
        (vec![faculty()], &anyone(), Reason::SignIn, None),
        (vec![faculty()], &student, Reason::Policy, None),
        (vec![campus()], &anyone(), Reason::Network, None),
        (vec![campus(), faculty()], &student, Reason::Policy, None),
        (vec![date(Operator::From), faculty()], &anyone(), Reason::Policy, None),
        (vec![date(Operator::Before), faculty()], &anyone(), Reason::SignIn, None),
    ] {
        let policy = policy(vec![rule(Effect::Allow, conditions)], Effect::Deny);
        let Outcome::Deny { note, reason: found, may_change_at } = asked(&policy, viewer).outcome else {
            panic!("not denied");
        };
        let expected = if viewer == &anyone() { "Sign in." } else { "Ask at the desk." };
        assert_eq!(note.as_deref(), Some(expected));
        assert_eq!((found, may_change_at.map(|at| at.to_string()).as_deref()), (reason, changes));
        let plain = PolicySettings { denied_note_unregistered: None, ..policy };
        let Outcome::Deny { note, .. } = asked(&plain, viewer).outcome else { panic!("not denied") };
        assert_eq!(note.as_deref(), Some("Ask at the desk."), "the first note stands in");
    }
}

#[test]
fn signing_in_may_help_also_where_it_may_show_that_one_is_denied() {
    let policy = policy(
        vec![
            rule(Effect::Deny, vec![condition(Input::UserGroup, Operator::Equals, &["BANNED"])]),
            rule(Effect::Allow, vec![condition(Input::Registered, Operator::Equals, &["true"])]),
        ],
        Effect::Deny,
    );
    assert_eq!(reason_of(&asked(&policy, &anyone())), Some(Reason::SignIn));
    let shut = PolicySettings { rules: [vec![rule(Effect::Deny, vec![])], policy.rules].concat(), ..policy };
    assert_eq!(reason_of(&asked(&shut, &anyone())), Some(Reason::Policy));
}

#[test]
fn a12_a_declaration_comes_first_unless_the_rule_waives_it() {
    let mut policy = policy(
        vec![rule(Effect::Allow, vec![condition(Input::UserGroup, Operator::Equals, &["FACULTY"])])],
        Effect::Allow,
    );
    policy.copyright_declaration = Some("For private study only.".to_owned());
    policy.rules[0].output.waive_declaration = true;
    assert!(asked(&policy, &reader("a", &["FACULTY"])).allows());
    let decision = asked(&policy, &anyone());
    assert!(!decision.allows() && !decision.shows_thumbnail && decision.shared_seconds(now()) == 0);
    assert!(matches!(decision.outcome, Outcome::Declare { text, .. } if text == "For private study only."));
}

#[test]
fn a13_to_a16_the_rule_says_what_the_viewer_gets() {
    let mut rule = rule(Effect::Allow, vec![]);
    rule.output = Output {
        effect: Effect::Allow,
        permission: Permission::ViewAndDownload,
        size: SizeTier::Small,
        watermark: Some("{user} {date}".to_owned()),
        concurrent_users: Some(2),
        session_minutes: Some(30),
        cool_off_minutes: Some(5),
        loan_copies: None,
        loan_days: None,
        waive_declaration: false,
    };
    let policy = policy(vec![rule], Effect::Deny);
    let decision = asked(&policy, &anyone());
    let Outcome::Allow(permit) = &decision.outcome else { panic!("{decision:?}") };
    assert_eq!(permit.permission, Permission::ViewAndDownload);
    assert_eq!((permit.size.max_pixels(), permit.watermark.as_deref()), (Some(1024), Some("{user} {date}")));
    assert_eq!(
        (permit.concurrent_users, permit.session_minutes, permit.cool_off_minutes),
        (Some(2), Some(30), Some(5))
    );
    assert_eq!(decision.shared_seconds(now()), 0, "a seat is one viewer's");
}

#[test]
fn a18_what_is_lent_is_lent_to_somebody_for_the_days_of_the_rule() {
    let lends = |copies, days| Output {
        loan_copies: Some(copies),
        loan_days: Some(days),
        ..Output::plain(Effect::Allow, Permission::View)
    };
    let mut faculty = rule(Effect::Allow, vec![condition(Input::UserGroup, Operator::Equals, &["FACULTY"])]);
    faculty.output = lends(3, 30);
    let mut policy = policy(vec![faculty], Effect::Allow);
    policy.default_rule = lends(2, 7);
    policy.denied_note_unregistered = Some("Sign in.".to_owned());
    for (viewer, copies, days) in [(reader("a", &["FACULTY"]), 3, 30), (reader("b", &[]), 2, 7)] {
        let decision = asked(&policy, &viewer);
        let loan = decision.permit().unwrap().loan.unwrap();
        assert_eq!((loan.copies, loan.days, loan.longest_days), (copies, days, 30));
        assert_eq!(decision.shared_seconds(now()), 0, "a loan is one viewer's");
    }
    let decision = asked(&policy, &anyone());
    let Outcome::Deny { note, reason, may_change_at: None } = &decision.outcome else {
        panic!("{decision:?}")
    };
    assert_eq!((note.as_deref(), *reason), (Some("Sign in."), Reason::SignIn));
    assert!(decision.shows_thumbnail && decision.shared_seconds(now()) == 0);
    policy.copyright_declaration = Some("For private study only.".to_owned());
    assert!(!asked(&policy, &anyone()).shows_thumbnail);
    assert_eq!(asked(&policy, &reader("b", &[])).permit().unwrap().loan.map(|loan| loan.copies), Some(2));
    // Staff see it as it is, and what a policy lends elsewhere is no part of what is not lent.
    assert_eq!(asked(&policy, &Viewer { staff: true, ..anyone() }).permit().unwrap().loan, None);
}

#[test]
fn t6_a_policy_may_keep_the_thumbnail_of_what_it_denies() {
    let mut policy = policy(vec![], Effect::Deny);
    assert!(!asked(&policy, &anyone()).shows_thumbnail);
    policy.restricted_thumbnail = RestrictedThumbnail::Keep;
    let decision = asked(&policy, &anyone());
    assert!(decision.shows_thumbnail && !decision.allows() && decision.shared_seconds(now()) == 0);
}

#[test]
fn b44_nothing_is_remembered_past_a_date_in_the_policy() {
    let until = |text| condition(Input::Date, Operator::Before, &[text]);
    let seconds = |policy: &PolicySettings| asked(policy, &anyone()).shared_seconds(now());
    assert_eq!(seconds(&policy(vec![], Effect::Allow)), 60);
    assert_eq!(seconds(&policy(vec![rule(Effect::Allow, vec![until("2026-11-25")])], Effect::Deny)), 60);
    assert_eq!(
        seconds(&policy(vec![rule(Effect::Allow, vec![until("2026-11-24T12:00:31Z")])], Effect::Deny)),
        30
    );
    assert_eq!(
        seconds(&policy(vec![rule(Effect::Allow, vec![until("2026-11-24T12:00:00.5Z")])], Effect::Deny)),
        0
    );
}

#[test]
fn b44_nothing_is_remembered_past_a_date_that_matters_to_others_only() {
    let soon = condition(Input::Date, Operator::From, &["2026-11-24T12:00:31Z"]);
    let students = condition(Input::UserGroup, Operator::Equals, &["STUDENT"]);
    let policy = policy(vec![rule(Effect::Deny, vec![soon, students])], Effect::Allow);
    let decision = asked(&policy, &anyone());
    assert_eq!(decision.changes_at, None, "for this viewer nothing changes");
    assert_eq!(decision.shared_seconds(now()), 30);
    let later: Timestamp = "2026-11-24T12:00:31Z".parse().unwrap();
    let facts = Facts { library: None, offered: Offered::Yes };
    let after = decide(Governing::Policy(&policy), &anyone(), &facts, later);
    assert!(after.allows() && after.shared_seconds(later) == 0, "now students see another thing");
}

#[test]
fn b44_a_link_does_not_outlive_what_it_was_given_for() {
    let until = |text| rule(Effect::Allow, vec![condition(Input::Date, Operator::Before, &[text])]);
    for (rules, seconds) in [
        (vec![], 120),
        (vec![until("2026-11-25")], 120),
        (vec![until("2026-11-24T12:00:30Z")], 30),
        (vec![until("2026-11-24T12:00:00.5Z")], 1),
        (vec![until("2026-11-24T12:00:30Z"), rule(Effect::Allow, vec![])], 120),
    ] {
        let decision = asked(&policy(rules.clone(), Effect::Deny), &anyone());
        assert_eq!(decision.terms(now()).link_seconds(120), seconds, "{rules:?}");
    }
}

#[test]
fn b44_what_opened_this_instant_may_be_remembered() {
    let open = rule(Effect::Allow, vec![condition(Input::Date, Operator::From, &[NOW])]);
    assert_eq!(asked(&policy(vec![open], Effect::Deny), &anyone()).shared_seconds(now()), 60);
}

#[test]
fn a20_the_trace_holds_every_condition_of_every_rule_that_was_tried() {
    let policy = policy(
        vec![
            rule(
                Effect::Allow,
                vec![
                    condition(Input::UserGroup, Operator::Equals, &["FACULTY"]),
                    condition(Input::Library, Operator::Equals, &["MAIN"]),
                ],
            ),
            rule(Effect::Deny, vec![condition(Input::Registered, Operator::Equals, &["false"])]),
            rule(Effect::Allow, vec![]),
        ],
        Effect::Deny,
    );
    let trace = asked(&policy, &anyone()).trace;
    let found: Vec<_> = trace.iter().map(|rule| (rule.inputs.clone(), rule.all)).collect();
    assert_eq!(
        found,
        [(vec![Truth::No, Truth::Yes], Truth::No), (vec![Truth::Yes], Truth::Yes)],
        "the third rule was not tried"
    );
}

fn draft(rules: serde_json::Value) -> Result<PolicySettings, Vec<String>> {
    let body = serde_json::json!({ "name": "p", "rules": rules, "default_rule": { "effect": "DENY" } });
    let draft: PolicyDraft = serde_json::from_value(body).unwrap();
    draft.into_settings(&jiff::tz::TimeZone::UTC).map_err(|problems| {
        problems.0.into_iter().map(|it| format!("{}: {}", it.field, it.message)).collect()
    })
}

#[test]
fn what_a_rule_can_not_mean_is_refused_with_its_place() {
    let one = |input: serde_json::Value| {
        draft(serde_json::json!([{ "inputs": [input], "output": { "effect": "ALLOW" } }])).unwrap_err()
    };
    for (input, message) in [
        (
            serde_json::json!({ "input": "IP_RANGE", "operator": "IN_LIST", "values": ["10.0.0.0/8", "10.1"] }),
            "rules.0.inputs.0.values.1: must be an address",
        ),
        (
            serde_json::json!({ "input": "DATE", "operator": "EQUALS", "values": ["2030-01-01"] }),
            "rules.0.inputs.0: `DATE` takes the operators BEFORE, FROM",
        ),
        (
            serde_json::json!({ "input": "USER_GROUP", "operator": "EQUALS", "values": ["a", "b"] }),
            "rules.0.inputs.0: `EQUALS` takes one value",
        ),
        (
            serde_json::json!({ "input": "USER_GROUP", "operator": "IN_LIST" }),
            "rules.0.inputs.0: `IN_LIST` takes at least one value",
        ),
        (
            serde_json::json!({ "input": "USER_GROUP", "operator": "EMPTY", "values": ["a"] }),
            "rules.0.inputs.0: `EMPTY` takes no values",
        ),
        (
            serde_json::json!({ "input": "REGISTERED", "operator": "EQUALS", "values": ["yes"] }),
            "rules.0.inputs.0.values.0: must be `true` or `false`",
        ),
        (
            serde_json::json!({ "input": "COURSE", "operator": "EQUALS", "values": [" "] }),
            "rules.0.inputs.0.values.0: must not be empty",
        ),
    ] {
        let problems = one(input);
        assert!(problems[0].starts_with(message), "{problems:?}");
    }
    let seats = serde_json::json!([{ "output": { "effect": "ALLOW", "concurrent_users": 2 } }]);
    assert!(draft(seats).unwrap_err()[0].starts_with("rules.0.output.session_minutes"));
    for (output, field) in [
        (serde_json::json!({ "loan_copies": 2 }), "loan_days: must be given"),
        (serde_json::json!({ "loan_days": 7 }), "loan_days: needs `loan_copies`"),
        (serde_json::json!({ "loan_copies": 0, "loan_days": 7 }), "loan_copies: must be from 1 to 1000"),
        (serde_json::json!({ "loan_copies": 1001, "loan_days": 7 }), "loan_copies: must be from 1 to 1000"),
        (serde_json::json!({ "loan_copies": 2, "loan_days": 0 }), "loan_days: must be from 1 to 366"),
        (serde_json::json!({ "loan_copies": 2, "loan_days": 367 }), "loan_days: must be from 1 to 366"),
        (
            serde_json::json!({ "loan_copies": 2, "loan_days": 7, "concurrent_users": 2, "session_minutes": 9 }),
            "loan_copies: must not be given beside `concurrent_users`",
        ),
        (serde_json::json!({ "effect": "DENY", "loan_copies": 2, "loan_days": 7 }), "effect: must be ALLOW"),
    ] {
        let mut output = output;
        if output["effect"].is_null() {
            output["effect"] = serde_json::json!("ALLOW");
        }
        let problems = draft(serde_json::json!([{ "output": output }])).unwrap_err();
        assert!(problems[0].starts_with(&format!("rules.0.output.{field}")), "{problems:?}");
    }
    let lent =
        serde_json::json!([{ "output": { "effect": "ALLOW", "loan_copies": 1000, "loan_days": 366 } }]);
    assert!(draft(lent).is_ok());
    let denied = serde_json::json!([{ "output": { "effect": "DENY", "watermark": "x" } }]);
    assert!(draft(denied).unwrap_err()[0].starts_with("rules.0.output.effect"));
}

#[test]
fn a_condition_that_can_not_be_understood_can_not_be_read_from_the_table() {
    let stored = |values: &[&str]| {
        let raw = serde_json::json!({ "input": "IP_RANGE", "operator": "IN_LIST", "values": values });
        serde_json::from_value::<Condition>(raw)
    };
    assert!(stored(&["10.0.0.0/8"]).is_ok());
    for bad in [&["10.0.0.0/99"][..], &["everyone"], &[]] {
        assert!(stored(bad).is_err(), "{bad:?}");
    }
    let unknown = serde_json::json!({ "input": "MOON_PHASE", "operator": "EQUALS", "values": ["full"] });
    assert!(serde_json::from_value::<RawCondition>(unknown).is_err());
}
