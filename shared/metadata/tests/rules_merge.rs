//! Protected fields, differences, identifiers to match by, and conversion.

#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

use proptest::prelude::*;
use vitrine_domain::import::profile::{
    Defaults, Details, ManagementTags, MatchMethod, Matching, Normalization, OnMatch, OnMultipleMatch,
    OnNoMatch, ProfileSettings, RepresentationPattern, SourceFormat, ValueSource,
};
use vitrine_domain::import::rules::{Check, CheckRule, Condition, FieldName, Severity, Step};
use vitrine_domain::representation::UsageType;
use vitrine_metadata::rules::{
    FieldDifference, check_rules, convert, differences, match_identifiers, merge_protecting,
    overlay_protecting, record_format, values,
};
use vitrine_metadata::{Format, Scheme, merge, parse_record};

fn field(name: &str) -> FieldName {
    FieldName(name.to_owned())
}

fn fields(names: &[&str]) -> Vec<FieldName> {
    names.iter().map(|name| field(name)).collect()
}

/// Writes a MARC record of lines such as `001 x` and `245 10$aTitle$bRest`.
fn marc(lines: &[&str]) -> String {
    let mut out = String::from("<record><leader>00000nam a2200000 a 4500</leader>");
    for line in lines {
        let (tag, rest) = line.split_at(3);
        if tag < "010" {
            out.push_str(&format!("<controlfield tag=\"{tag}\">{}</controlfield>", rest.trim()));
            continue;
        }
        let mut parts = rest.trim_start().split('$');
        let indicators = parts.next().unwrap().replace('#', " ");
        let (one, two) = indicators.split_at(1);
        out.push_str(&format!("<datafield tag=\"{tag}\" ind1=\"{one}\" ind2=\"{two}\">"));
        for part in parts {
            let (code, value) = part.split_at(1);
            out.push_str(&format!("<subfield code=\"{code}\">{value}</subfield>"));
        }
        out.push_str("</datafield>");
    }
    out + "</record>"
}

fn dc(elements: &[(&str, &str)]) -> String {
    let mut out = String::from("<record xmlns:dc=\"http://purl.org/dc/elements/1.1/\">");
    for (name, value) in elements {
        out.push_str(&format!("<dc:{name}>{value}</dc:{name}>"));
    }
    out + "</record>"
}

fn mods(inner: &str) -> String {
    format!("<mods xmlns=\"http://www.loc.gov/mods/v3\">{inner}</mods>")
}

#[test]
fn merges_as_ever_where_nothing_is_protected() {
    let old = dc(&[("title", "Old"), ("date", "1851"), ("rights", "PD")]);
    let new = dc(&[("title", "New"), ("date", "1852")]);
    let merged = merge_protecting(Format::DublinCore, &old, &new, &[]).unwrap();
    assert_eq!(merged, merge(Format::DublinCore, &old, &new).unwrap());
    assert_eq!(overlay_protecting(Format::DublinCore, &old, &new, &[]).unwrap(), new);
}

#[test]
fn keeps_protected_fields_on_a_merge() {
    let old = marc(&["001 a", "245 10$aOld$bsub", "500 ##$aold", "650 #0$aLocal", "650 #7$aWord"]);
    let new = marc(&["001 b", "245 00$aNew$cby", "500 ##$anew", "650 #0$aX", "650 #7$aY", "700 1#$aZ"]);
    let merge = |names: &[&str]| merge_protecting(Format::Marc21, &old, &new, &fields(names)).unwrap();
    assert_eq!(
        merge(&["001", "650"]),
        marc(&["001 a", "245 00$aNew$cby", "500 ##$anew", "650 #0$aLocal", "650 #7$aWord", "700 1#$aZ"])
    );
    assert_eq!(
        merge(&["650 #0", "700"]),
        marc(&["001 b", "245 00$aNew$cby", "500 ##$anew", "650 #0$aLocal", "650 #7$aY"])
    );
    // A subfield of a field that both have once: only the subfield.
    assert_eq!(
        merge(&["245$a", "245$b", "245$c", "650$a"]),
        marc(&["001 b", "245 00$aOld$bsub", "500 ##$anew", "650 #0$aLocal", "650 #7$aWord", "700 1#$aZ"])
    );
}

#[test]
fn keeps_protected_fields_on_an_overlay() {
    let old = marc(&["001 a", "245 10$aOld$bsub", "500 ##$aold", "590 ##$alocal", "856 40$u1.tif$zkept"]);
    let new = marc(&["001 b", "245 00$aNew$cby", "500 ##$anew", "650 #7$aY"]);
    let overlay = |names: &[&str]| overlay_protecting(Format::Marc21, &old, &new, &fields(names)).unwrap();
    assert_eq!(
        overlay(&["001", "590"]),
        marc(&["001 a", "245 00$aNew$cby", "500 ##$anew", "590 ##$alocal", "650 #7$aY"])
    );
    // The new record lacks the field: it stays as a whole, not as a subfield without its neighbours.
    assert_eq!(
        overlay(&["856$u", "650", "245$a"]),
        marc(&["001 b", "245 00$aOld$cby", "500 ##$anew", "856 40$u1.tif$zkept"])
    );
}

#[test]
fn keeps_protected_fields_of_dublin_core_and_mods() {
    let old = dc(&[("title", "Old"), ("subject", "A"), ("subject", "B")]);
    let new = dc(&[("title", "New"), ("subject", "C"), ("rights", "PD")]);
    let protected = fields(&["dc:subject", "dc:rights"]);
    let kept = dc(&[("title", "New"), ("subject", "A"), ("subject", "B")]);
    assert_eq!(merge_protecting(Format::DublinCore, &old, &new, &protected).unwrap(), kept);
    assert_eq!(overlay_protecting(Format::DublinCore, &old, &new, &protected).unwrap(), kept);

    let old = mods(
        "<titleInfo><title>Old</title></titleInfo><identifier type=\"local\">1</identifier><note>n</note>",
    );
    let new = mods(
        "<titleInfo><title>New</title><subTitle>s</subTitle></titleInfo><identifier type=\"local\">2</identifier><identifier type=\"isbn\">3</identifier>",
    );
    let protected = fields(&["titleInfo/title", "identifier[@type=local]", "note"]);
    let merged = merge_protecting(Format::Mods, &old, &new, &protected).unwrap();
    assert_eq!(values(Format::Mods, &merged, &field("titleInfo/title")).unwrap(), ["Old"]);
    assert_eq!(values(Format::Mods, &merged, &field("titleInfo/subTitle")).unwrap(), ["s"]);
    assert_eq!(values(Format::Mods, &merged, &field("identifier")).unwrap(), ["1", "3"]);
    let overlaid = overlay_protecting(Format::Mods, &old, &new, &protected).unwrap();
    assert_eq!(
        overlaid,
        mods(
            "<titleInfo><title>Old</title><subTitle>s</subTitle></titleInfo><identifier type=\"local\">1</identifier><identifier type=\"isbn\">3</identifier><note>n</note>"
        )
    );
}

#[test]
fn tells_differences_field_by_field() {
    let before = marc(&["001 a", "245 10$aOld$bsub", "500 ##$aone", "500 ##$atwo"]);
    let after = marc(&["001 a", "245 00$aOld$bsub", "500 ##$atwo", "650 #7$aY"]);
    let difference = |field: &str, before: &[&str], after: &[&str]| FieldDifference {
        field: field.to_owned(),
        before: before.iter().map(|v| (*v).to_owned()).collect(),
        after: after.iter().map(|v| (*v).to_owned()).collect(),
    };
    assert_eq!(
        differences(Format::Marc21, Some(&before), Some(&after)).unwrap(),
        [
            difference("245", &["10$aOld$bsub"], &["00$aOld$bsub"]),
            difference("500", &["##$aone", "##$atwo"], &["##$atwo"]),
            difference("650", &[], &["#7$aY"]),
        ]
    );
    assert_eq!(differences(Format::Marc21, Some(&before), None).unwrap().len(), 4);
    assert_eq!(differences(Format::Marc21, None, None).unwrap(), []);

    let q = Format::QualifiedDublinCore;
    let record = |scheme: &str, value: &str| {
        format!(
            "<record xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:t=\"http://purl.org/dc/terms/\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n<dc:title>T</dc:title><t:subject{scheme} xml:lang=\"en\">{value}</t:subject></record>"
        )
    };
    assert_eq!(
        differences(q, Some(&record("", "a  b")), Some(&record(" xsi:type=\"t:LCSH\"", "a b"))).unwrap(),
        [
            difference("dcterms:subject[@xml:lang=en]", &["a b"], &[]),
            difference("dcterms:subject.dcterms:LCSH[@xml:lang=en]", &[], &["a b"]),
        ]
    );

    let before =
        mods("<titleInfo><title>T</title></titleInfo><name type=\"personal\"><namePart>A</namePart></name>");
    let after = mods(
        "<titleInfo usage=\"primary\"><title>T</title></titleInfo><name type=\"personal\"><namePart>B</namePart></name><typeOfResource valueURI=\"http://x/\"/>",
    );
    let found = differences(Format::Mods, Some(&before), Some(&after)).unwrap();
    assert_eq!(
        found,
        [
            difference("titleInfo/title", &["T"], &[]),
            difference("name[@type=personal]/namePart", &["A"], &["B"]),
            difference("titleInfo[@usage=primary]/title", &[], &["T"]),
            difference("typeOfResource[@valueURI=\"http://x/\"]", &[], &[""]),
        ]
    );
    // What is told is spelled as a rule would name it.
    for one in &found[..3] {
        let source = if one.after.is_empty() { &before } else { &after };
        assert!(!values(Format::Mods, source, &field(&one.field)).unwrap().is_empty());
    }
}

#[test]
fn finds_the_identifiers_that_a_method_compares() {
    let record = marc(&[
        "001 123",
        "020 ##$a0306406152",
        "022 ##$a03785955",
        "024 7#$ahttps://doi.org/10.1000/ABC$2doi",
        "024 8#$alocal:7",
        "035 ##$a(OCoLC)55",
        "035 ##$a(DE-1)9",
        "245 10$aT",
    ]);
    let index = parse_record(Format::Marc21, &record).unwrap().index;
    let found = |method, prefix| -> Vec<(Scheme, String)> {
        match_identifiers(&index, method, prefix).into_iter().map(|i| (i.scheme, i.normalised)).collect()
    };
    let one = |scheme, value: &str| vec![(scheme, value.to_owned())];
    assert_eq!(found(MatchMethod::None, None), []);
    assert_eq!(found(MatchMethod::MmsId, None), one(Scheme::ControlNumber, "123"));
    assert_eq!(found(MatchMethod::ControlNumber, Some("1")), one(Scheme::ControlNumber, "123"));
    assert_eq!(found(MatchMethod::ControlNumber, Some("9")), []);
    assert_eq!(
        found(MatchMethod::OriginatingSystemId, Some("(OCoLC)")),
        one(Scheme::OtherSystem, "(OCoLC)55")
    );
    assert_eq!(found(MatchMethod::OriginatingSystemId, None).len(), 2);
    assert_eq!(found(MatchMethod::Identifier, Some("local:")), one(Scheme::Other, "local:7"));
    assert_eq!(found(MatchMethod::Identifier, None).len(), 4);
    assert_eq!(
        found(MatchMethod::StandardNumber, None),
        [(Scheme::Isbn, "9780306406157".to_owned()), (Scheme::Issn, "0378-5955".to_owned()),]
    );

    let record = dc(&[("title", "T"), ("identifier", "local:1"), ("identifier", "urn:isbn:0306406152")]);
    let index = parse_record(Format::DublinCore, &record).unwrap().index;
    let local = match_identifiers(&index, MatchMethod::Identifier, Some("local:"));
    assert_eq!((local.len(), local[0].normalised.as_str()), (1, "local:1"));
    assert_eq!(match_identifiers(&index, MatchMethod::StandardNumber, None).len(), 1);

    let record = mods(
        "<titleInfo><title>T</title></titleInfo><identifier type=\"local\">x</identifier><recordInfo><recordIdentifier>r9</recordIdentifier></recordInfo>",
    );
    let index = parse_record(Format::Mods, &record).unwrap().index;
    assert_eq!(match_identifiers(&index, MatchMethod::Identifier, None)[0].normalised, "x");
    assert_eq!(match_identifiers(&index, MatchMethod::OriginatingSystemId, None)[0].normalised, "r9");
}

#[test]
fn converts_every_format_to_every_other() {
    let (m, d, q, o) = (Format::Marc21, Format::DublinCore, Format::QualifiedDublinCore, Format::Mods);
    let record = marc(&["245 10$aMoby Dick /$cM."]);
    for to in [d, q] {
        let made = convert(m, &record, to).unwrap();
        assert_eq!(values(to, &made, &field("dc:title")).unwrap(), ["Moby Dick"]);
    }
    assert_eq!(convert(m, &record, m).unwrap(), record);
    let made = convert(m, &record, o).unwrap();
    assert!(made.contains("<note type=\"statement of responsibility\">M.</note>"), "{made}");
    let simple = dc(&[("title", "T")]);
    assert_eq!(convert(d, &simple, q).unwrap(), simple);
    assert_eq!(convert(q, &simple, d).unwrap(), simple);
    for (to, words) in [(m, "<subfield code=\"a\">T</subfield>"), (o, "<title>T</title>")] {
        let made = convert(q, &simple, to).unwrap();
        assert!(made.contains(words), "{made}");
    }
    let qualified = simple
        .replace("</record>", "<t:issued xmlns:t=\"http://purl.org/dc/terms/\">1851</t:issued></record>");
    assert_eq!(values(d, &convert(q, &qualified, d).unwrap(), &field("dc:date")).unwrap(), ["1851"]);
    assert_eq!(record_format(SourceFormat::Csv), q);
}

#[test]
fn refuses_rules_that_cannot_apply_and_says_which() {
    let any = |f: &str| Step::Set { field: field(f), value: "x".to_owned() };
    let rules = Normalization {
        filter: vec![
            Condition::Present { field: field("245$a") },
            Condition::Matches { field: field("dc:title"), pattern: "x".to_owned() },
            Condition::Matches { field: field("245$a"), pattern: String::new() },
        ],
        steps: vec![
            any("245$a"),
            any("245"),
            any("LDR"),
            Step::Drop { field: field("LDR"), pattern: None },
            Step::Add { field: field("001"), value: "x".to_owned() },
            Step::Add { field: field("500$a"), value: " ".to_owned() },
            Step::Rename { from: field("245$a"), to: field("245$a") },
            Step::Copy { from: field("245"), to: field("246$a") },
            Step::Copy { from: field("245$a"), to: field("246") },
            Step::Replace { field: field("245"), find: String::new(), with: "x".to_owned() },
            Step::AddToCollection { collection: None, field: None },
        ],
        checks: vec![
            Check {
                rule: CheckRule::OneOf { field: field("245$a"), values: vec![] },
                severity: Severity::Error,
            },
            Check { rule: CheckRule::Required { field: field("24") }, severity: Severity::Error },
        ],
        skip_invalid: false,
    };
    let problems = check_rules(Format::Marc21, &settings(rules, &["650", "x"]));
    let places: Vec<&str> = problems.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(
        places,
        [
            "normalization.filter[1]",
            "normalization.filter[2]",
            "normalization.steps[1]",
            "normalization.steps[2]",
            "normalization.steps[3]",
            "normalization.steps[4]",
            "normalization.steps[5]",
            "normalization.steps[6]",
            "normalization.steps[8]",
            "normalization.steps[9]",
            "normalization.steps[10]",
            "normalization.checks[0]",
            "normalization.checks[1]",
            "matching.protected[1]",
        ]
    );
    assert!(problems[0].1.contains("`dc:title` is no field of marc21"));
    let found = |format, steps, protected: &[&str]| {
        check_rules(format, &settings(Normalization { steps, ..Normalization::default() }, protected))
    };
    assert_eq!(found(Format::Mods, vec![], &["titleInfo/title"]), []);
    assert_eq!(found(Format::Mods, vec![any("titleInfo"), any("subject/topic")], &[]).len(), 1);
    assert_eq!(found(Format::QualifiedDublinCore, vec![any("own:shelf")], &[]).len(), 1);
    assert_eq!(found(Format::Mods, vec![any("note"); 101], &[])[0].0, "normalization.steps");
}

#[test]
fn refuses_files_and_fields_that_cannot_be_found() {
    let mut settings = settings(Normalization::default(), &[]);
    let pattern = |files: &str, label: Option<ValueSource>| RepresentationPattern {
        files: files.to_owned(),
        usage_type: None,
        library: None,
        label,
        public_note: None,
        note: None,
        access_rights: None,
    };
    settings.defaults.file_fields = fields(&["856$u", "dc:source"]);
    settings.defaults.representations = vec![
        pattern("hi/", Some(ValueSource::Field(field("245$a")))),
        pattern("../hi", None),
        pattern("*.tif", Some(ValueSource::Field(field("dc:title")))),
        pattern("*.jpg", Some(ValueSource::Text("dc:title".to_owned()))),
    ];
    settings.details.metadata_file = String::new();
    let problems = check_rules(Format::Marc21, &settings);
    let places: Vec<&str> = problems.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(
        places,
        [
            "defaults.file_fields[1]",
            "defaults.representations[1]",
            "defaults.representations[2]",
            "details.metadata_file",
        ]
    );
}

fn settings(normalization: Normalization, protected: &[&str]) -> ProfileSettings {
    ProfileSettings {
        details: Details {
            name: "p".to_owned(),
            description: String::new(),
            source_format: SourceFormat::MarcXml,
            metadata_file: "*.xml".to_owned(),
            target_format: Format::Marc21,
            active: true,
            schedule: None,
        },
        normalization,
        matching: Matching {
            method: MatchMethod::None,
            identifier_prefix: None,
            on_match: OnMatch::Merge,
            on_multiple: OnMultipleMatch::Skip,
            on_none: OnNoMatch::Import,
            protected: fields(protected),
        },
        tags: ManagementTags::default(),
        defaults: Defaults {
            collection: "8112345".parse().unwrap(),
            usage_type: UsageType::PreservationMaster,
            library: "MAIN".parse().unwrap(),
            access_rights: None,
            active: true,
            representations: Vec::new(),
            file_fields: Vec::new(),
            one_representation_a_file: false,
        },
    }
}

/// Records of a few fields, so that two of them often share some.
fn any_record(format: Format) -> BoxedStrategy<String> {
    let value = "[a-c]{1,2}";
    match format {
        Format::Marc21 => {
            let line = (
                prop::sample::select(&["500", "650", "856"][..]),
                prop::sample::select(&["##", "#7", "40"][..]),
                prop::collection::vec(("[a-cuz]", value), 1..4),
            )
                .prop_map(|(tag, ind, parts)| {
                    let parts: String = parts.into_iter().map(|(c, v)| format!("${c}{v}")).collect();
                    format!("{tag} {ind}{parts}")
                });
            (value, prop::collection::vec(line, 0..6))
                .prop_map(|(title, mut lines)| {
                    lines.sort();
                    let all: Vec<&str> = lines.iter().map(String::as_str).collect();
                    let title = format!("245 10$a{title}");
                    marc(&[&["001 x", title.as_str()], &all[..]].concat())
                })
                .boxed()
        }
        Format::Mods => {
            let part = prop_oneof![
                value.prop_map(|v| format!("<note>{v}</note>")),
                ("(isbn|local)", value)
                    .prop_map(|(t, v)| format!("<identifier type=\"{t}\">{v}</identifier>")),
                value.prop_map(|v| format!("<originInfo><publisher>{v}</publisher></originInfo>")),
                value.prop_map(|v| format!(
                    "<originInfo><dateIssued>{v}</dateIssued><edition>1</edition></originInfo>"
                )),
            ];
            (value, prop::collection::vec(part, 0..5))
                .prop_map(|(t, parts)| {
                    mods(&format!("<titleInfo><title>{t}</title></titleInfo>{}", parts.concat()))
                })
                .boxed()
        }
        _ => {
            let part = (prop::sample::select(&["subject", "date", "rights"][..]), value);
            (value, prop::collection::vec(part, 0..6))
                .prop_map(|(t, parts)| {
                    let parts: Vec<(&str, &str)> = parts.iter().map(|(n, v)| (*n, v.as_str())).collect();
                    dc(&[&[("title", t.as_str())], &parts[..]].concat())
                })
                .boxed()
        }
    }
}

fn any_pair() -> impl Strategy<Value = (Format, String, String, FieldName)> {
    let formats = [Format::Marc21, Format::DublinCore, Format::QualifiedDublinCore, Format::Mods];
    prop::sample::select(formats.to_vec()).prop_flat_map(|format| {
        let names: &'static [&'static str] = match format {
            Format::Marc21 => &["001", "245$a", "500", "650", "650 #7", "650$a", "856$u", "856 40$u", "LDR"],
            Format::Mods => &[
                "titleInfo/title",
                "note",
                "identifier",
                "identifier.local",
                "originInfo/publisher",
                "originInfo",
            ],
            _ => &["dc:title", "dc:subject", "dc:date"],
        };
        (Just(format), any_record(format), any_record(format), prop::sample::select(names).prop_map(field))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn protected_values_are_those_of_the_title((format, old, new, name) in any_pair()) {
        let mut wanted = values(format, &old, &name).unwrap();
        wanted.sort();
        let protected = [name.clone()];
        for combine in [merge_protecting, overlay_protecting] {
            let made = combine(format, &old, &new, &protected).unwrap();
            let mut found = values(format, &made, &name).unwrap();
            found.sort();
            prop_assert_eq!(&found, &wanted, "{}", made);
            prop_assert_eq!(&parse_record(format, &made).unwrap().source, &made);
            // The same record once more changes nothing; only different fields may trade places.
            let again = combine(format, &made, &new, &protected).unwrap();
            prop_assert_eq!(differences(format, Some(&made), Some(&again)).unwrap(), []);
        }
    }

    #[test]
    fn a_record_does_not_differ_from_itself((format, old, new, name) in any_pair()) {
        prop_assert_eq!(differences(format, Some(&old), Some(&old)).unwrap(), []);
        prop_assert_eq!(overlay_protecting(format, &old, &old, std::slice::from_ref(&name)).unwrap(), old.clone());
        let there = differences(format, Some(&old), Some(&new)).unwrap();
        let back = differences(format, Some(&new), Some(&old)).unwrap();
        prop_assert_eq!(there.len(), back.len());
        let overlaid = overlay_protecting(format, &old, &new, &[]).unwrap();
        prop_assert_eq!(differences(format, Some(&overlaid), Some(&new)).unwrap(), []);
    }
}

#[test]
fn many_fields_cost_no_more_than_their_number() {
    const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let of = |i: usize| char::from(LETTERS[i % 36]);
    let tags: Vec<String> =
        (5 * 1296..29 * 1296).map(|i| format!("{}{}{} ##$at", of(i / 1296), of(i / 36), of(i))).collect();
    let many = marc(&["245 ##$at"].into_iter().chain(tags.iter().map(String::as_str)).collect::<Vec<_>>());
    let (m, one) = (Format::Marc21, marc(&["245 10$aT"]));
    let time = |act: &dyn Fn()| {
        let start = std::time::Instant::now();
        act();
        start.elapsed()
    };
    let reading = time(&|| drop(parse_record(m, &many).unwrap()));
    // Each reads the record a few times; the square of its fields would be some fifty times as much.
    for (what, act) in [
        (
            "merge into few",
            &(|| drop(merge_protecting(m, &one, &many, &fields(&["500"])).unwrap())) as &dyn Fn(),
        ),
        ("merge into many", &|| drop(merge_protecting(m, &many, &one, &fields(&["500"])).unwrap())),
        ("overlay", &|| drop(overlay_protecting(m, &many, &one, &fields(&["245$a", "9zz"])).unwrap())),
        ("differences", &|| drop(differences(m, Some(&one), Some(&many)).unwrap())),
    ] {
        let took = time(act);
        assert!(took < reading * 20, "{what} took {took:?}, reading {reading:?}");
    }
}

#[test]
fn one_long_attribute_is_not_written_for_each_element_inside() {
    let inside = "<topic>t</topic>".repeat(60_000);
    let long = format!(
        "<titleInfo><title>T</title></titleInfo><subject ID=\"{}\">{inside}</subject>",
        "i".repeat(500_000)
    );
    let found = differences(Format::Mods, None, Some(&mods(&long))).unwrap();
    assert_eq!((found.len(), found[1].after.len()), (2, 60_000));
    assert!(found[1].field.len() < 1100);
    let other = long.replacen("iii", "iij", 1).replacen("iii", "jii", 1);
    assert_eq!(differences(Format::Mods, Some(&mods(&long)), Some(&mods(&other))).unwrap().len(), 2);
}
