//! Wrong credentials, counted by the address that sends them: who guesses costs us no more reads (D23).
//!
//! The count is one instance's own; the gateway's throttle is the one that all instances share.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use vitrine_domain::Timestamp;

/// So many wrong credentials of one address are answered in a minute. A page that loads with a token that has just
/// expired sends a few dozen.
pub(super) const MOST: u32 = 40;
const WINDOW_MS: i64 = 60_000;
/// Above so many addresses, those whose minute is over are forgotten, and all if that is not enough.
const ADDRESSES_KEPT: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Window {
    since_ms: i64,
    refused: u32,
}

impl Window {
    fn is_open(self, now_ms: i64) -> bool {
        (0..WINDOW_MS).contains(&(now_ms - self.since_ms))
    }
}

/// How often each address was refused of late.
#[derive(Default)]
pub(super) struct Refusals(Mutex<HashMap<IpAddr, Window>>);

impl Refusals {
    /// After how many seconds an address is worth a look again; `None` when it is now.
    pub(super) fn wait(&self, address: IpAddr, now: Timestamp) -> Option<u64> {
        let now_ms = now.as_millisecond();
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window =
            windows.get(&address).filter(|window| window.is_open(now_ms) && window.refused >= MOST)?;
        u64::try_from(window.since_ms + WINDOW_MS - now_ms).ok().map(|left_ms| left_ms.div_ceil(1000))
    }

    /// Counts a refusal.
    pub(super) fn add(&self, address: IpAddr, now: Timestamp) {
        let now_ms = now.as_millisecond();
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= ADDRESSES_KEPT && !windows.contains_key(&address) {
            windows.retain(|_, window| window.is_open(now_ms));
            if windows.len() >= ADDRESSES_KEPT {
                windows.clear();
            }
        }
        let window = windows.entry(address).or_insert(Window { since_ms: now_ms, refused: 0 });
        if !window.is_open(now_ms) {
            *window = Window { since_ms: now_ms, refused: 0 };
        }
        window.refused = window.refused.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use vitrine_domain::actor::{ApiKey, KeyPermission, User};
    use vitrine_domain::ids::UserId;

    use super::super::{
        AuthError, Authenticator, CachedDirectory, Directory, FetchKeys, JwksCache, KeySetError, Looked,
        SourceAddress, TokenSettings, hash_key,
    };
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    #[test]
    fn an_address_waits_for_the_end_of_its_minute() {
        let refusals = Refusals::default();
        let [bad, good]: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        for n in 0..MOST {
            assert_eq!(refusals.wait(bad, at(1_000)), None, "{n}");
            refusals.add(bad, at(1_000));
        }
        assert_eq!(refusals.wait(bad, at(1_000)), Some(60));
        assert_eq!(refusals.wait(bad, at(60_500)), Some(1));
        assert_eq!(refusals.wait(bad, at(61_000)), None);
        assert_eq!(refusals.wait(good, at(1_000)), None);
        refusals.add(bad, at(61_000));
        assert_eq!(refusals.wait(bad, at(61_000)), None, "a new minute counts from one");
    }

    /// Knows one key, and counts how often it is asked.
    #[derive(Default)]
    struct Shelf(AtomicUsize);

    impl Directory for Shelf {
        fn session<'a>(
            &'a self,
            _: &'a vitrine_domain::session::SessionId,
        ) -> Looked<'a, vitrine_domain::session::Session> {
            Box::pin(async { Ok(None) })
        }
        fn user<'a>(&'a self, _: &'a UserId) -> Looked<'a, User> {
            Box::pin(async { Ok(None) })
        }

        fn key_by_hash<'a>(&'a self, hash: &'a str) -> Looked<'a, ApiKey> {
            self.0.fetch_add(1, SeqCst);
            let known = (hash == hash_key("good")).then(|| ApiKey {
                id: "5100000000000000000101".parse().unwrap(),
                hash: hash.to_owned(),
                name: "x".to_owned(),
                permission: KeyPermission::ReadOnly,
                grants: vec![],
                active: true,
                created_by: UserId::system(),
                created_at: at(0),
                version: 1,
            });
            Box::pin(async move { Ok(known) })
        }
    }

    #[tokio::test]
    async fn d23_guesses_cost_no_more_reads_and_do_not_lock_out_the_neighbours() {
        let shelf = Arc::new(Shelf::default());
        let nobody: FetchKeys = Arc::new(|| Box::pin(async { Err(KeySetError::Stale) }));
        let settings = TokenSettings { issuer: "i".to_owned(), audience: "a".to_owned() };
        let auth = Authenticator::new(settings, JwksCache::new(nobody), CachedDirectory::new(shelf.clone()));
        let call = async |key: &str, from: &str, ms: i64| {
            let request = http::Request::builder()
                .header("authorization", format!("apikey {key}"))
                .extension(SourceAddress(from.parse().unwrap()))
                .body(())
                .unwrap();
            auth.authenticate(&request.into_parts().0, at(ms)).await
        };
        let (guesser, other) = ("2001:db8::1", "2001:db8:0:1::1");
        assert!(call("good", guesser, 0).await.is_ok());
        for n in 0..MOST {
            assert!(matches!(call("bad", guesser, 0).await, Err(AuthError::Invalid(_))), "{n}");
        }
        let asked = shelf.0.load(SeqCst);
        for n in 0..100 {
            let address = format!("2001:db8::{n:x}");
            let refused = call("bad", &address, 1_000).await;
            assert!(matches!(refused, Err(AuthError::TooMany { wait_seconds: 59 })), "{refused:?}");
        }
        assert!(call("good", guesser, 1_000).await.is_ok(), "a key that has just worked goes on working");
        assert_eq!(shelf.0.load(SeqCst), asked, "not one read more");
        assert!(matches!(call("bad", other, 1_000).await, Err(AuthError::Invalid(_))));
        assert!(matches!(call("bad", guesser, 60_000).await, Err(AuthError::Invalid(_))));
    }

    #[test]
    fn many_addresses_take_bounded_memory() {
        let refusals = Refusals::default();
        for n in 0..25_000_u32 {
            refusals.add(IpAddr::from(n.to_be_bytes()), at(1_000));
        }
        assert!(refusals.0.lock().unwrap().len() <= ADDRESSES_KEPT);
    }
}
