//! Identifiers, one type a kind, so that two ids can not be swapped.
//!
//! They look like the vendor's: a type prefix, a sequence, the institution's four-digit suffix (domain.md 2.1).
//! The sequence is the minting time in milliseconds and four random digits, so ids of one kind sort by age, which
//! the thumbnail rule "lowest id" relies on (T3). They are not secrets: every read is authorised (B40).

use jiff::Timestamp;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a {kind} id")]
pub struct IdError {
    /// The kind of id that was expected.
    pub kind: &'static str,
    /// What was given, cut to 64 characters.
    pub given: String,
}

/// A text that is checked once, where it comes in: what it is called in errors, and which texts are one.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $is_legal:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// It as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ids::IdError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let is_legal: fn(&str) -> bool = $is_legal;
                if is_legal(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err($crate::ids::IdError { kind: $kind, given: text.chars().take(64).collect() })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::ids::IdError;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(checked: $name) -> String {
                checked.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use checked_text;

/// Whether a text is a code that staff gave: of a library, of a remote repository.
pub(crate) fn is_code(text: &str) -> bool {
    (1..=50).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

const MAX_ID_LENGTH: usize = 32;

fn is_numeric(prefix: &str, text: &str) -> bool {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits && text.len() <= MAX_ID_LENGTH && text.len() > prefix.len() && text.starts_with(prefix)
}

macro_rules! numeric_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $prefix:literal) => {
        checked_text!($(#[$doc])* $name, $kind, |text| is_numeric($name::PREFIX, text));

        impl $name {
            /// The digits that every id of this kind starts with.
            pub const PREFIX: &'static str = $prefix;
        }
    };
}

numeric_id!(
    /// A bib record's id, the vendor's MMS ID.
    MmsId, "bib record", "99"
);
numeric_id!(
    /// A representation's id.
    RepId, "representation", "12"
);
numeric_id!(
    /// A file's id, `pid` on the wire.
    FileId, "file", "13"
);
numeric_id!(
    /// A collection's id, `pid` on the wire.
    CollectionId, "collection", "81"
);
numeric_id!(
    /// An upload intent's id.
    UploadId, "upload", "71"
);
numeric_id!(
    /// An event's id: names an audit row and the outbox row written with it.
    EventId, "event", "61"
);
numeric_id!(
    /// An API key's public id; the key itself is never stored.
    KeyId, "API key", "51"
);

numeric_id!(
    /// An access rights policy's id.
    PolicyId, "access rights policy", "52"
);
numeric_id!(
    /// An import profile's id; also the name of its folder below `upload/`.
    ProfileId, "import profile", "78"
);
numeric_id!(
    /// A publishing profile's id.
    PublishingId, "publishing profile", "79"
);
numeric_id!(
    /// A job's id.
    JobId, "job", "47"
);
numeric_id!(
    /// An export's id.
    ExportId, "export", "49"
);
numeric_id!(
    /// A set's id.
    SetId, "set", "48"
);

checked_text!(
    /// An ingest's id: the name of its folder below the profile's. Minted for ingests that the API creates; what staff
    /// called their folder for ones that an S3 client copied.
    IngestId, "ingest", |text| {
        !text.is_empty()
            && text.len() <= 200
            && !text.starts_with('.')
            && !text.chars().any(|c| c.is_control() || "/\\#%".contains(c))
    }
);
checked_text!(
    /// A user's id as the identity provider or the librarian spells it.
    UserId, "user", |text| {
        !text.is_empty()
            && text.chars().count() <= 128
            && text.chars().all(|c| c.is_alphanumeric() || "._-@+:".contains(c))
    }
);

impl UserId {
    /// The actor of work that no person asked for: events, the sweep.
    pub fn system() -> Self {
        Self("vitrine".to_owned())
    }
}

/// Mints ids from a time and a source of random numbers.
///
/// Two ids minted in one millisecond collide once in a hundred million; the store creates an item only where none is,
/// so a collision is a conflict that the caller answers by asking again.
#[derive(Debug, Clone)]
pub struct Minter {
    suffix: String,
}

impl Minter {
    /// A minter for the institution whose ids end in `suffix` (four digits).
    ///
    /// # Errors
    /// When `suffix` is not four digits.
    pub fn new(suffix: &str) -> Result<Self, IdError> {
        if suffix.len() == 4 && suffix.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self { suffix: suffix.to_owned() });
        }
        Err(IdError { kind: "institution suffix", given: suffix.chars().take(64).collect() })
    }

    /// Prefix, milliseconds since 2025 (12 digits last until 2056), eight digits of `random`, and suffix.
    fn sequence(&self, prefix: &str, now: Timestamp, random: u64) -> String {
        const EPOCH_2025_MS: i64 = 1_735_689_600_000;
        let millis = now.as_millisecond().saturating_sub(EPOCH_2025_MS).max(0);
        let (four, four_more) = (random % 10_000, (random / 10_000) % 10_000);
        format!("{prefix}{millis:012}{four:04}{four_more:04}{}", self.suffix)
    }
}

impl Minter {
    /// Mints the id of an ingest that the API creates.
    pub fn ingest(&self, now: Timestamp, random: u64) -> IngestId {
        IngestId(self.sequence("77", now, random))
    }
}

impl EventId {
    /// The one outbox row that reminds of a title when time changes what may be seen of it. No event that is minted has
    /// so few or so many digits.
    pub fn reminder(mms: &MmsId) -> Self {
        Self(format!("{}0{mms}", Self::PREFIX))
    }

    /// The one outbox row of a publishing profile's schedule.
    pub fn schedule(profile: &PublishingId) -> Self {
        Self(format!("{}{profile}", Self::PREFIX))
    }
}

/// Ids that follow from what they are for, so that whoever does a piece of work again uses the same ones.
impl Minter {
    /// The bib record that a row makes.
    pub fn derived_mms(&self, at: Timestamp, seed: u64) -> MmsId {
        MmsId(self.sequence(MmsId::PREFIX, at, seed))
    }

    /// A representation that a row makes.
    pub fn derived_representation(&self, at: Timestamp, seed: u64) -> RepId {
        RepId(self.sequence(RepId::PREFIX, at, seed))
    }

    /// A file that a row names.
    pub fn derived_file(&self, at: Timestamp, seed: u64) -> FileId {
        FileId(self.sequence(FileId::PREFIX, at, seed))
    }

    /// The job of one planned run: whoever starts it starts the same one (B13).
    pub fn derived_job(&self, at: Timestamp, seed: u64) -> JobId {
        JobId(self.sequence(JobId::PREFIX, at, seed))
    }

    /// The upload of one object of one folder; it is what keeps a name from being used twice.
    pub fn derived_upload(&self, seed: u128) -> UploadId {
        UploadId(format!("{}{:024}{}", UploadId::PREFIX, seed % 10_u128.pow(24), self.suffix))
    }
}

macro_rules! mint {
    ($($(#[$doc:meta])* $method:ident -> $name:ident),+ $(,)?) => {
        impl Minter {
            $($(#[$doc])*
            pub fn $method(&self, now: Timestamp, random: u64) -> $name {
                $name(self.sequence($name::PREFIX, now, random))
            })+
        }
    };
}

mint!(
    /// Mints an event's id. It is also the token of its transaction.
    event -> EventId,
    /// Mints a bib record's id.
    mms -> MmsId,
    /// Mints a representation's id.
    representation -> RepId,
    /// Mints a file's id.
    file -> FileId,
    /// Mints a collection's id.
    collection -> CollectionId,
    /// Mints an upload's id.
    upload -> UploadId,
    /// Mints an API key's public id.
    key -> KeyId,
    /// Mints an access rights policy's id.
    policy -> PolicyId,
    /// Mints an import profile's id.
    profile -> ProfileId,
    /// Mints a publishing profile's id.
    publishing -> PublishingId,
    /// Mints a job's id.
    job -> JobId,
    /// Mints a set's id.
    set -> SetId,
    /// Mints an export's id.
    export -> ExportId,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_prefix_and_suffix_and_sort_by_age() {
        let minter = Minter::new("4641").unwrap();
        let early = minter.file("2026-11-24T08:00:00Z".parse().unwrap(), 9_999);
        let late = minter.file("2026-11-24T08:00:00.001Z".parse().unwrap(), 0);
        assert!(early.as_str().starts_with("13") && early.as_str().ends_with("4641"));
        assert!(early < late);
    }

    #[test]
    fn ids_of_one_millisecond_differ_where_any_of_eight_digits_does() {
        let minter = Minter::new("4641").unwrap();
        let now = "2026-11-24T08:00:00Z".parse().unwrap();
        let ids: std::collections::BTreeSet<_> =
            [0, 1, 9_999, 10_000, 99_999_999].map(|random| minter.mms(now, random)).into_iter().collect();
        assert_eq!(ids.len(), 5);
        assert_eq!(minter.mms(now, 100_000_000), minter.mms(now, 0));
        assert!(ids.iter().all(|id| id.as_str().len() == 26));
    }

    #[test]
    fn refuses_ids_of_another_kind_and_of_other_shapes() {
        for bad in ["", "99", "12x", "9912345678901234567890123456789012", "99 1", "٩٩١٢", "../99"] {
            assert!(bad.parse::<MmsId>().is_err(), "{bad}");
        }
        assert!("121".parse::<MmsId>().is_err());
        assert!("991011592218004641".parse::<MmsId>().is_ok());
        assert!(Minter::new("46").is_err());
    }
}
