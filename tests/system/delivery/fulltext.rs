//! The text of documents and of OCR: read once, kept beside the pictures, given by the door of all texts (D19).

use serde_json::{Value, json};
use vitrine_testing::{Stack, fetch_signed};

use super::{Shelf, by_default, header, shelf_of};
use crate::walk::{pdf, red_png, settle, text, upload};

const ALTO: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Layout><Page><PrintSpace><TextBlock ID="b"><TextLine>
<String CONTENT="Der"/><SP/><String CONTENT="Wal" SUBS_TYPE="HypPart1" SUBS_CONTENT="Walfang"/><HYP CONTENT="-"/></TextLine>
<TextLine><String CONTENT="fang" SUBS_TYPE="HypPart2" SUBS_CONTENT="Walfang"/><SP/><String CONTENT="&amp;"/></TextLine>
</TextBlock></PrintSpace></Page></Layout></alto>"#;

async fn open_shelf(name: &str, bytes: &[u8]) -> Shelf {
    let shelf = shelf_of(Stack::new(), name, bytes).await;
    shelf.govern(by_default(json!({ "effect": "ALLOW" }))).await;
    shelf
}

fn named(name: &str, output: Value) -> Value {
    let mut body = by_default(output);
    body["name"] = json!(name);
    body
}

async fn fulltext(shelf: &Shelf) -> Value {
    shelf.staff.get(&format!("{}/{}", shelf.title.files(), shelf.file)).await.ok()["fulltext"].clone()
}

#[tokio::test]
async fn d19_the_text_of_a_document_is_in_its_json_and_behind_its_address() {
    for (name, bytes, due) in [
        ("whale.pdf", pdf(2), "Page 1 of the whale\n\u{c}Page 2 of the whale\n"),
        ("page.xml", ALTO.as_bytes().to_vec(), "Der Walfang\n&\n"),
    ] {
        let shelf = open_shelf(name, &bytes).await;
        let told = fulltext(&shelf).await;
        assert_eq!((&told["fulltext_format"], &told["state"]), (&json!("PLAIN"), &json!("READY")), "{told}");
        assert_eq!((&told["size"], &told["cut"]), (&json!(due.len()), &json!(false)), "{told}");
        let path = format!("/view/delivery/text/VITRINE/{}", shelf.file);
        assert!(text(&told, "fulltext_url").ends_with(&path), "{told}");
        let seen = super::see(&shelf.anyone, &shelf.title.rep).await.ok();
        assert_eq!(seen["file"][0]["fulltext"]["fulltext_url"], told["fulltext_url"], "{seen}");
        assert_eq!(seen["file"][0].get("text_url"), None, "it is shown as what it is");
        let given = shelf.anyone.get(&path).await;
        assert_eq!(given.status, 302, "{name}: {}", given.text);
        let (status, served) = fetch_signed(header(&given, "location"));
        assert_eq!((status, String::from_utf8(served).unwrap().as_str()), (200, due), "{name}");

        // In XML, too, and as the link's own type.
        let xml = [("accept", "application/xml")];
        let file = format!("/almaws/v1{}/{}", shelf.title.files(), shelf.file);
        let xml = shelf.staff.send("GET", &file, &xml, String::new()).await.text;
        assert!(xml.contains("<fulltext_format>PLAIN</fulltext_format>"), "{xml}");

        // The same decision as at every door: what is seen smaller or with a mark is not read past that.
        for (name, output) in [
            ("closed", json!({ "effect": "DENY" })),
            ("smaller", json!({ "effect": "ALLOW", "permission": "VIEW", "size": "SMALL" })),
            ("with a mark", json!({ "effect": "ALLOW", "watermark": "{user}" })),
        ] {
            shelf.govern(named(name, output.clone())).await;
            let refused = shelf.anyone.get(&path).await;
            assert!([403, 404].contains(&refused.status.as_u16()), "{output}: {}", refused.text);
            assert!(!refused.headers.contains_key("location"), "{output}");
        }
        shelf.govern(named("to look at", json!({ "effect": "ALLOW", "permission": "VIEW" }))).await;
        assert_eq!(shelf.anyone.get(&path).await.status, 302, "who may look may read");
    }
}

#[tokio::test]
async fn d19_what_holds_no_text_or_can_not_be_read_says_so() {
    for (name, bytes, state, reason) in [
        ("record.xml", b"<?xml version=\"1.0\"?><record/>".to_vec(), json!("UNSUPPORTED"), true),
        ("empty.xml", b"<?xml version=\"1.0\"?><alto/>".to_vec(), json!("NONE"), false),
        ("cut.xml", b"<?xml version=\"1.0\"?><alto><Page>".to_vec(), json!("FAILED"), true),
    ] {
        let shelf = open_shelf(name, &bytes).await;
        let told = fulltext(&shelf).await;
        assert_eq!((&told["state"], told["reason"].is_string()), (&state, reason), "{name}: {told}");
        assert_eq!(told.get("fulltext_url"), None, "{told}");
        if state == "FAILED" {
            assert_eq!(told["code"], "TEXT_BROKEN");
        }
        let path = format!("/view/delivery/text/VITRINE/{}", shelf.file);
        assert_eq!(shelf.anyone.get(&path).await.status, 404, "{name}");
    }
    let shelf = open_shelf("page 1.png", &red_png()).await;
    assert!(fulltext(&shelf).await.is_null(), "a picture holds none");
    // Plain text is its own.
    upload(&shelf.staff, &shelf.title.rep, "notes.txt", b"Call me Ishmael.").await;
    settle(&shelf.stack.app()).await;
    let files = shelf.staff.get(&shelf.title.files()).await.ok();
    let told = &files["representation_file"][1]["fulltext"];
    assert_eq!((&told["fulltext_format"], &told["state"]), (&json!("PLAIN"), &json!("READY")), "{files}");
    let path = text(told, "fulltext_url");
    let path = format!("/view{}", path.split_once("/view").unwrap().1);
    let given = shelf.anyone.get(&path).await;
    assert_eq!(fetch_signed(header(&given, "location")).1, b"Call me Ishmael.");
}
