//! The rule of a set against the facts of titles, representations and collections.

use super::*;

const FIRST: &str = "2026-01-01T00:00:00Z";
const LATER: &str = "2026-06-01T00:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn id(number: u32) -> CollectionId {
    format!("81{number}").parse().unwrap()
}

fn bib(collections: &[u32]) -> BibRecord {
    BibRecord {
        mms_id: "991".parse().unwrap(),
        kind: BibKind::Title,
        format: RecordFormat::Marc21,
        source: crate::bib::RecordSource::Inline(String::new()),
        brief: crate::bib::Brief::default(),
        suppressed: false,
        representation_count: 1,
        collections: collections.iter().map(|number| id(*number)).collect(),
        created_by: UserId::system(),
        created_at: at(FIRST),
        modified_by: UserId::system(),
        modified_at: at(LATER),
        removal: None,
        version: 1,
    }
}

fn representation() -> Representation {
    let fields = serde_json::json!({
        "library": "MAIN", "usage_type": "PRESERVATION_MASTER", "active": true, "access_rights_policy_id": "521"
    });
    Representation {
        id: "121".parse().unwrap(),
        mms_id: "991".parse().unwrap(),
        fields: serde_json::from_value(fields).unwrap(),
        created_by: UserId::system(),
        created_at: at(LATER),
        modified_by: UserId::system(),
        modified_at: at(LATER),
        removal: None,
        version: 1,
    }
}

/// 811 holds 812, which holds 813; 819 stands alone.
fn tree() -> Tree {
    [(1, None), (2, Some(1)), (3, Some(2)), (9, None)]
        .into_iter()
        .map(|(child, parent)| (id(child), parent.map(id)))
        .collect()
}

fn rule(text: &str) -> SetRule {
    serde_json::from_str(text).unwrap()
}

#[test]
fn c11_a_rule_takes_a_title_when_all_its_conditions_hold() {
    for (conditions, expected) in [
        ("{}", true),
        (r#"{"collections":["812"]}"#, false),
        (r#"{"collections":["813"]}"#, true),
        (r#"{"collections":["819","813"]}"#, true),
        (r#"{"collections":["811"],"levels":"ONE"}"#, false),
        (r#"{"collections":["811"],"levels":"ALL"}"#, true),
        (r#"{"collections":["819"],"levels":"ALL"}"#, false),
        (r#"{"formats":["marc21","dc"]}"#, true),
        (r#"{"formats":["dc"]}"#, false),
        (r#"{"suppressed":false}"#, true),
        (r#"{"suppressed":true}"#, false),
        (r#"{"libraries":["MAIN"]}"#, true),
        (r#"{"libraries":["LAW"]}"#, false),
        (r#"{"usage_types":["PRESERVATION_MASTER"],"libraries":["MAIN"]}"#, true),
        (r#"{"usage_types":["DERIVATIVE_COPY"]}"#, false),
        (r#"{"policies":["521"]}"#, true),
        (r#"{"policies":["522"]}"#, false),
        (r#"{"active":true}"#, true),
        (r#"{"active":false}"#, false),
        (r#"{"created_since":"2026-01-01T00:00:00Z"}"#, true),
        (r#"{"created_since":"2026-01-01T00:00:00.001Z"}"#, false),
        (r#"{"modified_since":"2026-05-31T00:00:00Z"}"#, true),
        (r#"{"modified_since":"2026-06-02T00:00:00Z"}"#, false),
    ] {
        let taken = rule(conditions).takes_title(&bib(&[3]), &tree(), &[representation()]);
        assert_eq!(taken, expected, "{conditions}");
    }
}

#[test]
fn one_representation_must_meet_all_conditions_on_representations() {
    let mut other = representation();
    other.fields.usage_type = UsageType::DerivativeCopy;
    other.fields.active = false;
    let both = rule(r#"{"usage_types":["DERIVATIVE_COPY"],"active":true}"#);
    assert!(!both.takes_title(&bib(&[]), &tree(), &[representation(), other]));
    assert!(!both.takes_title(&bib(&[]), &tree(), &[]), "a title without representations has none that fits");
}

#[test]
fn what_is_deleted_and_records_of_collections_are_in_no_set() {
    let removal = Some(crate::removal::Removal::new(&UserId::system(), at(LATER), 30));
    let everything = SetRule::default();
    let of_collection = BibRecord { kind: BibKind::Collection, ..bib(&[]) };
    let deleted = BibRecord { removal: removal.clone(), ..bib(&[]) };
    assert!(!everything.takes_title(&deleted, &tree(), &[]));
    assert!(!everything.takes_title(&of_collection, &tree(), &[]));
    let deleted = Representation { removal, ..representation() };
    assert!(!everything.takes_representation(&bib(&[]), &tree(), &deleted));
}

#[test]
fn a_title_of_several_collections_is_met_through_one_of_them() {
    let all = rule(r#"{"collections":["811","812"],"levels":"ALL"}"#);
    assert_eq!(all.met_through(&bib(&[9, 3, 2]), &tree()), Some(&id(2)));
    assert_eq!(all.met_through(&bib(&[9]), &tree()), None);
}

#[test]
fn a_tree_that_turns_in_a_circle_is_walked_no_deeper_than_a_tree_can_be() {
    let circle: Tree = [(id(1), Some(id(2))), (id(2), Some(id(1)))].into_iter().collect();
    assert_eq!(circle.above(&id(1)).count(), MAX_DEPTH + 1);
}

#[test]
fn names_every_condition_that_can_not_be() {
    let settings = SetSettings {
        name: " ".to_owned(),
        description: None,
        note: Some("\u{7}".to_owned()),
        private: false,
        content: SetContent::Collections,
        rule: Some(rule(r#"{"levels":"ALL","formats":["dc"],"active":true}"#)),
    };
    let fields: Vec<_> = settings.check().unwrap_err().0.into_iter().map(|it| it.field).collect();
    assert_eq!(fields, ["name", "note", "rule.level", "rule.record_format", "rule.active"]);
}
