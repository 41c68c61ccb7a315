//! MODS made of Dublin Core where a record is in another format.
//!
//! Source: Library of Congress, Dublin Core Metadata Element Set Mapping to MODS 3. No value is made up.

use crate::crosswalk::DublinCore;
use crate::mods::MODS_NS;
use crate::xml_text::escape_text;

/// The MODS type of resource of a DCMI type.
const TYPES: [(&str, &str); 8] = [
    ("Text", "text"),
    ("StillImage", "still image"),
    ("Image", "still image"),
    ("MovingImage", "moving image"),
    ("Sound", "sound recording"),
    ("Software", "software, multimedia"),
    ("PhysicalObject", "three dimensional object"),
    ("Collection", "mixed material"),
];

/// Makes a MODS record of Dublin Core.
pub(crate) fn of_dublin_core(dc: &DublinCore) -> String {
    let mut out = format!(
        "<mods xmlns=\"{MODS_NS}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" version=\"3.8\" \
         xsi:schemaLocation=\"{MODS_NS} http://www.loc.gov/standards/mods/v3/mods-3-8.xsd\">"
    );
    let mut titled = false;
    for statement in &dc.statements {
        let value = escape_text(&statement.value);
        let element = match statement.element {
            "title" if !titled => {
                titled = true;
                format!("<titleInfo><title>{value}</title></titleInfo>")
            }
            "title" => format!("<titleInfo type=\"alternative\"><title>{value}</title></titleInfo>"),
            "creator" => format!(
                "<name><namePart>{value}</namePart><role><roleTerm type=\"text\">creator</roleTerm></role></name>"
            ),
            "contributor" => format!("<name><namePart>{value}</namePart></name>"),
            "subject" => format!("<subject><topic>{value}</topic></subject>"),
            "description" => format!("<abstract>{value}</abstract>"),
            "publisher" => format!("<originInfo><publisher>{value}</publisher></originInfo>"),
            "date" => format!("<originInfo><dateIssued>{value}</dateIssued></originInfo>"),
            "type" => match TYPES.iter().find(|(name, _)| *name == statement.value) {
                Some((_, kind)) => format!("<typeOfResource>{kind}</typeOfResource>"),
                None => format!("<genre>{value}</genre>"),
            },
            "format" => {
                let part = if statement.value.contains('/') { "internetMediaType" } else { "extent" };
                format!("<physicalDescription><{part}>{value}</{part}></physicalDescription>")
            }
            "identifier" => identifier(&statement.value),
            "source" => format!(
                "<relatedItem type=\"original\"><titleInfo><title>{value}</title></titleInfo></relatedItem>"
            ),
            "language" => language(&statement.value),
            "relation" => format!("<relatedItem><titleInfo><title>{value}</title></titleInfo></relatedItem>"),
            "coverage" => format!("<subject><geographic>{value}</geographic></subject>"),
            "rights" => format!("<accessCondition>{value}</accessCondition>"),
            _ => continue,
        };
        out.push_str(&element);
    }
    out.push_str("</mods>");
    out
}

fn identifier(value: &str) -> String {
    let text = escape_text(value);
    for (prefix, kind) in [("urn:isbn:", "isbn"), ("urn:issn:", "issn")] {
        if let Some(number) = value.strip_prefix(prefix) {
            return format!("<identifier type=\"{kind}\">{}</identifier>", escape_text(number));
        }
    }
    if value.starts_with("http://") || value.starts_with("https://") {
        return format!("<location><url>{text}</url></location>");
    }
    format!("<identifier>{text}</identifier>")
}

fn language(value: &str) -> String {
    let text = escape_text(value);
    if value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return format!(
            "<language><languageTerm type=\"code\" authority=\"iso639-2b\">{text}</languageTerm></language>"
        );
    }
    format!("<language><languageTerm type=\"text\">{text}</languageTerm></language>")
}
