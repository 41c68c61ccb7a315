//! The columns of a table: which names a header may have and what each means.

use crate::Format;
use crate::dc::{DC_NS, DCTERMS_NS, ELEMENTS, TERMS};
use crate::xml_text::is_name;

use super::error::UnknownColumn;

/// The namespace of the elements that columns named `bib custom field` or `bib_custom_...` become.
pub(super) const CUSTOM_NS: &str = "urn:vitrine:custom";
const XSI_NS: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// The encoding schemes that a column may have as its qualifier: those of DCMI Metadata Terms, and the three kinds
/// of identifiers that have indexes of their own.
const SCHEMES: [&str; 23] = [
    "LCSH", "MESH", "DDC", "LCC", "UDC", "NLM", "TGN", "DCMIType", "IMT", "Box", "Point", "Period",
    "ISO3166", "ISO639-2", "ISO639-3", "RFC1766", "RFC3066", "RFC4646", "RFC5646", "URI", "W3CDTF", "ISBN",
    "ISSN",
];

/// What a column's cells mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    Group,
    CollectionId,
    CollectionName,
    MmsId,
    OriginatingSystemId,
    Metadata(MetadataColumn),
    Label,
    PublicNote,
    AccessRights,
    UsageType,
    Library,
    Note,
    Custom(String),
    FileName(u32),
    FileLabel(u32),
}

/// A column whose cells become elements of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MetadataColumn {
    /// The start tag of the element.
    pub(super) open: String,
    /// Its end tag.
    pub(super) close: String,
    /// Whether only qualified Dublin Core can hold it.
    pub(super) qualified: bool,
    custom: bool,
}

const FIXED: [(&str, Column); 11] = [
    ("group_id", Column::Group),
    ("collection_id", Column::CollectionId),
    ("collection_name", Column::CollectionName),
    ("mms_id", Column::MmsId),
    ("originating_system_id", Column::OriginatingSystemId),
    ("rep_label", Column::Label),
    ("rep_public_note", Column::PublicNote),
    ("rep_access_rights", Column::AccessRights),
    ("rep_usage_type", Column::UsageType),
    ("rep_library", Column::Library),
    ("rep_note", Column::Note),
];

impl Column {
    /// Reads a header's name. Case, and blanks for underscores, make no difference.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let name = name.trim();
        if let Some(metadata) = MetadataColumn::parse(name) {
            return Some(Self::Metadata(metadata));
        }
        let name = name.to_ascii_lowercase().replace([' ', '-'], "_");
        if let Some((_, column)) = FIXED.iter().find(|(fixed, _)| *fixed == name) {
            return Some(column.clone());
        }
        if let Some(custom) = name.strip_prefix("bib_custom_") {
            return MetadataColumn::custom(custom).map(Self::Metadata);
        }
        if let Some(custom) = name.strip_prefix("rep_custom_") {
            return is_name(custom).then(|| Self::Custom(custom.to_owned()));
        }
        let number = |text: &str| {
            text.parse::<u32>().ok().filter(|n| *n > 0 && text.bytes().all(|b| b.is_ascii_digit()))
        };
        if let Some(n) = name.strip_prefix("file_name_") {
            return number(n).map(Self::FileName);
        }
        number(name.strip_prefix("file_label_")?).map(Self::FileLabel)
    }
}

impl MetadataColumn {
    /// Reads `dc:title`, `dcterms:created`, `dcterms:subject.dcterms:LCSH`, `dc:identifier.URI`.
    fn parse(name: &str) -> Option<Self> {
        let (name, qualifier) = match name.split_once('.') {
            Some((name, qualifier)) => (name, Some(qualifier)),
            None => (name, None),
        };
        let (prefix, local) = name.split_once(':')?;
        let same = |known: &&&str| known.eq_ignore_ascii_case(local.trim());
        let (prefix, local) = if prefix.eq_ignore_ascii_case("dc") {
            ("dc", *ELEMENTS.iter().find(same)?)
        } else if prefix.eq_ignore_ascii_case("dcterms") {
            let term = TERMS.iter().map(|(term, _)| term).chain(ELEMENTS.iter()).find(same)?;
            ("dcterms", *term)
        } else {
            return None;
        };
        let scheme = match qualifier {
            Some(qualifier) => {
                let scheme = match qualifier.split_once(':') {
                    Some((p, scheme)) if p.trim().eq_ignore_ascii_case("dcterms") => scheme,
                    Some(_) => return None,
                    None => qualifier,
                };
                Some(*SCHEMES.iter().find(|known| known.eq_ignore_ascii_case(scheme.trim()))?)
            }
            None => None,
        };
        let close = format!("</{prefix}:{local}>");
        let open = match scheme {
            Some(scheme) => format!("<{prefix}:{local} xsi:type=\"dcterms:{scheme}\">"),
            None => format!("<{prefix}:{local}>"),
        };
        Some(Self { open, close, qualified: prefix == "dcterms" || scheme.is_some(), custom: false })
    }

    fn custom(name: &str) -> Option<Self> {
        let (open, close) = (format!("<custom:{name}>"), format!("</custom:{name}>"));
        is_name(name).then_some(Self { open, close, qualified: true, custom: true })
    }
}

/// Returns the start tag of a record that has these columns' elements, with every prefix that they use.
pub(super) fn record_start<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    let mut declared = [true, false, false, false];
    for column in columns {
        if let Column::Metadata(c) = column {
            declared[1] |= c.open.starts_with("<dcterms:") || c.open.contains("xsi:type");
            declared[2] |= c.open.contains("xsi:type");
            declared[3] |= c.custom;
        }
    }
    let prefixes = [("dc", DC_NS), ("dcterms", DCTERMS_NS), ("xsi", XSI_NS), ("custom", CUSTOM_NS)];
    let mut start = "<record".to_owned();
    for ((prefix, uri), _) in prefixes.iter().zip(declared).filter(|(_, declared)| *declared) {
        start.push_str(&format!(" xmlns:{prefix}=\"{uri}\""));
    }
    start.push('>');
    start
}

/// Returns the columns that a table for titles in `target` may have, in the order of the template. Further ones
/// follow the same patterns: a term with another scheme behind a dot, `file_name_3`, `bib_custom_shelf`.
///
/// Source: domain.md 6.4, I2.
pub fn known_columns(target: Format) -> Vec<String> {
    let (title, rest): (Vec<_>, Vec<_>) = FIXED.iter().partition(|(name, _)| !name.starts_with("rep_"));
    let mut names: Vec<String> = title.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.extend(ELEMENTS.iter().map(|e| format!("dc:{e}")));
    if target != Format::DublinCore {
        names.extend(TERMS.iter().map(|(term, _)| format!("dcterms:{term}")));
        let schemes = [
            "identifier.dcterms:URI",
            "subject.dcterms:LCSH",
            "type.dcterms:DCMIType",
            "spatial.dcterms:Point",
        ];
        names.extend(schemes.iter().map(|name| format!("dcterms:{name}")));
        names.push("bib custom field".to_owned());
    }
    names.extend(rest.iter().map(|(name, _)| (*name).to_owned()));
    names.push("rep_custom field".to_owned());
    names.extend((1..=2).flat_map(|n| [format!("file_name_{n}"), format!("file_label_{n}")]));
    names
}

/// Returns an empty table to fill in: the header that the reader takes, and nothing else.
pub fn template_csv(target: Format) -> String {
    known_columns(target).join(",") + "\r\n"
}

/// Says that a name is unknown, and what may be meant.
pub(super) fn unknown(position: usize, name: &str) -> UnknownColumn {
    let name = crate::xml::clip(name.trim());
    let lower = name.to_ascii_lowercase();
    let prefixed =
        ["dc:", "dcterms:"].iter().map(|p| format!("{p}{name}")).find(|n| Column::parse(n).is_some());
    let near = prefixed.or_else(|| {
        known_columns(Format::QualifiedDublinCore)
            .into_iter()
            .map(|known| (strsim::damerau_levenshtein(&known.to_ascii_lowercase(), &lower), known))
            .min_by_key(|(distance, _)| *distance)
            .filter(|(distance, known)| *distance <= (known.len() / 4).max(2))
            .map(|(_, known)| known)
    });
    UnknownColumn { position, name, near }
}

#[cfg(test)]
mod tests {
    use vitrine_domain::coded::Coded;

    use super::*;

    #[test]
    fn i2_every_column_of_the_template_is_one_that_the_reader_knows() {
        for target in Format::ALL {
            for name in known_columns(*target) {
                assert!(Column::parse(&name).is_some(), "{name}");
            }
        }
        let simple = known_columns(Format::DublinCore);
        assert!(simple.iter().all(|n| !matches!(Column::parse(n), Some(Column::Metadata(c)) if c.qualified)));
    }

    #[test]
    fn reads_names_without_regard_to_case_and_blanks() {
        assert_eq!(Column::parse(" MMS ID "), Some(Column::MmsId));
        assert_eq!(Column::parse("File_Name_12"), Some(Column::FileName(12)));
        assert_eq!(Column::parse("rep_custom field"), Some(Column::Custom("field".into())));
        let Some(Column::Metadata(c)) = Column::parse("DCTerms:ispartof.DCTERMS:uri") else {
            panic!("not metadata")
        };
        assert_eq!(c.open, "<dcterms:isPartOf xsi:type=\"dcterms:URI\">");
        assert_eq!(c.close, "</dcterms:isPartOf>");
        for unknown in [
            "",
            "title",
            "dc:titel",
            "dc:title.",
            "dc:title.local:x",
            "file_name_0",
            "file_name_+1",
            "file_name_",
            "bib_custom_",
            "bib_custom_1",
            "dc:created",
            "dcterms:subject.LCHS",
        ] {
            assert_eq!(Column::parse(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn tells_what_may_be_meant() {
        for (wrong, right) in [
            ("title", "dc:title"),
            ("created", "dcterms:created"),
            ("dc:titel", "dc:title"),
            ("filename_1", "file_name_1"),
            ("mmsid", "mms_id"),
            ("rep_lable", "rep_label"),
        ] {
            assert_eq!(unknown(1, wrong).near.as_deref(), Some(right));
        }
        assert_eq!(unknown(1, "price in francs").near, None);
    }
}
