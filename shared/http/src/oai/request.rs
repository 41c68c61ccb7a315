//! A request of OAI-PMH as its arguments mean it, or everything that is wrong with them (OAI-3 ... OAI-5).

use vitrine_domain::Timestamp;
use vitrine_domain::coded::Coded;
use vitrine_domain::publishing::profile::Rendition;

/// One error of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OaiError {
    /// The protocol's word for it.
    pub code: &'static str,
    /// The same for a person.
    pub message: String,
}

impl OaiError {
    /// An error with its text.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn argument(message: impl Into<String>) -> Self {
        Self::new("badArgument", message)
    }

    /// Whether the request is echoed without its arguments (OAI-2).
    pub fn hides_arguments(&self) -> bool {
        matches!(self.code, "badVerb" | "badArgument")
    }
}

/// What a list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Headers.
    Identifiers,
    /// Headers and records.
    Records,
}

/// What a selective list asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The format.
    pub format: Rendition,
    /// From this second on.
    pub from: Option<Timestamp>,
    /// Up to this second, all of it.
    pub until: Option<Timestamp>,
    /// The set.
    pub set: Option<String>,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OaiRequest {
    /// What the repository is.
    Identify,
    /// The formats, of all records or of one.
    ListMetadataFormats {
        /// The record.
        identifier: Option<String>,
    },
    /// The sets.
    ListSets {
        /// A token; none was ever given.
        token: Option<String>,
    },
    /// One record.
    GetRecord {
        /// The record.
        identifier: String,
        /// The format.
        format: Rendition,
    },
    /// A list from its beginning.
    List(Listed, Wish),
    /// A list from where a token says.
    Resume(Listed, String),
}

/// Reads a request's arguments.
///
/// # Errors
/// Everything that is wrong with them, at once.
pub fn read(arguments: &[(String, String)]) -> Result<OaiRequest, Vec<OaiError>> {
    let verbs: Vec<&str> =
        arguments.iter().filter(|(name, _)| name == "verb").map(|(_, verb)| verb.as_str()).collect();
    let &[verb] = verbs.as_slice() else {
        let message = if verbs.is_empty() { "no verb is given" } else { "the verb is given more than once" };
        return Err(vec![OaiError::new("badVerb", message)]);
    };
    let (allowed, needed): (&[&str], &[&str]) = match verb {
        "Identify" => (&[], &[]),
        "ListMetadataFormats" => (&["identifier"], &[]),
        "ListSets" => (&["resumptionToken"], &[]),
        "GetRecord" => (&["identifier", "metadataPrefix"], &["identifier", "metadataPrefix"]),
        "ListIdentifiers" | "ListRecords" => {
            (&["metadataPrefix", "from", "until", "set", "resumptionToken"], &["metadataPrefix"])
        }
        _ => return Err(vec![OaiError::new("badVerb", "the verb is none of the protocol's six")]),
    };
    let mut reader = Reader { arguments, errors: Vec::new() };
    reader.only(verb, allowed);
    let token = reader.one("resumptionToken");
    if token.is_some() && arguments.len() > 2 {
        reader.errors.push(OaiError::argument("`resumptionToken` goes with no other argument"));
    }
    if token.is_none() {
        for name in needed.iter().filter(|name| !arguments.iter().any(|(given, _)| given == **name)) {
            reader.errors.push(OaiError::argument(format!("`{name}` is missing")));
        }
    }
    let request = reader.request(verb, token);
    match (request, reader.errors) {
        (Some(request), errors) if errors.is_empty() => Ok(request),
        (_, errors) => Err(errors),
    }
}

struct Reader<'a> {
    arguments: &'a [(String, String)],
    errors: Vec<OaiError>,
}

impl Reader<'_> {
    fn only(&mut self, verb: &str, allowed: &[&str]) {
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in self.arguments.iter().filter(|(name, _)| name != "verb") {
            let shown: String = name.chars().take(40).collect();
            if !allowed.contains(&name.as_str()) {
                self.errors.push(OaiError::argument(format!("`{shown}` is no argument of {verb}")));
            } else if seen.contains(&name.as_str()) {
                self.errors.push(OaiError::argument(format!("`{shown}` is given more than once")));
            }
            seen.push(name);
            if self.errors.len() > 10 {
                break;
            }
        }
    }

    fn one(&self, name: &str) -> Option<String> {
        self.arguments.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone())
    }

    fn format(&mut self) -> Option<Rendition> {
        let prefix = self.one("metadataPrefix")?;
        let format = Rendition::from_code(&prefix);
        if format.is_none() {
            let well_formed = !prefix.is_empty()
                && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte));
            self.errors.push(if well_formed {
                OaiError::new("cannotDisseminateFormat", "the repository has no such metadata format")
            } else {
                OaiError::argument("`metadataPrefix` is no prefix of a metadata format")
            });
        }
        format
    }

    fn request(&mut self, verb: &str, token: Option<String>) -> Option<OaiRequest> {
        let listed = if verb == "ListRecords" { Listed::Records } else { Listed::Identifiers };
        Some(match (verb, token) {
            ("Identify", _) => OaiRequest::Identify,
            ("ListMetadataFormats", _) => {
                OaiRequest::ListMetadataFormats { identifier: self.one("identifier") }
            }
            ("ListSets", token) => OaiRequest::ListSets { token },
            ("GetRecord", _) => {
                let format = self.format();
                OaiRequest::GetRecord { identifier: self.one("identifier")?, format: format? }
            }
            (_, Some(token)) => OaiRequest::Resume(listed, token),
            (_, None) => OaiRequest::List(listed, self.wish()?),
        })
    }

    fn wish(&mut self) -> Option<Wish> {
        let format = self.format();
        let (from, until) = (self.date("from"), self.date("until"));
        if let (Some(from), Some(until)) = (&from, &until) {
            if from.is_day != until.is_day {
                self.errors.push(OaiError::argument("`from` and `until` are of different granularity"));
            } else if from.start > until.end {
                self.errors.push(OaiError::argument("`from` is later than `until`"));
            }
        }
        Some(Wish {
            format: format?,
            from: from.map(|date| date.start),
            until: until.map(|date| date.end),
            set: self.one("set"),
        })
    }

    fn date(&mut self, name: &str) -> Option<Date> {
        let text = self.one(name)?;
        let date = Date::read(&text);
        if date.is_none() {
            self.errors.push(OaiError::argument(format!(
                "`{name}` is no date such as `2026-11-24` or `2026-11-24T12:00:00Z`"
            )));
        }
        date
    }
}

/// A day or a second.
struct Date {
    start: Timestamp,
    end: Timestamp,
    is_day: bool,
}

impl Date {
    fn read(text: &str) -> Option<Self> {
        let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        match shape.as_str() {
            "9999-99-99" => {
                let start: Timestamp = format!("{text}T00:00:00Z").parse().ok()?;
                let end: Timestamp = format!("{text}T23:59:59Z").parse().ok()?;
                Some(Self { start, end, is_day: true })
            }
            "9999-99-99T99:99:99Z" => {
                let start: Timestamp = text.parse().ok()?;
                Some(Self { start, end: start, is_day: false })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(query: &str) -> Vec<(String, String)> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(a, b)| (a.into(), b.into()))
            .collect()
    }

    fn codes(query: &str) -> Vec<&'static str> {
        match read(&arguments(query)) {
            Ok(_) => vec![],
            Err(errors) => errors.iter().map(|error| error.code).collect(),
        }
    }

    #[test]
    fn oai_3_and_4_arguments_that_the_protocol_does_not_allow_are_refused() {
        for (query, expected) in [
            ("", &["badVerb"][..]),
            ("verb=", &["badVerb"]),
            ("verb=Nothing", &["badVerb"]),
            ("verb=Identify&verb=Identify", &["badVerb"]),
            ("verb=Identify&x=1", &["badArgument"]),
            ("verb=GetRecord", &["badArgument", "badArgument"]),
            ("verb=GetRecord&identifier=a&metadataPrefix=nope", &["cannotDisseminateFormat"]),
            ("verb=ListRecords", &["badArgument"]),
            ("verb=ListRecords&metadataPrefix=", &["badArgument"]),
            ("verb=ListRecords&metadataPrefix=really_wrong_mdp", &["cannotDisseminateFormat"]),
            ("verb=ListRecords&metadataPrefix=oai_dc&metadataPrefix=oai_dc", &["badArgument"]),
            ("verb=ListRecords&metadataPrefix=oai_dc&from=junk", &["badArgument"]),
            ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-02-30", &["badArgument"]),
            ("verb=ListRecords&metadataPrefix=oai_dc&until=2026-11-24T12:00Z", &["badArgument"]),
            ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-11-24T12:00:00.5Z", &["badArgument"]),
            ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-11-25&until=2026-11-24", &["badArgument"]),
            (
                "verb=ListRecords&metadataPrefix=oai_dc&from=2026-11-24&until=2026-11-24T00:00:00Z",
                &["badArgument"],
            ),
            ("verb=ListRecords&metadataPrefix=oai_dc&resumptionToken=x", &["badArgument"]),
            ("verb=ListIdentifiers&resumptionToken=x&resumptionToken=y", &["badArgument", "badArgument"]),
        ] {
            assert_eq!(codes(query), expected, "{query}");
        }
    }

    #[test]
    fn reads_what_the_protocol_allows() {
        let list = read(&arguments(
            "verb=ListRecords&metadataPrefix=marc21&from=2026-11-24&until=2026-11-24&set=a:b",
        ));
        let Ok(OaiRequest::List(Listed::Records, wish)) = list else { panic!("{list:?}") };
        assert_eq!(wish.format, Rendition::Marc21);
        assert_eq!(wish.from.unwrap().to_string(), "2026-11-24T00:00:00Z");
        assert_eq!(wish.until.unwrap().to_string(), "2026-11-24T23:59:59Z");
        assert_eq!(wish.set.as_deref(), Some("a:b"));
        assert_eq!(
            read(&arguments("verb=ListIdentifiers&resumptionToken=x")),
            Ok(OaiRequest::Resume(Listed::Identifiers, "x".into()))
        );
        assert_eq!(read(&arguments("verb=Identify")), Ok(OaiRequest::Identify));
    }
}
