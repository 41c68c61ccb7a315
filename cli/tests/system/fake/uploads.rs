//! The resource `uploads`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Signed, Upload, World, ok, problem};

impl World {
    pub(super) fn upload(&mut self, method: &str, rest: &[&str], body: &Value, port: u16) -> Answer {
        match (method, rest) {
            ("POST", []) => {
                let id = self.mint();
                let text = |name: &str| body[name].as_str().unwrap().to_owned();
                let upload = Upload {
                    name: text("file_name"),
                    size: body["size"].as_u64().unwrap(),
                    sha256: text("sha256"),
                    state: "ISSUED",
                    bytes: None,
                    parts: BTreeMap::new(),
                };
                if body["representation_id"] != "1234" {
                    return problem(404, "no such representation");
                }
                self.uploads.insert(id.clone(), upload);
                self.show_upload(&id, port)
            }
            ("GET", [id]) if self.uploads.contains_key(*id) => self.show_upload(id, port),
            ("GET", [id, "parts"]) => {
                let parts: Vec<_> = self.uploads[*id]
                    .parts
                    .iter()
                    .map(|(number, bytes)| json!({"part_number": number, "size": bytes.len()}))
                    .collect();
                ok(json!({"part": parts}))
            }
            ("POST", [id, "parts"]) => {
                let mut signed = Vec::new();
                for part in body["part"].as_array().unwrap().clone() {
                    let (number, sha256) =
                        (part["part_number"].as_u64().unwrap(), part["sha256"].as_str().unwrap().to_owned());
                    let what = Signed::UploadPart { id: (*id).to_owned(), number, sha256: sha256.clone() };
                    let mut request = self.sign(what, port, &sha256);
                    request["part_number"] = json!(number);
                    signed.push(request);
                }
                ok(json!({"request": signed}))
            }
            ("POST", [id, "complete"]) => {
                let upload = self.uploads.get_mut(*id).unwrap();
                let bytes: Vec<u8> = upload.parts.values().flatten().copied().collect();
                if bytes.len() as u64 != upload.size {
                    return problem(400, "a part is missing");
                }
                upload.bytes = Some(bytes);
                upload.state = "REGISTERED";
                self.show_upload(id, port)
            }
            _ => problem(404, "no such upload"),
        }
    }

    fn show_upload(&mut self, id: &str, port: u16) -> Answer {
        let (name, size, sha256, state) = {
            let upload = &self.uploads[id];
            (upload.name.clone(), upload.size, upload.sha256.clone(), upload.state)
        };
        let mut shown = json!({"id": id, "pid": format!("13{id}"), "file_name": name, "size": size, "sha256": sha256,
            "state": state, "method": {"value": "PUT", "desc": "PUT"}});
        if state == "REJECTED" {
            shown["reason"] = json!("not what was promised");
        }
        if size > self.single_bytes {
            shown["method"] = json!({"value": "MULTIPART", "desc": "MULTIPART"});
            shown["part_size"] = json!(self.part_bytes);
        } else if state == "ISSUED" {
            let request = self.sign(Signed::Upload { id: id.to_owned() }, port, &sha256);
            shown["request"] = request;
        }
        ok(shown)
    }
}
