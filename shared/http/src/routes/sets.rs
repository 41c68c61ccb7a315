//! Sets and their members.

use axum::extract::{FromRequest, Request, State};
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use vitrine_app::sets::IdType;
use vitrine_domain::Timestamp;
use vitrine_domain::coded::Coded;
use vitrine_domain::ids::SetId;
use vitrine_domain::set::{SetContent, SetKind, SetRule, SetSettings};

use super::bibs::CodedValue;
use super::{Api, Caller, Segments, id, page};
use crate::views::{SET, SET_MEMBERS, SETS, list as list_view};
use crate::wire::query::codes;
use crate::wire::{Body, IfMatch, Paging, Params, Problem, Reply, Shape, Wire, parse_flag};

/// A set as a client sends it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SetBody {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<CodedValue>,
    #[serde(default)]
    content: Option<CodedValue>,
    #[serde(default)]
    private: Option<CodedValue>,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    rule: Option<RuleBody>,
    #[serde(default)]
    members: MembersBody,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct RuleBody {
    #[serde(default)]
    collection: Vec<CodedValue>,
    #[serde(default)]
    level: Option<CodedValue>,
    #[serde(default)]
    record_format: Vec<CodedValue>,
    #[serde(default)]
    suppressed: Option<bool>,
    #[serde(default)]
    library: Vec<CodedValue>,
    #[serde(default)]
    usage_type: Vec<CodedValue>,
    #[serde(default)]
    access_rights_policy: Vec<CodedValue>,
    #[serde(default)]
    active: Option<bool>,
    #[serde(default)]
    created_since: Option<String>,
    #[serde(default)]
    modified_since: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct MembersBody {
    #[serde(default)]
    member: Vec<MemberBody>,
}

#[derive(Debug, Clone, Deserialize)]
struct MemberBody {
    id: String,
}

impl Wire for SetBody {
    fn shape() -> &'static Shape {
        &SET
    }
}

impl SetBody {
    fn member_ids(&self) -> Vec<String> {
        self.members.member.iter().map(|member| member.id.clone()).collect()
    }

    fn into_settings(self) -> Result<SetSettings, Problem> {
        let content = match &self.content {
            None => SetContent::Titles,
            Some(given) => coded_value("content", given)?,
        };
        let kind = match &self.kind {
            None if self.rule.is_some() => SetKind::Logical,
            None => SetKind::Itemized,
            Some(given) => coded_value("type", given)?,
        };
        if kind == SetKind::Itemized && self.rule.is_some() {
            return Err(Problem::bad_field("rule", "is for a logical set"));
        }
        if kind == SetKind::Logical && !self.members.member.is_empty() {
            return Err(Problem::bad_field("members", "are for an itemized set"));
        }
        let private = match &self.private {
            None => false,
            Some(given) => parse_flag(&given.value)
                .ok_or_else(|| Problem::bad_field("private", "must be `true` or `false`"))?,
        };
        let rule = match kind {
            SetKind::Itemized => None,
            SetKind::Logical => Some(self.rule.unwrap_or_default().into_rule()?),
        };
        let (name, description, note) = (self.name, self.description, self.note);
        Ok(SetSettings { name, description, note, private, content, rule })
    }
}

impl RuleBody {
    fn into_rule(self) -> Result<SetRule, Problem> {
        Ok(SetRule {
            collections: parsed("rule.collection", &self.collection)?,
            levels: self.level.as_ref().map(|given| coded_value("rule.level", given)).transpose()?,
            formats: parsed("rule.record_format", &self.record_format)?,
            suppressed: self.suppressed,
            libraries: parsed("rule.library", &self.library)?,
            usage_types: self
                .usage_type
                .iter()
                .map(|given| coded_value("rule.usage_type", given))
                .collect::<Result<_, _>>()?,
            policies: parsed("rule.access_rights_policy", &self.access_rights_policy)?,
            active: self.active,
            created_since: instant("rule.created_since", self.created_since.as_deref())?,
            modified_since: instant("rule.modified_since", self.modified_since.as_deref())?,
        })
    }
}

fn coded_value<T: Coded>(field: &str, given: &CodedValue) -> Result<T, Problem> {
    T::from_code(given.value.trim()).ok_or_else(|| Problem::bad_field(field, codes::<T>()))
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    field: &str,
    given: &[CodedValue],
) -> Result<Vec<T>, Problem> {
    let one = |given: &CodedValue| {
        given.value.trim().parse().map_err(|error: T::Err| Problem::bad_field(field, error.to_string()))
    };
    given.iter().map(one).collect()
}

/// A time or a day in UTC.
pub(crate) fn instant(field: &str, given: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = given.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let day = text.strip_suffix('Z').unwrap_or(text);
    let found = text.parse().or_else(|_| format!("{day}T00:00:00Z").parse());
    found
        .map(Some)
        .map_err(|_| Problem::bad_field(field, "must be a day or a time, for example `2026-11-24T08:00:00Z`"))
}

/// The ids in a body: those of a set in JSON or XML, or the first column of a table.
pub(crate) struct MemberIds(Vec<String>);

impl FromRequest<Api> for MemberIds {
    type Rejection = Problem;
    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let given = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_table = given.is_some_and(|given| given.trim().to_ascii_lowercase().starts_with("text/csv"));
        if !is_table {
            let Body(body) = Body::<SetBody>::from_request(request, api).await?;
            return Ok(Self(body.member_ids()));
        }
        let text = crate::wire::read_text(request).await?;
        Ok(Self(first_column(&text)))
    }
}

/// The first field of every line, without the quotes of a table and without a header that is no id.
fn first_column(text: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut ids: Vec<String> = text
        .lines()
        .map(|line| line.split([',', ';', '\t']).next().unwrap_or_default())
        .map(|field| field.trim().trim_matches('"').trim_start_matches('\'').trim().to_owned())
        .filter(|field| !field.is_empty())
        .collect();
    if ids.first().is_some_and(|first| !first.chars().any(|c| c.is_ascii_digit())) {
        ids.remove(0);
    }
    ids
}

fn set_id(path: Segments<1>) -> Result<SetId, Problem> {
    let [set] = path.0;
    id(&set, "set")
}

pub(crate) async fn list(State(api): State<Api>, caller: Caller, params: Params) -> Result<Reply, Problem> {
    let (found, total) = api.app.list_sets(&caller.0, &page(params.paging()?)).await?;
    let views = found.items.iter().map(|set| api.addresses.set(set, &[])).collect();
    Ok(Reply::ok(&SETS, list_view("set", views, total, found.next.as_deref())))
}

pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
    Body(body): Body<SetBody>,
) -> Result<Reply, Problem> {
    let ids = body.member_ids();
    let keep_going = !params.flag("fail_on_invalid_id", true)?;
    let id_type = id_type(&params)?;
    let mut created = api.app.create_set(&caller.0, body.into_settings()?).await?;
    let mut skipped = Vec::new();
    if !ids.is_empty() {
        match api.app.add_set_members(&caller.0, &created.id, &ids, &id_type, keep_going).await {
            Ok(done) => (created, skipped) = (done.set, done.skipped),
            Err(error) => {
                // A set that could not be filled was not asked for.
                api.app.delete_set(&caller.0, &created.id, None).await?;
                return Err(error.into());
            }
        }
    }
    Ok(Reply::ok(&SET, api.addresses.set(&created, &skipped)).at_version(created.version))
}

pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
) -> Result<Reply, Problem> {
    let found = api.app.read_set(&caller.0, &set_id(path)?).await?;
    Ok(Reply::ok(&SET, api.addresses.set(&found, &[])).at_version(found.version))
}

pub(crate) async fn update(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    if_match: IfMatch,
    Body(body): Body<SetBody>,
) -> Result<Reply, Problem> {
    let set = set_id(path)?;
    if !body.members.member.is_empty() {
        return Err(Problem::bad_field(
            "members",
            "are changed with `op=add_members` and `op=delete_members`",
        ));
    }
    let settings = body.into_settings()?;
    let after =
        if_match.guard(|expected| api.app.update_set(&caller.0, &set, settings.clone(), expected)).await?;
    Ok(Reply::ok(&SET, api.addresses.set(&after, &[])).at_version(after.version))
}

pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    if_match: IfMatch,
) -> Result<Reply, Problem> {
    let set = set_id(path)?;
    if_match.guard(|expected| api.app.delete_set(&caller.0, &set, expected)).await?;
    Ok(Reply::no_content())
}

fn id_type(params: &Params) -> Result<IdType, Problem> {
    Ok(match params.get("id_type")?.map(str::to_ascii_lowercase).as_deref() {
        None | Some("id" | "mms_id" | "representation_id" | "collection_id") => IdType::Own,
        Some("isbn") => IdType::Identifier(&["isbn"]),
        Some("issn") => IdType::Identifier(&["issn"]),
        Some("other_system_id") => IdType::Identifier(&["other-system", "control-number"]),
        Some("identifier") => IdType::Identifier(super::bibs::ANY_SCHEME),
        Some(_) => {
            let known = "must be one of: id, mms_id, representation_id, collection_id, isbn, issn, \
                         other_system_id, identifier";
            return Err(Problem::bad_field("id_type", known));
        }
    })
}

pub(crate) async fn act(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
    MemberIds(ids): MemberIds,
) -> Result<Reply, Problem> {
    let set = set_id(path)?;
    let keep_going = !params.flag("fail_on_invalid_id", true)?;
    let id_type = id_type(&params)?;
    let done = match params.get("op")? {
        Some("add_members") => api.app.add_set_members(&caller.0, &set, &ids, &id_type, keep_going).await?,
        Some("delete_members") => {
            api.app.remove_set_members(&caller.0, &set, &ids, &id_type, keep_going).await?
        }
        _ => return Err(Problem::bad_field("op", "must be one of: add_members, delete_members")),
    };
    Ok(Reply::ok(&SET, api.addresses.set(&done.set, &done.skipped)).at_version(done.set.version))
}

pub(crate) async fn members(
    State(api): State<Api>,
    caller: Caller,
    path: Segments<1>,
    params: Params,
) -> Result<Reply, Problem> {
    let set = set_id(path)?;
    let paging = Paging {
        limit: params.number("limit", 10, 100)?,
        offset: params.number("offset", 0, 10_000)?,
        after: params.cursor()?,
    };
    let content = api.app.read_set(&caller.0, &set).await?.settings.content;
    let (found, total) = api.app.list_set_members(&caller.0, &set, &page(paging)).await?;
    Ok(Reply::ok(&SET_MEMBERS, api.addresses.set_members(content, &found, total)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_from_the_first_column_of_a_table() {
        let table = "\u{feff}MMS ID;Title\r\n\"991\";a\r\n'992,b\n\n 993 \n";
        assert_eq!(first_column(table), ["991", "992", "993"]);
        assert_eq!(first_column("991\n992"), ["991", "992"]);
        assert_eq!(first_column(""), Vec::<String>::new());
    }

    #[test]
    fn a_day_is_its_beginning_in_utc() {
        let at = |text| instant("f", Some(text)).unwrap().map(|at| at.to_string()).unwrap_or_default();
        assert_eq!(at("2026-11-24"), "2026-11-24T00:00:00Z");
        assert_eq!(at("2026-11-24Z"), "2026-11-24T00:00:00Z");
        assert_eq!(at("2026-11-24T08:00:00+01:00"), "2026-11-24T07:00:00Z");
        assert_eq!(at(" "), "");
        assert!(instant("f", Some("yesterday")).is_err());
    }
}
