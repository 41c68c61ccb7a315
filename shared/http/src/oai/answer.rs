//! Answers of OAI-PMH as XML that is valid against OAI-PMH.xsd (OAI-1, OAI-2).

use quick_xml::escape::escape;
use vitrine_app::publishing::oai::Harvested;
use vitrine_domain::Timestamp;
use vitrine_domain::publishing::oai_identifier;
use vitrine_domain::publishing::profile::Rendition;
use vitrine_domain::publishing::repository::{OaiRepository, OaiSet};

use super::request::OaiError;

const NS: &str = "http://www.openarchives.org/OAI/2.0/";

/// An answer before its frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The verb and what is in it, or errors.
    pub body: String,
    /// Whether the request is echoed with its arguments.
    pub echo: bool,
}

/// An instant as the protocol spells it.
pub fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Puts the frame around an answer.
pub fn framed(base: &str, arguments: &[(String, String)], now: Timestamp, answer: &Answer) -> String {
    let mut echoed = String::new();
    if answer.echo {
        for (name, value) in arguments {
            // An identifier is a URI; what is none is not repeated, so that the answer stays valid.
            if value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}%".contains(&byte)) {
                echoed.push_str(&format!(" {name}=\"{}\"", escape(value)));
            }
        }
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<OAI-PMH xmlns=\"{NS}\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xsi:schemaLocation=\"{NS} http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd\">\n\
         <responseDate>{}</responseDate>\n<request{echoed}>{}</request>\n{}\n</OAI-PMH>\n",
        instant(now),
        escape(base),
        answer.body
    )
}

/// Errors.
pub fn errors(errors: &[OaiError]) -> Answer {
    let echo = !errors.iter().any(OaiError::hides_arguments);
    let body: Vec<String> = errors
        .iter()
        .map(|error| format!("<error code=\"{}\">{}</error>", error.code, escape(legal(&error.message))))
        .collect();
    Answer { body: body.join("\n"), echo }
}

/// Leaves out what XML can not hold.
fn legal(text: &str) -> String {
    text.chars()
        .filter(
            |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..),
        )
        .collect()
}

/// What the repository is (OAI-6).
pub fn identify(base: &str, repository: &OaiRepository, institution: &str) -> Answer {
    let settings = &repository.settings;
    let mut body = format!(
        "<Identify><repositoryName>{}</repositoryName><baseURL>{}</baseURL>\
         <protocolVersion>2.0</protocolVersion><adminEmail>{}</adminEmail>\
         <earliestDatestamp>{EARLIEST}</earliestDatestamp><deletedRecord>persistent</deletedRecord>\
         <granularity>YYYY-MM-DDThh:mm:ssZ</granularity><compression>gzip</compression>",
        escape(&settings.repository_name),
        escape(base),
        escape(&settings.admin_email),
    );
    let name = format!("alma.{institution}");
    if is_domain_name(&name) {
        let ns = "http://www.openarchives.org/OAI/2.0/oai-identifier";
        body.push_str(&format!(
            "<description><oai-identifier xmlns=\"{ns}\" \
             xsi:schemaLocation=\"{ns} http://www.openarchives.org/OAI/2.0/oai-identifier.xsd\">\
             <scheme>oai</scheme><repositoryIdentifier>{name}</repositoryIdentifier><delimiter>:</delimiter>\
             <sampleIdentifier>oai:{name}:991234567890123456</sampleIdentifier></oai-identifier></description>"
        ));
    }
    body.push_str("</Identify>");
    Answer { body, echo: true }
}

/// No record is from before: the first id that can be minted is of this instant.
const EARLIEST: &str = "2025-01-01T00:00:00Z";

/// Whether oai-identifier.xsd takes the name of a repository.
fn is_domain_name(name: &str) -> bool {
    name.contains('.')
        && name.split('.').all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        })
}

/// The formats.
pub fn formats(all: &[Rendition]) -> Answer {
    let mut body = "<ListMetadataFormats>".to_owned();
    for format in all {
        let (schema, namespace) = schema(*format);
        body.push_str(&format!(
            "<metadataFormat><metadataPrefix>{format}</metadataPrefix><schema>{schema}</schema>\
             <metadataNamespace>{namespace}</metadataNamespace></metadataFormat>"
        ));
    }
    body.push_str("</ListMetadataFormats>");
    Answer { body, echo: true }
}

fn schema(format: Rendition) -> (&'static str, &'static str) {
    match format {
        Rendition::OaiDc => {
            ("http://www.openarchives.org/OAI/2.0/oai_dc.xsd", "http://www.openarchives.org/OAI/2.0/oai_dc/")
        }
        Rendition::OaiQdc => {
            ("http://worldcat.org/xmlschemas/qdc/1.0/qdc-1.0.xsd", "http://worldcat.org/xmlschemas/qdc-1.0/")
        }
        Rendition::Marc21 => {
            ("http://www.loc.gov/standards/marcxml/schema/MARC21slim.xsd", "http://www.loc.gov/MARC21/slim")
        }
        Rendition::Mods => {
            ("http://www.loc.gov/standards/mods/v3/mods-3-8.xsd", "http://www.loc.gov/mods/v3")
        }
    }
}

/// The sets.
pub fn sets(all: &[OaiSet]) -> Answer {
    let mut body = "<ListSets>".to_owned();
    for set in all {
        body.push_str(&format!(
            "<set><setSpec>{}</setSpec><setName>{}</setName>",
            escape(&set.spec),
            escape(legal(&set.name))
        ));
        if !set.description.trim().is_empty() {
            body.push_str(&format!(
                "<setDescription><oai_dc:dc xmlns:oai_dc=\"http://www.openarchives.org/OAI/2.0/oai_dc/\" \
                 xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
                 xsi:schemaLocation=\"http://www.openarchives.org/OAI/2.0/oai_dc/ \
                 http://www.openarchives.org/OAI/2.0/oai_dc.xsd\"><dc:description>{}</dc:description>\
                 </oai_dc:dc></setDescription>",
                escape(legal(&set.description))
            ));
        }
        body.push_str("</set>");
    }
    body.push_str("</ListSets>");
    Answer { body, echo: true }
}

/// A header, and a record where one was asked for (OAI-9).
pub fn record(institution: &str, one: &Harvested, whole: bool) -> String {
    let row = &one.row;
    let status = if row.deleted { " status=\"deleted\"" } else { "" };
    let sets: String = row.sets.iter().map(|set| format!("<setSpec>{}</setSpec>", escape(set))).collect();
    let header = format!(
        "<header{status}><identifier>{}</identifier><datestamp>{}</datestamp>{sets}</header>",
        oai_identifier(institution, &row.mms_id),
        instant(row.stamp)
    );
    if !whole {
        return header;
    }
    let metadata =
        one.record.as_ref().map(|record| format!("<metadata>{record}</metadata>")).unwrap_or_default();
    format!("<record>{header}{metadata}</record>")
}
