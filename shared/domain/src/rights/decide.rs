//! The decision: may this viewer see this representation now, and which rule says so.

use std::net::IpAddr;

use jiff::Timestamp;

use super::condition::{Condition, Input, Truth};
use super::policy::{
    DefaultAccess, Effect, Output, Permission, PolicySettings, RestrictedThumbnail, Rule, SizeTier,
};
use crate::actor::Actor;
use crate::bib::BibRecord;
use crate::coded;
use crate::ids::UserId;
use crate::library::LibraryCode;
use crate::representation::{Representation, UsageType};

/// The longest that anyone may remember what everyone may see, in seconds (B35).
const MAX_SHARED_SECONDS: u64 = 60;

/// What is known of a viewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// Who it is; `None` where that is not known, which is something else than anonymous.
    pub identity: Option<Identity>,
    /// The address that the gateway saw; `None` where it is not known.
    pub source_ip: Option<IpAddr>,
    /// Whether it holds a staff role.
    pub staff: bool,
}

/// Who a viewer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Someone who has not signed in.
    Anonymous,
    /// Someone who has.
    Known(Known),
}

/// What is known of someone who has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The id; `None` where it is not known who it is.
    pub id: Option<UserId>,
    /// The user groups.
    pub groups: Vec<String>,
    /// The campuses.
    pub campuses: Vec<String>,
    /// The courses.
    pub courses: Vec<String>,
}

impl Viewer {
    /// Who calls, from where.
    pub fn of(actor: Option<&Actor>, source_ip: Option<IpAddr>) -> Self {
        let identity = match actor {
            None => Identity::Anonymous,
            Some(actor) => Identity::Known(Known {
                id: Some(actor.id.clone()),
                groups: actor.groups.clone(),
                campuses: actor.campuses.clone(),
                courses: actor.courses.clone(),
            }),
        };
        Self { identity: Some(identity), source_ip, staff: actor.is_some_and(Actor::is_staff) }
    }

    /// Whether it has signed in; `None` where that is not known.
    pub fn is_registered(&self) -> Option<bool> {
        self.identity.as_ref().map(|identity| *identity != Identity::Anonymous)
    }

    fn is_anonymous(&self) -> bool {
        self.identity == Some(Identity::Anonymous)
    }
}

/// Whether something is offered to patrons at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It is, where rights allow.
    Yes,
    /// Only to staff: suppressed, inactive, auxiliary (D8).
    StaffOnly,
    /// To nobody: deleted.
    Nobody,
}

/// What is known of the thing that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The library that owns it; `None` where that is not known.
    pub library: Option<&'a LibraryCode>,
    /// Whether it is offered at all.
    pub offered: Offered,
}

impl<'a> Facts<'a> {
    /// What a representation of a title says of itself.
    pub fn of(bib: &BibRecord, representation: &'a Representation) -> Self {
        let fields = &representation.fields;
        let offered = if bib.removal.is_some() || representation.removal.is_some() {
            Offered::Nobody
        } else if bib.suppressed || !fields.active || fields.usage_type == UsageType::Auxiliary {
            Offered::StaffOnly
        } else {
            Offered::Yes
        };
        Self { library: Some(&fields.library), offered }
    }
}

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

coded!(
    /// What decided.
    Decider, "decider" {
        /// The thing is not offered, to nobody or to staff only.
        NotOffered = "NOT_OFFERED": "It is not offered",
        /// Staff see what is not deleted.
        Staff = "STAFF": "The viewer is staff",
        /// The institution's default.
        Institution = "INSTITUTION_DEFAULT": "The institution's default",
        /// The policy that it names is not there.
        MissingPolicy = "MISSING_POLICY": "Its policy is not there",
        /// A rule of the policy.
        Rule = "RULE": "A rule of the policy",
        /// The policy's default rule.
        DefaultRule = "DEFAULT_RULE": "The policy's default rule",
    }
);

/// What decided, and which rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecidedBy {
    /// What decided.
    pub decider: Decider,
    /// The number of the rule, from 1.
    pub rule: Option<usize>,
}

coded!(
    /// Why a viewer is not let in: the word that programs read.
    Reason, "reason" {
        /// Signing in may help.
        SignIn = "SIGN_IN": "Signing in may help",
        /// Another address may help, such as the campus network.
        Network = "NETWORK": "It can be seen from certain addresses",
        /// It opens at a date.
        Embargo = "EMBARGO": "It can be seen from a date on",
        /// The policy denies it.
        Policy = "POLICY": "The access rights policy denies it",
        /// The institution shows nothing without a policy.
        NoPolicy = "NO_POLICY": "The institution shows nothing without an access rights policy",
        /// The policy is not there.
        MissingPolicy = "MISSING_POLICY": "The access rights policy is not there",
    }
);

/// What a viewer that is let in may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// To look, or to take along too.
    pub permission: Permission,
    /// How large a picture.
    pub size: SizeTier,
    /// A text laid over pages.
    pub watermark: Option<String>,
    /// How many may look at once.
    pub concurrent_users: Option<u32>,
    /// How long a session lasts.
    pub session_minutes: Option<u32>,
    /// How long the same viewer waits before the next session.
    pub cool_off_minutes: Option<u32>,
}

impl Permit {
    fn everything() -> Self {
        Self::of(&Output::plain(Effect::Allow, Permission::ViewAndDownload))
    }

    fn of(output: &Output) -> Self {
        Self {
            permission: output.permission,
            size: output.size,
            watermark: output.watermark.clone(),
            concurrent_users: output.concurrent_users,
            session_minutes: output.session_minutes,
            cool_off_minutes: output.cool_off_minutes,
        }
    }
}

/// How a decision came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The viewer is let in.
    Allow(Permit),
    /// The viewer is let in once it has accepted a declaration (A12).
    Declare {
        /// The declaration.
        text: String,
        /// What it may do then.
        permit: Permit,
    },
    /// The viewer is not let in, and may know that there is something.
    Deny {
        /// What it is told (A11).
        note: Option<String>,
        /// Why, for programs.
        reason: Reason,
        /// When it would be let in, if nothing else changes.
        may_change_at: Option<Timestamp>,
    },
    /// The viewer may not know that there is something.
    Hide,
}

/// How the conditions of one rule turned out, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleTrace {
    /// Each condition.
    pub inputs: Vec<Truth>,
    /// All together.
    pub all: Truth,
}

/// A decision and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// How it came out.
    pub outcome: Outcome,
    /// What decided.
    pub by: DecidedBy,
    /// The rules that were tried, in order, up to the one that matched.
    pub trace: Vec<RuleTrace>,
    /// When it comes out otherwise for this viewer, if nothing but the time changes.
    pub changes_at: Option<Timestamp>,
    /// Whether the thumbnail is shown.
    pub shows_thumbnail: bool,
    /// The same for everyone, until the time given, if one is.
    shared: Option<Option<Timestamp>>,
}

impl Decision {
    /// Whether the viewer may see it now.
    pub fn allows(&self) -> bool {
        matches!(self.outcome, Outcome::Allow(_))
    }

    /// For how many seconds anyone may remember the answer for everyone; 0 where it is this viewer's alone (B35, B52).
    ///
    /// Nothing is remembered past a date in the policy (B44).
    pub fn shared_seconds(&self, now: Timestamp) -> u64 {
        match self.shared {
            Some(None) => MAX_SHARED_SECONDS,
            Some(Some(until)) => {
                let left = until.as_second().saturating_sub(now.as_second()).saturating_sub(1);
                u64::try_from(left).unwrap_or(0).min(MAX_SHARED_SECONDS)
            }
            None => 0,
        }
    }

    fn plain(outcome: Outcome, decider: Decider) -> Self {
        let shows_thumbnail = matches!(outcome, Outcome::Allow(_));
        let by = DecidedBy { decider, rule: None };
        Self { outcome, by, trace: Vec::new(), changes_at: None, shows_thumbnail, shared: None }
    }
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
        (Effect::Deny, _) => Outcome::Deny {
            note: denied_note(policy, viewer),
            reason: reason(policy, viewer, facts, now, changes_at),
            may_change_at: changes_at,
        },
        (Effect::Allow, Some(text)) if !output.waive_declaration => {
            Outcome::Declare { text: text.clone(), permit: Permit::of(output) }
        }
        (Effect::Allow, _) => Outcome::Allow(Permit::of(output)),
    };
    let allowed = matches!(outcome, Outcome::Allow(_));
    let tried = weighed.len().min(matched.map_or(usize::MAX, |index| index + 1));
    let shared = allowed
        && output.concurrent_users.is_none()
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
