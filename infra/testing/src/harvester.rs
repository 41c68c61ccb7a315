//! An OAI-PMH harvester of its own: it reads answers as text, so that it finds what a parser would forgive (OAI-1, OAI-7).

use std::collections::BTreeMap;

use crate::{Answer, Client};

/// Where the repository of a test's institution answers.
pub const OAI: &str = "/view/oai/VITRINE/request";

/// What a harvest shows of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Whether it is deleted.
    pub deleted: bool,
    /// Its datestamp.
    pub stamp: String,
    /// Its metadata; empty where it is deleted.
    pub text: String,
}

/// One answer, to someone without a credential.
pub async fn ask(client: &Client, query: &str) -> Answer {
    let answer = client.with_key(None).send("GET", &format!("{OAI}?{query}"), &[], String::new()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "text/xml; charset=utf-8");
    answer
}

/// What stands between two marks, each time.
pub fn between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    text.split(from).skip(1).filter_map(|rest| rest.split(to).next()).collect()
}

/// Where an answer's list goes on.
pub fn token(text: &str) -> Option<String> {
    let inner = between(text, "<resumptionToken", "</resumptionToken>").first().copied()?;
    let inner = inner.split_once('>')?.1.trim();
    (!inner.is_empty() && !inner.contains('<')).then(|| inner.to_owned())
}

/// The records of one answer.
pub fn records(text: &str) -> Vec<(String, Seen)> {
    text.split("<header")
        .skip(1)
        .map(|part| {
            let seen = Seen {
                deleted: part.starts_with(" status=\"deleted\""),
                stamp: between(part, "<datestamp>", "<")[0].to_owned(),
                text: between(part, "<metadata>", "</metadata>")
                    .first()
                    .copied()
                    .unwrap_or_default()
                    .to_owned(),
            };
            (between(part, "<identifier>", "<")[0].rsplit(':').next().unwrap().to_owned(), seen)
        })
        .collect()
}

/// A whole list: the records by title, and the time of the first answer.
pub async fn harvest(client: &Client, query: &str) -> (BTreeMap<String, Seen>, String) {
    let verb = query.split('&').next().unwrap().to_owned();
    let mut answer = ask(client, query).await;
    let began = between(&answer.text, "<responseDate>", "<")[0].to_owned();
    let mut all = BTreeMap::new();
    loop {
        all.extend(records(&answer.text));
        let Some(token) = token(&answer.text) else { return (all, began) };
        answer = ask(client, &format!("{verb}&resumptionToken={token}")).await;
    }
}
