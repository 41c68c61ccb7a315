//! The structure of a representation.

use axum::extract::State;
use serde::Deserialize;
use vitrine_domain::ids::{FileId, MmsId, RepId};
use vitrine_domain::problem::Problems;
use vitrine_domain::structure::{MAX_DEPTH, Range, StructureFields};

use super::bibs::CodedValue;
use super::representations::code;
use super::{Api, Caller, Segments, id};
use crate::views::STRUCTURE;
use crate::wire::{Body, IfMatch, Problem, Reply, Shape, Wire};

/// A range as a client sends it.
#[derive(Debug, Clone, Deserialize)]
struct RangeBody {
    #[serde(default)]
    label: String,
    #[serde(default)]
    file: Vec<String>,
    #[serde(default)]
    range: Vec<RangeBody>,
}

/// A structure as a client sends it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct StructureBody {
    #[serde(default)]
    behavior: Option<CodedValue>,
    #[serde(default)]
    viewing_direction: Option<CodedValue>,
    #[serde(default)]
    range: Vec<RangeBody>,
}

impl Wire for StructureBody {
    fn shape() -> &'static Shape {
        &STRUCTURE
    }
}

impl RangeBody {
    fn into_range(self, place: &str, depth: usize, problems: &mut Problems) -> Range {
        let mut files = Vec::with_capacity(self.file.len());
        for (index, file) in self.file.iter().enumerate() {
            match file.parse::<FileId>() {
                Ok(file) => files.push(file),
                Err(_) if problems.0.len() < 100 => {
                    problems.add(&format!("{place}.file.{index}"), "is not a file id");
                }
                Err(_) => {}
            }
        }
        // What lies deeper than is allowed is refused by the check that follows, which needs one level of it.
        let inner = if depth > MAX_DEPTH { Vec::new() } else { self.range };
        Range {
            label: self.label,
            files,
            ranges: into_ranges(inner, &format!("{place}.range"), depth + 1, problems),
        }
    }
}

fn into_ranges(given: Vec<RangeBody>, place: &str, depth: usize, problems: &mut Problems) -> Vec<Range> {
    let one =
        |(index, range): (usize, RangeBody)| range.into_range(&format!("{place}.{index}"), depth, problems);
    given.into_iter().enumerate().map(one).collect()
}

impl StructureBody {
    fn into_fields(self) -> Result<StructureFields, Problem> {
        let behavior = self.behavior.as_ref().map(|it| code("behavior", it)).transpose()?;
        let viewing_direction =
            self.viewing_direction.as_ref().map(|it| code("viewing_direction", it)).transpose()?;
        let mut problems = Problems::default();
        let ranges = into_ranges(self.range, "range", 1, &mut problems);
        problems.into_result().map_err(vitrine_app::AppError::from)?;
        Ok(StructureFields { behavior, viewing_direction, ranges })
    }
}

fn ids([mms, rep]: &[String; 2]) -> Result<(MmsId, RepId), Problem> {
    Ok((id(mms, "bib record")?, id(rep, "representation")?))
}

pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
) -> Result<Reply, Problem> {
    let (mms, rep) = ids(&path.0)?;
    let found = api.app.read_structure(&caller.0, &mms, &rep).await?;
    Ok(Reply::ok(&STRUCTURE, api.addresses.structure(&mms, &found)).at_version(found.version))
}

pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
    if_match: IfMatch,
    Body(body): Body<StructureBody>,
) -> Result<Reply, Problem> {
    let (mms, rep) = ids(&path.0)?;
    let fields = body.into_fields()?;
    let after = if_match
        .guard(|expected| api.app.put_structure(&caller.0, &mms, &rep, fields.clone(), expected))
        .await?;
    Ok(Reply::ok(&STRUCTURE, api.addresses.structure(&mms, &after)).at_version(after.version))
}

pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
    if_match: IfMatch,
) -> Result<Reply, Problem> {
    let (mms, rep) = ids(&path.0)?;
    if_match.guard(|expected| api.app.delete_structure(&caller.0, &mms, &rep, expected)).await?;
    Ok(Reply::no_content())
}
