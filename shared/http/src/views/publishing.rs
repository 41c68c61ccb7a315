//! Publishing profiles, their files, and the OAI-PMH repository (domain.md 8.3).

use serde_json::{Value, json};
use vitrine_domain::Timestamp;
use vitrine_domain::job::{Job, JobWork};
use vitrine_domain::publishing::delivery::Delivery;
use vitrine_domain::publishing::profile::PublishingProfile;
use vitrine_domain::publishing::repository::OaiSettings;
use vitrine_store::objects::SignedRequest;

use super::imports::SCHEDULE;
use super::{Addresses, day, without_nulls};
use crate::wire::shape::{Shape, count, flag, object, raw, text};

static SELECTION: Shape = Shape {
    root: "selection",
    members: &[text("kind"), text("collections").many(), flag("with_subcollections"), text("set")],
};

static SFTP: Shape = Shape {
    root: "sftp",
    members: &[text("host"), count("port"), text("user_name"), text("folder"), text("host_key")],
};

static TARGET: Shape = Shape {
    root: "target",
    members: &[
        text("kind"),
        text("set_spec"),
        text("url"),
        text("format"),
        count("records_per_file"),
        object("sftp", &SFTP),
    ],
};

static ENRICHMENT: Shape = Shape {
    root: "enrichment",
    members: &[
        flag("delivery_link"),
        flag("thumbnail"),
        flag("label"),
        flag("access_flag"),
        text("dc_element"),
        text("marc_tag"),
    ],
};

/// How far a webhook has been told.
static DELIVERY: Shape = Shape {
    root: "delivery",
    members: &[
        count("told"),
        text("taken_at"),
        text("told_until"),
        count("failures"),
        text("reason"),
        text("retry_at"),
    ],
};

/// A secret, shown once.
pub static SECRET: Shape = Shape { root: "publishing_secret", members: &[text("secret")] };

pub static PUBLISHING: Shape = Shape {
    root: "publishing_profile",
    members: &[
        text("link").attribute().output_only(),
        text("id").output_only(),
        text("name"),
        text("description"),
        flag("active"),
        object("selection", &SELECTION),
        object("target", &TARGET),
        object("enrichment", &ENRICHMENT),
        text("restricted"),
        object("schedule", &SCHEDULE),
        text("oai_url").output_only(),
        text("next_run").output_only(),
        text("delivered_until").output_only(),
        text("delivered_by").output_only(),
        text("secret_date").output_only(),
        object("delivery", &DELIVERY).output_only(),
        text("created_by").output_only(),
        text("created_date").output_only(),
        text("last_modified_by").output_only(),
        text("last_modified_date").output_only(),
    ],
};

list_shape!(PUBLISHINGS: "publishing_profiles" of "publishing_profile" PUBLISHING);

/// A record as it would be published.
pub static PREVIEW: Shape =
    Shape { root: "preview", members: &[text("mms_id"), text("metadata_prefix"), raw("anies")] };

static PUBLISHED_FILE: Shape = Shape {
    root: "published_file",
    members: &[
        text("name"),
        count("records"),
        count("deleted"),
        count("bytes"),
        text("sha256"),
        text("url"),
        text("expires"),
    ],
};

/// The files of a run.
pub static PUBLISHED_FILES: Shape = Shape {
    root: "published_files",
    members: &[text("job_id"), text("link").attribute(), object("file", &PUBLISHED_FILE).many()],
};

pub static OAI_REPOSITORY: Shape = Shape {
    root: "oai_repository",
    members: &[
        text("link").attribute().output_only(),
        text("base_url").output_only(),
        text("repository_name"),
        text("admin_email"),
        count("page_size"),
        text("allowed_addresses").many(),
    ],
};

impl Addresses {
    fn oai_url(&self) -> String {
        format!("{}/oai/{}/request", self.delivery, self.institution)
    }

    /// A publishing profile as it is at `now`.
    pub fn publishing(&self, found: &PublishingProfile, now: Timestamp) -> Value {
        let settings = &found.settings;
        let next_run = settings.schedule.as_ref().filter(|_| settings.active);
        let mut view = without_nulls(json!({
            "link": format!("{}/conf/publishing-profiles/{}", self.api, found.id),
            "id": found.id.as_str(),
            "oai_url": settings.set_spec().map(|_| self.oai_url()),
            "next_run": next_run.and_then(|schedule| schedule.next_after(now)).map(|at| at.to_string()),
            "delivered_until": found.delivered.until.map(|at| at.to_string()),
            "secret_date": found.secret_at.map(|at| at.to_string()),
            "delivered_by": found.delivered.by.as_ref().map(|job| job.as_str()),
            "created_by": found.created_by.as_str(),
            "created_date": day(found.created_at),
            "last_modified_by": found.modified_by.as_str(),
            "last_modified_date": day(found.modified_at),
        }));
        if let (Some(view), Ok(Value::Object(settings))) =
            (view.as_object_mut(), serde_json::to_value(settings))
        {
            view.extend(settings);
        }
        view
    }

    /// A publishing profile with how far its webhook has been told.
    pub fn publishing_told(
        &self,
        found: &PublishingProfile,
        told: Option<&Delivery>,
        now: Timestamp,
    ) -> Value {
        let mut view = self.publishing(found, now);
        if let (Some(view), Some(told)) = (view.as_object_mut(), told) {
            let instant = |at: Option<Timestamp>| at.map(|at| at.to_string());
            let told = without_nulls(json!({
                "told": told.told,
                "taken_at": instant(told.taken_at),
                "told_until": instant(told.from),
                "failures": told.failures,
                "reason": told.reason,
                "retry_at": instant(told.retry_at),
            }));
            view.insert("delivery".to_owned(), told);
        }
        view
    }

    /// The files of a run with their links.
    pub fn published_files(&self, job: &Job, links: &[(String, SignedRequest)]) -> Value {
        let known = match &job.work {
            JobWork::Publish(run) => run.files.as_slice(),
            JobWork::Import(_) | JobWork::Undo(_) | JobWork::Export(_) | JobWork::Bulk(_) => &[],
        };
        let files: Vec<Value> = links
            .iter()
            .map(|(name, link)| {
                let file = known.iter().find(|file| file.name == *name);
                without_nulls(json!({
                    "name": name,
                    "records": file.map(|file| file.records),
                    "deleted": file.map(|file| file.deleted),
                    "bytes": file.map(|file| file.bytes),
                    "sha256": file.map(|file| file.sha256.as_str()),
                    "url": link.url,
                    "expires": link.expires_at.to_string(),
                }))
            })
            .collect();
        json!({ "job_id": job.id.as_str(), "link": format!("{}/conf/jobs/{}", self.api, job.id), "file": files })
    }

    /// The OAI-PMH repository.
    pub fn oai_repository(&self, settings: &OaiSettings) -> Value {
        json!({
            "link": format!("{}/conf/oai-repository", self.api),
            "base_url": self.oai_url(),
            "repository_name": settings.repository_name,
            "admin_email": settings.admin_email,
            "page_size": settings.page_size,
            "allowed_addresses": settings.allowed_addresses,
        })
    }
}
