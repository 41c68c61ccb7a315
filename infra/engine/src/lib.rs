//! The local AWS engine for tests and tools: starts it, deploys the product's own `template.yaml` to it, stops it.
//!
//! Nothing here is part of the product. The product never knows that an engine exists: it sees the SDK's
//! standard variables and the `VITRINE_*` names, both of which come from here ([`Engine::environment`],
//! [`Outputs::environment`]).
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use vitrine_engine::{DeployOptions, Engine, Template};
//! let engine = Engine::for_tests()?;
//! let outputs = engine.deploy(&Template::load()?.only_resources(), &DeployOptions::unique("walk"))?;
//! let table = outputs.get("CatalogTable")?;
//! # Ok(()) }
//! ```

pub mod accounts;
mod aws;
mod functions;
mod home;
mod outputs;
mod process;
mod stack;
mod template;

pub use functions::{function_zips, zips_folder};
pub use home::{peers, python, venv, vitrine_home, workspace_root};
pub use outputs::Outputs;
pub use process::{Engine, EngineOptions, REGION, pid_is_alive, stop_pid};
pub use stack::DeployOptions;
pub use template::Template;
