//! What holds whatever a policy says: the first match decides, negation is negation, doubt opens nothing, and the
//! instants at which a decision is said to change are those at which it does.

use std::net::IpAddr;

use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::condition;
use crate::rights::condition::{Condition, Input, Operator, Truth};
use crate::rights::policy::{Effect, Output, Permission, PolicySettings, RestrictedThumbnail, Rule};
use crate::rights::{Facts, Governing, Identity, Known, Offered, Outcome, Viewer, decide};

const GROUPS: [&str; 3] = ["FACULTY", "STUDENT", "ALUMNI"];
const COURSES: [&str; 2] = ["HIST-101", "LAW-2"];
const BLOCKS: [&str; 4] = ["192.0.2.0/24", "192.0.2.128/25", "2001:db8::/32", "0.0.0.0/0"];
const ADDRESSES: [&str; 5] = ["192.0.2.1", "192.0.2.200", "::ffff:192.0.2.200", "2001:db8::7", "203.0.113.1"];

/// A condition in the model: what is compared with what, and whether the answer is turned round.
#[derive(Debug, Clone)]
enum Model {
    Group(Vec<usize>, bool),
    Course(Vec<usize>, bool),
    Registered(bool, bool),
    Block(Vec<usize>, bool),
    FromHour(i64, bool),
}

#[derive(Debug, Clone)]
struct ModelViewer {
    registered: bool,
    groups: Vec<usize>,
    courses: Vec<usize>,
    address: usize,
}

fn hour(number: i64) -> Timestamp {
    "2026-11-24T00:00:00Z".parse::<Timestamp>().unwrap() + number.hours()
}

impl Model {
    /// The model's own answer, told from sets and not from the code under test.
    fn holds(&self, viewer: &ModelViewer, at_hour: i64) -> bool {
        let any = |wanted: &[usize], held: &[usize]| {
            viewer.registered && held.iter().any(|held| wanted.contains(held))
        };
        // Which address lies in which block, by hand.
        let inside: [&[usize]; 5] = [&[0, 3], &[0, 1, 3], &[0, 1, 3], &[2], &[3]];
        let (found, negated) = match self {
            Self::Group(wanted, negated) => (any(wanted, &viewer.groups), *negated),
            Self::Course(wanted, negated) => (any(wanted, &viewer.courses), *negated),
            Self::Registered(wanted, negated) => (viewer.registered == *wanted, *negated),
            Self::Block(wanted, negated) => {
                (wanted.iter().any(|block| inside[viewer.address].contains(block)), *negated)
            }
            Self::FromHour(from, negated) => (at_hour >= *from, *negated),
        };
        found != negated
    }

    fn condition(&self) -> Condition {
        let listed = |negated: bool| if negated { Operator::NotInList } else { Operator::InList };
        let names = |wanted: &[usize], from: &[&'static str]| -> Vec<&'static str> {
            wanted.iter().map(|index| from[*index]).collect()
        };
        match self {
            Self::Group(wanted, negated) => {
                condition(Input::UserGroup, listed(*negated), &names(wanted, &GROUPS))
            }
            Self::Course(wanted, negated) => {
                condition(Input::Course, listed(*negated), &names(wanted, &COURSES))
            }
            Self::Registered(wanted, negated) => {
                let operator = if *negated { Operator::NotEquals } else { Operator::Equals };
                condition(Input::Registered, operator, &[if *wanted { "true" } else { "false" }])
            }
            Self::Block(wanted, negated) => {
                condition(Input::IpRange, listed(*negated), &names(wanted, &BLOCKS))
            }
            Self::FromHour(from, negated) => {
                let operator = if *negated { Operator::Before } else { Operator::From };
                condition(Input::Date, operator, &[&hour(*from).to_string()])
            }
        }
    }
}

impl ModelViewer {
    fn viewer(&self) -> Viewer {
        let names = |held: &[usize], from: &[&str]| held.iter().map(|at| from[*at].to_owned()).collect();
        let identity = if self.registered {
            Identity::Known(Known {
                id: Some("anna".parse().unwrap()),
                groups: names(&self.groups, &GROUPS),
                campuses: vec![],
                courses: names(&self.courses, &COURSES),
            })
        } else {
            Identity::Anonymous
        };
        let address: IpAddr = ADDRESSES[self.address].parse().unwrap();
        Viewer { identity: Some(identity), source_ip: Some(address), staff: false }
    }
}

fn some(of: usize) -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..of, 1..=2)
}

fn models() -> impl Strategy<Value = Model> {
    prop_oneof![
        (some(3), any::<bool>()).prop_map(|(wanted, negated)| Model::Group(wanted, negated)),
        (some(2), any::<bool>()).prop_map(|(wanted, negated)| Model::Course(wanted, negated)),
        (any::<bool>(), any::<bool>()).prop_map(|(wanted, negated)| Model::Registered(wanted, negated)),
        (some(4), any::<bool>()).prop_map(|(wanted, negated)| Model::Block(wanted, negated)),
        (0_i64..48, any::<bool>()).prop_map(|(from, negated)| Model::FromHour(from, negated)),
    ]
}

type ModelRules = Vec<(Vec<Model>, bool)>;

fn rules() -> impl Strategy<Value = ModelRules> {
    proptest::collection::vec((proptest::collection::vec(models(), 0..4), any::<bool>()), 0..6)
}

fn viewers() -> impl Strategy<Value = ModelViewer> {
    let held = |of: usize| proptest::collection::vec(0..of, 0..3);
    (any::<bool>(), held(3), held(2), 0..ADDRESSES.len()).prop_map(
        |(registered, groups, courses, address)| ModelViewer { registered, groups, courses, address },
    )
}

fn effect(allow: bool) -> Effect {
    if allow { Effect::Allow } else { Effect::Deny }
}

fn policy(rules: &ModelRules, default: bool) -> PolicySettings {
    let rules = rules.iter().map(|(models, allow)| Rule {
        name: None,
        inputs: models.iter().map(Model::condition).collect(),
        output: Output::plain(effect(*allow), Permission::View),
    });
    PolicySettings {
        name: "p".to_owned(),
        description: None,
        copyright_declaration: None,
        denied_note: None,
        denied_note_unregistered: None,
        restricted_thumbnail: RestrictedThumbnail::Hide,
        rules: rules.collect(),
        default_rule: Output::plain(effect(default), Permission::View),
    }
}

fn asked(policy: &PolicySettings, viewer: &Viewer, at: Timestamp) -> crate::rights::Decision {
    decide(Governing::Policy(policy), viewer, &Facts { library: None, offered: Offered::Yes }, at)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn a2_the_first_rule_that_matches_decides(rules in rules(), default: bool, viewer in viewers(), at in 0_i64..50) {
        let matched = rules.iter().position(|(models, _)| models.iter().all(|it| it.holds(&viewer, at)));
        let allowed = matched.map_or(default, |index| rules[index].1);
        let decision = asked(&policy(&rules, default), &viewer.viewer(), hour(at));
        prop_assert_eq!(decision.by.rule, matched.map(|index| index + 1));
        prop_assert_eq!(decision.allows(), allowed);
        prop_assert_eq!(decision.trace.len(), matched.map_or(rules.len(), |index| index + 1));
        for (tried, (models, _)) in decision.trace.iter().zip(&rules) {
            let expected: Vec<_> = models.iter().map(|it| Truth::from(it.holds(&viewer, at))).collect();
            prop_assert_eq!(&tried.inputs, &expected);
        }
    }

    #[test]
    fn b37_who_is_let_in_while_less_is_known_is_let_in_once_more_is(
        rules in rules(), default: bool, viewer in viewers(), at in 0_i64..50, hide_who: bool, hide_where: bool,
    ) {
        let policy = policy(&rules, default);
        let known = viewer.viewer();
        let mut less = known.clone();
        if hide_who {
            less.identity = None;
        }
        if hide_where {
            less.source_ip = None;
        }
        if asked(&policy, &less, hour(at)).allows() {
            prop_assert!(asked(&policy, &known, hour(at)).allows());
        }
    }

    #[test]
    fn b44_a_decision_changes_when_it_says_and_not_before(
        rules in rules(), default: bool, viewer in viewers(), at in 0_i64..50,
    ) {
        let policy = policy(&rules, default);
        let viewer = viewer.viewer();
        let first = asked(&policy, &viewer, hour(at));
        let change = first.changes_at;
        for later in at + 1..60 {
            let there = asked(&policy, &viewer, hour(later));
            match change {
                Some(change) if hour(later) == change => {
                    prop_assert_ne!(there.allows(), first.allows());
                    let before = asked(&policy, &viewer, change - 1.nanosecond());
                    prop_assert_eq!(before.allows(), first.allows());
                    break;
                }
                _ => prop_assert_eq!(there.allows(), first.allows(), "at hour {}", later),
            }
        }
        if let Outcome::Deny { may_change_at, .. } = first.outcome {
            prop_assert_eq!(may_change_at, change);
        }
    }

    #[test]
    fn b52_what_may_be_remembered_for_everyone_is_let_in_for_everyone(
        rules in rules(), default: bool, viewer in viewers(), others in proptest::collection::vec(viewers(), 8), at in 0_i64..50,
    ) {
        let policy = policy(&rules, default);
        let now = hour(at) - 20.seconds();
        let seconds = asked(&policy, &viewer.viewer(), now).shared_seconds(now);
        prop_assert!(seconds <= 60);
        if seconds > 0 {
            let last = now + i64::try_from(seconds).unwrap().seconds();
            for other in &others {
                prop_assert!(asked(&policy, &other.viewer(), now).allows());
                prop_assert!(asked(&policy, &other.viewer(), last).allows());
            }
        }
    }

    #[test]
    fn a10_a_negated_condition_is_the_other_way_round(
        viewer in viewers(), at in 0_i64..50, hide_who: bool, hide_where: bool, groups in some(3), blocks in some(4), from in 0_i64..48,
    ) {
        let mut viewer = viewer.viewer();
        if hide_who {
            viewer.identity = None;
        }
        if hide_where {
            viewer.source_ip = None;
        }
        let groups: Vec<_> = groups.iter().map(|index| GROUPS[*index]).collect();
        let blocks: Vec<_> = blocks.iter().map(|index| BLOCKS[*index]).collect();
        let instant = hour(from).to_string();
        for (input, plain, negated, values) in [
            (Input::UserGroup, Operator::InList, Operator::NotInList, groups.clone()),
            (Input::UserGroup, Operator::Equals, Operator::NotEquals, groups[..1].to_vec()),
            (Input::UserGroup, Operator::Contains, Operator::NotContains, groups.clone()),
            (Input::UserGroup, Operator::NotEmpty, Operator::Empty, vec![]),
            (Input::UserId, Operator::Equals, Operator::NotEquals, vec!["anna"]),
            (Input::Registered, Operator::Equals, Operator::NotEquals, vec!["true"]),
            (Input::IpRange, Operator::InList, Operator::NotInList, blocks.clone()),
            (Input::IpRange, Operator::Equals, Operator::NotEquals, blocks[..1].to_vec()),
            (Input::Library, Operator::Equals, Operator::NotEquals, vec!["MAIN"]),
            (Input::Date, Operator::From, Operator::Before, vec![instant.as_str()]),
        ] {
            let facts = Facts { library: None, offered: Offered::Yes };
            let plain = condition(input, plain, &values).holds(&viewer, &facts, hour(at));
            let other = condition(input, negated, &values).holds(&viewer, &facts, hour(at));
            prop_assert_eq!(other, plain.negated(), "{} {:?}", input, values);
            let known = match input {
                Input::Library => false,
                Input::Date => true,
                Input::IpRange => !hide_where,
                _ => !hide_who,
            };
            prop_assert_eq!(plain == Truth::Doubt, !known, "{}", input);
        }
    }
}
