//! Office documents: the preview that the writing program left inside, else a rendering by LibreOffice.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::container::{Container, draw_picture};
use super::pdf;
use crate::draw::{DrawError, Drawn, Result, Source};
use crate::job::{Job, Tool};
use crate::request::FailureCode;

/// Where OOXML and ODF keep previews.
const PREVIEWS: [&str; 4] = [
    "docProps/thumbnail.jpeg",
    "docProps/thumbnail.jpg",
    "docProps/thumbnail.png",
    "Thumbnails/thumbnail.png",
];

/// Draws an office document.
pub(crate) fn draw(source: &Source, target: u32, job: &Job) -> Result<Drawn> {
    if let Some((Tool::Soffice, program)) = &job.tool {
        return rendered(program, target, job);
    }
    let mut container = Container::open(source)?;
    for name in PREVIEWS {
        if let Some(bytes) = container.read(name)?
            && let Ok(drawn) = draw_picture(bytes, name, target, job)
        {
            return Ok(drawn);
        }
    }
    needs_soffice()
}

/// Draws a document of the old binary formats, which only LibreOffice reads.
pub(crate) fn draw_binary(target: u32, job: &Job) -> Result<Drawn> {
    match &job.tool {
        Some((Tool::Soffice, program)) => rendered(program, target, job),
        _ => needs_soffice(),
    }
}

fn needs_soffice() -> Result<Drawn> {
    Err(DrawError::Needs(
        Tool::Soffice,
        "the document has no preview inside, and LibreOffice is not there".to_owned(),
    ))
}

/// What every profile says before LibreOffice first reads it: nothing that a document points at is loaded, no link is
/// updated, no macro runs. The sandbox forbids most of it as well; this also holds for files that the program may read.
const SETTINGS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop></item>
<item oor:path="/org.openoffice.Office.Writer/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>2</value></prop></item>
<item oor:path="/org.openoffice.Office.Calc/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>2</value></prop></item>
</oor:items>
"#;

/// Lets LibreOffice make a PDF of the document, with a profile of its own that goes with the work folder.
fn rendered(program: &Path, target: u32, job: &Job) -> Result<Drawn> {
    // A new profile makes it start twice, and the second start stumbles over the socket of the first, which it may not
    // remove. The profile is then ready: under another name it has another socket, and needs only one start.
    let (fresh, ready) = (job.work_dir.join("profile"), job.work_dir.join("profile-ready"));
    fs::create_dir_all(fresh.join("user"))?;
    fs::write(fresh.join("user/registrymodifications.xcu"), SETTINGS)?;
    let made = match convert(program, &fresh, job)? {
        Some(made) => Some(made),
        None if fs::rename(&fresh, &ready).is_ok() => convert(program, &ready, job)?,
        None => None,
    };
    match made {
        Some(path) => pdf::draw(&Source::File(path), target),
        None => Err(DrawError::Failed(
            FailureCode::ThumbTool,
            "LibreOffice could not render the document".to_owned(),
        )),
    }
}

fn convert(program: &Path, profile: &Path, job: &Job) -> Result<Option<PathBuf>> {
    let status = Command::new(program)
        .arg(format!("-env:UserInstallation=file://{}", profile.display()))
        .args([
            "--headless",
            "--norestore",
            "--nolockcheck",
            "--nodefault",
            "--convert-to",
            "pdf",
            "--outdir",
        ])
        .arg(&job.work_dir)
        .arg(&job.source)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    let made = fs::read_dir(&job.work_dir)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|ending| ending == "pdf"));
    Ok(made.filter(|_| status.success()))
}
