//! What a row asks for, decided without looking anything up: its representations and which files they take.

use vitrine_domain::coded::Coded;
use vitrine_domain::import::glob::glob;
use vitrine_domain::import::profile::{ProfileSettings, RepresentationPattern, SourceFormat, ValueSource};
use vitrine_domain::library::LibraryCode;
use vitrine_domain::representation::{PartFields, RepresentationFields, UsageType};
use vitrine_metadata::rows::{RowFile, SourceRow, check_file_reference};
use vitrine_metadata::{Format, rules};

/// How many representations one row makes at most: they are written in one transaction.
const MAX_REPRESENTATIONS: usize = 20;

/// Why a row can not be imported: a stable word, and a sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refused {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// A representation that a row asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedRepresentation {
    pub(crate) fields: RepresentationFields,
    /// The access rights policy by name.
    pub(crate) access_rights: Option<String>,
    /// What tells it from the row's others when the row is imported again: its first file, as the row spells it.
    pub(crate) key: String,
    pub(crate) files: Vec<RowFile>,
}

/// A record in the profile's target format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) format: Format,
    pub(crate) source: &'a str,
}

/// The files that a row names: its own columns, or the fields that the profile reads them from.
pub(crate) fn named_files(
    settings: &ProfileSettings,
    row: &SourceRow,
    record: Option<Record<'_>>,
) -> Result<Vec<RowFile>, Refused> {
    let fields = &settings.defaults.file_fields;
    let is_table = matches!(settings.details.source_format, SourceFormat::Csv | SourceFormat::Xlsx);
    // For records, the chosen fields take the place of the format's own (856 $u).
    let mut files = if is_table || fields.is_empty() { row.files.clone() } else { Vec::new() };
    if files.iter().filter_map(|file| file.label.as_ref()).any(|label| label.chars().count() > 1000) {
        return Err(Refused::new("INVALID_REPRESENTATION", "a file's label is longer than 1000 characters"));
    }
    for field in fields {
        let Some(record) = record else { break };
        let values = rules::values(record.format, record.source, field)
            .map_err(|errors| Refused::new("INVALID_RECORD", errors.to_string()))?;
        for name in values {
            check_file_reference(&name).map_err(|message| {
                let shown: String = name.chars().take(200).collect();
                Refused::new("UNSAFE_FILE_NAME", format!("the file name `{shown}` {message}"))
            })?;
            files.push(RowFile { name, label: None });
        }
    }
    Ok(files)
}

/// Whether a reference stands for every file that it matches: a folder, or a pattern.
pub(crate) fn is_pattern(name: &str) -> bool {
    name.ends_with('/') || name.contains('*')
}

/// The representations of a row whose folders and patterns are replaced by the files that they stand for.
pub(crate) fn representations(
    settings: &ProfileSettings,
    row: &SourceRow,
    record: Option<Record<'_>>,
    files: Vec<RowFile>,
) -> Result<Vec<PlannedRepresentation>, Refused> {
    let defaults = &settings.defaults;
    let mut planned = Vec::new();
    if defaults.representations.is_empty() {
        let says_something = row.representation != Default::default();
        if !files.is_empty() || says_something {
            for files in split(defaults.one_representation_a_file, files) {
                planned.push(one(settings, row, record, None, files)?);
            }
        }
    } else {
        let mut taken: Vec<Vec<RowFile>> = vec![Vec::new(); defaults.representations.len()];
        for file in files {
            let place = defaults.representations.iter().position(|pattern| glob(&pattern.files, &file.name));
            match place.and_then(|place| taken.get_mut(place)) {
                Some(files) => files.push(file),
                None => {
                    let message =
                        format!("the file `{}` matches no representation of the profile", file.name);
                    return Err(Refused::new("NO_PATTERN", message));
                }
            }
        }
        for (pattern, files) in defaults.representations.iter().zip(taken) {
            if files.is_empty() {
                continue;
            }
            for files in split(defaults.one_representation_a_file, files) {
                planned.push(one(settings, row, record, Some(pattern), files)?);
            }
        }
    }
    if planned.len() > MAX_REPRESENTATIONS {
        let message = format!(
            "the row makes {} representations, and {MAX_REPRESENTATIONS} are the most",
            planned.len()
        );
        return Err(Refused::new("TOO_MANY_REPRESENTATIONS", message));
    }
    let several = planned.len() > 1;
    for (index, representation) in planned.iter_mut().enumerate() {
        let place = u32::try_from(index + 1).unwrap_or(u32::MAX);
        representation.fields.order = match (&row.group, several) {
            // A family's representations follow the order of its rows, whatever page they fall on (I4).
            (Some(_), _) => Some(u32::try_from(row.number).unwrap_or(u32::MAX)),
            (None, true) => Some(place),
            (None, false) => None,
        };
    }
    Ok(planned)
}

fn split(apart: bool, files: Vec<RowFile>) -> Vec<Vec<RowFile>> {
    if apart && files.len() > 1 { files.into_iter().map(|file| vec![file]).collect() } else { vec![files] }
}

fn one(
    settings: &ProfileSettings,
    row: &SourceRow,
    record: Option<Record<'_>>,
    pattern: Option<&RepresentationPattern>,
    files: Vec<RowFile>,
) -> Result<PlannedRepresentation, Refused> {
    let said = &row.representation;
    let defaults = &settings.defaults;
    let from = |source: Option<&ValueSource>| -> Result<Option<String>, Refused> {
        match (source, record) {
            (Some(ValueSource::Text(text)), _) => Ok(Some(text.clone())),
            (Some(ValueSource::Field(field)), Some(record)) => {
                rules::values(record.format, record.source, field)
                    .map(|values| values.into_iter().next())
                    .map_err(|errors| Refused::new("INVALID_RECORD", errors.to_string()))
            }
            _ => Ok(None),
        }
    };
    let usage_type = match &said.usage_type {
        Some(code) => UsageType::from_code(&code.trim().to_ascii_uppercase()).ok_or_else(|| {
            let known: Vec<_> = UsageType::ALL.iter().map(|usage| usage.code()).collect();
            Refused::new("UNKNOWN_USAGE_TYPE", format!("the usage type must be one of {}", known.join(", ")))
        })?,
        None => pattern.and_then(|pattern| pattern.usage_type).unwrap_or(defaults.usage_type),
    };
    let library: LibraryCode = match &said.library {
        Some(code) => code.trim().parse().map_err(|_| {
            Refused::new("UNKNOWN_LIBRARY", "the library's code has characters that none has")
        })?,
        None => pattern.and_then(|it| it.library.clone()).unwrap_or_else(|| defaults.library.clone()),
    };
    let mut notes = said.notes.clone();
    notes.extend(said.custom.iter().map(|(name, value)| format!("{name}: {value}")));
    notes.extend(from(pattern.and_then(|it| it.note.as_ref()))?);
    let either = |column: &Option<String>, source: Option<&ValueSource>| match column {
        Some(text) => Ok(Some(text.clone())),
        None => from(source),
    };
    let fields = RepresentationFields {
        library,
        usage_type,
        label: either(&said.label, pattern.and_then(|it| it.label.as_ref()))?,
        public_note: either(&said.public_note, pattern.and_then(|it| it.public_note.as_ref()))?,
        notes,
        active: defaults.active,
        entity_type: None,
        part: PartFields::default(),
        access_rights_policy_id: None,
        order: None,
        thumbnail_file_id: None,
        request_id: None,
        remote: None,
    };
    fields.check().map_err(|problems| {
        let all: Vec<_> = problems.0.iter().map(|it| format!("{} {}", it.field, it.message)).collect();
        Refused::new("INVALID_REPRESENTATION", all.join("; "))
    })?;
    let access_rights = either(&said.access_rights, pattern.and_then(|it| it.access_rights.as_ref()))?
        .or_else(|| defaults.access_rights.clone());
    let key = files.first().map(|file| file.name.clone()).unwrap_or_default();
    Ok(PlannedRepresentation { fields, access_rights, key, files })
}

#[cfg(test)]
mod tests {
    use vitrine_domain::import::profile::{
        Defaults, Details, ManagementTags, MatchMethod, Matching, Normalization, OnMatch, OnMultipleMatch,
        OnNoMatch,
    };
    use vitrine_metadata::rows::RowRepresentation;

    use super::*;

    fn settings() -> ProfileSettings {
        ProfileSettings {
            details: Details {
                name: "maps".into(),
                description: String::new(),
                source_format: SourceFormat::Csv,
                metadata_file: "values.csv".into(),
                target_format: Format::DublinCore,
                active: true,
                schedule: None,
            },
            normalization: Normalization::default(),
            matching: Matching {
                method: MatchMethod::None,
                identifier_prefix: None,
                on_match: OnMatch::Merge,
                on_multiple: OnMultipleMatch::Manual,
                on_none: OnNoMatch::Import,
                protected: Vec::new(),
            },
            tags: ManagementTags::default(),
            defaults: Defaults {
                collection: "8163860070006140".parse().unwrap(),
                usage_type: UsageType::PreservationMaster,
                library: "MAIN".parse().unwrap(),
                access_rights: None,
                active: true,
                representations: Vec::new(),
                file_fields: Vec::new(),
                one_representation_a_file: false,
            },
        }
    }

    fn row(group: Option<&str>, files: &[&str]) -> SourceRow {
        SourceRow {
            number: 7,
            line: 8,
            group: group.map(str::to_owned),
            mms_id: None,
            originating_system_id: None,
            collections: Vec::new(),
            format: Format::DublinCore,
            record: None,
            representation: RowRepresentation::default(),
            files: files.iter().map(|name| RowFile { name: (*name).to_owned(), label: None }).collect(),
        }
    }

    fn pattern(files: &str, usage_type: UsageType) -> RepresentationPattern {
        RepresentationPattern {
            files: files.to_owned(),
            usage_type: Some(usage_type),
            library: None,
            label: None,
            public_note: None,
            note: None,
            access_rights: None,
        }
    }

    type Seen = Vec<(UsageType, Option<u32>, Vec<String>)>;

    /// Each planned representation as its usage type, its place and the names of its files.
    fn plan(settings: &ProfileSettings, row: &SourceRow) -> Result<Seen, String> {
        let files = named_files(settings, row, None).map_err(|refused| refused.code.to_owned())?;
        let planned =
            representations(settings, row, None, files).map_err(|refused| refused.code.to_owned())?;
        let names = |it: PlannedRepresentation| it.files.into_iter().map(|file| file.name).collect();
        Ok(planned.into_iter().map(|it| (it.fields.usage_type, it.fields.order, names(it))).collect())
    }

    #[test]
    fn a_row_without_patterns_is_one_representation_with_every_file() {
        let planned = plan(&settings(), &row(None, &["a.tif", "b.tif"])).unwrap();
        assert_eq!(planned, [(UsageType::PreservationMaster, None, vec!["a.tif".into(), "b.tif".into()])]);
    }

    #[test]
    fn a_row_that_says_nothing_of_a_representation_makes_none() {
        assert_eq!(plan(&settings(), &row(None, &[])).unwrap(), []);
    }

    #[test]
    fn i8_files_go_to_the_first_pattern_that_they_match() {
        let mut settings = settings();
        settings.defaults.representations =
            vec![pattern("hi/", UsageType::PreservationMaster), pattern("*.jpg", UsageType::DerivativeCopy)];
        let planned = plan(&settings, &row(None, &["lo/1.jpg", "hi/1.tif", "hi/x.jpg"])).unwrap();
        assert_eq!(
            planned,
            [
                (UsageType::PreservationMaster, Some(1), vec!["hi/1.tif".into(), "hi/x.jpg".into()]),
                (UsageType::DerivativeCopy, Some(2), vec!["lo/1.jpg".into()]),
            ]
        );
        assert_eq!(plan(&settings, &row(None, &["other.txt"])), Err("NO_PATTERN".to_owned()));
    }

    #[test]
    fn a_familys_representations_take_the_place_of_their_row() {
        let planned = plan(&settings(), &row(Some("book"), &["a.tif"])).unwrap();
        assert_eq!(planned[0].1, Some(7));
    }

    #[test]
    fn complaint_24_each_file_can_be_a_representation_of_its_own() {
        let mut settings = settings();
        settings.defaults.one_representation_a_file = true;
        assert_eq!(plan(&settings, &row(None, &["a.tif", "b.tif"])).unwrap().len(), 2);
    }

    #[test]
    fn a_usage_type_or_library_that_does_not_exist_is_named() {
        let mut bad = row(None, &["a.tif"]);
        bad.representation.usage_type = Some("BEST".into());
        assert_eq!(plan(&settings(), &bad), Err("UNKNOWN_USAGE_TYPE".to_owned()));
        bad.representation.usage_type = Some("derivative_copy".into());
        assert_eq!(plan(&settings(), &bad).unwrap()[0].0, UsageType::DerivativeCopy);
        bad.representation.library = Some("no such".into());
        assert_eq!(plan(&settings(), &bad), Err("UNKNOWN_LIBRARY".to_owned()));
    }
}
