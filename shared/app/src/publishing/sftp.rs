//! Files of a run to a server outside, over SFTP (S16). A file is sent under a name of its own for what is not whole, and
//! gets its name when it is; a connection that broke is taken up where it stopped.

use vitrine_domain::job::{Job, JobStatus, JobWork};
use vitrine_domain::publishing::delivery::wait_seconds;
use vitrine_domain::publishing::profile::{PublishingProfile, SftpTarget};
use vitrine_domain::publishing::run::{PublishRun, PublishStep, SendStep};
use vitrine_store::StoreError;
use vitrine_store::objects::{Bucket, ObjectsError};
use vitrine_store::sftp::{Sftp, SftpError};

use super::run::file_key;
use crate::register_file::TimeLeft;
use crate::run_job::{Around, Next};
use crate::{App, AppError, Call};

/// After so many failures in a row the job gives up, and can be resubmitted.
const MAX_FAILURES: u32 = 8;
/// The longest time that SQS keeps a message back, in seconds.
const MAX_DELAY_SECONDS: i64 = 900;

/// What became of the files that were to be sent.
enum Sent {
    All,
    OutOfTime,
}

/// Why a file was not sent.
enum NotSent {
    There(SftpError),
    Here(AppError),
}

impl From<SftpError> for NotSent {
    fn from(error: SftpError) -> Self {
        Self::There(error)
    }
}

impl From<AppError> for NotSent {
    fn from(error: AppError) -> Self {
        Self::Here(error)
    }
}

impl From<StoreError> for NotSent {
    fn from(error: StoreError) -> Self {
        Self::Here(error.into())
    }
}

impl From<ObjectsError> for NotSent {
    fn from(error: ObjectsError) -> Self {
        Self::Here(error.into())
    }
}

/// The names of a run's files in the order in which they are sent: the manifest last, so that who sees it sees all.
fn names(run: &PublishRun) -> impl Iterator<Item = &str> {
    run.files.iter().map(|file| file.name.as_str()).chain(["manifest.json"])
}

impl App {
    /// Sends the files of a run, one after another, as long as there is time.
    pub(super) async fn send_files(
        &self,
        call: &Call,
        job: &Job,
        profile: &PublishingProfile,
        around: Around<'_>,
    ) -> Result<Next, AppError> {
        let Some(target) = &profile.settings.target.sftp else {
            return self.save_step(call, job, PublishStep::End, |_| {}).await;
        };
        let mut job = job.clone();
        let reason = match self.send_all(call, &mut job, profile, target, around.time_left).await {
            Ok(Sent::All) => return self.save_step(call, &job, PublishStep::End, |_| {}).await,
            Ok(Sent::OutOfTime) => return Ok(Next::OutOfTime),
            Err(NotSent::Here(error)) => return Err(error),
            Err(NotSent::There(SftpError::Lost(reason))) => reason,
            Err(NotSent::There(error)) => return self.give_up(call, &job, error.to_string()).await,
        };
        let JobWork::Publish(run) = &job.work else { return Ok(Next::OutOfTime) };
        let PublishStep::Send(at) = &run.step else { return Ok(Next::OutOfTime) };
        let failures = at.failures + 1;
        tracing::warn!(job.id = %job.id, failures, reason, "files were not sent");
        if failures >= MAX_FAILURES {
            return self.give_up(call, &job, format!("given up after {failures} tries: {reason}")).await;
        }
        let step = PublishStep::Send(SendStep { failures, ..at.clone() });
        self.save_step(call, &job, step, |_| {}).await?;
        let wait = wait_seconds(failures).min(MAX_DELAY_SECONDS);
        Ok(Next::Wait(u16::try_from(wait).unwrap_or(1)))
    }

    async fn give_up(&self, call: &Call, job: &Job, reason: String) -> Result<Next, AppError> {
        let reason = format!("the files are written but could not be sent: {reason}");
        let ended = self.end_job(call, job, JobStatus::Failed, Some(reason)).await?;
        Ok(Next::GoOn(Box::new(ended)))
    }

    async fn send_all(
        &self,
        call: &Call,
        job: &mut Job,
        profile: &PublishingProfile,
        target: &SftpTarget,
        time_left: TimeLeft<'_>,
    ) -> Result<Sent, NotSent> {
        let secret = self.secrets.of_profile(profile.id.as_str()).await?;
        let Some(secret) = secret else {
            return Err(SftpError::Refused("the profile has no secret yet".to_owned()).into());
        };
        let server = Sftp::connect(&self.egress, target, &secret).await?;
        loop {
            let JobWork::Publish(run) = &job.work else { return Ok(Sent::All) };
            let PublishStep::Send(at) = &run.step else { return Ok(Sent::All) };
            let Some(name) = names(run).nth(at.file as usize) else { break };
            let from = file_key(&profile.id, &job.id, name);
            let to = target.path(&format!("{}-{name}", job.id));
            if !self.send_file(&server, &from, &to, time_left).await? {
                return Ok(Sent::OutOfTime);
            }
            let step = PublishStep::Send(SendStep { file: at.file + 1, failures: 0 });
            let Next::GoOn(saved) = self.save_step(call, job, step, |_| {}).await? else { break };
            *job = *saved;
            if !time_left() {
                return Ok(Sent::OutOfTime);
            }
        }
        server.close().await;
        Ok(Sent::All)
    }

    /// Sends one file, from where it was left; `false` where the time was over before its end.
    async fn send_file(
        &self,
        server: &Sftp,
        from: &str,
        to: &str,
        time_left: TimeLeft<'_>,
    ) -> Result<bool, NotSent> {
        let head = self.objects.head(Bucket::Published, from, None).await?;
        let size = head.ok_or_else(|| AppError::not_found("published file", from))?.size_bytes;
        if server.size_of(to).await? == Some(size) {
            return Ok(true);
        }
        let part = format!("{to}.part");
        // Longer than the file can only be something else of that name.
        let held = server.size_of(&part).await?.filter(|held| *held <= size).unwrap_or_default();
        if held < size {
            let mut file = server.open_at(&part, held).await?;
            let mut bytes = self.objects.read(Bucket::Published, from, None, Some(held..size)).await?;
            while let Some(next) = bytes.next().await? {
                file.write(&next).await?;
                if !time_left() {
                    file.close().await?;
                    return Ok(false);
                }
            }
            file.close().await?;
        }
        match server.size_of(&part).await? {
            Some(held) if held == size => {}
            held => {
                let held = held.unwrap_or_default();
                let reason = format!("the server holds {held} of {size} bytes of `{to}`");
                return Err(SftpError::Lost(reason).into());
            }
        }
        server.rename(&part, to).await?;
        Ok(true)
    }
}
