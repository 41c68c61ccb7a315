//! What a view costs: the same few calls at any size (design section 8), and books of many pages.

use serde_json::json;
use vitrine_app::delivery::{Asked, Visit, Wanted};
use vitrine_domain::Timestamp;
use vitrine_domain::audit::{AuditRow, Origin, Sides};
use vitrine_domain::file::DigitalFile;
use vitrine_domain::ids::{FileId, UserId};
use vitrine_domain::rights::Viewer;
use vitrine_store::{Change, PageRequest};
use vitrine_testing::operator;

use super::{by_default, see, shelf};
use crate::walk::text;

#[tokio::test]
async fn a_view_costs_four_calls_at_any_size_and_a_book_is_paged_to_its_end() {
    let shelf = shelf().await;
    shelf.govern(by_default(json!({ "effect": "ALLOW" }))).await;
    let (app, faulty) = shelf.stack.faulty_app();
    let visit = Visit { viewer: Viewer::of(None, None), session: None, reader: None };
    let call = operator();
    let page = PageRequest { limit: 500, ..PageRequest::default() };
    let costs = async || {
        let mut costs = Vec::new();
        for id in [&shelf.title.mms, &shelf.title.rep, &shelf.file] {
            let id: Asked = id.parse().unwrap();
            faulty.heal();
            let opened = app.open(&call, &visit, &id).await.unwrap();
            app.shown_metadata(&opened.bib).await.unwrap();
            match &opened.file {
                None => drop(app.shown_files(&opened.representation.id, &page).await.unwrap()),
                Some(_) => drop(app.give(&call, &visit, &opened, Wanted::Content).await.unwrap()),
            }
            costs.push(faulty.calls());
        }
        costs
    };
    let small = costs().await;
    assert_eq!(small.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 4], "{small:?}");
    assert!(small.iter().flatten().all(|call| call.starts_with("DynamoDB.")), "{small:?}");

    let first = app.catalog.file(&shelf.file.parse().unwrap()).await.unwrap().unwrap();
    const PAGES: usize = 1_200;
    for (index, pages) in (0..PAGES).collect::<Vec<_>>().chunks(45).enumerate() {
        let mut change = Change::new(AuditRow {
            id: app.minter.event(Timestamp::now(), index as u64),
            subject: format!("REP#{}", shelf.title.rep),
            action: "test".to_owned(),
            actor: UserId::system(),
            origin: Origin::Operator,
            request_id: "test".to_owned(),
            at: Timestamp::now(),
            before: None,
            after: None,
            before_sha256: None,
            after_sha256: None,
        });
        for number in pages {
            let id: FileId = format!("13{number:012}00000101").parse().unwrap();
            let order = Some(u32::try_from(*number).unwrap() + 1);
            change.also(format!("FILE#{id}"), Sides::default());
            change
                .create(&DigitalFile { id, order, label: format!("page {number}"), ..first.clone() })
                .unwrap();
        }
        app.catalog.commit(&change).await.unwrap();
    }
    assert_eq!(costs().await, small, "as many calls for 1,200 pages as for one");
    let mut labels = Vec::new();
    let mut next = String::new();
    let mut answers = 0;
    loop {
        let seen = see(&shelf.anyone, &format!("{}?limit=500{next}", shelf.title.rep)).await.ok();
        labels.extend(seen["file"].as_array().unwrap().iter().map(|file| text(file, "label")));
        answers += 1;
        match seen["next"].as_str() {
            Some(cursor) => next = format!("&next={cursor}"),
            None => break,
        }
    }
    assert_eq!(answers, 3);
    let mut expected: Vec<String> = (0..PAGES).map(|number| format!("page {number}")).collect();
    expected.push("page 1.png".to_owned());
    assert_eq!(labels, expected, "each page once, in order; the one without a place last");
    for bad in ["limit=501", "next=x", "offset=1"] {
        assert_eq!(see(&shelf.anyone, &format!("{}?{bad}", shelf.title.rep)).await.status, 400, "{bad}");
    }
}
