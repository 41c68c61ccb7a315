//! Webhooks: a target outside is called with what changed, signed, in the order of the profile's log (U3).
//!
//! Signed as Standard Webhooks has it: `webhook-id`, `webhook-timestamp` and `webhook-signature` over both and the body, so
//! that receivers check it with the libraries that there are. A call that is repeated has the id that it had.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use vitrine_domain::Timestamp;
use vitrine_domain::coded::Coded;
use vitrine_domain::ids::PublishingId;
use vitrine_domain::publishing::delivery::{CHANGES_A_CALL, Delivery, FAILURES_TOLD, wait_seconds};
use vitrine_domain::publishing::oai_identifier;
use vitrine_domain::publishing::profile::{PublishingProfile, TargetKind};
use vitrine_domain::publishing::published::{LOG_SHARDS, SETTLE_SECONDS, scope_of};
use vitrine_store::published::Window;
use vitrine_store::queues::Queue;

use super::DeliverMessage;
use super::oai::Harvested;
use crate::changes::hex;
use crate::register_file::TimeLeft;
use crate::run_job::Clock;
use crate::{App, AppError, Call};

/// What begins the secret of a webhook.
const SECRET_PREFIX: &str = "whsec_";
/// A call tells of no more changes once its records have so many bytes.
const MAX_BODY: usize = 512 * 1024;
/// The longest time that SQS keeps a message back, in seconds.
const MAX_DELAY_SECONDS: i64 = 900;

/// How a look at a target ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// It was told of something.
    Told,
    /// There was nothing to tell.
    Nothing,
    /// It did not take it; it is tried again later.
    Failed,
    /// It is left alone until it is time to try again.
    Waits,
    /// The time was over; a message says to go on.
    Continues,
}

impl Delivered {
    /// In a word, for logs and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Nothing => "nothing",
            Self::Failed => "failed",
            Self::Waits => "waits",
            Self::Continues => "continues",
        }
    }
}

/// A new secret of a webhook: 32 random bytes.
pub(super) fn new_secret(random: &dyn Fn() -> u64) -> String {
    let bytes: Vec<u8> = (0..4).flat_map(|_| random().to_be_bytes()).collect();
    format!("{SECRET_PREFIX}{}", BASE64_STANDARD.encode(bytes))
}

/// The signature over a call.
fn signature(secret: &str, id: &str, second: i64, body: &str) -> Option<String> {
    let key = BASE64_STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{second}.{body}").as_bytes());
    Some(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
}

/// What is told of a place in the log, always by the same id.
fn call_id(delivery: &Delivery, told: &[Harvested]) -> String {
    let mut digest = Sha256::new();
    digest.update(format!("{}\n{}\n", delivery.profile, delivery.shard));
    for one in told {
        digest.update(format!("{}\n", one.row.sort_key()));
    }
    let digest = hex(&digest.finalize());
    format!("msg_{}", digest.get(..32).unwrap_or(&digest))
}

impl App {
    /// Asks for what changed to be told to a target. Nothing is owed for that: the sweep asks again every few minutes.
    pub(crate) async fn ask_to_deliver(&self, profile: &PublishingId, after_seconds: i64) {
        let message = DeliverMessage::Profile { profile: profile.clone() }.to_json();
        let seconds = u16::try_from(after_seconds.clamp(0, MAX_DELAY_SECONDS)).unwrap_or_default();
        if let Err(error) = self.queues.send_later(Queue::Deliveries, message, seconds).await {
            tracing::warn!(publishing.id = %profile, error = &error as &dyn std::error::Error, "the sweep will ask for the delivery");
        }
    }

    /// Tells the targets of those profiles of a change that is being dated now, as soon as it can be seen.
    pub(super) async fn ask_to_tell(&self, profiles: &[PublishingProfile], scopes: &[&str]) {
        let hooks = profiles.iter().filter(|it| it.settings.target.kind == TargetKind::Webhook);
        for profile in hooks.filter(|it| scopes.contains(&scope_of(&it.id).as_str())) {
            self.ask_to_deliver(&profile.id, SETTLE_SECONDS + 2).await;
        }
    }

    /// Tells a webhook what changed since it was told last, call after call, until it knows all or the time is over.
    ///
    /// # Errors
    /// Only those after which the same call can succeed. A target that does not answer is none: that is written down.
    pub async fn deliver(
        &self,
        call: &Call,
        id: &PublishingId,
        clock: Clock<'_>,
        time_left: TimeLeft<'_>,
    ) -> Result<Delivered, AppError> {
        let mut done = Delivered::Nothing;
        loop {
            let now = clock();
            let profile = self.catalog.publishing_profile(id).await?;
            let Some(profile) = profile.filter(|it| it.settings.active) else { return Ok(done) };
            let Some(url) = profile.settings.target.url.as_deref() else { return Ok(done) };
            let before = self.catalog.delivery(id).await?;
            let held = before.clone().unwrap_or_else(|| Delivery::beginning(id.clone(), now));
            if held.waits(now) {
                return Ok(Delivered::Waits);
            }
            let Some((told, next)) = self.next_changes(&profile, held, now).await? else { return Ok(done) };
            let after = match self.call_webhook(&profile, url, &told, &next, now).await? {
                Ok(()) => next.taken(told.len() as u64, now),
                Err(reason) => {
                    // The place stays where it was.
                    let place = before.clone().unwrap_or_else(|| Delivery::beginning(id.clone(), now));
                    place.failed(&reason, now)
                }
            };
            match self.catalog.save_delivery(&after).await {
                Ok(()) => {}
                // Another worker was quicker, and told the same under the same id.
                Err(vitrine_store::CommitError::Changed(_) | vitrine_store::CommitError::Exists(_)) => {
                    return Ok(done);
                }
                Err(error) => return Err(error.into()),
            }
            if after.failures > 0 {
                self.put_off_delivery(call, &after).await?;
                return Ok(Delivered::Failed);
            }
            done = Delivered::Told;
            if !time_left() {
                self.ask_to_deliver(id, 0).await;
                return Ok(Delivered::Continues);
            }
        }
    }

    /// The next changes of a profile's log and the place behind them; `None` where there are none.
    async fn next_changes(
        &self,
        profile: &PublishingProfile,
        from: Delivery,
        now: Timestamp,
    ) -> Result<Option<(Vec<Harvested>, Delivery)>, AppError> {
        let scope = scope_of(&profile.id);
        let format = profile.settings.renditions().first().copied();
        // What is left of a window may hold nothing; then the next one is looked at.
        let mut at = from.at(now);
        while let Some(place) = at {
            if place.shard >= LOG_SHARDS {
                at = place.at(now);
                continue;
            }
            let window = Window {
                scope: &scope,
                shard: place.shard,
                from: place.from,
                until: place.until,
                after: place.after.as_deref(),
                limit: CHANGES_A_CALL,
                format,
            };
            let (rows, more) = self.catalog.published_rows(&window).await?;
            let (mut told, mut bytes, mut cut, mut last) = (Vec::with_capacity(rows.len()), 0, more, None);
            for row in rows {
                if bytes > MAX_BODY {
                    cut = true;
                    break;
                }
                last = Some(row.sort_key());
                // Who begins with everything has nothing to delete.
                if row.deleted && place.from.is_none() {
                    continue;
                }
                let one = self.unpacked(row).await?;
                bytes += one.record.as_ref().map_or(0, String::len);
                told.push(one);
            }
            let next = place.behind(last.filter(|_| cut));
            if told.is_empty() {
                at = Some(next);
                continue;
            }
            return Ok(Some((told, next)));
        }
        Ok(None)
    }

    /// Calls a webhook; the reason where it does not take it.
    async fn call_webhook(
        &self,
        profile: &PublishingProfile,
        url: &str,
        told: &[Harvested],
        next: &Delivery,
        now: Timestamp,
    ) -> Result<Result<(), String>, AppError> {
        let secret = self.secrets.of_profile(profile.id.as_str()).await?;
        let Some(secret) = secret else { return Ok(Err("the profile has no secret yet".to_owned())) };
        let body = self.body(profile, told, now).to_string();
        let id = call_id(next, told);
        let second = now.as_second();
        let Some(signature) = signature(&secret, &id, second, &body) else {
            return Ok(Err("the profile's secret is none of a webhook".to_owned()));
        };
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("user-agent", "Vitrine".to_owned()),
            ("webhook-id", id),
            ("webhook-timestamp", second.to_string()),
            ("webhook-signature", signature),
        ];
        Ok(self.egress.post(url, &headers, body).await.map_err(|error| error.to_string()))
    }

    fn body(&self, profile: &PublishingProfile, told: &[Harvested], now: Timestamp) -> Value {
        let format = profile.settings.renditions().first().copied();
        let instant = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let institution = &self.settings.institution;
        let changes: Vec<Value> = told
            .iter()
            .map(|one| {
                json!({
                    "change": if one.row.deleted { "DELETED" } else { "PUBLISHED" },
                    "mms_id": one.row.mms_id.as_str(),
                    "identifier": oai_identifier(institution, &one.row.mms_id),
                    "datestamp": instant(one.row.stamp),
                    "record": one.record,
                })
            })
            .collect();
        json!({
            "type": "titles.changed",
            "timestamp": instant(now),
            "data": {
                "institution": institution,
                "profile_id": profile.id.as_str(),
                "profile_name": profile.settings.name,
                "metadata_prefix": format.map(Coded::code),
                "changes": changes,
            },
        })
    }

    /// Tries again later, and has a person told of a target that has not answered for long: its message goes to the dead
    /// letters, where an alarm sees it.
    async fn put_off_delivery(&self, call: &Call, failed: &Delivery) -> Result<(), AppError> {
        tracing::warn!(
            publishing.id = %failed.profile,
            failures = failed.failures,
            reason = failed.reason.as_deref().unwrap_or_default(),
            request.id = call.request_id,
            "a target did not take a delivery"
        );
        if failed.failures == FAILURES_TOLD {
            let message = DeliverMessage::Profile { profile: failed.profile.clone() }.to_json();
            self.queues.send(Queue::DeliveriesDead, message).await?;
        }
        self.ask_to_deliver(&failed.profile, wait_seconds(failed.failures) + 1).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u3_signs_as_standard_webhooks_says() {
        // The example of the specification's reference libraries.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = r#"{"test": 2432232314}"#;
        assert_eq!(
            signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body).as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
        assert_eq!(signature("word", "msg", 0, body), None);
        let made = new_secret(&|| 7);
        assert!(signature(&made, "msg", 0, body).is_some());
    }
}
