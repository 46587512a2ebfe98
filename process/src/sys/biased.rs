//! A biased lock: almost free for the one thread that takes it most of the time.
//!
//! A mutex costs two locked instructions each time, even when nobody else wants it. Each of them
//! waits until all earlier writes have reached the cache.
//!
//! This lock avoids them. A thread that takes it many times in a row becomes its *owner*.
//!
//! - The owner enters so: it writes that it is inside, then reads whether it still is the owner.
//! - Another thread enters so: it takes a mutex, the *gate*. It writes that there is no owner any
//!   more. Then it waits until the former owner is outside.
//!
//! Both write first and read second, with a [fence](super::fences) between: a light one for the
//! owner, a heavy one for the others.
//!
//! | word | written by |
//! |---|---|
//! | `Biased::owner` | whoever has the gate |
//! | `Thread::inside` | its thread alone. A former owner that has not yet seen its dismissal may write it once more; that harms nobody |
//!
//! Such locks are called biased; this is the scheme of Dice, Moir and Scherer ("Quickly
//! Reacquirable Locks", 2003) with the fence of Linux.

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::{null, null_mut};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicPtr, compiler_fence};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::fences;

/// So many times in a row a thread takes the lock before it is the owner: then to dismiss it, which
/// costs both sides some microseconds, is little beside what was done under the lock.
const ROW: u32 = 64;

/// So many times in a row make it worth to ask the system for light fences, without which nobody is
/// an owner.
const LONG_ROW: u32 = 1024;

/// What others know of a thread. It is never freed, but handed on to a new thread.
#[derive(Debug)]
struct Thread {
    /// The lock that it is inside of as the owner, or about to be.
    inside: AtomicPtr<()>,
}

/// Records of threads that have ended.
static FREE: Mutex<Vec<&'static Thread>> = Mutex::new(Vec::new());

/// Gives the record back when the thread ends.
struct Lease(&'static Thread);

impl Lease {
    fn new() -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let new = || Box::leak(Box::new(Thread { inside: AtomicPtr::new(null_mut()) }));
        Self(free.unwrap_or_else(|| new()))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        OWN.set(null());
        FREE.lock().unwrap_or_else(PoisonError::into_inner).push(self.0);
    }
}

thread_local! {
    /// This thread's record once it has one: a plain word, which costs nothing to look at.
    static OWN: Cell<*const Thread> = const { Cell::new(null()) };
    static LEASE: Lease = Lease::new();
}

/// This thread's record; `None` at the very end of the thread.
fn own() -> Option<&'static Thread> {
    let own = LEASE.try_with(|lease| lease.0).ok()?;
    OWN.set(own);
    Some(own)
}

/// Who has come through the gate lately.
#[derive(Debug)]
struct Habit {
    thread: Option<&'static Thread>,
    /// How many times in a row.
    times: u32,
}

/// A value that one thread at a time may use.
pub(crate) struct Biased<T> {
    owner: AtomicPtr<Thread>,
    gate: Mutex<Habit>,
    value: UnsafeCell<T>,
}

// SAFETY: it lends out the value to one thread at a time, as a mutex does.
unsafe impl<T: Send> Send for Biased<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Biased<T> {}

/// The right to use the value, until it is dropped.
pub(crate) struct Guard<'a, T> {
    lock: &'a Biased<T>,
    /// `None` for the owner.
    gate: Option<MutexGuard<'a, Habit>>,
    /// It may be shared where the value may.
    value: PhantomData<&'a mut T>,
}

impl<T> Biased<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            owner: AtomicPtr::new(null_mut()),
            gate: Mutex::new(Habit { thread: None, times: 0 }),
            value: UnsafeCell::new(value),
        }
    }

    /// What tells the lock from others.
    #[inline]
    fn name(&self) -> *mut () {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    #[inline]
    fn is_owned_by(&self, thread: *const Thread) -> bool {
        std::ptr::eq(self.owner.load(Relaxed), thread)
    }

    /// Waits until no other thread is inside. A thread that is may not ask again: it would wait for
    /// itself.
    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        let own = OWN.get();
        if !own.is_null() && self.is_owned_by(own) {
            // SAFETY: records are never freed, and this one is the thread's own.
            let thread: &'static Thread = unsafe { &*own };
            if thread.inside.load(Relaxed).is_null() {
                thread.inside.store(self.name(), Relaxed);
                // A light fence: an owner is only made where it is nothing more.
                compiler_fence(SeqCst);
                if self.is_owned_by(own) {
                    return Guard::new(self, None);
                }
                thread.inside.store(null_mut(), Release);
            }
        }
        self.lock_gate()
    }

    #[cold]
    #[inline(never)]
    fn lock_gate(&self) -> Guard<'_, T> {
        let own = own();
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.dismiss_owner(own);
        match (gate.thread, own) {
            (Some(thread), Some(own)) if std::ptr::eq(thread, own) => gate.times += 1,
            _ => *gate = Habit { thread: own, times: 1 },
        }
        Guard::new(self, Some(gate))
    }

    /// Sees to it that no owner is inside, nor comes in; for who has the gate.
    fn dismiss_owner(&self, own: Option<&'static Thread>) {
        let owner = self.owner.load(Relaxed);
        if owner.is_null() {
            return;
        }
        self.owner.store(null_mut(), Relaxed);
        // SAFETY: records are never freed.
        let owner: &'static Thread = unsafe { &*owner };
        if own.is_some_and(|own| std::ptr::eq(owner, own)) {
            let is_inside = std::ptr::eq(owner.inside.load(Relaxed), self.name());
            assert!(!is_inside, "a thread has locked the same lock twice");
            return;
        }
        fences::heavy();
        fences::wait_while(|| std::ptr::eq(owner.inside.load(Acquire), self.name()));
    }
}

impl<'a, T> Guard<'a, T> {
    #[inline]
    fn new(lock: &'a Biased<T>, gate: Option<MutexGuard<'a, Habit>>) -> Self {
        Self { lock, gate, value: PhantomData }
    }

    /// Lets others inside until `condition` is notified, or for `limit`; it may also end early, for
    /// no reason.
    pub(crate) fn wait(mut self, condition: &Condvar, limit: Option<Duration>) -> Self {
        let lock = self.lock;
        let Some(gate) = self.gate.take() else {
            // One can only wait at the gate, and what the caller waits for may have come before it
            // is there.
            leave();
            std::mem::forget(self);
            return lock.lock_gate();
        };
        std::mem::forget(self);
        let gate = match limit {
            None => condition.wait(gate).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                condition.wait_timeout(gate, limit).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        lock.dismiss_owner(own());
        Self::new(lock, Some(gate))
    }
}

/// Says that this thread, as an owner, is outside.
#[inline]
fn leave() {
    // SAFETY: records are never freed, and an owner has one.
    unsafe { &*OWN.get() }.inside.store(null_mut(), Release);
}

impl<T> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        match self.gate.take() {
            None => leave(),
            Some(gate) => self.lock.leave_by_gate(gate),
        }
    }
}

impl<T> Biased<T> {
    /// Lets others inside, and makes the thread the owner if it has come through the gate often
    /// enough.
    #[cold]
    fn leave_by_gate(&self, gate: MutexGuard<'_, Habit>) {
        if let Some(thread) = gate.thread.filter(|_| gate.times >= ROW) {
            if fences::are_light() {
                self.owner.store(std::ptr::from_ref(thread).cast_mut(), Relaxed);
            } else if gate.times >= LONG_ROW {
                fences::lighten();
            }
        }
        drop(gate);
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: nobody else is inside.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: nobody else is inside, and the guard is lent exclusively.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> fmt::Debug for Biased<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Biased").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Guard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    /// Takes the lock so often that this thread becomes the owner, if the system can have owners at
    /// all.
    fn become_owner<T>(lock: &Biased<T>) -> bool {
        fences::make_light();
        (0..=ROW).for_each(|_| drop(lock.lock()));
        lock.lock().gate.is_none()
    }

    #[test]
    fn a_thread_alone_becomes_the_owner_until_another_comes() {
        let lock = Biased::new(0);
        assert!(lock.lock().gate.is_some());
        let can = become_owner(&lock);
        assert_eq!(can, fences::are_light());
        *lock.lock() += 1;
        std::thread::scope(|scope| scope.spawn(|| *lock.lock() += 1).join().unwrap());
        let guard = lock.lock();
        assert!(guard.gate.is_some() && *guard == 2);
    }

    #[test]
    fn an_owner_holds_two_locks_at_once_and_neither_lets_others_in() {
        let (one, two) = (Biased::new(0), Biased::new(0));
        become_owner(&one);
        become_owner(&two);
        let (first, second) = (one.lock(), two.lock());
        std::thread::scope(|scope| {
            let others = [&one, &two].map(|lock| scope.spawn(|| *lock.lock() += 1));
            std::thread::sleep(Duration::from_millis(10));
            assert_eq!((*first, *second), (0, 0));
            drop((second, first));
            for other in others {
                other.join().unwrap();
            }
        });
        assert_eq!((*one.lock(), *two.lock()), (1, 1));
    }

    #[test]
    fn a_thread_that_locks_twice_is_told() {
        let lock = Biased::new(());
        if become_owner(&lock) {
            let _guard = lock.lock();
            let twice = std::panic::AssertUnwindSafe(|| drop(lock.lock()));
            assert!(std::panic::catch_unwind(twice).is_err());
        }
    }

    /// Threads that take turns in being the owner, others that come between, and threads that end
    /// meanwhile.
    #[test]
    fn nobody_is_inside_with_another() {
        fences::make_light();
        let (lock, inside) = (Biased::new(0_u64), AtomicBool::new(false));
        let enter = |times: u64| {
            for _ in 0..times {
                let mut guard = lock.lock();
                assert!(!inside.swap(true, Relaxed));
                *guard += 1;
                inside.store(false, Relaxed);
            }
        };
        let (rounds, long, short) = (60, 4 * u64::from(ROW), 5);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..rounds {
                    std::thread::scope(|scope| {
                        scope.spawn(|| enter(long));
                    });
                }
            });
            scope.spawn(|| {
                for _ in 0..rounds {
                    enter(long);
                    std::thread::yield_now();
                }
            });
            for _ in 0..rounds {
                enter(short);
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        assert_eq!(*lock.lock(), rounds * (2 * long + short));
    }

    #[test]
    fn an_owner_waits_for_what_others_do() {
        let shared = Arc::new((Biased::new(0), Condvar::new()));
        become_owner(&shared.0);
        let other = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for _ in 0..1000 {
                *other.0.lock() += 1;
                other.1.notify_all();
            }
        });
        let mut guard = shared.0.lock();
        while *guard < 1000 {
            guard = guard.wait(&shared.1, None);
        }
        drop(guard);
        thread.join().unwrap();
        let guard = shared.0.lock().wait(&shared.1, Some(Duration::from_millis(1)));
        assert_eq!(*guard, 1000);
    }
}
