//! Every endpoint x role x scope of the role x kind of key equals the declared table (B30, R1-R7), ids of elsewhere lead
//! nowhere (B31, B40), and no member that is not offered is taken (B32).

use serde_json::{Value, json};
use vitrine_domain::actor::{Actor, Grant, KeyPermission};
use vitrine_domain::coded::Coded;
use vitrine_domain::roles::{Action, Role};
use vitrine_http::routes::{ENDPOINTS, Endpoint};
use vitrine_store::objects::Bucket;
use vitrine_testing::{Answer, Client, Stack};

use crate::refusals::request;
use crate::walk::{Title, red_png, settle, text, title, upload, wish};

/// A library that the things of the tests belong to, and one that they do not.
const OWN: &str = "MAIN";
const OTHER: &str = "LAW";

struct House {
    _stack: Stack,
    admin: Client,
    title: Title,
    ids: [String; 4],
}

/// A house with one of each thing, all of the library MAIN.
async fn house() -> House {
    let stack = Stack::new().with_sign_in();
    let admin = stack.client().await;
    admin.put(&format!("/conf/libraries/{OTHER}"), json!({ "name": "Law" })).await.ok();
    let title = title(&admin).await;
    upload(&admin, &title.rep, "a.png", &red_png()).await;
    settle(&stack.app()).await;
    let file = text(&admin.get(&title.files()).await.ok()["representation_file"][0], "pid");
    let open = text(&admin.post("/uploads", wish(&title.rep, "b.png", b"x")).await.ok(), "id");
    let profile =
        admin.post("/conf/md-import-profiles", crate::http_fuzz::profile(&title.collection)).await.ok();
    let profile = text(&profile, "id");
    let (key, csv) = (format!("upload/{profile}/folder/values.csv"), b"dc:title\nMoby-Dick\n".to_vec());
    stack.app().objects.put_small(Bucket::Incoming, &key, csv.into(), "text/csv", false).await.unwrap();
    let submit = format!("/conf/md-import-profiles/{profile}/ingests/folder?op=submit");
    let job = text(&admin.post(&submit, Value::Null).await.ok(), "job_id");
    House { _stack: stack, admin, title, ids: [file, open, profile, job] }
}

impl House {
    fn request(&self, endpoint: &Endpoint) -> (String, Value) {
        let [file, open, profile, job] = &self.ids;
        request(endpoint, &self.title, [file, open, profile, job])
    }

    async fn call(&self, who: &Client, endpoint: &Endpoint) -> Answer {
        let (path, body) = self.request(endpoint);
        // A version that nothing has: whoever is let through changes nothing that is there.
        let guard: &[(&str, &str)] =
            if ["PUT", "DELETE"].contains(&endpoint.method) { &[("if-match", "\"999-json\"")] } else { &[] };
        who.with_json(endpoint.method, &path, &body, guard).await
    }
}

/// Whether the table lets this caller do it to a thing of the library [`OWN`]; what is the institution's needs the
/// role for the institution, and a record or a set, which no library owns, needs it somewhere.
fn declared(actor: &Actor, endpoint: &Endpoint) -> bool {
    let own = OWN.parse().unwrap();
    let Some(action) = endpoint.action else {
        return match endpoint.id {
            "get_permissions" => true,
            "get_user" => actor.may(Action::ReadUsers, None).is_ok(),
            // An upload is its owner's, and those's who may upload there.
            _ => actor.may(Action::CreateFile, Some(&own)).is_ok(),
        };
    };
    match action {
        Action::CreateBib
        | Action::UpdateBib
        | Action::DeleteBib
        | Action::ManageSets
        | Action::ReadDeleted => actor.may_somewhere(action).is_ok(),
        // What is asked for is a representation.
        Action::Recover => {
            actor.may_somewhere(action).is_ok() && actor.may(Action::DeleteRepresentation, Some(&own)).is_ok()
        }
        Action::CreateTopCollection
        | Action::CreateSubCollection
        | Action::UpdateTopCollection
        | Action::UpdateSubCollection
        | Action::DeleteCollection
        | Action::AssignTitle
        | Action::CreateRepresentation
        | Action::UpdateRepresentation
        | Action::DeleteRepresentation
        | Action::CreateFile
        | Action::UpdateFile
        | Action::DownloadFile
        | Action::CheckFixity
        | Action::ReadLoans
        | Action::DeleteFile
        | Action::RunImport
        | Action::UndoImport => actor.may(action, Some(&own)).is_ok(),
        _ => actor.may(action, None).is_ok(),
    }
}

#[tokio::test]
async fn b30_every_endpoint_role_scope_and_kind_of_key_is_as_the_table_declares() {
    let house = house().await;
    let mut callers = Vec::new();
    for role in Role::ALL {
        for (library, permission) in [
            (None, KeyPermission::ReadWrite),
            (Some(OWN), KeyPermission::ReadWrite),
            (Some(OTHER), KeyPermission::ReadWrite),
            (None, KeyPermission::ReadOnly),
            (Some(OWN), KeyPermission::ReadOnly),
        ] {
            let grants = vec![Grant { role: *role, library: library.map(|code| code.parse().unwrap()) }];
            let key = house.admin.key_with(&grants, permission).await;
            let read_only = permission == KeyPermission::ReadOnly;
            let actor = Actor { read_only, ..Actor::new("key:1".parse().unwrap(), grants) };
            let name = format!("{} for {} {permission}", role.code(), library.unwrap_or("all"));
            callers.push((name, actor, house.admin.with_key(Some(&key))));
        }
    }
    let (mut cells, mut wrong, mut let_in) = (0, Vec::new(), 0);
    // First who is refused, while all that they ask for is there; then the others.
    for allowed in [false, true] {
        for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.id != "get_openapi") {
            for (name, actor, client) in &callers {
                if declared(actor, endpoint) != allowed {
                    continue;
                }
                let answer = house.call(client, endpoint).await;
                let status = answer.status.as_u16();
                let fine = match (allowed, endpoint.action) {
                    (true, _) => ![401, 403].contains(&status) && status < 500,
                    // Who may not know that there is such a thing is told that there is none (B31).
                    (false, None) => [403, 404].contains(&status),
                    (false, Some(_)) => status == 403,
                };
                cells += 1;
                let_in += u32::from(allowed);
                if !fine {
                    wrong.push(format!("{} | {name} | {allowed} {status} {}", endpoint.id, answer.text));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cells >= 5_000 && let_in > 1_000, "{cells} cells, {let_in} let in");
}

#[tokio::test]
async fn b31_b40_ids_of_another_institution_and_guessed_ones_lead_nowhere_and_look_alike() {
    let house = house().await;
    let stranger = house.admin.with_key(None);
    for endpoint in ENDPOINTS
        .iter()
        .filter(|it| it.method == "GET" && it.path.contains('{') && it.id != "get_import_template")
    {
        let (path, _) = house.request(endpoint);
        let [file, open, profile, job] = &house.ids;
        let title = &house.title;
        let named = [file, open, profile, job, &title.mms, &title.rep, &title.collection];
        let Some(own) = named.iter().rfind(|id| path.contains(id.as_str())) else { continue };
        // Another institution's, and the next number of ours: ids are no secrets, so each read is authorised.
        let elsewhere = format!("{}9999", &own[..own.len() - 4]);
        let mut guessed = own.as_bytes().to_vec();
        let at = guessed.len() - 5;
        guessed[at] = if guessed[at] == b'9' { b'0' } else { guessed[at] + 1 };
        let guessed = String::from_utf8(guessed).unwrap();
        let mut said = Vec::new();
        for id in [&elsewhere, &guessed] {
            let answer = house.admin.get(&path.replace(own.as_str(), id)).await;
            let mut body = answer.json();
            assert_eq!(answer.status, 404, "{} {}", endpoint.id, answer.text);
            for changing in ["instance", "errorList"] {
                body.as_object_mut().unwrap().remove(changing);
            }
            said.push(body.to_string().replace(id.as_str(), "ID"));
        }
        assert_eq!(said[0], said[1], "{}", endpoint.id);
        for id in [own.as_str(), &elsewhere, &guessed] {
            assert_eq!(stranger.get(&path.replace(own.as_str(), id)).await.status, 401, "{}", endpoint.id);
        }
    }
}

#[tokio::test]
async fn b32_members_that_are_not_offered_are_refused_by_name_and_nothing_is_written() {
    const WISHED: [&str; 9] =
        ["role", "owner", "state", "access_policy", "pk", "sk", "i1pk", "version", "is_admin"];
    let house = house().await;
    let bib = format!("/bibs/{}", house.title.mms);
    let before = house.admin.get(&bib).await.ok();
    let mut tried = 0;
    for endpoint in ENDPOINTS.iter() {
        let Some(shape) = endpoint.input else { continue };
        for name in WISHED.iter().filter(|name| shape.member(name).is_none()) {
            let (path, mut body) = house.request(endpoint);
            body[*name] = json!("ADMIN");
            let answer = house.admin.with_json(endpoint.method, &path, &body, &[]).await;
            assert_eq!(answer.status, 400, "{} {name}: {}", endpoint.id, answer.text);
            let fields = answer.json()["fields"].clone();
            let named = fields.as_array().unwrap().iter().any(|field| field["field"] == *name);
            assert!(named, "{} {name}: {fields}", endpoint.id);
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
    assert_eq!(house.admin.get(&bib).await.ok(), before);

    // What is shown and is ours alone can be put back, and is not believed.
    let file = format!("{}/{}", house.title.files(), house.ids[0]);
    let shown = house.admin.get(&file).await.ok();
    let mut forged = shown.clone();
    for (name, value) in forged.as_object_mut().unwrap() {
        if ["checksum", "sha256", "size", "mime_type", "path", "storage_path", "pid", "created_by"]
            .contains(&name.as_str())
        {
            *value = json!("0000");
        }
    }
    forged["label"] = json!("new");
    house.admin.put(&file, forged).await;
    let now = house.admin.get(&file).await.ok();
    for name in ["checksum", "sha256", "size", "mime_type", "path", "pid", "created_by"] {
        assert_eq!(now[name], shown[name], "{name}");
    }
}
