//! Lambda events in, use cases out.
//!
//! Each message of a batch ends on its own as done, refused for good, or to be tried again; only the last are
//! returned to the queue (partial batch responses). A message that no version of ours understands is returned too, so
//! that it ends in the dead-letter queue and is seen (B8, B11).

mod batch;
mod decode;
mod deliver;
mod derivatives;
mod fixity;
mod imports;
mod incoming;
mod outcome;
mod publish;
mod seal;
mod sweep;

pub use decode::{Arrival, DecodeError, decode_arrivals};
pub use deliver::deliver_batch;
pub use derivatives::derivatives_batch;
pub use fixity::fixity_run;
pub use imports::{exports_batch, imports_batch};
pub use incoming::incoming_batch;
pub use outcome::{Metric, metrics_line};
pub use publish::publish_batch;
pub use seal::seal_run;
pub use sweep::sweep_run;

use std::time::Instant;

use vitrine_app::Call;
use vitrine_domain::Timestamp;
use vitrine_domain::actor::Actor;
use vitrine_domain::audit::Origin;

/// What a trigger needs beside its event.
pub struct Surroundings<'a> {
    /// The time; an argument, so that a test can set it.
    pub now: &'a (dyn Fn() -> Timestamp + Send + Sync),
    /// Whether there is time left for another piece of work.
    pub time_left: &'a (dyn Fn() -> bool + Send + Sync),
    /// Takes the metrics.
    pub metrics: &'a (dyn Fn(Metric) + Send + Sync),
}

impl Surroundings<'_> {
    fn count(&self, function: &'static str, outcome: &'static str, started: Instant) {
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        (self.metrics)(Metric { function, outcome, duration_ms });
    }

    fn call(&self, request_id: &str, origin: Origin) -> Call {
        Call { actor: Actor::system(), origin, request_id: request_id.to_owned(), now: (self.now)() }
    }
}
