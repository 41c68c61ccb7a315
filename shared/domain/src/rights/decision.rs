//! How a decision comes out: what the viewer may do or is told, which rule said so, how long that holds.

use jiff::Timestamp;

use super::condition::Truth;
use super::policy::{Effect, Output, Permission, PolicySettings, SizeTier};
use super::terms::Terms;
use crate::coded;
use crate::loans::LoanRule;

/// The longest that anyone may remember what everyone may see, in seconds (B35).
const MAX_SHARED_SECONDS: u64 = 60;

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
        /// It can be seen only with a mark on it, and can not be marked (A14).
        Watermark = "WATERMARK": "It is shown only with a mark on it, and can not be marked",
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
    /// How it is lent; none is not lent but shown (A18).
    pub loan: Option<LoanRule>,
}

impl Permit {
    pub(super) fn everything() -> Self {
        Self::without_loans(&Output::plain(Effect::Allow, Permission::ViewAndDownload))
    }

    /// What an output of a policy gives.
    pub(super) fn of(output: &Output, policy: &PolicySettings) -> Self {
        Self { loan: LoanRule::of(output, policy), ..Self::without_loans(output) }
    }

    fn without_loans(output: &Output) -> Self {
        Self {
            permission: output.permission,
            size: output.size,
            watermark: output.watermark.clone(),
            concurrent_users: output.concurrent_users,
            session_minutes: output.session_minutes,
            cool_off_minutes: output.cool_off_minutes,
            loan: None,
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
    pub(super) shared: Option<Option<Timestamp>>,
}

impl Decision {
    /// Whether the viewer may see it now.
    pub fn allows(&self) -> bool {
        matches!(self.outcome, Outcome::Allow(_))
    }

    /// What the viewer may do, at once or after a declaration; `None` where it is not let in.
    pub fn permit(&self) -> Option<&Permit> {
        match &self.outcome {
            Outcome::Allow(permit) | Outcome::Declare { permit, .. } => Some(permit),
            Outcome::Deny { .. } | Outcome::Hide => None,
        }
    }

    /// Whether what the viewer is given has to be marked (A14).
    pub fn marks(&self) -> bool {
        self.permit().is_some_and(|permit| permit.watermark.is_some())
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

    /// How long what was decided at `now` holds.
    pub fn terms(&self, now: Timestamp) -> Terms {
        Terms { shared_seconds: self.shared_seconds(now), until: self.changes_at, now }
    }

    pub(super) fn plain(outcome: Outcome, decider: Decider) -> Self {
        let shows_thumbnail = matches!(outcome, Outcome::Allow(_));
        let by = DecidedBy { decider, rule: None };
        Self { outcome, by, trace: Vec::new(), changes_at: None, shows_thumbnail, shared: None }
    }
}
