//! Secrets of targets outside, in Secrets Manager: never in a table, a log or an answer.

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;

use crate::clients::Clients;
use crate::error::StoreError;

const GONE: &str = "ResourceNotFoundException";

/// The secrets of this stack.
#[derive(Debug, Clone)]
pub struct Secrets {
    client: aws_sdk_secretsmanager::Client,
    prefix: String,
}

impl Secrets {
    /// The secrets whose names begin with `prefix`.
    pub fn new(clients: &Clients, prefix: String) -> Self {
        Self { client: clients.secrets.clone(), prefix }
    }

    fn name(&self, of: &str) -> String {
        format!("{}/publishing/{of}", self.prefix)
    }

    /// The secret of a publishing profile; none where none was set.
    ///
    /// # Errors
    /// Only those of the service.
    pub async fn of_profile(&self, id: &str) -> Result<Option<String>, StoreError> {
        match self.client.get_secret_value().secret_id(self.name(id)).send().await {
            Ok(found) => Ok(found.secret_string),
            Err(error) if error.code() == Some(GONE) => Ok(None),
            Err(error) => Err(StoreError::of("GetSecretValue", error)),
        }
    }

    /// Sets the secret of a publishing profile.
    ///
    /// # Errors
    /// Only those of the service.
    pub async fn set_of_profile(&self, id: &str, secret: &str) -> Result<(), StoreError> {
        let name = self.name(id);
        match self.client.put_secret_value().secret_id(&name).secret_string(secret).send().await {
            Ok(_) => return Ok(()),
            Err(error) if error.code() == Some(GONE) => {}
            Err(error) => return Err(StoreError::of("PutSecretValue", error)),
        }
        let made = self.client.create_secret().name(name).secret_string(secret).send().await;
        made.map(drop).map_err(|error| StoreError::of("CreateSecret", error))
    }

    /// Forgets the secret of a publishing profile; nothing is fine.
    ///
    /// # Errors
    /// Only those of the service.
    pub async fn forget_of_profile(&self, id: &str) -> Result<(), StoreError> {
        let call = self.client.delete_secret().secret_id(self.name(id)).force_delete_without_recovery(true);
        match call.send().await {
            Err(error) if error.code() != Some(GONE) => Err(StoreError::of("DeleteSecret", error)),
            _ => Ok(()),
        }
    }
}
