//! `threads`: a pool of exactly N threads, each with its own task.
//!
//! | before the clock | inside it |
//! |---|---|
//! | pool started, prepare | take a task, run |

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use knee_workloads::Task;

use super::line::StartingLine;
use super::memory::Book;
use super::{Crew, Ground, Lap, Meter, ModeError, Round, Whom, Window, drive, gather};
use crate::clock;

/// An order to a member.
type Order = Box<dyn FnOnce() + Send>;

/// A pool of threads. A round wakes only the members that work in it. If it woke all, 512 threads
/// on two cores would take two seconds to fall asleep again.
pub(super) struct Pool {
    members: Vec<Member>,
    /// The task of each member. The member has it while it works; between rounds it is here.
    tasks: Vec<Option<Box<dyn Task>>>,
    memory: Book,
    ground: Arc<Ground>,
}

/// A thread that waits for orders until its channel closes.
struct Member {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Pool {
    pub(super) fn launch(ground: Ground) -> Result<Self, ModeError> {
        let ground = Arc::new(ground);
        // All threads are started before any is prepared, so that a limit on threads shows at once.
        let members = (0..ground.members).map(|member| Member::start(&ground, member));
        let members = members.collect::<Result<Vec<_>, _>>()?;
        let prepare = || {
            let place = Arc::clone(&ground);
            all(&members, members.len(), |member| {
                let ground = Arc::clone(&place);
                Box::new(move || ground.prepare(member))
            })
        };
        let (tasks, memory) = Book::open(&ground.held, ground.members, prepare);
        let tasks = tasks?.into_iter().map(|task| task.map(Some)).collect::<Result<_, _>>()?;
        Ok(Self { members, tasks, memory, ground })
    }

    fn measure(&mut self, active: usize, window: Window, others: u64) -> Result<Round, ModeError> {
        let mut tasks: Vec<Box<dyn Task>> =
            self.tasks.iter_mut().take(active).filter_map(Option::take).collect();
        if tasks.len() < active {
            return Err(lost());
        }
        let whom = Whom::with_helpers(tasks.iter().map(|task| &**task));
        let gate = self.ground.gate(window, active);
        let meter = Arc::new(Meter::new(whom));
        let line = Arc::new(StartingLine::new(active));
        let start = clock::now();
        tasks.reverse();
        let driven = all(&self.members, active, |member| {
            let (gate, meter, line) = (Arc::clone(&gate), Arc::clone(&meter), Arc::clone(&line));
            let (ground, task) = (Arc::clone(&self.ground), tasks.pop());
            Box::new(move || {
                let mut task = task?;
                let mut lane = ground.lane(&gate, member, active);
                line.wait(|| {
                    if gate.is_open_from_start() {
                        meter.open(&gate);
                    }
                });
                lane.start();
                let driven = drive(&mut lane, &mut *task, &gate, &meter);
                Some((task, driven.map(|()| lane.finish())))
            })
        })?;
        let (span, usage) = (clock::since(start), meter.end_without(others));
        let mut laps: Vec<Result<Lap, ModeError>> = Vec::with_capacity(active);
        for (place, (task, lap)) in self.tasks.iter_mut().zip(driven.into_iter().flatten()) {
            *place = Some(task);
            laps.push(lap);
        }
        Ok(Round::new(gather(&gate, laps)?, usage, span).after(&gate))
    }
}

impl Member {
    fn start(ground: &Arc<Ground>, number: usize) -> Result<Self, ModeError> {
        let (orders, received) = mpsc::channel::<Order>();
        let placement = ground.placement.clone();
        let live = move || {
            super::pin(&placement, number);
            for order in received {
                order();
            }
        };
        let thread = thread::Builder::new().name(format!("knee-{number}")).spawn(live);
        let thread = thread.map_err(|error| ModeError::Launch {
            what: "the thread pool could not be started",
            reason: error.to_string(),
        })?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // Everything it had to report was in its result.
            let _ = thread.join();
        }
    }
}

/// Lets the first `count` members carry out `order`, and waits for all of them.
fn all<T: Send + 'static>(
    members: &[Member],
    count: usize,
    mut order: impl FnMut(usize) -> Box<dyn FnOnce() -> T + Send>,
) -> Result<Vec<T>, ModeError> {
    let (done, results) = mpsc::channel();
    for (number, member) in members.iter().take(count).enumerate() {
        let (work, done) = (order(number), done.clone());
        let order = Box::new(move || {
            // The send fails only if nobody waits for the results any more.
            let _ = done.send((number, work()));
        });
        let orders = member.orders.as_ref().ok_or_else(lost)?;
        orders.send(order).map_err(|_| lost())?;
    }
    drop(done);
    let mut results: Vec<(usize, T)> = results.into_iter().collect();
    results.sort_unstable_by_key(|(number, _)| *number);
    if results.len() < count.min(members.len()) {
        return Err(lost());
    }
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

/// The error for a thread that ended although it had orders: something panicked outside a task.
fn lost() -> ModeError {
    ModeError::Launch {
        what: "a thread of the pool was lost",
        reason: "it panicked outside a task".to_owned(),
    }
}

impl Crew for Pool {
    fn round(&mut self, active: NonZeroUsize, window: Window) -> Result<Round, ModeError> {
        let active = self.ground.active(active);
        let before = self.memory.before(active);
        let round = self.measure(active, window, before.others);
        self.memory.after(active, before);
        round
    }

    fn dismiss(self: Box<Self>) -> Result<(), ModeError> {
        Ok(())
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("ground", &self.ground).finish_non_exhaustive()
    }
}
