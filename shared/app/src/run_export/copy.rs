//! Files into a run's folder: copied by the store itself, so no byte passes through here.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use vitrine_domain::export::{ExportLayout, ExportRun, ExportStep};
use vitrine_domain::ids::JobId;
use vitrine_domain::import::row::JobClaim;
use vitrine_domain::job::Job;
use vitrine_store::objects::{Bucket, CopyProgress, CopySource, CopyTarget, ObjectsError};

use super::{Listed, after_list, left_out};
use crate::exports::folder;
use crate::run_job::{Around, Next};
use crate::{App, AppError, Call};

/// How many files are copied side by side, and how many between two saves.
const SIDE_BY_SIDE: usize = 8;
const FILES_A_SAVE: usize = 64;

impl App {
    /// Copies files of one list until the time is over, and saves how far that is.
    pub(super) async fn copy_files(
        &self,
        call: &Call,
        job: &Job,
        run: &ExportRun,
        (list, next, copy): (u32, u64, Option<&str>),
        around: Around<'_>,
    ) -> Result<Next, AppError> {
        let mut after = run.clone();
        let titles = self.listed(&job.id, list).await?;
        let all: Vec<&Listed> = titles.iter().flat_map(|it| &it.files).collect();
        let from = usize::try_from(next).unwrap_or(usize::MAX);
        let ahead = all.get(from..).unwrap_or_default();
        let Some(first) = ahead.first() else {
            after.step = match run.layout {
                ExportLayout::BagIt => after_list(run, list),
                ExportLayout::Ocfl => ExportStep::Objects { list, next: 0 },
            };
            return self.save_run(call, job, after, Vec::new(), |_| Ok(())).await;
        };
        if !self.objects.copies_whole(first.size_bytes) {
            return self.copy_large(call, job, run, (list, next, copy), first, around).await;
        }
        let part: Vec<&Listed> = ahead
            .iter()
            .copied()
            .take(FILES_A_SAVE)
            .take_while(|it| self.objects.copies_whole(it.size_bytes))
            .collect();
        let outcomes: Vec<(&Listed, Result<(), String>)> = stream::iter(part)
            .map(|it| async move { Ok::<_, AppError>((it, self.copy_one(&job.id, it).await?)) })
            .buffered(SIDE_BY_SIDE)
            .try_collect()
            .await?;
        after.step = ExportStep::Copy { list, next: next + outcomes.len() as u64, copy: None };
        self.save_copied(call, job, after, outcomes).await
    }

    async fn copy_one(&self, job: &JobId, it: &Listed) -> Result<Result<(), String>, AppError> {
        let (source, target) = ends(job, it);
        match self.objects.copy(&source, &target).await {
            Ok(copied) => match copied.crc64nvme {
                Some(found) if !it.crc64nvme.is_empty() && found != it.crc64nvme => {
                    self.objects.delete_version(Bucket::Published, &target.key, None).await?;
                    Ok(Err("its bytes are not those that were registered".to_owned()))
                }
                _ => Ok(Ok(())),
            },
            Err(ObjectsError::NotFound { .. }) => {
                // A worker that died may have copied it, before it was gone: what is left out does not stay.
                self.objects.delete_version(Bucket::Published, &target.key, None).await?;
                Ok(Err("its bytes are not in storage".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn copy_large(
        &self,
        call: &Call,
        job: &Job,
        run: &ExportRun,
        (list, next, copy): (u32, u64, Option<&str>),
        it: &Listed,
        around: Around<'_>,
    ) -> Result<Next, AppError> {
        let (source, target) = ends(&job.id, it);
        let mut after = run.clone();
        let Some(copy) = copy else {
            let copy = self.objects.begin_copy(&target).await?;
            after.step = ExportStep::Copy { list, next, copy: Some(copy) };
            return self.save_run(call, job, after, Vec::new(), |_| Ok(())).await;
        };
        let outcome = match self.objects.copy_parts(copy, &source, &target, || (around.time_left)()).await {
            Ok(CopyProgress::More { .. }) => return Ok(Next::OutOfTime),
            Ok(CopyProgress::Done(_)) => Ok(()),
            Err(ObjectsError::NotFound { .. }) => Err("its bytes are not in storage".to_owned()),
            Err(error) => return Err(error.into()),
        };
        after.step = ExportStep::Copy { list, next: next + 1, copy: None };
        self.save_copied(call, job, after, vec![(it, outcome)]).await
    }

    async fn save_copied(
        &self,
        call: &Call,
        job: &Job,
        mut after: ExportRun,
        outcomes: Vec<(&Listed, Result<(), String>)>,
    ) -> Result<Next, AppError> {
        let mut rows = Vec::new();
        let mut claims = Vec::new();
        for (it, outcome) in outcomes {
            match outcome {
                Ok(()) => {
                    after.written.copied += 1;
                    after.written.bytes += it.size_bytes;
                }
                Err(why) => {
                    after.written.left_out += 1;
                    let message = format!("file `{}`: {why}", it.file);
                    let mms = Some(it.mms_id.clone());
                    rows.push(left_out(job, after.written.left_out, "NO_BYTES", message, mms, call));
                    claims.push(JobClaim {
                        job: job.id.clone(),
                        name: it.claim(),
                        row: after.written.left_out,
                        mms_id: Some(it.mms_id.clone()),
                        twin: None,
                    });
                }
            }
        }
        // First the claims, which only repeat what the rows say: the manifest asks for them.
        for part in claims.chunks(50) {
            let mut change = self.change(call, "export.left_out", None, rows.first());
            for claim in part {
                change.put(claim)?;
            }
            self.catalog.commit(&change).await?;
        }
        self.save_run(call, job, after, rows, |_| Ok(())).await
    }
}

fn ends(job: &JobId, it: &Listed) -> (CopySource, CopyTarget) {
    let source = CopySource {
        bucket: Bucket::Content,
        key: it.key.clone(),
        version: it.version.clone(),
        size_bytes: it.size_bytes,
    };
    let key = format!("{}{}", folder(job), it.path);
    (source, CopyTarget { bucket: Bucket::Published, key, content_type: it.mime.clone() })
}
