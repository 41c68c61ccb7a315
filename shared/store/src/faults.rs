//! Faults where the SDK speaks HTTP: calls that fail, lose their answer, are throttled, late or sent twice, and callers
//! that die at one of their calls. For tests only.
//!
//! Calls are numbered from 0 in the order in which they are made and named by service and operation, so that a test can
//! count what a unit of work costs and let each of its calls fail in turn. The services behind are real; only the way to
//! them is bad, so no second implementation of a store is needed.

mod answers;
mod batches;
mod bodies;
mod plan;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tokio::sync::Notify;

pub use plan::{Plan, Rates, Seed};

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not sent.
    Before,
    /// It has its effect, and the answer is lost.
    After,
    /// The service answers that it is asked too much, in its own words, and does nothing.
    Throttled,
    /// The service answers that another writer is at the same item, and does nothing; calls that can not meet another
    /// writer are let through.
    Conflicted,
    /// The service answers that the caller has no right to that, and does nothing.
    Denied,
    /// It is sent late.
    Delayed(Duration),
    /// It is sent, and when that has had its effect sent again; the caller sees the second answer.
    Twice,
    /// The service does only the first half of a batch, at least one of it, and leaves the rest over; other calls are
    /// let through.
    LeftOver,
    /// The connection ends when half of the answer's body has arrived.
    CutShort,
    /// One bit of the answer's body is turned over on the way.
    Flipped,
    /// A transaction is taken for one that was never sent before, as it is ten minutes after the first time; other
    /// calls are let through.
    TokenForgotten,
}

/// On which side of a call's effect something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The call is about to be sent.
    Before,
    /// The call has had its effect; its answer is on the way.
    After,
}

#[derive(Debug, Default)]
struct Record {
    calls: Vec<String>,
    injected: usize,
    rule: Rule,
}

#[derive(Debug, Clone, Default)]
enum Rule {
    #[default]
    Healthy,
    One(usize, Fault),
    All(String, Fault),
    First(String, Fault),
    HoldFirst(String, Moment, Held),
    Storm(Plan),
    Hold(usize, Moment, Held),
}

enum Lot {
    Passes,
    Meets(Fault),
    Waits(Moment, Held),
}

impl Record {
    fn is_first(&self, prefix: &str, name: &str) -> bool {
        name.starts_with(prefix) && !self.calls.iter().any(|call| call.starts_with(prefix))
    }

    fn lot(&self, number: usize, name: &str) -> Lot {
        let fault = match &self.rule {
            Rule::Healthy => None,
            Rule::One(chosen, fault) => (*chosen == number).then_some(*fault),
            Rule::All(prefix, fault) => name.starts_with(prefix).then_some(*fault),
            Rule::First(prefix, fault) => self.is_first(prefix, name).then_some(*fault),
            Rule::HoldFirst(prefix, moment, held) if self.is_first(prefix, name) => {
                return Lot::Waits(*moment, held.clone());
            }
            Rule::HoldFirst(..) => None,
            Rule::Storm(plan) => plan.at(number),
            Rule::Hold(chosen, moment, held) if *chosen == number => {
                return Lot::Waits(*moment, held.clone());
            }
            Rule::Hold(..) => None,
        };
        fault.map_or(Lot::Passes, Lot::Meets)
    }
}

/// An HTTP client that writes down every call and lets some of them fail.
#[derive(Debug, Clone)]
pub struct Faulty {
    inner: SharedHttpClient,
    record: Arc<Mutex<Record>>,
}

impl Faulty {
    /// Wraps the product's own client; no call fails yet.
    pub fn new(inner: SharedHttpClient) -> Self {
        Self { inner, record: Arc::default() }
    }

    /// Lets call `number`, counted from here, fail.
    pub fn fail(&self, number: usize, fault: Fault) {
        self.begin(Rule::One(number, fault));
    }

    /// Lets every call fail whose name begins with `prefix`, for example `SQS.` or `DynamoDB.TransactWriteItems`.
    pub fn fail_all(&self, prefix: &str, fault: Fault) {
        self.begin(Rule::All(prefix.to_owned(), fault));
    }

    /// Lets the first call fail whose name begins with `prefix`: for work of which several calls are made side by side.
    pub fn fail_first(&self, prefix: &str, fault: Fault) {
        self.begin(Rule::First(prefix.to_owned(), fault));
    }

    /// Lets the first call wait whose name begins with `prefix`, until it is let go of.
    pub fn hold_first(&self, prefix: &str, moment: Moment) -> Held {
        let held = Held::default();
        self.begin(Rule::HoldFirst(prefix.to_owned(), moment, held.clone()));
        held
    }

    /// Lets calls fail as `plan` says, which is the same for the same seed.
    pub fn storm(&self, plan: Plan) {
        self.begin(Rule::Storm(plan));
    }

    /// Lets no call fail and forgets the calls so far.
    pub fn heal(&self) {
        self.begin(Rule::Healthy);
    }

    /// Lets call `number`, counted from here, wait until it is let go of: a worker that is slower than another.
    pub fn hold(&self, number: usize, moment: Moment) -> Held {
        let held = Held::default();
        self.begin(Rule::Hold(number, moment, held.clone()));
        held
    }

    /// Runs `work` until its call `number` and drops it there, as a process that is killed: nothing after that await
    /// is run, not even the handling of an error. Returns what `work` came to if it does not make that many calls.
    pub async fn killed_at<W: Future>(&self, number: usize, moment: Moment, work: W) -> Option<W::Output> {
        let held = self.hold(number, moment);
        tokio::select! {
            biased;
            output = work => Some(output),
            () = held.reached() => None,
        }
    }

    /// The calls since faults were last chosen, for example `DynamoDB.GetItem` or `S3.CopyObject`.
    pub fn calls(&self) -> Vec<String> {
        self.locked().calls.clone()
    }

    /// How many faults were met since they were last chosen; a test that expects some is vain where this is 0.
    pub fn injected(&self) -> usize {
        self.locked().injected
    }

    fn begin(&self, rule: Rule) {
        *self.locked() = Record { rule, ..Record::default() };
    }

    fn locked(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that waits.
#[derive(Debug, Clone, Default)]
pub struct Held {
    gates: Arc<Gates>,
}

#[derive(Debug, Default)]
struct Gates {
    reached: Notify,
    released: Notify,
}

impl Held {
    /// Comes back when the call has been made and waits.
    pub async fn reached(&self) {
        self.gates.reached.notified().await;
    }

    /// Lets the call go on.
    pub fn release(&self) {
        self.gates.released.notify_one();
    }

    async fn wait(&self) {
        self.gates.reached.notify_one();
        self.gates.released.notified().await;
    }
}

impl HttpClient for Faulty {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(FaultyConnector { inner, faulty: self.clone() })
    }
}

#[derive(Debug)]
struct FaultyConnector {
    inner: SharedHttpConnector,
    faulty: Faulty,
}

impl HttpConnector for FaultyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let name = answers::name(&request);
        let (number, lot) = {
            let mut record = self.faulty.locked();
            let number = record.calls.len();
            let lot = record.lot(number, &name);
            if !matches!(lot, Lot::Passes) {
                record.injected += 1;
            }
            record.calls.push(name.clone());
            (number, lot)
        };
        match lot {
            Lot::Passes => self.inner.call(request),
            Lot::Meets(fault) => self.meet(fault, &name, number, request),
            Lot::Waits(moment, held) => self.wait(moment, held, request),
        }
    }
}

impl FaultyConnector {
    fn meet(&self, fault: Fault, name: &str, number: usize, request: HttpRequest) -> HttpConnectorFuture {
        match fault {
            Fault::Before => HttpConnectorFuture::ready(Err(lost())),
            Fault::After => {
                let sent = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    let _ = sent.await;
                    Err(lost())
                })
            }
            Fault::Throttled => HttpConnectorFuture::ready(answers::throttled(name, number, &request)),
            Fault::Conflicted => match answers::conflicted(name, &request) {
                Some(answer) => HttpConnectorFuture::ready(answer),
                None => self.inner.call(request),
            },
            Fault::Denied => HttpConnectorFuture::ready(answers::denied(name)),
            Fault::Delayed(delay) => {
                let inner = self.inner.clone();
                HttpConnectorFuture::new(async move {
                    tokio::time::sleep(delay).await;
                    inner.call(request).await
                })
            }
            Fault::Twice => {
                let (first, inner) =
                    (request.try_clone().map(|copy| self.inner.call(copy)), self.inner.clone());
                HttpConnectorFuture::new(async move {
                    if let Some(first) = first {
                        let _ = first.await;
                    }
                    inner.call(request).await
                })
            }
            Fault::LeftOver => {
                let (request, rest) = batches::split(name, request);
                let sent = self.inner.call(request);
                HttpConnectorFuture::new(async move { batches::with_rest(sent.await?, rest).await })
            }
            Fault::CutShort => {
                let sent = self.inner.call(request);
                HttpConnectorFuture::new(async move { bodies::cut_short(sent.await?).await })
            }
            Fault::Flipped => {
                let sent = self.inner.call(request);
                HttpConnectorFuture::new(async move { bodies::flipped(sent.await?).await })
            }
            Fault::TokenForgotten => self.inner.call(answers::with_another_token(request, number)),
        }
    }

    fn wait(&self, moment: Moment, held: Held, request: HttpRequest) -> HttpConnectorFuture {
        let inner = self.inner.clone();
        HttpConnectorFuture::new(async move {
            match moment {
                Moment::Before => {
                    held.wait().await;
                    inner.call(request).await
                }
                Moment::After => {
                    let answer = inner.call(request).await;
                    held.wait().await;
                    answer
                }
            }
        })
    }
}

fn lost() -> ConnectorError {
    ConnectorError::io("injected by a test".into())
}
