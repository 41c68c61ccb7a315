//! Remote repositories (D16).

use serde_json::{Value, json};
use vitrine_domain::remote::RemoteRepository;

use super::{Addresses, option_code, without_nulls};
use crate::wire::shape::{Shape, coded, count, object, text};

pub static REMOTE_REPOSITORY: Shape = Shape {
    root: "remote_repository",
    members: &[
        text("link").attribute().output_only(),
        text("code").output_only(),
        text("name"),
        text("system_type"),
        coded("format"),
        text("base_url"),
        text("object_template"),
        text("thumbnail_template"),
    ],
};

pub static REMOTE_REPOSITORIES: Shape = Shape {
    root: "remote_repositories",
    members: &[
        count("total_record_count").attribute(),
        object("remote_repository", &REMOTE_REPOSITORY).many(),
    ],
};

impl Addresses {
    /// A remote repository.
    pub fn remote_repository(&self, found: &RemoteRepository) -> Value {
        let fields = &found.fields;
        without_nulls(json!({
            "link": format!("{}/conf/remote-repositories/{}", self.api, found.code),
            "code": found.code.as_str(),
            "name": fields.name,
            "system_type": fields.system_type,
            "format": option_code(fields.format),
            "base_url": fields.base_url,
            "object_template": fields.object_template,
            "thumbnail_template": fields.thumbnail_template,
        }))
    }
}
