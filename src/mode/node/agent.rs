//! The work of a node: ordinary crews on this host, which do what the stream orders, until the
//! stream ends.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::NodeRound;
use super::build::hash_of;
use super::connect::Way;
use super::message::{Answer, Laps, Numbered, Order, Trial};
use super::peer::text;
use super::wire::{Inbox, Seal};
use crate::clock;
use crate::machine::{
    BURN_TIME, Burn, Ledger, Machine, Placement, Root, Watch, cpu_time_of, descendants,
    process_cpu_time,
};
use crate::mode::{self, Crew, Extent, Job, Lap, ModeError, Opening, Round, Site, Window};
use crate::plan::Mode;

/// A node ends if it gets no order for this long while it has nothing to do.
const FORSAKEN: Duration = Duration::from_secs(900);
/// How often the node checks whether a signal told it to end.
const GLANCE: Duration = Duration::from_millis(50);
/// Work that is running when the stream ends gets this long to end by itself.
const GRACE: Duration = Duration::from_millis(300);

/// The writing half of the stream.
#[derive(Debug)]
struct Mouth {
    stream: TcpStream,
    seal: Seal,
}

/// Carries out the orders.
struct Agent {
    site: Site,
    machine: Machine,
    crews: BTreeMap<u64, (Box<dyn Crew>, bool)>,
    watch: Watch,
    burn: Option<Burn>,
}

/// Obeys orders until the stream ends or an order or a signal ends it. If work is still running
/// after the grace period, `last` is called; it ends this process.
pub fn serve(way: Way, site: Site, machine: Machine, last: impl FnOnce() + Send + 'static) {
    let Way { stream, seal, inbox } = way;
    let Ok(writing) = stream.try_clone() else { return };
    let mouth = Arc::new(Mutex::new(Mouth { stream: writing, seal }));
    let (orders, told) = mpsc::channel();
    let busy = Arc::new(AtomicBool::new(false));
    let (cancel, done) = (Arc::clone(&site.cancel), Arc::new(AtomicBool::new(false)));
    let ear = {
        let (mouth, busy, done) = (Arc::clone(&mouth), Arc::clone(&busy), Arc::clone(&done));
        let opening = Arc::clone(&site.opening);
        move || {
            listen((stream, inbox), &mouth, &orders, &busy, &opening);
            cancel.store(true, Ordering::Relaxed);
            let end = clock::now() + GRACE;
            while clock::now() < end && !done.load(Ordering::Acquire) {
                thread::sleep(Duration::from_millis(5));
            }
            if !done.load(Ordering::Acquire) {
                last();
            }
        }
    };
    if thread::Builder::new().name("stream".into()).spawn(ear).is_err() {
        return;
    }
    let mut agent = Agent {
        watch: Watch::open(&Root::live(), &machine.budget),
        burn: machine.budget.affinity.as_ref().map(Burn::new),
        crews: BTreeMap::new(),
        machine,
        site,
    };
    agent.obey(&told, &mouth, &busy);
    // Everything of the crews must end before the coordinator is told so.
    drop(agent);
    done.store(true, Ordering::Release);
}

/// Reads orders until the stream ends or breaks the protocol. Two orders are obeyed here, at once:
/// to answer what time it is, and to open a window. They cannot wait until another order is done.
fn listen(
    (mut stream, mut inbox): (TcpStream, Inbox),
    mouth: &Mutex<Mouth>,
    orders: &Sender<Numbered<Order>>,
    busy: &AtomicBool,
    opening: &Opening,
) {
    let _ = stream.set_read_timeout(Some(FORSAKEN));
    let mut buffer = vec![0; 1 << 14];
    loop {
        let count = match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let waited = matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                );
                if waited && busy.load(Ordering::Acquire) {
                    opening.go_on();
                    continue;
                }
                return;
            }
        };
        let heard_ns = clock::shared_nanos();
        inbox.put(&buffer[..count]);
        loop {
            let message = match inbox.next() {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(_) => return,
            };
            let Ok(order) = serde_json::from_slice::<Numbered<Order>>(&message) else { return };
            match order.said {
                Order::Quit {} => return,
                Order::Ping {} => {
                    let answer = |mouth: &mut Mouth| {
                        let answered_ns = clock::shared_nanos();
                        mouth.say(order.id, Answer::Pong { heard_ns, answered_ns })
                    };
                    let mut mouth = mouth.lock().unwrap_or_else(PoisonError::into_inner);
                    if answer(&mut mouth).is_none() {
                        return;
                    }
                }
                Order::Open { at_ns } => opening.agree(order.id, moment(at_ns)),
                _ => {
                    if orders.send(order).is_err() {
                        return;
                    }
                }
            }
        }
    }
}

impl Mouth {
    /// Sends an answer; `None` if nobody reads any more.
    fn say(&mut self, id: u64, answer: Answer) -> Option<()> {
        let mut sealed = Vec::new();
        self.seal.seal(&text(&Numbered { id, said: answer }), &mut sealed).ok()?;
        self.stream.write_all(&sealed).ok()
    }
}

impl Agent {
    fn obey(
        &mut self,
        told: &Receiver<Numbered<Order>>,
        mouth: &Arc<Mutex<Mouth>>,
        busy: &AtomicBool,
    ) {
        loop {
            let order = match told.recv_timeout(GLANCE) {
                Ok(order) => order,
                Err(RecvTimeoutError::Timeout) if !self.is_cancelled() => continue,
                Err(_) => return,
            };
            let id = order.id;
            busy.store(true, Ordering::Release);
            let answer = self.answer(order, mouth);
            busy.store(false, Ordering::Release);
            let answer = answer.unwrap_or_else(|error| Answer::Failure { text: error.to_string() });
            let said = mouth.lock().unwrap_or_else(PoisonError::into_inner).say(id, answer);
            if said.is_none() || self.is_cancelled() {
                return;
            }
        }
    }

    fn is_cancelled(&self) -> bool {
        self.site.cancel.load(Ordering::Relaxed)
    }

    fn answer(
        &mut self,
        order: Numbered<Order>,
        mouth: &Arc<Mutex<Mouth>>,
    ) -> Result<Answer, ModeError> {
        Ok(match order.said {
            Order::Files { directory, paths } => {
                let place = std::env::set_current_dir(&directory);
                place.map_err(|error| ModeError::Launch {
                    what: "the directory from which knee was started cannot be entered",
                    reason: format!("{directory}: {error}"),
                })?;
                let hashes = paths.iter().map(|path| hash_of(path.as_ref()).ok()).collect();
                Answer::Files { hashes }
            }
            Order::Survey { job, workers } => {
                Answer::Surveyed(Box::new(mode::reference(&self.site, &job, workers)?))
            }
            Order::Launch { crew, mode, members, job, pin } => {
                self.launch(crew, (mode, members), &job, pin)?;
                Answer::Ready {}
            }
            Order::Round(trial) => {
                let mouth = Arc::clone(mouth);
                self.site.opening.expect(order.id, move || {
                    let mut mouth = mouth.lock().unwrap_or_else(PoisonError::into_inner);
                    // If sending fails, the stream has ended, and with it all that waits on it.
                    let _ = mouth.say(order.id, Answer::Warm {});
                });
                let laps = self.round(order.id, trial);
                self.site.opening.forget();
                Answer::Laps(Box::new(laps?))
            }
            Order::Dismiss { crew } => {
                if let Some((crew, _)) = self.crews.remove(&crew) {
                    // Its rounds are complete; how the crew ends changes none of them.
                    let _ = crew.dismiss();
                }
                Answer::Bye {}
            }
            Order::Burn {} => Answer::Burned(
                self.burn.as_mut().map(|burn| burn.measure(BURN_TIME)).unwrap_or_default(),
            ),
            // The listening thread has handled all three.
            Order::Ping {} | Order::Open { .. } | Order::Quit {} => Answer::Bye {},
        })
    }

    fn launch(
        &mut self,
        crew: u64,
        (mode, members): (Mode, usize),
        job: &Job,
        pin: bool,
    ) -> Result<(), ModeError> {
        let allowed = self.machine.budget.affinity.as_ref().filter(|_| pin);
        let placement = allowed.and_then(|cpus| Placement::new(&self.machine.topology, cpus).ok());
        let cpus = placement.iter().flat_map(Placement::cpus);
        self.site.placement = cpus.map(|cpu| *cpu as usize).collect();
        let members = NonZeroUsize::new(members).unwrap_or(NonZeroUsize::MIN);
        let (launched, _) = mode::launch(mode, &self.site, job, members)?;
        let helped = job.workload == "function";
        self.crews.insert(crew, (launched, helped));
        Ok(())
    }

    /// Waits until it is known when the window of the round under way opens.
    fn agreed(&self) -> Result<Instant, ModeError> {
        loop {
            if self.is_cancelled() {
                return Err(ModeError::Interrupted);
            }
            if let Some(at) = self.site.opening.wait(GLANCE) {
                return Ok(at);
            }
        }
    }

    fn round(&mut self, id: u64, trial: Trial) -> Result<Laps, ModeError> {
        let Some((crew, helped)) = self.crews.get_mut(&trial.crew) else {
            return Err(no_crew());
        };
        let active = NonZeroUsize::new(trial.active).unwrap_or(NonZeroUsize::MIN);
        let mut warm_up = Duration::from_nanos(trial.warm_ns);
        let extent = match trial.tasks {
            Some(tasks) => Extent::Tasks(tasks),
            None => Extent::Time(Duration::from_nanos(trial.window_ns)),
        };
        crew.allow(Duration::from_nanos(trial.limit_ns));
        // A helper opens its window as soon as it is warm and cannot be given a moment. So a round
        // that does not count warms it up first.
        if *helped && !warm_up.is_zero() {
            let window = Window { extent: Extent::Time(warm_up), warm_up: Duration::ZERO };
            crew.round(active, window)?;
            self.site.opening.warm(None);
            warm_up = Duration::ZERO;
        }
        if let Some(at) = trial.at_ns {
            self.site.opening.agree(id, moment(at));
        }
        let own = own_cpu();
        let before = self.watch.snapshot();
        // Members that warm up themselves wait for the moment at work.
        let at = match trial.at_ns {
            None if !warm_up.is_zero() => None,
            _ => Some(self.agreed()?),
        };
        if let Some(at) = at {
            thread::sleep(at.saturating_duration_since(clock::now()));
        }
        let began = clock::now();
        let at = at.unwrap_or(began);
        let Some((crew, _)) = self.crews.get_mut(&trial.crew) else { return Err(no_crew()) };
        let round = crew.round(active, Window { extent, warm_up })?;
        let after = self.watch.snapshot();
        let late = self.site.opening.late().unwrap_or(began.saturating_duration_since(at));
        let used = (own_cpu() - own).max(round.usage.cpu());
        let ledger = Ledger::between(&before, &after, used);
        Ok(laps(&round, late, began.saturating_duration_since(at), ledger))
    }
}

/// The laps of a round, as sent. `begun` is how long after the agreed moment the round began.
fn laps(round: &Round, late: Duration, begun: Duration, ledger: Ledger) -> Laps {
    let mut latency: Histogram<u64> = Lap::histogram();
    let mut checks = Vec::new();
    let mut warm_up = Duration::ZERO;
    let mut printed_p99: Option<f64> = None;
    for lap in &round.laps {
        latency.add(&lap.latency).expect("all laps have the same bounds");
        checks.extend_from_slice(&lap.checks);
        warm_up = warm_up.max(lap.warm_up);
        for p99 in lap.printed.iter().filter_map(|figure| figure.p99) {
            printed_p99 = Some(printed_p99.map_or(p99, |longest| longest.max(p99)));
        }
    }
    checks.sort_unstable();
    checks.dedup();
    let tasks = round.laps.iter().map(|lap| lap.tasks).sum();
    let step = |step: hdrhistogram::iterators::IterationValue<u64>| {
        (step.value_iterated_to(), step.count_at_value())
    };
    Laps {
        tasks,
        units: round.laps.iter().fold(0, |sum, lap| lap.units.saturating_add(sum)),
        rates: round.laps.iter().map(|lap| lap.rate).collect(),
        latency: latency.iter_recorded().map(step).collect(),
        checks,
        warm_ns: warm_up.as_nanos() as u64,
        span_ns: (begun + round.span).as_nanos() as u64,
        usage: round.usage,
        handover: round.handover,
        printed_p99,
        node: NodeRound {
            node: 0,
            throughput: round.rate(),
            tasks,
            late: late.as_secs_f64(),
            clock_error: 0.0,
            ledger: Some(ledger),
            usage: Some(round.usage),
        },
    }
}

fn no_crew() -> ModeError {
    ModeError::Launch {
        what: "the round could not be begun",
        reason: "no such crew is here".to_owned(),
    }
}

/// A moment on the system's monotonic clock.
fn moment(nanos: u64) -> Instant {
    let (now, shared) = (clock::now(), clock::shared_nanos());
    let ahead = Duration::from_nanos(nanos.saturating_sub(shared));
    let behind = Duration::from_nanos(shared.saturating_sub(nanos));
    let moment = now.checked_add(ahead).and_then(|moment| moment.checked_sub(behind));
    moment.unwrap_or(now)
}

/// CPU seconds of this process and everything that it has started.
fn own_cpu() -> f64 {
    let others: f64 = descendants(&[std::process::id()]).into_iter().filter_map(cpu_time_of).sum();
    process_cpu_time().unwrap_or(0.0) + others
}
