//! Ingests and jobs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Multipart, Request, Signed, StoredFile, World, hex, md5, ok, problem};

impl World {
    pub(super) fn show_ingest(&self, profile: &str, id: &str) -> Answer {
        let ingest = &self.ingests[id];
        let mut shown = json!({"id": id, "profile_id": profile, "name": "x", "locked": true,
            "status": {"value": ingest.status, "desc": ingest.status}, "folder": format!("upload/{profile}/{id}/")});
        if let Some(job) = &ingest.job {
            shown["job_id"] = json!(job);
        }
        ok(shown)
    }

    #[expect(clippy::too_many_arguments, reason = "a request and its pieces")]
    pub(super) fn ingest(
        &mut self,
        method: &str,
        profile: &str,
        id: &str,
        rest: &[&str],
        op: &str,
        request: &Request,
        body: &Value,
        port: u16,
    ) -> Answer {
        match (method, rest, op) {
            ("GET", [], _) => self.show_ingest(profile, id),
            ("POST", [], "submit") => {
                if self.ingests[id].status != "UPLOADING" {
                    return problem(400, "the ingest was submitted already");
                }
                let dry = request.query.get("dry_run").is_some_and(|dry| dry == "true");
                self.dry_runs.push(dry);
                let job = self.mint();
                self.jobs.insert(job.clone(), (id.to_owned(), 0, dry));
                let ingest = self.ingests.get_mut(id).unwrap();
                ingest.status = "SUBMITTED";
                ingest.job = Some(job);
                self.show_ingest(profile, id)
            }
            ("GET", ["files"], _) => {
                let limit: usize = request.query["limit"].parse().unwrap();
                let after = request.query.get("next").cloned().unwrap_or_default();
                let files = &self.ingests[id].files;
                let page: Vec<_> = files.iter().filter(|(name, _)| **name > after).take(limit).collect();
                let next = page
                    .last()
                    .map(|(name, _)| (*name).clone())
                    .filter(|last| files.keys().any(|name| name > last));
                let shown: Vec<_> = page
                    .iter()
                    .map(|(name, file)| json!({"name": name, "size": file.bytes.len(), "etag": file.etag, "last_modified": "x"}))
                    .collect();
                match next {
                    Some(next) => ok(json!({"file": shown, "next": next})),
                    None => ok(json!({"file": shown})),
                }
            }
            ("POST", ["files"], _) => {
                let files = body["file"].as_array().unwrap().clone();
                if files.is_empty() || files.len() > 500 {
                    self.complaints.push(format!("{} files asked for at once", files.len()));
                }
                let mut plans = Vec::new();
                for file in files {
                    let (name, size) =
                        (file["name"].as_str().unwrap().to_owned(), file["size"].as_u64().unwrap());
                    let sha256 = file["sha256"].as_str().unwrap().to_owned();
                    if size > self.single_bytes {
                        let multipart = format!("mp/{}+=", self.mint());
                        self.multiparts.insert(
                            multipart.clone(),
                            Multipart { name: name.clone(), parts: BTreeMap::new() },
                        );
                        plans.push(
                            json!({"name": name, "method": {"value": "MULTIPART"}, "multipart_id": multipart,
                            "part_size": self.part_bytes, "part_count": size.div_ceil(self.part_bytes)}),
                        );
                    } else {
                        let signed = Signed::File {
                            ingest: id.to_owned(),
                            name: name.clone(),
                            size,
                            sha256: sha256.clone(),
                        };
                        let request = self.sign(signed, port, &sha256);
                        plans.push(json!({"name": name, "method": {"value": "PUT"}, "request": request}));
                    }
                }
                ok(json!({"file": plans}))
            }
            ("GET", ["parts"], _) => {
                let Some(open) = self.multiparts.get(&request.query["multipart_id"]) else {
                    return problem(404, "no such multipart upload");
                };
                assert_eq!(open.name, request.query["name"]);
                let parts: Vec<_> = open
                    .parts
                    .iter()
                    .map(|(number, bytes)| json!({"part_number": number, "size": bytes.len(), "etag": hex(&md5(bytes))}))
                    .collect();
                ok(json!({"part": parts}))
            }
            ("POST", ["parts"], _) if !body["size"].is_u64() => problem(400, "`size` must be given"),
            ("POST", ["parts"], "") => {
                let multipart = body["multipart_id"].as_str().unwrap().to_owned();
                let mut signed = Vec::new();
                for part in body["part"].as_array().unwrap().clone() {
                    let (number, sha256) =
                        (part["part_number"].as_u64().unwrap(), part["sha256"].as_str().unwrap().to_owned());
                    let what = Signed::Part { multipart: multipart.clone(), number, sha256: sha256.clone() };
                    let mut request = self.sign(what, port, &sha256);
                    request["part_number"] = json!(number);
                    signed.push(request);
                }
                ok(json!({"request": signed}))
            }
            ("POST", ["parts"], "complete" | "abort") => {
                let Some(open) = self.multiparts.remove(body["multipart_id"].as_str().unwrap()) else {
                    return problem(404, "no such multipart upload");
                };
                if op == "abort" {
                    return ok(json!({}));
                }
                let mut digests = Vec::new();
                let bytes: Vec<u8> = open
                    .parts
                    .values()
                    .flat_map(|part| {
                        digests.extend(md5(part));
                        part.clone()
                    })
                    .collect();
                if bytes.len() as u64 != body["size"].as_u64().unwrap() {
                    return problem(400, "a part is missing");
                }
                let etag = format!("{}-{}", hex(&md5(&digests)), open.parts.len());
                self.ingests.get_mut(id).unwrap().files.insert(open.name, StoredFile { bytes, etag });
                ok(json!({}))
            }
            _ => problem(404, "no such path"),
        }
    }

    pub(super) fn job(
        &mut self,
        method: &str,
        id: &str,
        rest: &[&str],
        op: &str,
        request: &Request,
        port: u16,
    ) -> Answer {
        let Some((ingest, looks, dry)) = self.jobs.get_mut(id) else { return problem(404, "no such job") };
        match (method, rest, op) {
            ("GET", [], _) => {
                *looks += 1;
                let (looks, dry, ingest) = (*looks, *dry, ingest.clone());
                let status = if looks < 2 { "RUNNING" } else { self.job_status.as_str() };
                if looks == 2
                    && let Some(ingest) = self.ingests.get_mut(&ingest)
                {
                    ingest.status = if dry && self.reopen_after_dry_run { "UPLOADING" } else { "DONE" };
                }
                let counters: Vec<_> = self
                    .job_counters
                    .iter()
                    .map(|(name, value)| json!({"type": {"value": name, "desc": name}, "value": value}))
                    .collect();
                ok(
                    json!({"id": id, "name": "Import", "status": {"value": status, "desc": status}, "progress": 50,
                    "dry_run": dry, "ingest_id": ingest, "counter": counters, "submit_time": "2026-11-24T12:00:00Z"}),
                )
            }
            ("GET", ["rows"], _) => {
                let outcome = request.query.get("outcome");
                let after: usize = request.query.get("next").map_or(0, |next| next.parse().unwrap());
                let all: Vec<_> = self
                    .rows
                    .iter()
                    .filter(|row| outcome.is_none_or(|want| row["outcome"]["value"] == **want))
                    .collect();
                let limit: usize = request.query["limit"].parse().unwrap();
                let page: Vec<_> = all.iter().skip(after).take(limit).collect();
                if after + page.len() < all.len() {
                    ok(json!({"row": page, "next": (after + page.len()).to_string()}))
                } else {
                    ok(json!({"row": page}))
                }
            }
            ("GET", ["report"], _) => {
                let signed = self.sign(Signed::Report, port, "");
                ok(json!({"url": signed["url"], "expires": "x"}))
            }
            ("GET", ["files"], _) => {
                let path = request.query["path"].clone();
                if !self.bag.contains_key(&path) {
                    return problem(404, "no such file of this export");
                }
                let signed = self.sign(Signed::Bag { path: path.clone() }, port, "");
                ok(json!({ "file": [{ "name": path, "url": signed["url"] }] }))
            }
            ("POST", [], "cancel") => ok(json!({"id": id, "status": {"value": "RUNNING"}})),
            ("POST", [], "resubmit") if self.job_status == "COMPLETED_SUCCESS" => {
                problem(400, "nothing is left to resubmit")
            }
            ("POST", [], "resubmit") => {
                self.job_status = "COMPLETED_SUCCESS".to_owned();
                *looks = 0;
                ok(json!({"id": id, "status": {"value": "PENDING"}}))
            }
            ("POST", ["rows", number], op) => {
                let title = request.query.get("mms_id").cloned();
                self.decisions.push((number.parse().unwrap(), op.to_owned(), title.clone()));
                let outcome = if op == "discard" { "DISCARDED" } else { "WAITING" };
                ok(
                    json!({"number": number.parse::<u64>().unwrap(), "outcome": {"value": outcome}, "mms_id": title}),
                )
            }
            ("POST", [], "undo") => {
                let undo = self.mint();
                self.jobs.insert(undo.clone(), (String::new(), 0, false));
                ok(json!({"id": undo, "status": {"value": "PENDING"}, "undoes": id}))
            }
            _ => problem(404, "no such path"),
        }
    }
}
