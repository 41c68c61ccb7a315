//! The house's own rules: design.md section 2.

use std::fs;
use std::path::{Path, PathBuf};

use vitrine_engine::{Template, workspace_root};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn dependencies_point_one_way() {
    let floors = [
        ("domain", &[][..]),
        ("metadata", &["domain"]),
        ("media", &["domain"]),
        ("store", &["domain"]),
        ("app", &["domain", "metadata", "media", "store"]),
        // The viewer's scripts and styles, and nothing else.
        ("http", &["domain", "metadata", "media", "store", "app", "web"]),
        ("triggers", &["domain", "metadata", "media", "store", "app"]),
    ];
    for (room, allowed) in floors {
        let manifest =
            fs::read_to_string(workspace_root().join(format!("shared/{room}/Cargo.toml"))).unwrap();
        let product = manifest.split("[dev-dependencies]").next().unwrap();
        for line in product.lines().filter_map(|line| line.strip_prefix("vitrine-")) {
            let on = line.split([' ', '=', '.']).next().unwrap();
            assert!(allowed.contains(&on), "shared/{room} depends on {on}");
        }
    }
}

#[test]
fn only_the_store_names_the_aws_sdk_and_only_keys_spells_a_key() {
    let mut found = Vec::new();
    sources(&workspace_root().join("shared"), &mut found);
    sources(&workspace_root().join("functions"), &mut found);
    for path in found {
        let text = fs::read_to_string(&path).unwrap();
        let place = path.strip_prefix(workspace_root()).unwrap().display().to_string();
        if !place.starts_with("shared/store/") {
            assert!(!text.contains("aws_sdk_"), "{place} names the AWS SDK");
        }
        if place != "shared/store/src/keys.rs" {
            for key in ["\"REPS#", "\"FILES#", "\"MEMBERS#", "\"CHILDREN#", "\"DUE#", "\"TITLE#"] {
                assert!(!text.contains(key), "{place} spells the key {key}");
            }
        }
        assert!(text.starts_with("//!") || text.starts_with("#!["), "{place} does not say what it is for");
    }
}

#[test]
fn every_function_has_a_folder_a_resource_and_a_short_main() {
    let template = Template::load().unwrap();
    let folders: Vec<String> = template.functions().into_values().collect();
    for entry in fs::read_dir(workspace_root().join("functions")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(folders.contains(&format!("functions/{name}")), "template.yaml has no function {name}");
        let main =
            fs::read_to_string(workspace_root().join(format!("functions/{name}/src/main.rs"))).unwrap();
        assert!(main.lines().count() <= 40, "functions/{name} does more than start");
    }
    for folder in folders {
        assert!(workspace_root().join(&folder).is_dir(), "{folder} is in template.yaml and nowhere else");
    }
}
