//! The record formats and their codes on the wire.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A format in which a bib record's own metadata is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Format {
    /// MARC 21 bibliographic, as MARCXML.
    Marc21,
    /// The fifteen elements of Dublin Core.
    DublinCore,
    /// Dublin Core with `dcterms:` elements and `xsi:type` schemes.
    QualifiedDublinCore,
    /// MODS, versions 3.0 to 3.8.
    Mods,
}

impl Format {
    /// Every format, in the order shown to people.
    pub const ALL: [Self; 4] = [Self::Marc21, Self::DublinCore, Self::QualifiedDublinCore, Self::Mods];

    /// Returns the code on the wire (`record_format`).
    pub fn code(self) -> &'static str {
        match self {
            Self::Marc21 => "marc21",
            Self::DublinCore => "dc",
            Self::QualifiedDublinCore => "qdc",
            Self::Mods => "mods",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl From<Format> for &'static str {
    fn from(format: Format) -> Self {
        format.code()
    }
}

/// A record format that we do not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record format `{0}` is none of marc21, dc, qdc, mods")]
pub struct UnknownFormatError(pub String);

impl FromStr for Format {
    type Err = UnknownFormatError;

    /// Reads a code without regard to case. The vendor's application profiles `dcap01` and `dcap02` are
    /// qualified Dublin Core.
    fn from_str(code: &str) -> Result<Self, Self::Err> {
        match code.trim().to_ascii_lowercase().as_str() {
            "marc21" | "marc" | "marcxml" => Ok(Self::Marc21),
            "dc" | "oai_dc" => Ok(Self::DublinCore),
            "qdc" | "oai_qdc" | "dcap01" | "dcap02" => Ok(Self::QualifiedDublinCore),
            "mods" => Ok(Self::Mods),
            _ => Err(UnknownFormatError(code.chars().take(64).collect())),
        }
    }
}

impl TryFrom<String> for Format {
    type Error = UnknownFormatError;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        code.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_every_code_that_it_writes() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
            let json = serde_json::to_string(&format).unwrap();
            assert_eq!(serde_json::from_str::<Format>(&json).unwrap(), format);
        }
    }

    #[test]
    fn takes_the_vendors_application_profiles_as_qualified_dublin_core() {
        for code in ["dcap01", "DCAP02", " qdc "] {
            assert_eq!(code.parse(), Ok(Format::QualifiedDublinCore));
        }
        assert!("unimarc".parse::<Format>().is_err());
    }
}
