//! The client that keeps a server under load: each connection sends its next request as soon as it
//! has its answer.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use knee_workloads::Work;
use knee_workloads::server::client::{Connection, Request, Target};
use tokio::sync::Semaphore;

use super::{Extent, Gate, Lane, Lap, Meter, ModeError};

/// A connection that is refused waits this long before it asks again.
const PAUSE: Duration = Duration::from_millis(20);
/// While a connection waits for a due request, it checks this often whether the round is over.
const LOOK: Duration = Duration::from_millis(5);

/// What all threads of the client share.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) target: Arc<Target>,
    pub(super) request: Request,
    pub(super) gate: Arc<Gate>,
    pub(super) meter: Arc<Meter>,
    pub(super) failed: Arc<Mutex<BTreeMap<String, u64>>>,
    /// The requests that are due, where they arrive at a rate.
    pub(super) calls: Option<Arc<Calls>>,
}

/// Counts the requests that are due and not yet taken by a connection.
pub(super) struct Calls {
    due: Semaphore,
}

impl Calls {
    /// Starts with no due request; `None` where requests do not arrive at a rate.
    pub(super) fn of(gate: &Gate) -> Option<Arc<Self>> {
        gate.schedule().map(|_| Arc::new(Self { due: Semaphore::new(0) }))
    }
}

impl Asking {
    /// Keeps one connection per lane busy until the round is over. Where requests arrive at a rate,
    /// a connection waits for the next due request.
    pub(super) fn on_this_thread(
        self,
        lanes: Vec<Lane>,
        limit: Duration,
    ) -> Vec<Result<Lap, ModeError>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                self.gate.stop();
                let reason = error.to_string();
                return vec![Err(ModeError::Launch {
                    what: "the client could not be started",
                    reason,
                })];
            }
        };
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let window = self.gate.window();
            let most = limit.saturating_add(window.warm_up).saturating_add(length(&self.gate));
            let gate = Arc::clone(&self.gate);
            let job = Rc::new(self);
            let ask = |lane| tokio::task::spawn_local(Rc::clone(&job).lap(lane));
            let asking: Vec<_> = lanes.into_iter().map(ask).collect();
            let all = async {
                let mut laps = Vec::new();
                for one in asking {
                    laps.push(one.await.map_err(|error| super::broken(&error)));
                }
                laps
            };
            // A connection that hangs must not delay the others.
            tokio::time::timeout(most, all).await.unwrap_or_else(|_| {
                gate.stop();
                vec![Err(ModeError::Interrupted)]
            })
        })
    }

    /// Counts a request that failed, by its reason.
    fn note(&self, reason: String) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        *failed.entry(reason).or_default() += 1;
    }

    /// The next request: at once in a closed loop, else as soon as one is due and not yet taken.
    async fn next(&self, lane: &mut Lane) -> Option<u64> {
        let Some(calls) = &self.calls else { return lane.take() };
        calls.due.acquire().await.ok()?.forget();
        lane.take_due()
    }

    async fn lap(self: Rc<Self>, mut lane: Lane) -> Lap {
        let mut connection = Connection::new(&self.target, &self.request);
        lane.start();
        while let Some(number) = self.next(&mut lane).await {
            let units = match connection.ask().await {
                Ok(_) => 1,
                Err(reason) => {
                    let refused = !reason.starts_with("status");
                    self.note(reason);
                    if refused {
                        tokio::time::sleep(PAUSE).await;
                    }
                    0
                }
            };
            self.meter.at(lane.done(number, Work { units, checksum: 0 }), &self.gate);
        }
        lane.finish()
    }
}

impl Calls {
    /// Announces requests as they become due, until the round is over. It needs a thread of its
    /// own, because timers of an async runtime are late by a millisecond.
    pub(super) fn call(&self, gate: &Gate) {
        let Some(schedule) = gate.schedule() else { return };
        for number in 0.. {
            let Some(due) = schedule.due(number) else { break };
            loop {
                let now = gate.now();
                if gate.stopped() || schedule.is_over(now) {
                    self.due.close();
                    return;
                }
                if now >= due {
                    break;
                }
                thread::sleep(due.saturating_sub(now).min(LOOK));
            }
            self.due.add_permits(1);
        }
        while !gate.stopped() && !schedule.is_over(gate.now()) {
            thread::sleep(LOOK);
        }
        self.due.close();
    }
}

fn length(gate: &Gate) -> Duration {
    if let Some(schedule) = gate.schedule() {
        return schedule.longest();
    }
    match gate.window().extent {
        Extent::Time(length) | Extent::Arrivals { length, .. } => length,
        Extent::Tasks(_) => Duration::from_secs(3600),
    }
}
