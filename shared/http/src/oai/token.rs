//! Resumption tokens: all that a list needs to go on, signed (OAI-7, B49).
//!
//! A token says where a list goes on and when the list ends; nothing is kept for it, so it never expires, and asking with
//! it again gives the same part. Its letters are those that need no encoding in an address.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use vitrine_app::publishing::oai::Position;
use vitrine_domain::Timestamp;
use vitrine_domain::coded::Coded;
use vitrine_domain::publishing::profile::Rendition;

use super::request::Listed;

/// The form of the token's contents.
const VERSION: &str = "1";
/// How many bytes of the signature are kept.
const SIGNATURE: usize = 16;
/// The longest token that is looked at.
const MAX_TOKEN: usize = 1000;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What the list is of.
    pub listed: Listed,
    /// The format.
    pub format: Rendition,
    /// The set.
    pub set: Option<String>,
    /// From this second on.
    pub from: Option<Timestamp>,
    /// Up to this second: what changes later is for the next harvest.
    pub until: Timestamp,
    /// Where it goes on.
    pub at: Position,
    /// How many records were given before.
    pub cursor: u64,
}

impl Token {
    /// Writes the token, signed with the repository's key for one institution.
    pub fn write(&self, key: &str, institution: &str) -> String {
        let text = self.contents();
        let mut bytes = text.clone().into_bytes();
        bytes.extend(signature(key, institution, &text));
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token; `None` where it is none of this repository's.
    pub fn read(token: &str, key: &str, institution: &str) -> Option<Self> {
        if token.len() > MAX_TOKEN || key.is_empty() {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (text, given) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)?;
        let text = std::str::from_utf8(text).ok()?;
        mac(key, institution, text)?.verify_truncated_left(given).ok()?;
        Self::parse(text)
    }

    fn contents(&self) -> String {
        let listed = match self.listed {
            Listed::Identifiers => "i",
            Listed::Records => "r",
        };
        let second = |at: Timestamp| at.as_second().to_string();
        [
            VERSION,
            listed,
            self.format.code(),
            self.set.as_deref().unwrap_or_default(),
            &self.from.map(second).unwrap_or_default(),
            &second(self.until),
            &self.at.shard.to_string(),
            self.at.after.as_deref().unwrap_or_default(),
            &self.cursor.to_string(),
        ]
        .join("|")
    }

    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('|').collect();
        let [VERSION, listed, format, set, from, until, shard, after, cursor] = parts.as_slice() else {
            return None;
        };
        let some = |text: &&str| (!text.is_empty()).then(|| (*text).to_owned());
        let second = |text: &str| text.parse().ok().and_then(|second| Timestamp::from_second(second).ok());
        Some(Self {
            listed: if *listed == "r" { Listed::Records } else { Listed::Identifiers },
            format: Rendition::from_code(format)?,
            set: some(set),
            from: if from.is_empty() { None } else { Some(second(from)?) },
            until: second(until)?,
            at: Position { shard: shard.parse().ok()?, after: some(after) },
            cursor: cursor.parse().ok()?,
        })
    }
}

fn mac(key: &str, institution: &str, text: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(institution.as_bytes());
    mac.update(b"\n");
    mac.update(text.as_bytes());
    Some(mac)
}

fn signature(key: &str, institution: &str, text: &str) -> Vec<u8> {
    let whole = mac(key, institution, text).map(|mac| mac.finalize().into_bytes().to_vec());
    whole.unwrap_or_default().into_iter().take(SIGNATURE).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_token() -> impl Strategy<Value = Token> {
        let set = proptest::option::of("[a-z0-9:_.~*'()!-]{1,100}");
        let from = proptest::option::of(0_i64..4_000_000_000);
        (any::<bool>(), 0..Rendition::ALL.len(), set, from, 0_i64..4_000_000_000, 0_u8..4, any::<u32>())
            .prop_map(|(records, format, set, from, until, shard, cursor)| Token {
                listed: if records { Listed::Records } else { Listed::Identifiers },
                format: Rendition::ALL[format],
                set,
                from: from.and_then(|from| Timestamp::from_second(from).ok()),
                until: Timestamp::from_second(until).unwrap(),
                at: Position { shard, after: (cursor % 2 == 0).then(|| format!("{until:012}#99{cursor}")) },
                cursor: u64::from(cursor),
            })
    }

    proptest! {
        #[test]
        fn oai_7_a_token_says_what_it_said_and_needs_no_encoding(token in any_token()) {
            let text = token.write("key", "VITRINE");
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
            prop_assert!(text.len() <= MAX_TOKEN);
            prop_assert_eq!(Token::read(&text, "key", "VITRINE"), Some(token));
        }

        #[test]
        fn b49_a_token_that_was_changed_anywhere_is_none(token in any_token(), at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_-]") {
            let text = token.write("key", "VITRINE");
            let at = at.index(text.len());
            let mut forged = text.clone();
            forged.replace_range(at..=at, &to);
            // The last letter holds bits that mean nothing; the strict reader refuses them.
            prop_assume!(forged != text);
            prop_assert_eq!(Token::read(&forged, "key", "VITRINE"), None);
        }

        #[test]
        fn b49_what_is_no_token_is_none(text in "\\PC{0,200}") {
            prop_assert_eq!(Token::read(&text, "key", "VITRINE"), None);
        }
    }

    #[test]
    fn b49_a_token_of_another_institution_or_repository_is_none() {
        let token = Token {
            listed: Listed::Records,
            format: Rendition::OaiDc,
            set: None,
            from: None,
            until: Timestamp::from_second(1_800_000_000).unwrap(),
            at: Position::default(),
            cursor: 0,
        };
        let text = token.write("key", "VITRINE");
        assert_eq!(Token::read(&text, "key", "OTHER"), None);
        assert_eq!(Token::read(&text, "other", "VITRINE"), None);
        assert_eq!(Token::read(&text, "", "VITRINE"), None);
        assert_eq!(Token::read(&format!("{text}="), "key", "VITRINE"), None);
    }
}
