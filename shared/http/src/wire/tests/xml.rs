//! XML from outside: what is taken as it stands, and what is refused before anything is believed (B32, B41).

use serde_json::{Value, json};

use super::THING;
use crate::wire::xml_read::{MAX_ATTRIBUTES, MAX_DEPTH, MAX_RAW_DEPTH, XmlReadError, read};

fn check(inside: &str, expected: Value) {
    let document = format!("<thing>{inside}</thing>");
    match read(&THING, document.as_bytes()) {
        Ok(value) => assert_eq!(value, expected, "{inside}"),
        Err(error) => panic!("{inside}: {error}"),
    }
}

fn refused(document: &[u8], part: &str) {
    let shown = String::from_utf8_lossy(document.get(..200).unwrap_or(document)).into_owned();
    match read(&THING, document) {
        Ok(value) => panic!("{shown} was read as {value}"),
        Err(XmlReadError::Unknown(problems)) => {
            let said: Vec<_> =
                problems.0.iter().map(|one| format!("{} {}", one.field, one.message)).collect();
            assert!(said.join("; ").contains(part), "{shown}: {said:?}");
        }
        Err(error) => assert!(error.to_string().contains(part), "{shown}: {error}"),
    }
}

#[test]
fn members_are_read_after_the_shape() {
    check("", json!({}));
    check("<label/>", json!({ "label": "" }));
    check(
        "<label>a &amp; b &lt;c&gt; &#233;&#xE9; &quot;&apos;</label>",
        json!({ "label": "a & b <c> éé \"'" }),
    );
    check("<label><![CDATA[a < b & c]]></label>", json!({ "label": "a < b & c" }));
    check("<label> kept </label>", json!({ "label": " kept " }));
    check("<label>one<!-- no -->two<?no?>three</label>", json!({ "label": "onetwothree" }));
    check("<note>1</note> <note>2</note>", json!({ "note": ["1", "2"] }));
    check(
        "<kind desc=\"D\" link=\"L\"> K </kind>",
        json!({ "kind": { "value": "K", "desc": "D", "link": "L" } }),
    );
    check("<part name=\"n\"><size>3</size></part>", json!({ "part": { "name": "n", "size": "3" } }));
    check("<piece/><piece><text>t</text></piece>", json!({ "piece": [{}, { "text": "t" }] }));
    check("<label xml:lang=\"de\" xsi:type=\"x\">a</label>", json!({ "label": "a" }));
    let whole = b"\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- c --><thing is_remote=\"true\"/>\n<!-- d -->";
    assert_eq!(read(&THING, whole).unwrap(), json!({ "is_remote": "true" }));
}

#[test]
fn an_embedded_document_is_kept_byte_for_byte_with_the_namespaces_it_stands_in() {
    let inside = "<rec a='1'  b=\"2\" ><!-- c --><x>&amp;&#10;</x ><![CDATA[<]]></rec>";
    check(inside, json!({ "anies": [inside] }));
    let document = "<thing xmlns:m=\"urn:m\" xmlns:unused=\"urn:u\"><m:rec><m:a/></m:rec></thing>";
    let value = read(&THING, document.as_bytes()).unwrap();
    assert_eq!(value["anies"][0], "<m:rec xmlns:m=\"urn:m\"><m:a/></m:rec>");
    let own = "<thing xmlns=\"urn:outer\"><rec xmlns=\"urn:inner\"/></thing>";
    assert_eq!(read(&THING, own.as_bytes()).unwrap()["anies"][0], "<rec xmlns=\"urn:inner\"/>");
}

#[test]
fn b41_document_types_and_entities_are_refused_unread() {
    let laughs = "<!DOCTYPE thing [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    for kind in [
        "<!DOCTYPE thing>",
        "<!DOCTYPE thing SYSTEM \"file:///etc/passwd\">",
        "<!DOCTYPE thing PUBLIC \"-//x\" \"http://127.0.0.1/x.dtd\">",
        "<!DOCTYPE thing [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
        "<!DOCTYPE thing [<!ENTITY % p SYSTEM \"http://127.0.0.1/\"> %p;]>",
        laughs,
    ] {
        for declaration in ["", "<?xml version=\"1.0\"?>"] {
            refused(
                format!("{declaration}{kind}<thing><label>&b;</label></thing>").as_bytes(),
                "document type",
            );
        }
    }
    refused(b"<thing><!DOCTYPE x><label/></thing>", "document type");
    for reference in
        ["&x;", "&nbsp;", "&#0;", "&#xFFFF;", "&#xD800;", "&#x110000;", "&#99999999999999999999;", "&#x;"]
    {
        refused(format!("<thing><label>{reference}</label></thing>").as_bytes(), "reference");
        refused(format!("<thing><rec><a>{reference}</a></rec></thing>").as_bytes(), "reference");
        refused(format!("<thing><part name=\"{reference}\"/></thing>").as_bytes(), "");
        refused(format!("<thing><rec a=\"{reference}\"/></thing>").as_bytes(), "");
    }
}

#[test]
fn b32_what_the_shape_does_not_know_is_named() {
    refused(b"<thing><part><colour>red</colour></part></thing>", "part.colour is not known here");
    refused(b"<thing colour=\"red\"/>", "colour is not known here as an attribute");
    refused(
        b"<thing><label colour=\"red\">x</label></thing>",
        "label.colour is not known here as an attribute",
    );
    refused(b"<thing><label>1</label><label>2</label></thing>", "label is given more than once");
    refused(b"<thing label=\"x\"/>", "label is not known here as an attribute");
    refused(b"<other/>", "the document is `other` where `thing` is expected");
}

#[test]
fn b41_what_is_no_document_or_too_much_is_refused() {
    let deep = |open: &str, close: &str, levels: usize| {
        format!("<thing>{}{}</thing>", open.repeat(levels), close.repeat(levels)).into_bytes()
    };
    refused(&deep("<rec>", "</rec>", MAX_RAW_DEPTH + 1), "nested too deep");
    assert!(read(&THING, &deep("<rec>", "</rec>", MAX_RAW_DEPTH - 1)).is_ok());
    refused(&deep("<rec>", "", 1_000_000), "nested too deep");
    const { assert!(MAX_DEPTH < MAX_RAW_DEPTH) };
    let many: String = (0..=MAX_ATTRIBUTES).map(|n| format!(" a{n}=\"\"")).collect();
    refused(format!("<thing><rec{many}/></thing>").as_bytes(), "too many attributes");
    let strangers = format!("<thing><part>{}</part></thing>", "<x/>".repeat(10_000));
    match read(&THING, strangers.as_bytes()) {
        Err(XmlReadError::Unknown(problems)) => assert_eq!(problems.0.len(), 50, "a list that is kept short"),
        other => panic!("{other:?}"),
    }
    for (document, part) in [
        (&b""[..], "no element"),
        (b"   ", "no element"),
        (b"text", "outside"),
        (b"<thing>", "too early"),
        (b"<thing><label>a", "too early"),
        (b"<thing><rec>", "too early"),
        (b"<thing/><thing/>", "follows"),
        (b"<thing/>text", "follows"),
        (b"<thing>text</thing>", "only elements"),
        (b"<thing><label><b/></label></thing>", "only text"),
        (b"<thing><label></thing>", ""),
        (b"<thing a=\"1\" a=\"2\"/>", ""),
        (b"<thing a=1/>", ""),
        (b"<thing a/>", ""),
        (b"<thing><label>\x01</label></thing>", "does not allow"),
        (b"<thing><label>\xFF</label></thing>", "not UTF-8"),
        (b"\xFF\xFE<\x00t\x00", "not UTF-8"),
        (b"<?xml version=\"1.0\" encoding=\"UTF-16\"?><thing/>", "encoding"),
        (b"<?xml version=\"1.0\" encoding=\"utf-7\"?><thing/>", "encoding"),
        (b"<thing><![CDATA[x]]></thing>", "only elements"),
        (b"<thing><!-- ", ""),
        (b"<", ""),
        (b"</thing>", ""),
    ] {
        refused(document, part);
    }
}
