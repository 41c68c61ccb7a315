//! SFTP: files to a server outside. Only a server whose key is the one that staff named is spoken to, and a file has its
//! name there only when it is whole.

use std::io::SeekFrom;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::Disconnect;
use russh::client::{self, Handle};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key};
use russh_sftp::client::SftpSession;
use russh_sftp::client::fs::File;
use russh_sftp::protocol::{OpenFlags, StatusCode};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vitrine_domain::publishing::profile::SftpTarget;

use crate::egress::{Egress, EgressError};

/// How long a server may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long nothing may be heard of it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may take with one request, in seconds.
const REQUEST_SECONDS: u64 = 60;

/// Why a file did not reach a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SftpError {
    /// It is another server than the one that was named, or somebody stands between.
    #[error("the server's key is `{seen}` and not `{expected}`, so nothing was sent")]
    HostKey {
        /// The fingerprint of the key that it showed.
        seen: String,
        /// The one that staff named.
        expected: String,
    },
    /// The server does not let us in, the secret is none, or the address must not be called: trying again will not help.
    #[error("{0}")]
    Refused(String),
    /// The connection broke, or the server did not do what it was asked: trying again can help.
    #[error("{0}")]
    Lost(String),
}

impl From<EgressError> for SftpError {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::Forbidden(_) => Self::Refused(error.to_string()),
            EgressError::Failed(why) => Self::Lost(why),
        }
    }
}

impl From<russh_sftp::client::error::Error> for SftpError {
    fn from(error: russh_sftp::client::error::Error) -> Self {
        use russh_sftp::client::error::Error;
        match &error {
            Error::Status(status) if status.status_code == StatusCode::PermissionDenied => {
                Self::Refused(format!("the server does not allow it: {}", status.error_message))
            }
            Error::Status(status) if status.status_code == StatusCode::NoSuchFile => {
                Self::Refused("the server has no such folder".to_owned())
            }
            _ => Self::Lost(error.to_string()),
        }
    }
}

fn lost(error: impl std::fmt::Display) -> SftpError {
    SftpError::Lost(error.to_string())
}

/// Takes the key that staff named, and remembers the one that it saw.
struct Known {
    expected: String,
    seen: Arc<Mutex<Option<String>>>,
}

impl client::Handler for Known {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let seen = key.public_key().fingerprint(HashAlg::Sha256).to_string();
        let is_right = seen == self.expected;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(is_right)
    }
}

/// A connection to a server.
pub struct Sftp {
    session: Handle<Known>,
    files: SftpSession,
}

impl std::fmt::Debug for Sftp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sftp").finish_non_exhaustive()
    }
}

impl Sftp {
    /// Connects and signs in: with a private key in OpenSSH's or PEM's form, else with a password.
    ///
    /// # Errors
    /// [`SftpError::HostKey`] before anything is sent to another server than the one that was named.
    pub async fn connect(egress: &Egress, target: &SftpTarget, secret: &str) -> Result<Self, SftpError> {
        let reached = tokio::time::timeout(CONNECT_TIMEOUT, reach(egress, target));
        let stream = reached.await.map_err(|_| lost("the server was not reached in 10 seconds"))??;
        let config = client::Config {
            inactivity_timeout: Some(IDLE_TIMEOUT),
            keepalive_interval: Some(IDLE_TIMEOUT / 4),
            ..client::Config::default()
        };
        let seen = Arc::new(Mutex::new(None));
        let known = Known { expected: target.host_key.clone(), seen: Arc::clone(&seen) };
        let opened = client::connect_stream(Arc::new(config), stream, known);
        let opened = tokio::time::timeout(IDLE_TIMEOUT, opened).await;
        let mut session = match opened.map_err(|_| lost("the server did not say who it is"))? {
            Ok(session) => session,
            Err(error) => {
                let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
                let expected = target.host_key.clone();
                return Err(match seen.filter(|seen| *seen != expected) {
                    Some(seen) => SftpError::HostKey { seen, expected },
                    None => lost(error),
                });
            }
        };
        sign_in(&mut session, &target.user_name, secret).await?;
        let channel = session.channel_open_session().await.map_err(lost)?;
        channel.request_subsystem(true, "sftp").await.map_err(lost)?;
        let files = SftpSession::new(channel.into_stream()).await?;
        files.set_timeout(REQUEST_SECONDS);
        Ok(Self { session, files })
    }

    /// How many bytes a file has; `None` where there is none.
    ///
    /// # Errors
    /// Only those of the connection.
    pub async fn size_of(&self, path: &str) -> Result<Option<u64>, SftpError> {
        match self.files.metadata(path).await {
            Ok(found) => Ok(Some(found.size.unwrap_or_default())),
            Err(russh_sftp::client::error::Error::Status(status))
                if status.status_code == StatusCode::NoSuchFile =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a file for writing from a place on; makes it where there is none.
    ///
    /// # Errors
    /// A folder that is not there or may not be written to; those of the connection.
    pub async fn open_at(&self, path: &str, offset: u64) -> Result<SftpFile, SftpError> {
        let flags = OpenFlags::CREATE | OpenFlags::WRITE;
        let flags = if offset == 0 { flags | OpenFlags::TRUNCATE } else { flags };
        let mut file = self.files.open_with_flags(path, flags).await?;
        file.seek(SeekFrom::Start(offset)).await.map_err(lost)?;
        Ok(SftpFile(file))
    }

    /// Gives a file its name, in the place of whatever had that.
    ///
    /// # Errors
    /// Only those of the connection.
    pub async fn rename(&self, from: &str, to: &str) -> Result<(), SftpError> {
        if self.size_of(to).await?.is_some() {
            // The protocol's own rename takes the place of nothing.
            self.files.remove_file(to).await?;
        }
        Ok(self.files.rename(from, to).await?)
    }

    /// Takes leave.
    pub async fn close(self) {
        let _ = self.files.close().await;
        let _ = self.session.disconnect(Disconnect::ByApplication, "", "en").await;
    }
}

/// A file that is being written.
pub struct SftpFile(File);

impl std::fmt::Debug for SftpFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SftpFile").finish_non_exhaustive()
    }
}

impl SftpFile {
    /// Writes the next bytes.
    ///
    /// # Errors
    /// Only those of the connection.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), SftpError> {
        self.0.write_all(bytes).await.map_err(lost)
    }

    /// Waits until all is written, and closes the file.
    ///
    /// # Errors
    /// Only those of the connection.
    pub async fn close(mut self) -> Result<(), SftpError> {
        self.0.flush().await.map_err(lost)?;
        self.0.shutdown().await.map_err(lost)
    }
}

/// Connects to the first address of the server's that may be called and answers.
async fn reach(egress: &Egress, target: &SftpTarget) -> Result<TcpStream, SftpError> {
    let mut last = lost("the server has no address");
    for address in egress.resolve(&target.host).await? {
        match TcpStream::connect(SocketAddr::new(address, target.port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = lost(format!("the server can not be reached: {error}")),
        }
    }
    Err(last)
}

async fn sign_in(session: &mut Handle<Known>, user: &str, secret: &str) -> Result<(), SftpError> {
    let done = if secret.trim_start().starts_with("-----BEGIN") {
        let key = decode_secret_key(secret, None).map_err(|_| {
            SftpError::Refused("the private key can not be read; it must have no passphrase".to_owned())
        })?;
        let hash = session.best_supported_rsa_hash().await.map_err(lost)?.flatten();
        session.authenticate_publickey(user, PrivateKeyWithHashAlg::new(Arc::new(key), hash)).await
    } else {
        session.authenticate_password(user, secret).await
    };
    if done.map_err(lost)?.success() {
        Ok(())
    } else {
        Err(SftpError::Refused(format!("the server does not let `{user}` in with the secret that is set")))
    }
}
