//! The decision: may this viewer see this representation now, and which rule says so.

use jiff::Timestamp;

use super::condition::{Condition, Input, Truth};
use super::decision::{DecidedBy, Decider, Decision, Outcome, Permit, Reason, RuleTrace};
use super::policy::{DefaultAccess, Effect, Output, PolicySettings, RestrictedThumbnail, Rule};
use super::viewer::{Facts, Offered, Viewer};

/// What governs the access to a representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Governing<'a> {
    /// It names no policy: the institution's default decides (A3).
    Institution(DefaultAccess),
    /// The policy that it names.
    Policy(&'a PolicySettings),
    /// It names a policy that is not there.
    Missing,
}

/// Decides whether `viewer` may see something under what governs it, at `now`.
///
/// Rules are tried in order, the first that matches decides, and the policy's default rule where none does. A rule
/// matches where all its conditions hold. Where it is not known whether they do, a rule that denies matches and one
/// that allows does not, so doubt never opens anything (B37). Staff see all that is not deleted.
/// Source: domain.md section 4.
pub fn decide(governing: Governing, viewer: &Viewer, facts: &Facts, now: Timestamp) -> Decision {
    match (facts.offered, viewer.staff) {
        (Offered::Nobody, _) | (Offered::StaffOnly, false) => {
            return Decision::plain(Outcome::Hide, Decider::NotOffered);
        }
        (_, true) => return Decision::plain(Outcome::Allow(Permit::everything()), Decider::Staff),
        (Offered::Yes, false) => {}
    }
    let deny = |reason| Outcome::Deny { note: None, reason, may_change_at: None };
    match governing {
        Governing::Institution(DefaultAccess::Allow) => {
            let allowed = Outcome::Allow(Permit::everything());
            Decision { shared: Some(None), ..Decision::plain(allowed, Decider::Institution) }
        }
        Governing::Institution(DefaultAccess::Restrict) => {
            Decision::plain(deny(Reason::NoPolicy), Decider::Institution)
        }
        Governing::Missing => Decision::plain(deny(Reason::MissingPolicy), Decider::MissingPolicy),
        Governing::Policy(policy) => under_policy(policy, viewer, facts, now),
    }
}

/// A rule with what does not change with time worked out.
struct Weighed<'a> {
    rule: &'a Rule,
    /// All conditions that are not dates.
    still: Truth,
    dates: Vec<&'a Condition>,
    /// The conditions in their order; those of dates at the time that was asked for.
    inputs: Vec<Truth>,
}

impl Weighed<'_> {
    fn at(&self, viewer: &Viewer, facts: &Facts, now: Timestamp) -> Truth {
        self.dates.iter().fold(self.still, |all, date| all.and(date.holds(viewer, facts, now)))
    }
}

fn matches(all: Truth, effect: Effect) -> bool {
    match all {
        Truth::Yes => true,
        Truth::Doubt => effect == Effect::Deny,
        Truth::No => false,
    }
}

fn under_policy(policy: &PolicySettings, viewer: &Viewer, facts: &Facts, now: Timestamp) -> Decision {
    let weighed: Vec<Weighed> = policy.rules.iter().map(|rule| weigh(rule, viewer, facts, now)).collect();
    let matched = first_match(&weighed, viewer, facts, now);
    let output = output_of(policy, matched);
    let mut dates: Vec<Timestamp> = policy
        .rules
        .iter()
        .flat_map(|rule| rule.inputs.iter().filter_map(Condition::instant))
        .filter(|at| *at > now)
        .collect();
    dates.sort_unstable();
    dates.dedup();
    let changes_at = dates
        .iter()
        .copied()
        .find(|at| output_of(policy, first_match(&weighed, viewer, facts, *at)) != output);
    let outcome = match (output.effect, &policy.copyright_declaration) {
        // What is lent is lent to somebody, not to a browser.
        (Effect::Allow, _) if output.loan_copies.is_some() && viewer.is_anonymous() => Outcome::Deny {
            note: denied_note(policy, viewer),
            reason: Reason::SignIn,
            may_change_at: changes_at,
        },
        (Effect::Deny, _) => Outcome::Deny {
            note: denied_note(policy, viewer),
            reason: reason(policy, viewer, facts, now, changes_at),
            may_change_at: changes_at,
        },
        (Effect::Allow, Some(text)) if !output.waive_declaration => {
            Outcome::Declare { text: text.clone(), permit: Permit::of(output, policy) }
        }
        (Effect::Allow, _) => Outcome::Allow(Permit::of(output, policy)),
    };
    // A picture is shown of what may be borrowed, as of what seats are taken for.
    let allowed = output.effect == Effect::Allow
        && (output.waive_declaration || policy.copyright_declaration.is_none());
    let tried = weighed.len().min(matched.map_or(usize::MAX, |index| index + 1));
    let shared = allowed
        && output.concurrent_users.is_none()
        && output.loan_copies.is_none()
        && weighed.iter().take(tried).all(|weighed| same_for_everyone(weighed, viewer, facts, now));
    let trace = weighed
        .iter()
        .take(tried)
        .map(|weighed| RuleTrace { inputs: weighed.inputs.clone(), all: weighed.at(viewer, facts, now) })
        .collect();
    let decider = if matched.is_some() { Decider::Rule } else { Decider::DefaultRule };
    Decision {
        outcome,
        by: DecidedBy { decider, rule: matched.map(|index| index + 1) },
        trace,
        changes_at,
        shows_thumbnail: allowed || policy.restricted_thumbnail == RestrictedThumbnail::Keep,
        shared: shared.then(|| dates.first().copied()),
    }
}

fn weigh<'a>(rule: &'a Rule, viewer: &Viewer, facts: &Facts, now: Timestamp) -> Weighed<'a> {
    let mut still = Truth::Yes;
    let mut dates = Vec::new();
    let mut inputs = Vec::with_capacity(rule.inputs.len());
    for condition in &rule.inputs {
        let holds = condition.holds(viewer, facts, now);
        inputs.push(holds);
        if condition.input() == Input::Date {
            dates.push(condition);
        } else {
            still = still.and(holds);
        }
    }
    Weighed { rule, still, dates, inputs }
}

fn first_match(weighed: &[Weighed], viewer: &Viewer, facts: &Facts, now: Timestamp) -> Option<usize> {
    weighed.iter().position(|it| matches(it.at(viewer, facts, now), it.rule.output.effect))
}

fn output_of(policy: &PolicySettings, matched: Option<usize>) -> &Output {
    matched.and_then(|index| policy.rules.get(index)).map_or(&policy.default_rule, |rule| &rule.output)
}

/// Whether the rule turns out the same now whoever asks, from wherever.
fn same_for_everyone(weighed: &Weighed, viewer: &Viewer, facts: &Facts, now: Timestamp) -> bool {
    let (about_viewer, others): (Vec<_>, Vec<_>) =
        weighed.rule.inputs.iter().partition(|condition| condition.is_about_the_viewer());
    about_viewer.is_empty() || others.iter().any(|condition| condition.holds(viewer, facts, now) == Truth::No)
}

fn denied_note(policy: &PolicySettings, viewer: &Viewer) -> Option<String> {
    let unregistered = policy.denied_note_unregistered.as_ref().filter(|_| viewer.is_anonymous());
    unregistered.or(policy.denied_note.as_ref()).cloned()
}

/// The word for why a viewer is denied: what may help comes before what will change by itself.
fn reason(
    policy: &PolicySettings,
    viewer: &Viewer,
    facts: &Facts,
    now: Timestamp,
    opens_at: Option<Timestamp>,
) -> Reason {
    let someone = Viewer { identity: None, ..viewer.clone() };
    let somewhere = Viewer { source_ip: None, ..viewer.clone() };
    if viewer.is_anonymous() && might_allow(policy, &someone, facts, now) {
        Reason::SignIn
    } else if might_allow(policy, &somewhere, facts, now) {
        Reason::Network
    } else if opens_at.is_some() {
        Reason::Embargo
    } else {
        Reason::Policy
    }
}

/// Whether the policy can let in a viewer of whom less is known, once more is.
fn might_allow(policy: &PolicySettings, viewer: &Viewer, facts: &Facts, now: Timestamp) -> bool {
    for rule in &policy.rules {
        let all = rule
            .inputs
            .iter()
            .fold(Truth::Yes, |all, condition| all.and(condition.holds(viewer, facts, now)));
        match (all, rule.output.effect) {
            (Truth::Yes | Truth::Doubt, Effect::Allow) => return true,
            (Truth::Yes, Effect::Deny) => return false,
            _ => {}
        }
    }
    policy.default_rule.effect == Effect::Allow
}
