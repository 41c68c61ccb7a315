//! Remote representations: links built from a repository's templates, no files, no policy (D15, D16).

use serde_json::json;
use vitrine_testing::Stack;

use super::{header, see};
use crate::walk::{red_png, representation, text, title, wish};

#[tokio::test]
async fn d15_a_remote_representation_leads_to_where_its_repositorys_templates_say() {
    // Nothing is shown here without a policy; what is elsewhere is shown there.
    let stack = Stack::new();
    let staff = stack.client().await;
    let anyone = staff.with_key(None).at_address("203.0.113.1");
    let title = title(&staff).await;
    let path = format!("/bibs/{}/representations", title.mms);
    let mut remote = representation("PRESERVATION_MASTER");
    remote["is_remote"] = json!("true");
    for (member, value) in
        [("repository", json!({ "value": "MUSEUM" })), ("originating_record_id", json!("oai:m/7?a"))]
    {
        let refused = staff.post(&path, remote.clone()).await;
        assert_eq!(refused.json()["fields"][0]["field"], member, "{}", refused.text);
        remote[member] = value;
    }
    assert_eq!(staff.post(&path, remote.clone()).await.json()["fields"][0]["field"], "repository");
    let museum = "/conf/remote-repositories/MUSEUM";
    let mut repository = json!({
        "name": "Museum of Ships", "system_type": "DSpace", "format": { "value": "dc" }, "base_url": "https://museum.example",
        "object_template": "{base_url}/o/{originating_record_id}?v={linking_parameter_1}",
        "thumbnail_template": "{base_url}/t/{originating_record_id}.jpg",
    });
    let put = staff.put(museum, repository.clone()).await;
    let tag = header(&put, "etag").to_owned();
    assert_eq!(put.ok()["code"], "MUSEUM");
    remote["linking_parameter_1"] = json!("1 2");
    let made = staff.post(&path, remote.clone()).await.ok();
    assert_eq!(made["is_remote"], true);
    assert_eq!(made["repository"], json!({ "value": "MUSEUM", "desc": "Museum of Ships" }));
    assert_eq!(made["delivery_url"], "https://museum.example/o/oai%3Am%2F7%3Fa?v=1%202");
    assert_eq!(made["thumbnail_url"], "https://museum.example/t/oai%3Am%2F7%3Fa.jpg");
    let rep = text(&made, "id");
    let own = format!("{path}/{rep}");
    assert_eq!(
        staff.put(&own, made.clone()).await.ok()["linking_parameter_1"],
        "1 2",
        "what was read can be put back"
    );
    // As XML too.
    let xml =
        staff.send("GET", &format!("/almaws/v1{own}"), &[("accept", "application/xml")], String::new()).await;
    assert!(
        xml.text.contains("is_remote=\"true\"") && xml.text.contains("<originating_record_id>"),
        "{}",
        xml.text
    );

    // Files and policies are refused, and so is moving it here.
    for refused in [
        staff.post("/uploads", wish(&rep, "a.png", &red_png())).await,
        staff.post(&format!("{own}/files"), json!({ "path": "upload/a.png" })).await,
        staff.put(&own, representation("PRESERVATION_MASTER")).await,
    ] {
        assert_eq!(refused.status, 400, "{}", refused.text);
    }
    let shut = crate::rights::policy(&staff, crate::rights::body("p", json!([]), "DENY")).await;
    let mut governed = remote.clone();
    governed["access_rights_policy_id"] = json!({ "value": shut });
    assert_eq!(staff.put(&own, governed).await.json()["fields"][0]["field"], "access_rights_policy_id");

    // The link as JSON, as a page's redirect, and as a picture.
    let seen = see(&anyone, &rep).await.ok();
    assert_eq!(seen["remote"]["url"], made["delivery_url"]);
    assert_eq!(seen["file"], json!([]));
    let page = anyone
        .send("GET", &format!("/view/delivery/VITRINE/{rep}"), &[("accept", "text/html")], String::new())
        .await;
    assert_eq!(
        (page.status.as_u16(), header(&page, "location")),
        (302, made["delivery_url"].as_str().unwrap())
    );
    let picture = anyone.get(&format!("/view/delivery/thumbnail/VITRINE/{rep}")).await;
    assert_eq!(
        (header(&picture, "location"), header(&picture, "x-thumbnail-source")),
        (made["thumbnail_url"].as_str().unwrap(), "remote")
    );
    // The title is stood for by what is here, where the viewer sees it; this one sees only what is elsewhere.
    assert_eq!(see(&anyone, &title.mms).await.ok()["representation"]["id"], rep);
    assert_eq!(see(&staff, &title.mms).await.ok()["representation"]["id"], title.rep);

    // D16: another template, other links, at the next request.
    repository["object_template"] = json!("https://new.example/{originating_record_id}");
    repository.as_object_mut().unwrap().remove("thumbnail_template");
    staff.with_json("PUT", museum, &repository, &[("if-match", &tag)]).await.ok();
    assert_eq!(staff.with_json("PUT", museum, &repository, &[("if-match", &tag)]).await.status, 412);
    assert_eq!(see(&anyone, &rep).await.ok()["remote"]["url"], "https://new.example/oai%3Am%2F7%3Fa");
    assert!(staff.get(&own).await.ok().get("thumbnail_url").is_none());
    assert_eq!(anyone.get(&format!("/view/delivery/thumbnail/VITRINE/{rep}")).await.status, 200, "an icon");
    assert_eq!(staff.get("/conf/remote-repositories").await.ok()["total_record_count"], 1);
    assert_eq!(staff.get("/conf/remote-repositories/NOWHERE").await.status, 404);
    for (member, value) in
        [("base_url", "ftp://x"), ("object_template", "javascript:alert(1)"), ("thumbnail_template", "{x}")]
    {
        let mut wrong = repository.clone();
        wrong[member] = json!(value);
        assert_eq!(staff.put(museum, wrong).await.json()["fields"][0]["field"], member);
    }
    // D8: an inactive one is not offered.
    remote["active"] = json!({ "value": "false" });
    staff.put(&own, remote).await.ok();
    assert_eq!(see(&anyone, &rep).await.status, 404);
}
