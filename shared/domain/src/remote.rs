//! Remote repositories, and what a representation says of the object that it stands for there (D15, D16).

use serde::{Deserialize, Serialize};

use crate::bib::RecordFormat;
use crate::ids::{checked_text, is_code};
use crate::problem::Problems;

checked_text!(
    /// A remote repository's code, for example `MUSEUM`.
    RepositoryCode, "remote repository", is_code
);

/// What staff set on a remote repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryFields {
    /// Its name.
    pub name: String,
    /// What kind of system it is, in staff's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_type: Option<String>,
    /// The format of its records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<RecordFormat>,
    /// Where it is; stands for `{base_url}` in the templates.
    pub base_url: String,
    /// The address of an object: a template.
    pub object_template: String,
    /// The address of an object's thumbnail, where there are some: a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail_template: Option<String>,
}

/// A remote repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteRepository {
    /// Its code.
    pub code: RepositoryCode,
    /// What staff set.
    #[serde(flatten)]
    pub fields: RepositoryFields,
    /// How many times it was written.
    pub version: u64,
}

/// Which object of which repository a remote representation stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteObject {
    /// The repository.
    pub repository: RepositoryCode,
    /// The object's id there, for example its OAI identifier.
    pub originating_record_id: String,
    /// What else the templates ask for.
    #[serde(default)]
    pub linking_parameters: [Option<String>; 5],
}

/// Where a remote object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteLinks {
    /// Its address.
    pub object: String,
    /// That of its thumbnail.
    pub thumbnail: Option<String>,
}

/// The words that stand for values in templates.
const WORDS: [&str; 7] = [
    "base_url",
    "originating_record_id",
    "linking_parameter_1",
    "linking_parameter_2",
    "linking_parameter_3",
    "linking_parameter_4",
    "linking_parameter_5",
];

impl RepositoryFields {
    /// Checks addresses and templates.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        problems.check_text("name", &self.name, 255);
        if let Some(text) = &self.system_type {
            problems.check_text("system_type", text, 255);
        }
        if !is_address(&self.base_url) {
            problems.add("base_url", "must be an `http://` or `https://` address of up to 1000 characters");
        }
        let templates = [
            ("object_template", Some(&self.object_template)),
            ("thumbnail_template", self.thumbnail_template.as_ref()),
        ];
        for (field, template) in templates {
            let Some(template) = template else { continue };
            // Only the base's own scheme and host: no value of a record can lead elsewhere, or to `javascript:`.
            if !template.starts_with("{base_url}") && !is_address(template) {
                problems.add(field, "must begin with `{base_url}`, `http://` or `https://` and a host");
            } else if template.len() > 1000
                || fill(template, |word| WORDS.contains(&word).then(String::new)).is_none()
            {
                problems.add(
                    field,
                    format!("must be up to 1000 characters; words in braces are: {}", WORDS.join(", ")),
                );
            }
        }
        problems.into_result()
    }

    /// Where an object of this repository is. Values are encoded, so none can add to the path or the query.
    pub fn links(&self, object: &RemoteObject) -> RemoteLinks {
        let value = |word: &str| match word {
            "base_url" => Some(self.base_url.trim_end_matches('/').to_owned()),
            "originating_record_id" => Some(encoded(&object.originating_record_id)),
            _ => {
                let number: usize = word.strip_prefix("linking_parameter_")?.parse().ok()?;
                let given = object.linking_parameters.get(number.checked_sub(1)?)?;
                Some(given.as_deref().map(encoded).unwrap_or_default())
            }
        };
        RemoteLinks {
            object: fill(&self.object_template, value).unwrap_or_default(),
            thumbnail: self.thumbnail_template.as_ref().and_then(|template| fill(template, value)),
        }
    }
}

impl RemoteObject {
    /// Checks lengths.
    pub fn check(&self, problems: &mut Problems) {
        problems.check_text("originating_record_id", &self.originating_record_id, 1000);
        for (index, parameter) in self.linking_parameters.iter().enumerate() {
            if let Some(text) = parameter {
                problems.check_text(&format!("linking_parameter_{}", index + 1), text, 1000);
            }
        }
    }
}

fn is_address(text: &str) -> bool {
    let host = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let host = host.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    text.len() <= 1000
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`|".contains(&byte))
        && host.is_some_and(|host| !host.is_empty() && !host.contains(['{', '}', '@']))
}

/// Puts values in the place of words in braces; `None` where a brace is not closed or a word is not known.
fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (word, after) = after.split_once('}')?;
        filled.push_str(before);
        filled.push_str(&value(word)?);
        rest = after;
    }
    let plain = !rest.contains('}') && template.bytes().all(|byte| byte.is_ascii_graphic());
    filled.push_str(rest);
    plain.then_some(filled)
}

/// All but the unreserved characters of RFC 3986 as octets.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn museum(object: &str) -> RepositoryFields {
        RepositoryFields {
            name: "Museum".to_owned(),
            system_type: None,
            format: None,
            base_url: "https://museum.example/".to_owned(),
            object_template: object.to_owned(),
            thumbnail_template: None,
        }
    }

    #[test]
    fn d15_templates_are_filled_and_values_encoded() {
        let object = RemoteObject {
            repository: "MUSEUM".parse().unwrap(),
            originating_record_id: "oai:museum/7?x=1&y=ü".to_owned(),
            linking_parameters: [Some("a b".to_owned()), None, None, None, None],
        };
        let links = |template: &str| museum(template).links(&object).object;
        assert_eq!(
            links("{base_url}/o/{originating_record_id}?p={linking_parameter_1}&q={linking_parameter_2}"),
            "https://museum.example/o/oai%3Amuseum%2F7%3Fx%3D1%26y%3D%C3%BC?p=a%20b&q="
        );
    }

    #[test]
    fn d16_a_template_leads_where_staff_say_and_nowhere_else() {
        for good in
            ["{base_url}/{originating_record_id}", "https://x.example/{linking_parameter_5}", "http://h"]
        {
            assert_eq!(museum(good).check(), Ok(()), "{good}");
        }
        for bad in [
            "",
            "javascript:alert(1)",
            "{originating_record_id}",
            "https://{linking_parameter_1}/x",
            "https://x@{base_url}",
            "{base_url}/{unknown}",
            "{base_url}/{open",
            "{base_url}/close}",
            "{base_url}/{linking_parameter_6}",
            "https://a b",
            "//x.example",
        ] {
            assert!(museum(bad).check().is_err(), "{bad}");
        }
    }
}
