//! Configuration, logging, metrics and wiring: what every entry point needs once, at its start.

mod config;
pub mod lambda;
mod wiring;

pub use config::{Config, ConfigError, VARIABLES, Variable, render_configuration};
pub use wiring::{api, app, clients, tools};

use tracing_subscriber::EnvFilter;
use vitrine_domain::Timestamp;
use vitrine_triggers::{Metric, metrics_line};

/// Starts the log: one JSON line an event, on standard output, filtered by `VITRINE_LOG`.
pub fn start_log(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // A second start in one process, as in tests, keeps the first log.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .try_init();
}

/// Writes a metric as a line of its own, in the embedded metric format.
pub fn write_metric(metric: Metric) {
    println!("{}", metrics_line(&metric, Timestamp::now().as_millisecond()));
}
