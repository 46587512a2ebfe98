//! Waits of one fixed length, exact to the microsecond, for any number of requests at once.
//!
//! Tokio's own timers tick in milliseconds: a wait of 2 ms in a closed loop takes 3. All waits here
//! have the same length, so they end in the order in which they began. So one timer of the kernel
//! can serve them all, one after another.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, oneshot};

type Waiting = (Instant, oneshot::Sender<()>);

/// Makes waits. Its queue ends when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Pace {
    length: Duration,
    queue: mpsc::UnboundedSender<Waiting>,
}

impl Pace {
    /// Starts the queue on the current tokio runtime, within which it must be called.
    pub(super) fn start(length: Duration) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        // SAFETY: an `OwnedFd` always gives the same descriptor and keeps it open until it is
        // dropped, with the registration.
        let timer = unsafe { AsyncFd::register(timer)? };
        let (queue, waiting) = mpsc::unbounded_channel();
        tokio::spawn(serve(timer, waiting));
        Ok(Self { length, queue })
    }

    /// Waits for the length given to [`start`](Self::start).
    pub(super) async fn wait(&self) {
        if self.length.is_zero() {
            return;
        }
        let (wake, woken) = oneshot::channel();
        // Both calls fail only when the runtime is shutting down, and this wait with it.
        if self.queue.send((Instant::now() + self.length, wake)).is_ok() {
            let _ = woken.await;
        }
    }
}

async fn serve(timer: AsyncFd<OwnedFd>, mut waiting: mpsc::UnboundedReceiver<Waiting>) {
    while let Some((deadline, wake)) = waiting.recv().await {
        // A timer that cannot be set ends the wait early rather than never.
        let _ = sleep_until(&timer, deadline).await;
        let _ = wake.send(()); // Fails when the connection is gone, which does not matter.
    }
}

async fn sleep_until(timer: &AsyncFd<OwnedFd>, deadline: Instant) -> io::Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Ok(());
    }
    let once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let it_value =
        Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
    timerfd_settime(
        timer.get_ref(),
        TimerfdTimerFlags::empty(),
        &Itimerspec { it_interval: once, it_value },
    )?;
    loop {
        let mut ready = timer.readable().await?;
        // Reading the timer makes it unready again. If it was not ready after all, the wait goes
        // on.
        if let Ok(rang) = ready.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut [0_u8; 8])?)) {
            return rang.map(drop);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_end_in_order_and_never_early() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let length = Duration::from_micros(1500);
            let pace = Pace::start(length).unwrap();
            let waits: Vec<_> = (0..50)
                .map(|_| {
                    let pace = pace.clone();
                    tokio::spawn(async move {
                        let start = Instant::now();
                        pace.wait().await;
                        (start.elapsed(), Instant::now())
                    })
                })
                .collect();
            let mut last = Instant::now();
            for wait in waits {
                let (taken, ended) = wait.await.unwrap();
                assert!(taken >= length, "{taken:?}");
                assert!(ended >= last);
                last = ended;
            }
        });
    }
}
