//! A normalization chain: each step changes what the one before left.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use vitrine_domain::ids::CollectionId;
use vitrine_domain::import::glob::text_matches;
use vitrine_domain::import::rules::{FieldName, Step};

use crate::Format;
use crate::cut;
use crate::error::{ProblemKind, RecordErrors, problem_at};
use crate::limits::MAX_RECORD_BYTES;
use crate::record::parse_record;
use crate::rules::differences::spell_field;
use crate::rules::field::{Kind, Path};
use crate::rules::tag::renamed;
use crate::rules::write::Writer;
use crate::rules::{path, refused, with_record};
use crate::xml::{Document, Element};

/// A record after the steps, and where they want its title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Normalised {
    /// The record; bytes that no step speaks of are as they were.
    pub source: String,
    /// The collections, each once, in the order of the steps.
    pub collections: Vec<CollectionWish>,
}

/// A collection that a step names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectionWish {
    /// By its id.
    Id(CollectionId),
    /// By its name, as the record writes it.
    Name(String),
}

/// Applies the steps to a record, in order.
///
/// The record may lack what the steps add, such as its title; what they leave is a valid record. Without steps it
/// keeps every byte.
///
/// # Errors
/// The source is no record of the format, a step cannot apply to its field, or what is left is no valid record:
/// [`ProblemKind::MissingTitle`] where the steps left none.
pub fn normalise(format: Format, source: &str, steps: &[Step]) -> Result<Normalised, RecordErrors> {
    let mut source = with_record(format, source, |root| cut::standalone(root).into_owned())?;
    let mut collections = Vec::new();
    for step in steps {
        if let Step::AddToCollection { collection, field } = step {
            let named = match field {
                Some(field) => super::values(format, &source, field)?,
                None => Vec::new(),
            };
            let named = named.into_iter().map(|text| match text.parse() {
                Ok(id) => CollectionWish::Id(id),
                Err(_) => CollectionWish::Name(text),
            });
            for wish in collection.iter().cloned().map(CollectionWish::Id).chain(named) {
                if !collections.contains(&wish) {
                    collections.push(wish);
                }
            }
            continue;
        }
        apply(format, &mut source, step)?;
    }
    match parse_record(format, &source) {
        Ok(record) => Ok(Normalised { source: record.source, collections }),
        Err(mut errors) => {
            for problem in &mut errors.problems {
                if problem.kind == ProblemKind::MissingTitle && !steps.is_empty() {
                    problem.message = "the record has no title after the steps".to_owned();
                }
            }
            Err(errors)
        }
    }
}

/// Applies one step.
fn apply(format: Format, source: &mut String, step: &Step) -> Result<(), RecordErrors> {
    match step {
        Step::Drop { field, pattern } => {
            let path = path(format, field)?;
            change(format, source, |writer, root| {
                let fits = |e: &Element<'_, '_>| {
                    pattern.as_ref().is_none_or(|pattern| text_matches(pattern, &path.value(*e)))
                };
                writer.remove(&path.find(root).into_iter().filter(fits).collect::<Vec<_>>());
            })
        }
        Step::Set { field, value } => {
            let path = writable(format, field)?;
            change(format, source, |writer, root| set(writer, root, &path, value))
        }
        Step::Add { field, value } => {
            let path = writable(format, field)?;
            change(format, source, |writer, root| {
                let there = path.values(root);
                if !(there.contains(value) || (path.is_single() && !there.is_empty())) {
                    writer.add(&path, [value.as_str()]);
                }
            })
        }
        Step::Copy { from, to } => {
            let (from, to) = pair(format, from, to)?;
            change(format, source, |writer, root| copy(writer, root, &from, &to))
        }
        Step::Rename { from, to } => {
            let (from, to) = pair(format, from, to)?;
            if from == to {
                return Ok(());
            }
            if !to.is_single()
                && let Some((own, new)) = last_steps(&from, &to)
            {
                return change(format, source, |writer, root| {
                    let mut there: HashSet<String> =
                        to.find(root).iter().map(|e| identity(&to, *e)).collect();
                    for element in from.find(root).into_iter().filter(|e| !new.fits(*e)) {
                        if from.value(element).trim().is_empty() {
                            continue;
                        }
                        if there.insert(identity(&from, element)) {
                            writer.rename(element, own, new);
                        } else {
                            writer.remove(&[element]);
                        }
                    }
                });
            }
            change(format, source, |writer, root| copy(writer, root, &from, &to))?;
            change(format, source, |writer, root| {
                let kept: HashSet<usize> = to.find(root).iter().map(|e| e.span().start).collect();
                let moved = |e: &Element<'_, '_>| {
                    !kept.contains(&e.span().start) && !from.value(*e).trim().is_empty()
                };
                writer.remove(&from.find(root).into_iter().filter(moved).collect::<Vec<_>>());
            })
        }
        Step::Replace { field, find, with } => {
            let path = path(format, field)?;
            if path.kind != Kind::DataField {
                path.check_writable().map_err(|why| refused(field, why))?;
            }
            if find.is_empty() {
                return Err(refused(field, "there is no text to look for".to_owned()));
            }
            let room = MAX_RECORD_BYTES.saturating_sub(source.len());
            let mut fits = true;
            change(format, source, |writer, _| {
                fits = writer.replace_text(&path, find, with, room).is_some();
            })?;
            if fits { Ok(()) } else { Err(too_long(field)) }
        }
        // It changes no record: see `normalise`.
        Step::AddToCollection { .. } => Ok(()),
    }
}

/// Runs `act` on the record and puts what it changed in the source's place.
fn change(
    format: Format,
    source: &mut String,
    act: impl for<'s, 'd, 'a> FnOnce(&mut Writer<'s, 'd, 'a>, Element<'d, 'a>),
) -> Result<(), RecordErrors> {
    let document = Document::parse(source).map_err(RecordErrors::single)?;
    let mut writer = Writer::new(format, source, document.root());
    act(&mut writer, document.root());
    if let Some(changed) = writer.finish() {
        drop(document);
        *source = changed;
    }
    Ok(())
}

fn set<'d, 'a>(writer: &mut Writer<'_, 'd, 'a>, root: Element<'d, 'a>, path: &Path, value: &str) {
    let found = path.find(root);
    let Some((first, further)) = found.split_first() else {
        return writer.add(path, [value]);
    };
    if path.value(*first) != value {
        writer.set_text(*first, value);
    }
    writer.remove(further);
}

fn copy<'d, 'a>(writer: &mut Writer<'_, 'd, 'a>, root: Element<'d, 'a>, from: &Path, to: &Path) {
    let mut there: HashSet<String> = to.find(root).iter().map(|e| identity(to, *e)).collect();
    if let (Kind::DataField, Kind::DataField) = (from.kind, to.kind)
        && let Some((own, new)) = last_steps(from, to)
    {
        let found = from.find(root).into_iter().filter(|e| there.insert(identity(from, *e)));
        let fields: Vec<String> = found.map(|e| renamed(e, own, new)).collect();
        if !fields.is_empty() {
            writer.insert_fields(new, &fields);
        }
        return;
    }
    let values = from.values(root);
    if to.is_single() {
        if let Some(first) = values.first() {
            set(writer, root, to, first);
        }
        return;
    }
    let new: Vec<String> = values.into_iter().filter(|v| there.insert(v.clone())).collect();
    writer.add(to, new.iter().map(String::as_str));
}

/// Returns what makes two fields the same: the value, and the subfields of a whole data field.
fn identity(path: &Path, element: Element<'_, '_>) -> String {
    match path.kind {
        Kind::DataField => spell_field(element),
        _ => path.value(element),
    }
}

/// Returns the last steps of two paths that differ in nothing else and hold the same kind of thing.
fn last_steps<'p>(from: &'p Path, to: &'p Path) -> Option<(&'p super::field::Step, &'p super::field::Step)> {
    let ((own, outer), (new, other)) = (from.steps.split_last()?, to.steps.split_last()?);
    let same_kind = match (from.kind, to.kind) {
        (Kind::Fixed, Kind::Fixed) => own.local == new.local,
        (Kind::Local, Kind::Text) => true,
        (from, to) => from == to,
    };
    (outer == other && same_kind).then_some((own, new))
}

fn writable(format: Format, field: &FieldName) -> Result<Path, RecordErrors> {
    let path = path(format, field)?;
    path.check_writable().map_err(|why| refused(field, why))?;
    Ok(path)
}

fn pair(format: Format, from: &FieldName, to: &FieldName) -> Result<(Path, Path), RecordErrors> {
    let (source, target) = (path(format, from)?, path(format, to)?);
    check_pair(&source, &target).map_err(|why| refused(to, why))?;
    Ok((source, target))
}

/// Checks that values of one field may become values of another.
pub(crate) fn check_pair(from: &Path, to: &Path) -> Result<(), String> {
    match (from.kind, to.kind) {
        (Kind::DataField, Kind::DataField) => Ok(()),
        (Kind::Container, _) => Err("takes text, and the other field holds elements".to_owned()),
        _ => to.check_writable(),
    }
}

fn too_long(field: &FieldName) -> RecordErrors {
    let message = format!("the record would be longer than {MAX_RECORD_BYTES} bytes");
    let field = crate::xml::clip(field.as_str());
    problem_at("", 0, ProblemKind::LimitExceeded, field, message).into()
}
