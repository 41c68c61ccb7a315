//! A MARC 21 record as values: leader, control fields, data fields, in the record's order.

/// A whole record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MarcRecord {
    /// The leader: 24 characters in a valid record.
    pub leader: String,
    /// The fields in the record's order.
    pub fields: Vec<MarcField>,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarcField {
    /// Three characters.
    pub tag: String,
    /// What it holds.
    pub value: MarcValue,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarcValue {
    /// The text of a control field (00X).
    Control(String),
    /// Indicators and subfields of a data field.
    Data {
        /// First and second indicator.
        indicators: [char; 2],
        /// Codes and values in order.
        subfields: Vec<(char, String)>,
    },
}

impl MarcRecord {
    /// Returns the data fields with that tag.
    pub fn fields<'a>(&'a self, tag: &'a str) -> impl Iterator<Item = &'a MarcField> {
        self.fields.iter().filter(move |f| f.tag == tag)
    }

    /// Returns the text of the first control field with that tag.
    pub fn control(&self, tag: &str) -> Option<&str> {
        self.fields.iter().find(|f| f.tag == tag).and_then(|f| match &f.value {
            MarcValue::Control(text) => Some(text.as_str()),
            MarcValue::Data { .. } => None,
        })
    }
}

impl MarcField {
    /// Returns the subfields; none for a control field.
    pub fn subfields(&self) -> &[(char, String)] {
        match &self.value {
            MarcValue::Data { subfields, .. } => subfields,
            MarcValue::Control(_) => &[],
        }
    }

    /// Returns the first value with that code.
    pub fn first(&self, code: char) -> Option<&str> {
        self.all(code).next()
    }

    /// Returns every value with that code.
    pub fn all(&self, code: char) -> impl Iterator<Item = &str> {
        self.subfields().iter().filter(move |(c, _)| *c == code).map(|(_, v)| v.as_str())
    }

    /// Returns an indicator (0 or 1); a blank for a control field.
    pub fn indicator(&self, which: usize) -> char {
        match &self.value {
            MarcValue::Data { indicators, .. } => indicators.get(which).copied().unwrap_or(' '),
            MarcValue::Control(_) => ' ',
        }
    }

    /// Returns the values of the subfields whose code is among `codes`, in the field's order, by one space.
    pub fn join(&self, codes: &str) -> String {
        let mut out = String::new();
        for (_, value) in self.subfields().iter().filter(|(c, _)| codes.contains(*c)) {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(value.trim());
        }
        out
    }
}

/// Checks a leader against the pattern of MARC21slim.xsd; returns the first position that breaks it.
pub(crate) fn leader_problem(leader: &str) -> Option<String> {
    let length = leader.chars().count();
    if length != 24 {
        return Some(format!("a leader has 24 characters, this one {length}"));
    }
    for (i, c) in leader.chars().enumerate() {
        let (right, expected) = match i {
            0..=4 | 12..=16 => (c.is_ascii_digit() || c == ' ', "a digit or blank"),
            6 => (c.is_ascii_alphanumeric(), "a letter or digit"),
            10 | 11 => (c == '2' || c == ' ', "`2` or blank"),
            20 => (c == '4' || c == ' ', "`4` or blank"),
            21 => (c == '5' || c == ' ', "`5` or blank"),
            22 | 23 => (c == '0' || c == ' ', "`0` or blank"),
            _ => (c.is_ascii_alphanumeric() || c == ' ', "a letter, digit or blank"),
        };
        if !right {
            return Some(format!(
                "position {i} of the leader is `{}`, it must be {expected}",
                c.escape_default()
            ));
        }
    }
    None
}

/// Whether the tag may name a control field.
pub(crate) fn is_control_tag(tag: &str) -> bool {
    matches!(tag.as_bytes(), [b'0', b'0', c] if c.is_ascii_alphanumeric() && *c != b'0')
}

/// Whether the tag may name a data field: three digits or letters, letters of one case, not 00X.
pub(crate) fn is_data_tag(tag: &str) -> bool {
    let bytes = tag.as_bytes();
    bytes.len() == 3
        && !tag.starts_with("00")
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && !(bytes.iter().any(u8::is_ascii_uppercase) && bytes.iter().any(u8::is_ascii_lowercase))
}

/// Whether the character may be an indicator: a digit, a small letter or a blank.
pub(crate) fn is_indicator(c: char) -> bool {
    c.is_ascii_digit() || c.is_ascii_lowercase() || c == ' '
}

/// Whether the character may be a subfield code: printable ASCII but `@` and `|`.
pub(crate) fn is_subfield_code(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '@' | '|')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_leaders_that_the_schema_takes() {
        assert_eq!(leader_problem("01142cam a2200301 a 4500"), None);
        assert_eq!(leader_problem("     nam  22        4500"), None);
        assert!(leader_problem("01142cam a2200301 a 450").unwrap().contains("24"));
        assert!(leader_problem("01142ca  a3300301 a 4500").unwrap().contains("position"));
        assert!(leader_problem("-----nam-a22------a-4500").unwrap().contains("position 0"));
    }

    #[test]
    fn tells_control_tags_from_data_tags() {
        assert!(
            is_control_tag("001")
                && is_control_tag("00A")
                && !is_control_tag("000")
                && !is_control_tag("010")
        );
        for tag in ["010", "245", "AVD", "9xx", "900"] {
            assert!(is_data_tag(tag), "{tag}");
        }
        for tag in ["001", "24", "2456", "2 5", "AvD", "24é", ""] {
            assert!(!is_data_tag(tag), "{tag}");
        }
    }
}
