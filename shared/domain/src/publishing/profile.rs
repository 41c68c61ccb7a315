//! Publishing profiles: which titles, in which formats, with what added, to which target, when (S13, S14).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bib::DC_ELEMENTS;
use crate::coded;
use crate::coded::Coded;
use crate::ids::{CollectionId, JobId, PublishingId, SetId, UserId};
use crate::problem::Problems;
use crate::schedule::Schedule;
use crate::set::{Levels, SetRule};

coded!(
    /// A format that records are handed out in, by its metadata prefix (OAI-8).
    Rendition, "metadata prefix" {
        /// Simple Dublin Core.
        OaiDc = "oai_dc": "Dublin Core",
        /// Qualified Dublin Core.
        OaiQdc = "oai_qdc": "Qualified Dublin Core",
        /// MARC 21 as MARCXML.
        Marc21 = "marc21": "MARC 21",
        /// MODS 3.
        Mods = "mods": "MODS",
    }
);

coded!(
    /// Which titles a profile publishes.
    SelectionKind, "selection" {
        /// Every title.
        Everything = "EVERYTHING": "All titles",
        /// The titles of collections.
        Collections = "COLLECTIONS": "Titles of collections",
        /// The titles of a set, itemized or logical (C11).
        Set = "SET": "Titles of a set",
    }
);

coded!(
    /// Where a profile publishes to.
    TargetKind, "target" {
        /// A set of the OAI-PMH server; follows every change within seconds.
        Oai = "OAI": "OAI-PMH set",
        /// Files for Primo: MARC in OAI-PMH list elements, with availability and collections (S15).
        Primo = "PRIMO": "Files for Primo",
        /// Files for Summon: MARCXML, deletions in files of their own (S16).
        Summon = "SUMMON": "Files for Summon",
        /// Files for anyone, in one format.
        Files = "FILES": "Files",
        /// Calls to an address, each with what changed (U3); follows every change within seconds.
        Webhook = "WEBHOOK": "Webhook",
    }
);

impl TargetKind {
    /// Whether the target follows every change by itself, and no files are written for it.
    pub fn follows(self) -> bool {
        matches!(self, Self::Oai | Self::Webhook)
    }
}

coded!(
    /// What becomes of a title that has digital forms of which nobody outside may see one.
    Restricted, "rule for restricted titles" {
        /// It is published, with the flag where the profile adds that.
        Flag = "FLAG": "Published and flagged",
        /// It is published as deleted.
        Withdraw = "WITHDRAW": "Published as deleted",
    }
);

/// A publishing profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishingProfile {
    /// Its id.
    pub id: PublishingId,
    /// What staff set.
    #[serde(flatten)]
    pub settings: PublishingSettings,
    /// How far its files go.
    #[serde(default)]
    pub delivered: Delivered,
    /// When the secret of its target was last set. The secret itself is in no table.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secret_at: Option<Timestamp>,
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

/// What staff set on a publishing profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishingSettings {
    /// Its name, unique among publishing profiles.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Whether it publishes; what an inactive one published is withdrawn.
    #[serde(default = "yes")]
    pub active: bool,
    /// Which titles.
    pub selection: Selection,
    /// Where to.
    pub target: Target,
    /// What is added to records.
    #[serde(default)]
    pub enrichment: Enrichment,
    /// What becomes of restricted titles.
    #[serde(default = "flag")]
    pub restricted: Restricted,
    /// When files are written by themselves.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<Schedule>,
}

fn yes() -> bool {
    true
}

fn flag() -> Restricted {
    Restricted::Flag
}

/// Which titles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// How they are chosen.
    pub kind: SelectionKind,
    /// The collections.
    #[serde(default)]
    pub collections: Vec<CollectionId>,
    /// Whether collections below those count too.
    #[serde(default)]
    pub with_subcollections: bool,
    /// The set.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub set: Option<SetId>,
}

impl Selection {
    /// The rule that its collections are.
    pub fn rule(&self) -> SetRule {
        let levels = if self.with_subcollections { Levels::All } else { Levels::One };
        SetRule { collections: self.collections.clone(), levels: Some(levels), ..SetRule::default() }
    }

    /// The set that it names.
    pub fn named_set(&self) -> Option<&SetId> {
        self.set.as_ref().filter(|_| self.kind == SelectionKind::Set)
    }
}

/// Where to, and in which form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The kind of target.
    pub kind: TargetKind,
    /// The name of the set in requests; of an OAI-PMH target only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub set_spec: Option<String>,
    /// The address that is called; of a webhook only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// The format of files for anyone, and of what a webhook is told. A set offers every format; Primo and Summon take MARC.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub format: Option<Rendition>,
    /// How many records one file takes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub records_per_file: Option<u32>,
    /// The server that files are sent to; none where whoever wants them fetches them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sftp: Option<SftpTarget>,
}

/// A server that files are sent to over SFTP. What it lets us in with is kept in the store of secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SftpTarget {
    /// Its name or address.
    pub host: String,
    /// Its port.
    #[serde(default = "ssh_port")]
    pub port: u16,
    /// Whom it knows us as.
    pub user_name: String,
    /// The folder that files are put into; the one that the server begins with where it is empty.
    #[serde(default)]
    pub folder: String,
    /// The fingerprint of its key, as `ssh-keygen -lf` writes it: `SHA256:` and 43 letters.
    pub host_key: String,
}

fn ssh_port() -> u16 {
    22
}

impl SftpTarget {
    /// The path of a file there.
    pub fn path(&self, name: &str) -> String {
        match self.folder.trim_end_matches('/') {
            "" if self.folder.is_empty() => name.to_owned(),
            folder => format!("{folder}/{name}"),
        }
    }

    fn check(&self, problems: &mut Problems) {
        let host = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
        if self.host.is_empty() || self.host.len() > 253 || !self.host.chars().all(host) {
            problems.add("target.sftp.host", "must be the name or the address of a server");
        }
        if self.port == 0 {
            problems.add("target.sftp.port", "must be 1 to 65535");
        }
        problems.check_text("target.sftp.user_name", &self.user_name, 100);
        let climbs = self.folder.split('/').any(|part| part == "..");
        if self.folder.len() > 500 || self.folder.chars().any(char::is_control) || climbs {
            problems.add("target.sftp.folder", "must be a path of at most 500 letters, without `..`");
        }
        let digest = self.host_key.strip_prefix("SHA256:").unwrap_or_default();
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
        if digest.len() != 43 || !digest.chars().all(letter) {
            problems.add(
                "target.sftp.host_key",
                "must be a fingerprint: `SHA256:` and 43 letters, as `ssh-keygen -lf` writes it",
            );
        }
    }
}

/// What is added to a record for each of its representations (S14, OAI-11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Enrichment {
    /// The address where it is seen.
    pub delivery_link: bool,
    /// The address of its thumbnail.
    pub thumbnail: bool,
    /// Its label.
    pub label: bool,
    /// Whether everybody may see it.
    pub access_flag: bool,
    /// The element of Dublin Core that takes addresses and labels.
    pub dc_element: String,
    /// The MARC field that takes them: `$u`, `$3`, and the flag in `$z`.
    pub marc_tag: String,
}

impl Default for Enrichment {
    fn default() -> Self {
        Self {
            delivery_link: true,
            thumbnail: true,
            label: true,
            access_flag: true,
            dc_element: "identifier".to_owned(),
            marc_tag: "856".to_owned(),
        }
    }
}

/// How far the files of a profile go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// Everything published up to this instant is in files; none before the first run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Timestamp>,
    /// The run that wrote them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<JobId>,
}

/// How many publishing profiles there can be: a title is published to all of them in one transaction.
pub const MAX_PROFILES: usize = 40;
/// How many of them call an address: each is told of a title in one message of its own.
pub const MAX_WEBHOOKS: usize = 10;
/// How many collections one profile names.
pub const MAX_COLLECTIONS: usize = 100;
/// How many records a file takes unless said otherwise.
pub const RECORDS_A_FILE: u32 = 10_000;
const MAX_RECORDS_A_FILE: u32 = 100_000;

impl PublishingSettings {
    /// The formats in which its records are kept, in a fixed order.
    pub fn renditions(&self) -> Vec<Rendition> {
        match self.target.kind {
            TargetKind::Primo | TargetKind::Summon => vec![Rendition::Marc21],
            TargetKind::Files | TargetKind::Webhook => vec![self.target.format.unwrap_or(Rendition::OaiDc)],
            TargetKind::Oai => Rendition::ALL.to_vec(),
        }
    }

    /// The set that it is, where it is one.
    pub fn set_spec(&self) -> Option<&str> {
        self.target.set_spec.as_deref().filter(|_| self.target.kind == TargetKind::Oai)
    }

    /// Whether two settings publish the same things in the same form.
    pub fn publishes_like(&self, other: &Self) -> bool {
        let shape = |it: &Self| {
            // Where to is another matter than what.
            let target = Target { url: None, sftp: None, ..it.target.clone() };
            (it.active, it.selection.clone(), target, it.enrichment.clone(), it.restricted)
        };
        shape(self) == shape(other)
    }

    /// Checks what can be said without looking anything up.
    pub fn check(&self) -> Problems {
        let mut problems = Problems::default();
        problems.check_text("name", &self.name, 255);
        if self.description.chars().count() > 1000 {
            problems.add("description", "must not be longer than 1000 characters");
        }
        self.check_selection(&mut problems);
        self.check_target(&mut problems);
        if !DC_ELEMENTS.contains(&self.enrichment.dc_element.as_str()) {
            problems.add("enrichment.dc_element", format!("must be one of: {}", DC_ELEMENTS.join(", ")));
        }
        let tag = self.enrichment.marc_tag.as_bytes();
        if tag.len() != 3 || !tag.iter().all(u8::is_ascii_digit) || tag.starts_with(b"00") {
            problems.add("enrichment.marc_tag", "must be the tag of a MARC data field such as `856`");
        }
        if let Some(schedule) = &self.schedule {
            schedule.check("schedule", &mut problems);
            if self.target.kind.follows() {
                problems.add("schedule", "must be absent: the target follows every change by itself");
            }
        }
        problems
    }

    fn check_selection(&self, problems: &mut Problems) {
        let named = self.selection.collections.len();
        match self.selection.kind {
            SelectionKind::Everything | SelectionKind::Set if named > 0 => {
                problems
                    .add("selection.collections", "must be empty unless titles of collections are published");
            }
            SelectionKind::Collections if !(1..=MAX_COLLECTIONS).contains(&named) => {
                problems.add("selection.collections", format!("must be 1 to {MAX_COLLECTIONS} ids"));
            }
            _ => {}
        }
        if (self.selection.kind == SelectionKind::Set) != self.selection.set.is_some() {
            problems.add("selection.set", "must be given for the titles of a set, and be absent otherwise");
        }
    }

    fn check_target(&self, problems: &mut Problems) {
        let target = &self.target;
        match (target.kind, &target.set_spec) {
            (TargetKind::Oai, Some(spec)) if is_set_spec(spec) => {}
            (TargetKind::Oai, _) => problems
                .add("target.set_spec", "must be 1 to 100 letters, digits and `-_.!~*'()`, in parts by `:`"),
            (_, Some(_)) => problems.add("target.set_spec", "must be absent where files are written"),
            (_, None) => {}
        }
        if (target.kind == TargetKind::Webhook) != target.url.is_some() {
            problems.add("target.url", "must be given for a webhook, and be absent otherwise");
        }
        let has_format = matches!(target.kind, TargetKind::Files | TargetKind::Webhook);
        if has_format != target.format.is_some() {
            problems.add(
                "target.format",
                "must be given for files for anyone and a webhook, and be absent otherwise",
            );
        }
        if let Some(sftp) = &target.sftp {
            if target.kind.follows() {
                problems.add("target.sftp", "must be absent where no files are written");
            }
            sftp.check(problems);
        }
        match (target.kind, target.records_per_file) {
            (_, None) => {}
            (kind, Some(_)) if kind.follows() => {
                problems.add("target.records_per_file", "must be absent where no files are written");
            }
            (_, Some(count)) if !(1..=MAX_RECORDS_A_FILE).contains(&count) => {
                problems.add("target.records_per_file", format!("must be 1 to {MAX_RECORDS_A_FILE}"));
            }
            _ => {}
        }
    }
}

/// Whether a text is a set's name as OAI-PMH.xsd allows it.
fn is_set_spec(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte))
    };
    text.len() <= 100 && text.split(':').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn settings(kind: TargetKind) -> PublishingSettings {
        PublishingSettings {
            name: "Everything".into(),
            description: String::new(),
            active: true,
            selection: Selection {
                kind: SelectionKind::Everything,
                collections: vec![],
                with_subcollections: false,
                set: None,
            },
            target: Target {
                kind,
                set_spec: (kind == TargetKind::Oai).then(|| "all".to_owned()),
                url: None,
                format: None,
                records_per_file: None,
                sftp: None,
            },
            enrichment: Enrichment::default(),
            restricted: Restricted::Flag,
            schedule: None,
        }
    }

    fn fields(settings: &PublishingSettings) -> Vec<String> {
        settings.check().0.into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn a_set_offers_every_format_and_files_have_one() {
        assert_eq!(settings(TargetKind::Oai).renditions(), Rendition::ALL);
        assert_eq!(settings(TargetKind::Primo).renditions(), [Rendition::Marc21]);
    }

    #[test]
    fn s16_a_server_is_named_with_the_fingerprint_of_its_key() {
        let server = SftpTarget {
            host: "sftp.example.org".into(),
            port: 22,
            user_name: "library".into(),
            folder: String::new(),
            host_key: format!("SHA256:{}", "a".repeat(43)),
        };
        let with = |server: SftpTarget| {
            let mut settings = settings(TargetKind::Primo);
            settings.target.sftp = Some(server);
            fields(&settings)
        };
        assert_eq!(with(server.clone()), Vec::<String>::new());
        assert_eq!(
            (server.path("a.xml"), SftpTarget { folder: "/in/".into(), ..server.clone() }.path("a.xml")),
            ("a.xml".into(), "/in/a.xml".into())
        );
        assert_eq!(SftpTarget { folder: "/".into(), ..server.clone() }.path("a.xml"), "/a.xml");
        let wrong = SftpTarget {
            host: "a b".into(),
            port: 0,
            user_name: " ".into(),
            folder: "a/../b".into(),
            host_key: "ssh-ed25519 AAAA".into(),
        };
        let all =
            ["host", "port", "user_name", "folder", "host_key"].map(|field| format!("target.sftp.{field}"));
        assert_eq!(with(wrong), all);
        let mut set = settings(TargetKind::Oai);
        set.target.sftp = Some(server);
        assert_eq!(fields(&set), ["target.sftp"]);
    }

    #[test]
    fn names_what_is_wrong() {
        assert_eq!(fields(&settings(TargetKind::Oai)), Vec::<String>::new());
        assert_eq!(fields(&settings(TargetKind::Summon)), Vec::<String>::new());
        assert_eq!(fields(&settings(TargetKind::Files)), ["target.format"]);
        let mut wrong = settings(TargetKind::Oai);
        wrong.name = " ".into();
        wrong.selection.kind = SelectionKind::Collections;
        wrong.selection.set = "48123".parse().ok();
        wrong.target.set_spec = Some("a::b".into());
        wrong.target.records_per_file = Some(1);
        wrong.enrichment.dc_element = "author".into();
        wrong.enrichment.marc_tag = "001".into();
        assert_eq!(
            fields(&wrong),
            [
                "name",
                "selection.collections",
                "selection.set",
                "target.set_spec",
                "target.records_per_file",
                "enrichment.dc_element",
                "enrichment.marc_tag"
            ]
        );
        for (spec, right) in
            [("a", true), ("a:b-c", true), ("", false), ("a b", false), (":a", false), ("ä", false)]
        {
            assert_eq!(is_set_spec(spec), right, "{spec}");
        }
    }
}
