//! `template.yaml` as JSON: whole, or cut down to what tests of the store need.

use crate::home::{local_dir, python, run, vitrine_home, workspace_root};
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What a resources-only stack keeps: tables, buckets, queues, and what says who may put events into a queue.
const RESOURCES: &[&str] = &[
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
];

/// A CloudFormation or SAM template.
#[derive(Clone, Debug)]
pub struct Template(pub(crate) Value);

impl Template {
    /// Reads the product's template.
    pub fn load() -> Result<Self> {
        Self::read(&workspace_root().join("template.yaml"))
    }

    /// Reads a template, with short forms such as `!Ref` in their long form.
    ///
    /// Python reads the YAML, once for each content of the file; later calls find the result in the cache.
    ///
    /// # Errors
    /// When the file is not YAML of a template.
    pub fn read(path: &Path) -> Result<Self> {
        Ok(Self(through_python("json", path)?))
    }

    /// Reads a SAM template and returns what AWS makes of it: plain resources.
    pub fn read_expanded(path: &Path) -> Result<Self> {
        Ok(Self(through_python("expand", path)?))
    }

    /// Returns the template as JSON.
    pub fn as_json(&self) -> &Value {
        &self.0
    }

    /// Returns the logical ids and code folders of the functions.
    pub fn functions(&self) -> BTreeMap<String, String> {
        let mut functions = BTreeMap::new();
        for (id, resource) in self.resources() {
            if let Some(folder) = resource.pointer("/Properties/CodeUri").and_then(Value::as_str) {
                functions.insert(id.clone(), folder.to_owned());
            }
        }
        functions
    }

    /// Returns the same description of the cloud without functions, API, schedule, alarms and accounts.
    pub fn only_resources(&self) -> Self {
        let mut template = self.0.clone();
        let mut gone = Vec::new();
        if let Some(resources) = template.get_mut("Resources").and_then(Value::as_object_mut) {
            resources.retain(|id, resource| {
                let keep = RESOURCES.iter().any(|kind| resource.get("Type") == Some(&json!(kind)));
                if !keep {
                    gone.push(id.clone());
                }
                keep
            });
        }
        if let Some(outputs) = template.get_mut("Outputs").and_then(Value::as_object_mut) {
            outputs.retain(|_, output| !gone.iter().any(|id| mentions(output, id)));
        }
        if let Some(top) = template.as_object_mut() {
            top.remove("Transform");
            top.remove("Globals");
        }
        Self(template)
    }

    /// Returns the template with the code of each function in a bucket, as a packaging tool would leave it.
    pub(crate) fn with_code(&self, bucket: &str, keys: &BTreeMap<String, String>) -> Self {
        let mut template = self.0.clone();
        for (id, key) in keys {
            if let Some(code) = template.pointer_mut(&format!("/Resources/{id}/Properties/CodeUri")) {
                *code = json!({ "Bucket": bucket, "Key": key });
            }
        }
        Self(template)
    }

    /// Returns the template with each number parameter written where it is referred to.
    ///
    /// The engine leaves such a reference a string and then fails to compare it with a number; AWS converts it.
    /// Environment variables stay as they are: they are strings on both.
    pub(crate) fn with_numbers(&self, given: &BTreeMap<String, String>) -> Self {
        let mut numbers = BTreeMap::new();
        for (name, parameter) in self.0.get("Parameters").and_then(Value::as_object).into_iter().flatten() {
            let default = parameter.get("Default").and_then(Value::as_i64);
            let value = given.get(name).map_or(default, |value| value.parse().ok());
            if parameter.get("Type") == Some(&json!("Number"))
                && let Some(value) = value
            {
                numbers.insert(name.clone(), value);
            }
        }
        let mut template = self.0.clone();
        if let Some(resources) = template.get_mut("Resources") {
            write_numbers(resources, &numbers);
        }
        Self(template)
    }

    /// Returns the resources by logical id.
    pub fn resources(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.get("Resources").and_then(Value::as_object).into_iter().flat_map(Map::iter)
    }
}

fn write_numbers(value: &mut Value, numbers: &BTreeMap<String, i64>) {
    let referred = value.get("Ref").and_then(Value::as_str).and_then(|name| numbers.get(name));
    if let Some(number) = referred {
        *value = json!(number);
        return;
    }
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| write_numbers(value, numbers)),
        Value::Object(map) => {
            for (_, value) in map.iter_mut().filter(|(key, _)| *key != "Variables") {
                write_numbers(value, numbers);
            }
        }
        _ => {}
    }
}

/// Tells whether a value refers to the resource `id` in any of the ways CloudFormation knows.
fn mentions(value: &Value, id: &str) -> bool {
    match value {
        Value::String(text) => {
            text == id || text.contains(&format!("${{{id}}}")) || text.contains(&format!("${{{id}."))
        }
        Value::Array(values) => values.iter().any(|value| mentions(value, id)),
        Value::Object(map) => map.values().any(|value| mentions(value, id)),
        _ => false,
    }
}

fn through_python(how: &str, path: &Path) -> Result<Value> {
    let script = local_dir().join("template.py");
    let mut hash = Sha256::new();
    for file in [path, &script, &local_dir().join("requirements.txt")] {
        hash.update(fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?);
    }
    let digest: String = hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let folder = vitrine_home().join("cache");
    let cached = folder.join(format!("{how}-{digest}.json"));
    if let Ok(bytes) = fs::read(&cached)
        && let Ok(value) = serde_json::from_slice(&bytes)
    {
        return Ok(value);
    }
    let json = run(Command::new(python()?)
        .arg(&script)
        .arg(how)
        .arg(path)
        .env("AWS_DEFAULT_REGION", crate::REGION))?;
    let value = serde_json::from_slice(&json).context("the template reader wrote no JSON")?;
    fs::create_dir_all(&folder).context("cannot make the cache folder")?;
    let fresh = folder.join(format!("{how}-{digest}.{}", std::process::id()));
    fs::write(&fresh, &json)
        .and_then(|()| fs::rename(&fresh, &cached))
        .context("cannot cache the template")?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::Template;
    use serde_json::json;

    #[test]
    fn keeps_the_stores_and_drops_what_runs() {
        let whole = Template(json!({
            "Transform": "AWS::Serverless-2016-10-31",
            "Globals": {},
            "Resources": {
                "Catalog": { "Type": "AWS::DynamoDB::Table" },
                "Api": { "Type": "AWS::Serverless::Function", "Properties": { "CodeUri": "functions/api" } }
            },
            "Outputs": {
                "Table": { "Value": { "Ref": "Catalog" } },
                "Function": { "Value": { "Ref": "Api" } },
                "Url": { "Value": { "Fn::Sub": "https://${Api}.example" } },
                "Arn": { "Value": { "Fn::GetAtt": ["Api", "Arn"] } },
                "Apiary": { "Value": { "Ref": "Apiary" } }
            }
        }));
        let cut = whole.only_resources();
        assert_eq!(
            cut.as_json(),
            &json!({
                "Resources": { "Catalog": { "Type": "AWS::DynamoDB::Table" } },
                "Outputs": { "Table": { "Value": { "Ref": "Catalog" } }, "Apiary": { "Value": { "Ref": "Apiary" } } }
            })
        );
    }

    #[test]
    fn number_parameters_are_written_as_numbers_but_not_into_variables() {
        let whole = Template(json!({
            "Parameters": { "N": { "Type": "Number", "Default": 20 }, "S": { "Type": "String", "Default": "1" } },
            "Resources": {
                "Map": { "Max": { "Ref": "N" }, "Name": { "Ref": "S" } },
                "Fn": { "Environment": { "Variables": { "N": { "Ref": "N" } } } }
            }
        }));
        let resources = |template: Template| template.as_json().get("Resources").cloned();
        let map = |n: i64| {
            json!({
                "Map": { "Max": n, "Name": { "Ref": "S" } },
                "Fn": { "Environment": { "Variables": { "N": { "Ref": "N" } } } }
            })
        };
        assert_eq!(resources(whole.with_numbers(&[].into())), Some(map(20)));
        assert_eq!(resources(whole.with_numbers(&[("N".to_owned(), "2".to_owned())].into())), Some(map(2)));
    }

    #[test]
    fn code_is_taken_from_the_bucket_it_was_put_in() {
        let whole =
            Template(json!({ "Resources": { "Api": { "Properties": { "CodeUri": "functions/api" } } } }));
        assert_eq!(whole.functions(), [("Api".to_owned(), "functions/api".to_owned())].into());
        let packaged = whole.with_code("code", &[("Api".to_owned(), "k".to_owned())].into());
        assert_eq!(
            packaged.as_json().pointer("/Resources/Api/Properties/CodeUri"),
            Some(&json!({ "Bucket": "code", "Key": "k" }))
        );
    }
}
