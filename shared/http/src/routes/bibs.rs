//! Bib records.

use axum::extract::{Path, State};
use serde::Deserialize;
use vitrine_app::bibs::{BibWithSource, RecordInput, UpdateMode};
use vitrine_domain::bib::UnknownFormatError;
use vitrine_domain::ids::{MmsId, RepId};
use vitrine_store::catalog::{Count, PageRequest};

use super::{Api, Caller, id};
use crate::views::{BIB, BIBS, list};
use crate::wire::{Body, IfMatch, Params, Problem, Reply, Shape, Wire};

/// A bib record as a client sends it.
#[derive(Debug, Deserialize)]
pub(crate) struct BibBody {
    #[serde(default)]
    record_format: Option<CodedValue>,
    #[serde(default)]
    suppress_from_publishing: Option<bool>,
    #[serde(default)]
    anies: Vec<String>,
}

/// A coded value as a client sends it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CodedValue {
    pub value: String,
}

impl Wire for BibBody {
    fn shape() -> &'static Shape {
        &BIB
    }
}

impl BibBody {
    fn into_record(self, default_suppressed: bool) -> Result<RecordInput, Problem> {
        let [source]: [String; 1] = self.anies.try_into().map_err(|_| {
            Problem::bad_field(
                "anies",
                "must hold one record: the record element in XML, its text as a list of one in JSON",
            )
        })?;
        let extracted = vitrine_metadata::extract_record(&source)
            .map_err(|errors| Problem::bad_field("record", errors.to_string()))?;
        let format = match self.record_format {
            Some(format) => format.value.parse().map_err(|error: UnknownFormatError| {
                Problem::bad_field("record_format", error.to_string())
            })?,
            None => extracted.format.ok_or_else(|| {
                Problem::bad_field("record_format", "must be given: the record does not show its format")
            })?,
        };
        let suppressed = self.suppress_from_publishing.unwrap_or(default_suppressed);
        Ok(RecordInput { format, source: extracted.record.into_owned(), suppressed })
    }
}

/// `view=brief` leaves the metadata out; `expand=d_avail` adds a field for each representation (ALMA-9).
struct Wanted {
    brief: bool,
    digital: bool,
}

impl Wanted {
    fn of(params: &Params) -> Result<Self, Problem> {
        let brief = match params.get("view")? {
            None | Some("full") => false,
            Some("brief") => true,
            Some(_) => return Err(Problem::bad_field("view", "must be `full` or `brief`")),
        };
        let digital =
            params.get("expand")?.is_some_and(|expand| expand.split(',').any(|word| word == "d_avail"));
        Ok(Self { brief, digital })
    }
}

/// The most representations that `expand=d_avail` tells of.
const EXPANDED: u32 = 100;

async fn view(
    api: &Api,
    caller: &Caller,
    found: &BibWithSource,
    wanted: &Wanted,
) -> Result<serde_json::Value, Problem> {
    let mut source = found.source.clone();
    if wanted.digital && found.bib.representation_count > 0 {
        let page = PageRequest { limit: EXPANDED, ..PageRequest::default() };
        let (representations, _) = api.app.list_representations(&caller.0, &found.bib.mms_id, &page).await?;
        let lines: Vec<_> = representations
            .items
            .iter()
            .map(|representation| api.addresses.availability(representation))
            .collect();
        source = vitrine_metadata::add_availability(found.bib.format, &source, &lines)
            .map_err(|_| Problem::internal())?;
    }
    let mut view = api.addresses.bib(found, &source);
    if wanted.brief
        && let Some(members) = view.as_object_mut()
    {
        members.remove("anies");
    }
    Ok(view)
}

/// Every scheme of identifiers.
pub(crate) const ANY_SCHEME: &[&str] =
    &["other", "uri", "doi", "handle", "lccn", "isbn", "issn", "other-system", "control-number"];

pub(crate) async fn find(State(api): State<Api>, caller: Caller, params: Params) -> Result<Reply, Problem> {
    let wanted = Wanted::of(&params)?;
    let ids: Vec<MmsId> = if let Some(ids) = params.get("mms_id")? {
        let parsed = ids.split(',').map(str::trim).filter(|id| !id.is_empty());
        parsed
            .map(|text| {
                text.parse().map_err(|_| Problem {
                    code: "402204",
                    ..Problem::bad_field("mms_id", format!("`{text}` is not a bib record id"))
                })
            })
            .collect::<Result<_, _>>()?
    } else if let Some(rep) = params.get("representation_id")? {
        let rep: RepId =
            rep.parse().map_err(|_| Problem::bad_field("representation_id", "is not a representation id"))?;
        vec![api.app.find_bib_by_representation(&caller.0, &rep).await?]
    } else {
        let mut asked = None;
        for (parameter, schemes) in [
            ("other_system_id", &["other-system", "control-number"][..]),
            ("isbn", &["isbn"][..]),
            ("issn", &["issn"][..]),
            ("identifier", ANY_SCHEME),
        ] {
            if let Some(value) = params.get(parameter)? {
                asked = Some((schemes, value.to_owned()));
            }
        }
        let Some((schemes, value)) = asked else {
            return Err(Problem::bad_field(
                "mms_id",
                "or `representation_id`, `other_system_id`, `isbn`, `issn` or `identifier` must be given",
            ));
        };
        api.app.find_bibs_by_identifier(&caller.0, schemes, &value).await?
    };
    let found = api.app.read_bibs(&caller.0, &ids).await?;
    let mut views = Vec::with_capacity(found.len());
    for bib in &found {
        views.push(view(&api, &caller, bib, &wanted).await?);
    }
    let total = Count { number: u32::try_from(views.len()).unwrap_or(u32::MAX), at_least: false };
    Ok(Reply::ok(&BIBS, list("bib", views, total, None)))
}

pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<BibBody>,
) -> Result<Reply, Problem> {
    caller
        .0
        .actor
        .may_somewhere(vitrine_domain::roles::Action::CreateBib)
        .map_err(vitrine_app::AppError::from)?;
    // The vendor's documented default (ALMA-8).
    let created = api.app.create_bib(&caller.0, body.into_record(true)?).await?;
    Ok(Reply::ok(&BIB, api.addresses.bib(&created, &created.source)).at_version(created.bib.version))
}

pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    Path(mms): Path<String>,
    params: Params,
) -> Result<Reply, Problem> {
    let wanted = Wanted::of(&params)?;
    let found = api.app.read_bib(&caller.0, &id(&mms, "bib record")?).await?;
    let view = view(&api, &caller, &found, &wanted).await?;
    Ok(Reply::ok(&BIB, view).at_version(found.bib.version))
}

pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    Path(mms): Path<String>,
    params: Params,
    if_match: IfMatch,
    Body(body): Body<BibBody>,
) -> Result<Reply, Problem> {
    caller
        .0
        .actor
        .may_somewhere(vitrine_domain::roles::Action::UpdateBib)
        .map_err(vitrine_app::AppError::from)?;
    let mode = match params.get("mode")? {
        None | Some("replace") => UpdateMode::Replace,
        Some("merge") => UpdateMode::Merge,
        Some(_) => return Err(Problem::bad_field("mode", "must be `replace` or `merge`")),
    };
    let mms: MmsId = id(&mms, "bib record")?;
    let before = api.app.read_bib(&caller.0, &mms).await?;
    if_match.check(before.bib.version)?;
    let input = body.into_record(before.bib.suppressed)?;
    let after = api.app.update_bib(&caller.0, &mms, input, mode, Some(before.bib.version)).await?;
    Ok(Reply::ok(&BIB, api.addresses.bib(&after, &after.source)).at_version(after.bib.version))
}

pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    Path(mms): Path<String>,
    params: Params,
    if_match: IfMatch,
) -> Result<Reply, Problem> {
    let mms = id(&mms, "bib record")?;
    let everything = params.flag("override", false)?;
    if_match.guard(|expected| api.app.delete_bib(&caller.0, &mms, everything, expected)).await?;
    Ok(Reply::no_content())
}
