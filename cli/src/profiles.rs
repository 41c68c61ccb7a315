//! `vitrine profile`: list, show, import and export import profiles.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde_json::Value;

use crate::api::{Again, Api, segment};
use crate::args::ProfileCommand;
use crate::failure::Failure;
use crate::journal::write_whole;
use crate::terminal::plain;
use crate::wire::{Profile, ProfileList};

const PATH: &str = "conf/md-import-profiles";
/// How many profiles a page has: the most that the API gives.
const PAGE: usize = 100;
/// The largest profile that is read from a file.
const MAX_PROFILE_BYTES: u64 = 4 * 1024 * 1024;
/// What an export leaves out: it belongs to the one repository, or says again, in the vendor's words and to be read
/// only, what the five sections say.
const OWN: &[&str] = &[
    "id",
    "link",
    "created_by",
    "created_date",
    "last_modified_by",
    "last_modified_date",
    "next_run",
    "name",
    "description",
    "status",
    "type",
    "ie_type",
    "digital_details",
];

/// Runs the command.
///
/// # Errors
/// See [`Failure`].
pub fn run(api: &Api, command: &ProfileCommand, out: &mut dyn Write) -> Result<(), Failure> {
    match command {
        ProfileCommand::List => list(api, out),
        ProfileCommand::Show { profile } => {
            let profile = whole(api, profile)?;
            show("", &profile, out)?;
            Ok(out.flush()?)
        }
        ProfileCommand::Import { file } => {
            let profile = read(file)?;
            let made: Profile = api.post(PATH, &[], Some(&profile), Again::IfNotTaken)?;
            writeln!(out, "{}", plain(&made.id))?;
            Ok(())
        }
        ProfileCommand::Export { profile, output } => {
            let mut profile = whole(api, profile)?;
            if let Some(members) = profile.as_object_mut() {
                members.retain(|name, _| !OWN.contains(&name.as_str()));
            }
            let mut text = serde_json::to_string_pretty(&profile).unwrap_or_default();
            text.push('\n');
            match output.as_deref().filter(|path| path.as_os_str() != "-") {
                Some(path) => write_whole(path, text.as_bytes())
                    .map_err(|error| Failure::local(path, "written", &error)),
                None => Ok(out.write_all(text.as_bytes())?),
            }
        }
    }
}

/// Finds a profile by its id or its name.
///
/// # Errors
/// None of that id or name; several whose names differ in case only.
pub fn find(api: &Api, wanted: &str) -> Result<Profile, Failure> {
    if wanted.bytes().all(|byte| byte.is_ascii_digit()) && segment(wanted, "a profile").is_ok() {
        match api.get(&format!("{PATH}/{wanted}"), &[]) {
            Err(Failure::NotFound(_)) => {}
            answer => return answer,
        }
    }
    let mut similar = Vec::new();
    for value in all(api)? {
        let Ok(profile) = serde_json::from_value::<Profile>(value) else { continue };
        if profile.name == wanted || profile.id == wanted {
            return Ok(profile);
        }
        if profile.name.to_lowercase() == wanted.to_lowercase() {
            similar.push(profile);
        }
    }
    match (similar.pop(), similar.len()) {
        (Some(one), 0) => Ok(one),
        (Some(_), more) => Err(Failure::Invalid(format!(
            "{} import profiles are called `{}` in one spelling or another; give the id",
            more + 1,
            plain(wanted)
        ))),
        (None, _) => Err(Failure::NotFound(format!(
            "there is no import profile `{}`; see `vitrine profile list`",
            plain(wanted)
        ))),
    }
}

fn whole(api: &Api, wanted: &str) -> Result<Value, Failure> {
    let profile = find(api, wanted)?;
    api.get(&format!("{PATH}/{}", segment(&profile.id, "a profile")?), &[])
}

fn all(api: &Api) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    loop {
        let (limit, offset) = (PAGE.to_string(), found.len().to_string());
        let page: ProfileList = api.get(PATH, &[("limit", &limit), ("offset", &offset)])?;
        let more = !page.import_profile.is_empty();
        found.extend(page.import_profile);
        if !more || found.len() as u64 >= page.total_record_count {
            return Ok(found);
        }
    }
}

fn list(api: &Api, out: &mut dyn Write) -> Result<(), Failure> {
    for profile in all(api)? {
        let text = |path: &str| plain(profile.pointer(path).and_then(Value::as_str).unwrap_or_default());
        let format = text("/digital_details/source_format/value");
        writeln!(out, "{:<23} {format:<8} {}", text("/id"), text("/name"))?;
    }
    Ok(out.flush()?)
}

/// Prints each value with the path to it.
fn show(path: &str, value: &Value, out: &mut dyn Write) -> io::Result<()> {
    let inside = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        // A coded value is one value.
        Value::Object(members) if members.contains_key("value") && members.len() <= 2 => {
            let desc = members.get("desc").and_then(Value::as_str).filter(|desc| !desc.is_empty());
            let code = members.get("value").map(scalar).unwrap_or_default();
            let desc = desc.map(|desc| format!(" ({})", plain(desc))).unwrap_or_default();
            writeln!(out, "{path}: {code}{desc}")
        }
        Value::Object(members) => {
            members.iter().try_for_each(|(name, value)| show(&inside(&plain(name)), value, out))
        }
        Value::Array(values) => values
            .iter()
            .enumerate()
            .try_for_each(|(at, value)| show(&format!("{path}[{}]", at + 1), value, out)),
        Value::Null => Ok(()),
        other => writeln!(out, "{path}: {}", scalar(other)),
    }
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| plain(&value.to_string()), plain)
}

fn read(file: &Path) -> Result<Value, Failure> {
    let bad = |error: &io::Error| Failure::local(file, "read", error);
    let source: Box<dyn Read> = if file.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).map_err(|error| bad(&error))?)
    };
    let mut text = Vec::new();
    source.take(MAX_PROFILE_BYTES + 1).read_to_end(&mut text).map_err(|error| bad(&error))?;
    if text.len() as u64 > MAX_PROFILE_BYTES {
        return Err(Failure::Invalid(format!("`{}` is too large for a profile", file.display())));
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    match serde_json::from_slice(text) {
        Ok(Value::Object(members)) => Ok(Value::Object(members)),
        Ok(_) => Err(Failure::Invalid(format!("`{}` is not a profile", file.display()))),
        Err(error) => Err(Failure::Invalid(format!("`{}` is not JSON: {error}", file.display()))),
    }
}
