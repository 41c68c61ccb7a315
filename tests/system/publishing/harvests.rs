//! Harvests while the catalogue changes, by a program that is not ours, tokens, and what a page costs (B49, B50).

use vitrine_domain::coded::Coded;
use vitrine_domain::publishing::profile::Rendition;
use vitrine_engine::workspace_root;

use super::*;
use crate::peers::{self, Gateway};

const LIST: &str = "verb=ListRecords&metadataPrefix=oai_dc";

impl House {
    async fn page_size(&self, size: u32) {
        let settings = json!({
            "repository_name": "r", "admin_email": "a@library.example", "page_size": size,
        });
        self.client.put("/conf/oai-repository", settings).await.ok();
    }
}

#[tokio::test]
async fn b50_a_harvest_while_titles_change_and_one_more_give_exactly_what_there_is() {
    let house = House::new().await;
    let mut titles = Vec::new();
    for number in 0..300 {
        titles.push(house.title(&format!("Title {number}")).await);
    }
    house.set("all", json!({})).await;
    house.page_size(900).await;
    house.seen(LIST).await;
    // `from` takes its own second in: what was put out in the second in which this begins would come again.
    poll_until("the second after the last title", || async {
        let (all, began) = harvest(&house.client, LIST).await;
        all.values().all(|seen| seen.stamp < began).then_some(())
    })
    .await;
    house.page_size(25).await;
    let client = &house.client;
    let mut answer = oai(client, LIST).await;
    let began = between(&answer.text, "<responseDate>", "<")[0].to_owned();
    let mut copy: BTreeMap<String, Seen> = BTreeMap::new();
    let (mut changed, mut parts) = (0, 0);
    loop {
        parts += 1;
        copy.extend(records(&answer.text));
        let Some(token) = token(&answer.text) else { break };
        // Five changes a page: new words, suppressions, deletions, ten pages long.
        for _ in 0..5 {
            if changed < 50 {
                let mms = &titles[(changed * 37) % titles.len()];
                let path = format!("/bibs/{mms}");
                match changed % 5 {
                    0 => drop(house.client.put(&path, dc("Suppressed", true)).await.ok()),
                    1 => assert_eq!(house.client.delete(&path).await.status, 204),
                    _ => drop(house.client.put(&path, dc(&format!("New {changed}"), false)).await.ok()),
                }
                changed += 1;
            }
        }
        house.settle().await;
        // B49: asked again, it is the same part.
        let again = oai(client, &format!("verb=ListRecords&resumptionToken={token}")).await;
        answer = oai(client, &format!("verb=ListRecords&resumptionToken={token}")).await;
        assert_eq!(records(&again.text), records(&answer.text));
    }
    assert_eq!(changed, 50);
    assert!(parts >= 10, "{parts}");
    let since = format!("{LIST}&from={began}");
    house.page_size(900).await;
    house.seen(&since).await;
    let (more, _) = harvest(client, &since).await;
    assert!(more.len() >= 50 && more.len() < 100, "only what changed: {}", more.len());
    copy.extend(more);
    let truth = house.harvest(LIST).await;
    assert_eq!(copy, truth);
    let gone = titles.iter().filter(|mms| truth[*mms].deleted).count();
    assert_eq!((truth.len(), gone), (300, 20));
}

#[tokio::test]
async fn an_independent_harvester_finds_what_the_catalogue_has_in_every_format() {
    let house = House::new().await;
    let mut titles = BTreeMap::new();
    for number in 0..60 {
        let name = format!("Title {number} of \u{201e}B\u{fc}cher\u{201c} &amp; \u{4e66}");
        titles.insert(house.title(&name).await, name.replace("&amp;", "&"));
    }
    house.set("all", json!({})).await;
    house.page_size(7).await;
    let suppressed = titles.keys().nth(30).unwrap().clone();
    house.client.put(&format!("/bibs/{suppressed}"), dc("Suppressed", true)).await.ok();
    house.settle().await;
    house.seen(LIST).await;
    let gateway = Gateway::start(&house.stack).await;
    let script = workspace_root().join("tests/system/publishing/harvest.py");
    for format in Rendition::ALL {
        let said = peers::run(
            "python",
            &[script.to_str().unwrap(), &format!("{}{OAI}", gateway.origin), format.code()],
        );
        let found: BTreeMap<String, Value> = said
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|record| (text(&record, "identifier").rsplit(':').next().unwrap().to_owned(), record))
            .collect();
        assert!(found.keys().eq(titles.keys()) && said.lines().count() == 60, "{format}: {said}");
        let ours = house.harvest(&format!("verb=ListRecords&metadataPrefix={format}")).await;
        for (mms, record) in &found {
            assert_eq!(record["deleted"], *mms == suppressed, "{format}: {record}");
            assert_eq!(text(record, "stamp"), ours[mms].stamp, "{format}");
            let words = text(record, "words");
            assert!(
                if *mms == suppressed { words.is_empty() } else { words.contains(&titles[mms]) },
                "{format}: {words}"
            );
        }
    }
}

#[tokio::test]
async fn b49_a_token_that_is_not_ours_is_refused_and_its_list_can_be_asked_for_again_at_any_time() {
    let house = House::new().await;
    for number in 0..5 {
        house.title(&format!("Title {number}")).await;
    }
    house.set("s", json!({})).await;
    house.page_size(2).await;
    let later = house.client.later(10);
    let first = oai(&later, LIST).await.text;
    assert_eq!(records(&first).len(), 2);
    assert!(first.contains("<resumptionToken cursor=\"0\">"), "{first}");
    let token = token(&first).unwrap();
    let ask = |token: String| {
        let later = later.clone();
        async move { oai(&later, &format!("verb=ListRecords&resumptionToken={token}")).await.text }
    };
    let second = ask(token.clone()).await;
    assert!(second.contains("cursor=\"2\"") && records(&second).len() == 2);
    let last = ask(super::token(&second).unwrap()).await;
    assert!(last.contains("<resumptionToken cursor=\"4\"/>"), "{last}");
    // After a year, and after a deletion on the way, the token still leads on.
    let year = house.client.later(366 * 86_400);
    let then = oai(&year, &format!("verb=ListRecords&resumptionToken={token}")).await.text;
    assert_eq!(records(&then), records(&second));
    for (mms, _) in records(&second).into_iter().chain(records(&last)) {
        assert_eq!(house.client.delete(&format!("/bibs/{mms}")).await.status, 204);
    }
    house.settle().await;
    let after = ask(token.clone()).await;
    assert!(records(&after)[0].1.deleted, "an answer holds a record, whatever became of the rest: {after}");
    for forged in [format!("{token}A"), token[1..].to_owned(), "x".repeat(2000)] {
        assert!(ask(forged).await.contains("badResumptionToken"));
    }
    let other = oai(&later, &format!("verb=ListIdentifiers&resumptionToken={token}")).await.text;
    assert!(other.contains("badResumptionToken"), "of another verb: {other}");
}

#[tokio::test]
async fn a_page_costs_the_same_wherever_it_is_and_a_change_the_same_whatever_there_is() {
    let house = House::new().await;
    let mut last = String::new();
    for number in 0..60 {
        last = house.title(&format!("Title {number}")).await;
    }
    house.set("s", json!({})).await;
    house.page_size(3).await;
    let (app, faulty) = house.stack.faulty_app();
    let later = || Timestamp::now() + vitrine_domain::outbox::seconds(10);
    let api = vitrine_http::Api { app, clock: std::sync::Arc::new(later), ..house.client.api.clone() };
    let client = Client::of(api);
    let mut query = LIST.to_owned();
    let mut seen = 0;
    loop {
        faulty.heal();
        let answer = oai(&client, &query).await.text;
        let calls = faulty.calls();
        // One look at the repository and one query; another where a shard of the log ends on the page.
        assert_eq!(calls[0], "DynamoDB.GetItem");
        assert!(calls[1..].iter().all(|call| call == "DynamoDB.Query") && calls.len() <= 6, "{calls:?}");
        seen += records(&answer).len();
        match token(&answer) {
            Some(token) => query = format!("verb=ListRecords&resumptionToken={token}"),
            None => break,
        }
    }
    assert_eq!(seen, 60);

    // A change of a title without representations.
    let (app, faulty) = house.stack.faulty_app();
    house.client.put(&format!("/bibs/{last}"), dc("Changed", false)).await.ok();
    let bodies = house.taken().await;
    assert_eq!(bodies.len(), 1, "one message a change");
    faulty.heal();
    assert!(publish(&app, &bodies).await.is_empty());
    assert_eq!(
        faulty.calls(),
        [
            "DynamoDB.GetItem",            // what is owed
            "DynamoDB.GetItem",            // what is out
            "DynamoDB.Query",              // profiles
            "DynamoDB.GetItem",            // the title
            "DynamoDB.TransactWriteItems", // what is out now
            "DynamoDB.DeleteItem",         // owed no more
        ]
    );
    // The same message again.
    faulty.heal();
    assert!(publish(&app, &bodies).await.is_empty());
    assert_eq!(faulty.calls(), ["DynamoDB.GetItem"]);
}
