//! Representations.

use axum::extract::State;
use serde::Deserialize;
use vitrine_domain::coded::Coded;
use vitrine_domain::ids::{MmsId, RepId};
use vitrine_domain::remote::RemoteObject;
use vitrine_domain::removal::EmptiedBib;
use vitrine_domain::representation::{
    EntityType, PartFields, Representation, RepresentationFields, UsageType,
};
use vitrine_store::catalog::Count;

use super::bibs::CodedValue;
use super::{Api, Caller, Segments, id, page};
use crate::views::{REPRESENTATION, REPRESENTATIONS, list as list_view};
use crate::wire::normalise::parse_flag;
use crate::wire::query::codes;
use crate::wire::{Body, IfMatch, Params, Problem, Reply, Shape, Wire};

/// A representation as a client sends it.
#[derive(Debug, Deserialize)]
pub(crate) struct RepresentationBody {
    #[serde(default)]
    is_remote: bool,
    library: CodedValue,
    usage_type: CodedValue,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    public_note: Option<String>,
    #[serde(default)]
    note: Vec<String>,
    #[serde(default)]
    active: Option<CodedValue>,
    #[serde(default)]
    entity_type: Option<CodedValue>,
    #[serde(default)]
    access_rights_policy_id: Option<CodedValue>,
    #[serde(default)]
    order: Option<u32>,
    #[serde(default)]
    thumbnail_file_id: Option<String>,
    #[serde(default)]
    request_id: Option<String>,
    #[serde(default)]
    repository: Option<CodedValue>,
    #[serde(default)]
    originating_record_id: Option<String>,
    #[serde(default)]
    linking_parameter_1: Option<String>,
    #[serde(default)]
    linking_parameter_2: Option<String>,
    #[serde(default)]
    linking_parameter_3: Option<String>,
    #[serde(default)]
    linking_parameter_4: Option<String>,
    #[serde(default)]
    linking_parameter_5: Option<String>,
    #[serde(flatten)]
    part: PartFields,
}

impl Wire for RepresentationBody {
    fn shape() -> &'static Shape {
        &REPRESENTATION
    }
}

pub(crate) fn code<T: Coded>(field: &str, value: &CodedValue) -> Result<T, Problem> {
    T::from_code(&value.value).ok_or_else(|| Problem::bad_field(field, codes::<T>()))
}

/// A usage type; newer pages of the vendor call the master primary.
pub(crate) fn usage_type(field: &str, value: &CodedValue) -> Result<UsageType, Problem> {
    if value.value == "PRIMARY" { Ok(UsageType::PreservationMaster) } else { code(field, value) }
}

impl RepresentationBody {
    /// What a remote one stands for (D15); members of remote ones that a local one has are not heard, as the vendor does.
    fn remote(&self) -> Result<Option<RemoteObject>, Problem> {
        if !self.is_remote {
            return Ok(None);
        }
        let repository = match &self.repository {
            None => {
                return Err(Problem::bad_field("repository", "must be given for a remote representation"));
            }
            Some(code) => code.value.parse(),
        };
        let Some(record) = &self.originating_record_id else {
            let wrong = "must be given for a remote representation";
            return Err(Problem::bad_field("originating_record_id", wrong));
        };
        Ok(Some(RemoteObject {
            repository: repository
                .map_err(|_| Problem::bad_field("repository", "is not a repository's code"))?,
            originating_record_id: record.clone(),
            linking_parameters: [
                self.linking_parameter_1.clone(),
                self.linking_parameter_2.clone(),
                self.linking_parameter_3.clone(),
                self.linking_parameter_4.clone(),
                self.linking_parameter_5.clone(),
            ],
        }))
    }

    fn into_fields(self) -> Result<RepresentationFields, Problem> {
        let remote = self.remote()?;
        let usage_type = usage_type("usage_type", &self.usage_type)?;
        let active = match &self.active {
            None => true,
            Some(word) => parse_flag(&word.value)
                .ok_or_else(|| Problem::bad_field("active", "must be `true` or `false`"))?,
        };
        let thumbnail_file_id = match &self.thumbnail_file_id {
            None => None,
            Some(file) => {
                Some(file.parse().map_err(|_| Problem::bad_field("thumbnail_file_id", "is not a file id"))?)
            }
        };
        let access_rights_policy_id = match &self.access_rights_policy_id {
            None => None,
            Some(policy) => {
                let wrong = "must be the id of an access rights policy";
                Some(policy.value.parse().map_err(|_| Problem::bad_field("access_rights_policy_id", wrong))?)
            }
        };
        Ok(RepresentationFields {
            library: self
                .library
                .value
                .parse()
                .map_err(|_| Problem::bad_field("library", "is not a library's code"))?,
            usage_type,
            label: self.label,
            public_note: self.public_note,
            notes: self.note,
            active,
            entity_type: self
                .entity_type
                .as_ref()
                .map(|value| code::<EntityType>("entity_type", value))
                .transpose()?,
            part: self.part,
            access_rights_policy_id,
            order: self.order,
            thumbnail_file_id,
            request_id: self.request_id,
            remote,
        })
    }
}

fn ids([mms, rep]: &[String; 2]) -> Result<(MmsId, RepId), Problem> {
    Ok((id(mms, "bib record")?, id(rep, "representation")?))
}

async fn shown(api: &Api, found: &Representation, files: Option<Count>) -> Result<Reply, Problem> {
    let policies = api.app.policies_of(std::slice::from_ref(found)).await?;
    let view = api.addresses.representation(found, files, &policies);
    Ok(Reply::ok(&REPRESENTATION, view).at_version(found.version))
}

pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
) -> Result<Reply, Problem> {
    let [mms] = path.0;
    let (found, total) =
        api.app.list_representations(&caller.0, &id(&mms, "bib record")?, &page(params.paging()?)).await?;
    let policies = api.app.policies_of(&found.items).await?;
    let views =
        found.items.iter().map(|found| api.addresses.representation(found, None, &policies)).collect();
    Ok(Reply::ok(&REPRESENTATIONS, list_view("representation", views, total, found.next.as_deref())))
}

pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
    Body(body): Body<RepresentationBody>,
) -> Result<Reply, Problem> {
    let [mms] = path.0;
    let generate = params.flag("generate_label", false)?;
    let created = api
        .app
        .create_representation(&caller.0, &id(&mms, "bib record")?, body.into_fields()?, generate)
        .await?;
    shown(&api, &created, None).await
}

pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
) -> Result<Reply, Problem> {
    let (mms, rep) = ids(&path.0)?;
    let found = api.app.read_representation(&caller.0, &mms, &rep).await?;
    let files = api.app.count_files(&rep).await?;
    shown(&api, &found, Some(files)).await
}

pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
    params: Params,
    if_match: IfMatch,
    Body(body): Body<RepresentationBody>,
) -> Result<Reply, Problem> {
    let (mms, rep) = ids(&path.0)?;
    let generate = params.flag("generate_label", false)?;
    let fields = body.into_fields()?;
    let after = if_match
        .guard(|expected| {
            api.app.update_representation(&caller.0, &mms, &rep, fields.clone(), generate, expected)
        })
        .await?;
    shown(&api, &after, None).await
}

pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<2>,
    params: Params,
    if_match: IfMatch,
) -> Result<Reply, Problem> {
    let (mms, rep) = ids(&path.0)?;
    let emptied = params.coded("bibs", EmptiedBib::Retain)?;
    let override_files = params.flag("override", false)?;
    if_match
        .guard(|expected| {
            api.app.delete_representation(&caller.0, &mms, &rep, override_files, emptied, expected)
        })
        .await?;
    Ok(Reply::no_content())
}
