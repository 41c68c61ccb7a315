//! Access rights policies: ordered rules, a default rule, what a denied viewer is told (domain.md 4, A1).

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, RawCondition};
use crate::coded;
use crate::ids::{PolicyId, UserId};
use crate::problem::Problems;

coded!(
    /// What holds for a representation without a policy: the institution's `access_right_default_policy` (A3).
    DefaultAccess, "default access" {
        /// Everyone may see it.
        Allow = "allow": "Allow",
        /// Only staff may see it.
        Restrict = "restrict": "Restrict",
    }
);

coded!(
    /// Whether a rule lets the viewer in.
    Effect, "effect" {
        /// It does.
        Allow = "ALLOW": "Allow",
        /// It does not.
        Deny = "DENY": "Deny",
    }
);

coded!(
    /// What a viewer that is let in may do (A13).
    Permission, "permission" {
        /// Look at it.
        View = "VIEW": "View only",
        /// Look at it and take it along.
        ViewAndDownload = "VIEW_AND_DOWNLOAD": "View and download",
    }
);

coded!(
    /// How large a picture a viewer may see.
    SizeTier, "size" {
        /// At most 1,024 pixels.
        Small = "SMALL": "Up to 1,024 pixels",
        /// At most 2,048 pixels.
        Medium = "MEDIUM": "Up to 2,048 pixels",
        /// As it is.
        Full = "FULL": "Full size",
    }
);

impl SizeTier {
    /// The longest side in pixels; `None` is without limit.
    pub fn max_pixels(self) -> Option<u32> {
        match self {
            Self::Small => Some(1024),
            Self::Medium => Some(2048),
            Self::Full => None,
        }
    }
}

coded!(
    /// What becomes of the thumbnail where a viewer is not let in (T6).
    RestrictedThumbnail, "restricted thumbnail" {
        /// There is none.
        Hide = "HIDE": "Hide",
        /// It is shown all the same.
        Keep = "KEEP": "Keep",
    }
);

/// The most rules of one policy.
pub const MAX_RULES: usize = 100;
/// The most conditions of one rule.
pub const MAX_CONDITIONS: usize = 20;
/// The most viewers at once, and the most minutes of a session: a day.
const MAX_CONCURRENT: u32 = 10_000;
const MAX_MINUTES: u32 = 24 * 60;
/// The most copies that are lent, which are read at once, and the most days: a year.
const MAX_COPIES: u32 = 1000;
const MAX_DAYS: u32 = 366;

/// What follows where a rule matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Whether the viewer is let in. The rest is about one who is.
    pub effect: Effect,
    /// What it may do; only to look unless said otherwise.
    #[serde(default = "view")]
    pub permission: Permission,
    /// How large a picture it sees.
    #[serde(default = "full")]
    pub size: SizeTier,
    /// A text laid over pages (A14); `{user}` and `{date}` stand for the viewer and the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<String>,
    /// How many may look at once (A15); none is without limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrent_users: Option<u32>,
    /// How long a session lasts (A16).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_minutes: Option<u32>,
    /// How long the same viewer waits before the next session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cool_off_minutes: Option<u32>,
    /// How many copies are lent (A18); none is not lent but shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loan_copies: Option<u32>,
    /// For how many days one is lent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loan_days: Option<u32>,
    /// Lets the viewer in without the policy's copyright declaration (A12).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waive_declaration: bool,
}

fn view() -> Permission {
    Permission::View
}

fn full() -> SizeTier {
    SizeTier::Full
}

impl Output {
    /// One that only allows or denies.
    pub fn plain(effect: Effect, permission: Permission) -> Self {
        Self {
            effect,
            permission,
            size: SizeTier::Full,
            watermark: None,
            concurrent_users: None,
            session_minutes: None,
            cool_off_minutes: None,
            loan_copies: None,
            loan_days: None,
            waive_declaration: false,
        }
    }

    fn check(&self, field: &str, problems: &mut Problems) {
        if let Some(text) = &self.watermark {
            super::watermark::check(&format!("{field}.watermark"), text, problems);
        }
        for (name, given, most) in [
            ("concurrent_users", self.concurrent_users, MAX_CONCURRENT),
            ("session_minutes", self.session_minutes, MAX_MINUTES),
            ("cool_off_minutes", self.cool_off_minutes, MAX_MINUTES),
            ("loan_copies", self.loan_copies, MAX_COPIES),
            ("loan_days", self.loan_days, MAX_DAYS),
        ] {
            if given.is_some_and(|number| !(1..=most).contains(&number)) {
                problems.add(&format!("{field}.{name}"), format!("must be from 1 to {most}"));
            }
        }
        let says_more = *self != Self::plain(self.effect, view());
        if self.effect == Effect::Deny && says_more {
            problems
                .add(&format!("{field}.effect"), "must be ALLOW where the rule says what the viewer gets");
        }
        if self.concurrent_users.is_none() && self.cool_off_minutes.is_some() {
            problems.add(&format!("{field}.cool_off_minutes"), "needs `concurrent_users`");
        }
        if self.concurrent_users.is_some() && self.session_minutes.is_none() {
            let message =
                "must be given where the viewers at once are limited, or a seat is never free again";
            problems.add(&format!("{field}.session_minutes"), message);
        }
        match (self.loan_copies, self.loan_days) {
            (Some(_), None) => {
                problems.add(&format!("{field}.loan_days"), "must be given where copies are lent");
            }
            (None, Some(_)) => problems.add(&format!("{field}.loan_days"), "needs `loan_copies`"),
            _ => {}
        }
        if self.loan_copies.is_some() && self.concurrent_users.is_some() {
            let message = "must not be given beside `concurrent_users`: what is lent needs no seat";
            problems.add(&format!("{field}.loan_copies"), message);
        }
    }
}

/// A rule: what follows where all its conditions hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What staff call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What must hold, all of it; a rule without conditions always matches.
    #[serde(default)]
    pub inputs: Vec<Condition>,
    /// What follows.
    pub output: Output,
}

/// What staff set on a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySettings {
    /// Its name; no two policies have the same.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The declaration that a viewer accepts before it is let in (A12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copyright_declaration: Option<String>,
    /// What a viewer is told that is not let in (A11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied_note: Option<String>,
    /// The same for one that has not signed in; the first note where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied_note_unregistered: Option<String>,
    /// What becomes of the thumbnail (T6).
    pub restricted_thumbnail: RestrictedThumbnail,
    /// The rules, in the order in which they are tried.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// What follows where none matches.
    pub default_rule: Output,
}

/// An access rights policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRightsPolicy {
    /// Its id.
    pub id: PolicyId,
    /// What staff set.
    #[serde(flatten)]
    pub settings: PolicySettings,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Who changed it last.
    pub modified_by: UserId,
    /// When.
    pub modified_at: Timestamp,
    /// How many times it was written.
    pub version: u64,
}

/// A policy as a client sends it: conditions are not understood yet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, reason = "the same members as `PolicySettings`")]
pub struct PolicyDraft {
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub copyright_declaration: Option<String>,
    #[serde(default)]
    pub denied_note: Option<String>,
    #[serde(default)]
    pub denied_note_unregistered: Option<String>,
    #[serde(default)]
    pub restricted_thumbnail: Option<RestrictedThumbnail>,
    #[serde(default)]
    pub rules: Vec<RuleDraft>,
    pub default_rule: Output,
}

/// A rule as a client sends it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, reason = "the same members as `Rule`")]
pub struct RuleDraft {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub inputs: Vec<RawCondition>,
    pub output: Output,
}

impl PolicyDraft {
    /// Understands what a client sent; days begin in `zone`, the institution's.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn into_settings(self, zone: &TimeZone) -> Result<PolicySettings, Problems> {
        let mut problems = Problems::default();
        problems.check_text("name", &self.name, 255);
        for (field, text, most) in [
            ("description", &self.description, 1000),
            ("copyright_declaration", &self.copyright_declaration, 10_000),
            ("denied_note", &self.denied_note, 2000),
            ("denied_note_unregistered", &self.denied_note_unregistered, 2000),
        ] {
            if let Some(text) = text {
                problems.check_text(field, text, most);
            }
        }
        self.default_rule.check("default_rule", &mut problems);
        if self.rules.len() > MAX_RULES {
            problems.add("rules", format!("must not be more than {MAX_RULES}"));
            return Err(problems);
        }
        let mut rules = Vec::with_capacity(self.rules.len());
        for (index, rule) in self.rules.into_iter().enumerate() {
            rules.push(rule.into_rule(&format!("rules.{index}"), zone, &mut problems));
        }
        problems.into_result()?;
        Ok(PolicySettings {
            name: self.name.trim().to_owned(),
            description: self.description,
            copyright_declaration: self.copyright_declaration,
            denied_note: self.denied_note,
            denied_note_unregistered: self.denied_note_unregistered,
            restricted_thumbnail: self.restricted_thumbnail.unwrap_or(RestrictedThumbnail::Hide),
            rules,
            default_rule: self.default_rule,
        })
    }
}

impl RuleDraft {
    fn into_rule(self, field: &str, zone: &TimeZone, problems: &mut Problems) -> Rule {
        if let Some(name) = &self.name {
            problems.check_text(&format!("{field}.name"), name, 255);
        }
        self.output.check(&format!("{field}.output"), problems);
        if self.inputs.len() > MAX_CONDITIONS {
            problems.add(&format!("{field}.inputs"), format!("must not be more than {MAX_CONDITIONS}"));
        }
        let mut inputs = Vec::new();
        for (index, raw) in self.inputs.iter().take(MAX_CONDITIONS).enumerate() {
            match Condition::parse(raw, zone) {
                Ok(condition) => inputs.push(condition),
                Err(error) => {
                    let place = match error.value {
                        Some(value) => format!("{field}.inputs.{index}.values.{value}"),
                        None => format!("{field}.inputs.{index}"),
                    };
                    problems.add(&place, error.message);
                }
            }
        }
        Rule { name: self.name, inputs, output: self.output }
    }
}
