//! MARC records written as MARCXML, and made of Dublin Core where a record is in another format.
//!
//! Source: Library of Congress, Dublin Core to MARC 21 (unqualified). No value is made up.

use crate::crosswalk::DublinCore;
use crate::marc::{MarcField, MarcRecord, MarcValue};
use crate::marcxml::MARC_NS;
use crate::xml_text::{escape_attribute, escape_text};

/// The type of record of a DCMI type; position 6 of the leader.
const TYPES: [(&str, char); 8] = [
    ("Text", 'a'),
    ("StillImage", 'k'),
    ("Image", 'k'),
    ("MovingImage", 'g'),
    ("Sound", 'j'),
    ("Software", 'm'),
    ("PhysicalObject", 'r'),
    ("Collection", 'p'),
];

impl MarcRecord {
    /// Writes the record as a `record` element that stands alone.
    pub fn to_marcxml(&self) -> String {
        let mut out = format!("<record xmlns=\"{MARC_NS}\"><leader>{}</leader>", escape_text(&self.leader));
        for field in &self.fields {
            let tag = escape_attribute(&field.tag);
            match &field.value {
                MarcValue::Control(text) => {
                    out.push_str(&format!(
                        "<controlfield tag=\"{tag}\">{}</controlfield>",
                        escape_text(text)
                    ));
                }
                MarcValue::Data { indicators: [first, second], subfields } => {
                    out.push_str(&format!("<datafield tag=\"{tag}\" ind1=\"{first}\" ind2=\"{second}\">"));
                    for (code, value) in subfields {
                        out.push_str(&format!(
                            "<subfield code=\"{}\">{}</subfield>",
                            escape_attribute(&code.to_string()),
                            escape_text(value)
                        ));
                    }
                    out.push_str("</datafield>");
                }
            }
        }
        out.push_str("</record>");
        out
    }

    /// Makes an id the control number; another one that was there goes to 035, as the vendor keeps it.
    pub(crate) fn number(&mut self, id: &str) {
        let old = self.control("001").map(str::to_owned);
        let source = self.control("003").map(str::to_owned);
        self.fields.retain(|field| !matches!(field.tag.as_str(), "001" | "003"));
        self.fields.insert(0, control("001", id));
        if let Some(old) = old.filter(|old| old != id && !old.trim().is_empty()) {
            let old = source.map_or_else(|| old.clone(), |source| format!("({}){old}", source.trim()));
            let known = self.fields("035").any(|field| field.all('a').any(|value| value == old));
            if !known {
                self.fields.push(data("035", "  ", &[('a', &old)]));
            }
        }
    }

    /// Adds a field behind the others; one without any value is left out.
    pub(crate) fn add(&mut self, tag: &str, indicators: &str, subfields: &[(char, &str)]) {
        let field = data(tag, indicators, subfields);
        if !field.subfields().is_empty() {
            self.fields.push(field);
        }
    }
}

fn control(tag: &str, text: &str) -> MarcField {
    MarcField { tag: tag.to_owned(), value: MarcValue::Control(text.to_owned()) }
}

fn data(tag: &str, indicators: &str, subfields: &[(char, &str)]) -> MarcField {
    let mut marks = indicators.chars();
    let indicators = [marks.next().unwrap_or(' '), marks.next().unwrap_or(' ')];
    let subfields: Vec<(char, String)> = subfields
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(code, value)| (*code, (*value).to_owned()))
        .collect();
    MarcField { tag: tag.to_owned(), value: MarcValue::Data { indicators, subfields } }
}

/// Makes a MARC record of Dublin Core.
pub(crate) fn of_dublin_core(dc: &DublinCore) -> MarcRecord {
    let kind = dc.values("type").find_map(|value| TYPES.iter().find(|(name, _)| *name == value));
    let kind = kind.map_or('a', |(_, code)| *code);
    let mut record = MarcRecord { leader: format!("     n{kind}m a22     3u 4500"), fields: Vec::new() };
    let mut titled = false;
    for statement in &dc.statements {
        let value = statement.value.as_str();
        match statement.element {
            "title" if !titled => {
                titled = true;
                record.add("245", "00", &[('a', value)]);
            }
            "title" => record.add("246", "33", &[('a', value)]),
            "creator" => record.add("720", "  ", &[('a', value), ('e', "author")]),
            "contributor" => record.add("720", "  ", &[('a', value)]),
            "subject" => record.add("653", "  ", &[('a', value)]),
            "description" => record.add("520", "  ", &[('a', value)]),
            "publisher" => record.add("260", "  ", &[('b', value)]),
            "date" => record.add("260", "  ", &[('c', value)]),
            "type" => record.add("655", " 7", &[('a', value), ('2', "local")]),
            // A media type says nothing without the file that has it.
            "format" if value.contains('/') => record.add("500", "  ", &[('a', value)]),
            "format" => record.add("300", "  ", &[('a', value)]),
            "identifier" => identifier(&mut record, value),
            "source" => record.add("786", "0 ", &[('n', value)]),
            "language" => record.add("546", "  ", &[('a', value)]),
            "relation" => record.add("787", "0 ", &[('n', value)]),
            "coverage" => record.add("500", "  ", &[('a', value)]),
            "rights" => record.add("540", "  ", &[('a', value)]),
            _ => {}
        }
    }
    record.fields.sort_by(|a, b| a.tag.cmp(&b.tag));
    record
}

fn identifier(record: &mut MarcRecord, value: &str) {
    if let Some(isbn) = value.strip_prefix("urn:isbn:") {
        record.add("020", "  ", &[('a', isbn)]);
    } else if let Some(issn) = value.strip_prefix("urn:issn:") {
        record.add("022", "  ", &[('a', issn)]);
    } else if value.starts_with("http://") || value.starts_with("https://") {
        record.add("856", "4 ", &[('u', value)]);
    } else {
        record.add("024", "8 ", &[('a', value)]);
    }
}
