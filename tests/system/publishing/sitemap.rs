//! The sitemap, `robots.txt` and what pages tell search engines (META-4): what everybody may see, and nothing else.

use std::collections::BTreeSet;

use super::*;
use crate::walk::{Title, representation, title};

impl House {
    /// What stands at the root, as a robot asks for it.
    pub(super) async fn root(&self, path: &str) -> Answer {
        self.client.with_key(None).send("GET", path, &[("accept", "text/html")], String::new()).await
    }

    /// The pages of a part of the sitemap, with their dates.
    async fn pages(&self, part: &str) -> BTreeMap<String, String> {
        let answer = self.root(&format!("/sitemap.xml?part={part}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let links = between(&answer.text, "<loc>", "</loc>").into_iter().map(str::to_owned);
        let dates = between(&answer.text, "<lastmod>", "</lastmod>").into_iter().map(str::to_owned);
        links.zip(dates).collect()
    }

    /// Gives a title's representation a policy of its own with one effect for everybody.
    pub(super) async fn govern(&self, title: &Title, effect: &str) {
        let policy =
            json!({ "name": format!("{effect} {}", title.rep), "default_rule": { "effect": effect } });
        let policy = self.client.post("/conf/access-rights-policies", policy).await.ok();
        let mut body = representation("PRESERVATION_MASTER");
        body["access_rights_policy_id"] = json!({ "value": policy["id"] });
        self.client.put(&format!("/bibs/{}/representations/{}", title.mms, title.rep), body).await.ok();
        self.settle().await;
    }
}

fn ends_with(pages: &BTreeMap<String, String>, title: &Title) -> bool {
    pages.keys().any(|link| link.ends_with(&format!("/view/delivery/VITRINE/{}", title.rep)))
}

#[tokio::test]
async fn meta_4_the_sitemap_lists_what_everybody_may_see_as_long_as_that_is_so() {
    let house = House::new().await;
    let (open, closed) = (title(&house.client).await, title(&house.client).await);
    house.settle().await;
    assert_eq!(house.root("/sitemap.xml").await.status, 404, "nothing is public yet");
    house.govern(&open, "ALLOW").await;
    house.govern(&closed, "DENY").await;

    let index = house.root("/sitemap.xml").await;
    assert_eq!(index.status, 200);
    assert_eq!(index.headers["content-type"], "application/xml; charset=utf-8");
    let parts = between(&index.text, "<loc>", "</loc>");
    assert_eq!(parts.len(), 1, "{}", index.text);
    assert!(parts[0].ends_with("/sitemap.xml?part=0-0"), "{}", index.text);
    let first = house.pages("0-0").await;
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(ends_with(&first, &open));

    // A save that changes nothing leaves the date; one that does moves it.
    let dated = |pages: &BTreeMap<String, String>| pages.values().next().unwrap().clone();
    house.client.put(&format!("/bibs/{}", open.mms), dc("Moby-Dick", false)).await.ok();
    house.settle().await;
    let changed = dated(&house.pages("0-0").await);
    house.client.put(&format!("/bibs/{}", open.mms), dc("Moby-Dick", false)).await.ok();
    house.settle().await;
    assert_eq!(dated(&house.pages("0-0").await), changed);

    // Hidden, shown again, closed: the list follows.
    for (suppressed, there) in [(true, false), (false, true)] {
        house.client.put(&format!("/bibs/{}", open.mms), dc("Moby-Dick", suppressed)).await.ok();
        house.settle().await;
        assert_eq!(ends_with(&house.pages("0-0").await, &open), there);
    }
    house.govern(&open, "DENY").await;
    assert!(house.pages("0-0").await.is_empty());
}

#[tokio::test]
async fn meta_4_parts_of_every_depth_hold_every_page_once() {
    let house = House::new().await;
    let mut titles = Vec::new();
    for _ in 0..6 {
        let title = title(&house.client).await;
        house.govern(&title, "ALLOW").await;
        titles.push(title);
    }
    let whole = house.pages("0-0").await;
    assert_eq!(whole.len(), titles.len());
    for depth in [1, 3] {
        let (mut all, mut count) = (BTreeSet::new(), 0);
        for number in 0..1 << depth {
            let pages = house.pages(&format!("{depth}-{number}")).await;
            count += pages.len();
            all.extend(pages.into_keys());
        }
        assert_eq!((count, all), (whole.len(), whole.keys().cloned().collect()), "{depth}");
    }
    for wrong in ["1-2", "x", "40-0", "0-0&part=0-0"] {
        assert_eq!(house.root(&format!("/sitemap.xml?part={wrong}")).await.status, 404, "{wrong}");
    }
    let robots = house.root("/robots.txt").await;
    assert_eq!(robots.status, 200);
    assert!(
        robots.text.contains("/sitemap.xml\n") && robots.text.contains("Disallow: /almaws/\n"),
        "{}",
        robots.text
    );
    assert!(!robots.text.contains("Disallow: /view/\n"), "pages may be read");
}

#[tokio::test]
async fn meta_4_a_page_tells_search_engines_of_its_title() {
    let house = House::new().await;
    let title = title(&house.client).await;
    house.govern(&title, "ALLOW").await;
    let described = async || -> Value {
        let page = house.root(&format!("/view/delivery/VITRINE/{}", title.mms)).await;
        let data = between(&page.text, "<script type=\"application/ld+json\">", "</script>");
        assert_eq!(data.len(), 1, "{}", page.text);
        serde_json::from_str(data[0]).unwrap()
    };
    let open = described().await;
    assert_eq!((&open["@type"], &open["name"]), (&json!("Book"), &json!("Moby-Dick")));
    assert_eq!(open["isAccessibleForFree"], true);
    // The sitemap names the page by the address that the page gives itself.
    assert_eq!(house.pages("0-0").await.into_keys().next().unwrap(), text(&open, "url"));
    // The collections that it is seen in; one that is hidden, or below a hidden one, is not told (C8).
    let client = &house.client;
    let held = open["isPartOf"].as_array().unwrap();
    assert_eq!(held.len(), 1, "{open}");
    assert!(held[0]["@type"] == "Collection" && text(&held[0], "name").starts_with("Books "), "{open}");
    let path = format!("/bibs/collections/{}", text(&held[0], "identifier"));
    let named = json!({ "name": "Hidden", "library": { "value": "MAIN" } });
    let above = client.post("/bibs/collections", named).await.ok();
    let above = text(&above["pid"], "value");
    let mut below = client.get(&path).await.ok();
    below["parent_pid"] = json!({ "value": above });
    client.put(&path, below).await.ok();
    assert_eq!(described().await["isPartOf"], open["isPartOf"]);
    let mut hidden = client.get(&format!("/bibs/collections/{above}")).await.ok();
    hidden["suppress_from_discovery"] = json!(true);
    client.put(&format!("/bibs/collections/{above}"), hidden).await.ok();
    assert!(described().await.get("isPartOf").is_none());
    house.govern(&title, "DENY").await;
    let closed = described().await;
    assert!(closed.get("encoding").is_none() && closed.get("isAccessibleForFree").is_none(), "{closed}");
}
