//! Whether a thread runs the user's work: what panics there has failed by itself, and is caught.
//! Anywhere else a panic is a mistake of ours.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Inside the user's work until it is dropped.
struct Inside {
    before: bool,
}

impl Inside {
    fn enter() -> Self {
        Self { before: INSIDE.replace(true) }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(self.before);
    }
}

/// Whether this thread runs the user's work.
pub(crate) fn is_inside() -> bool {
    INSIDE.get()
}

/// Runs the user's work; what it panicked with is the error.
#[inline]
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| {
        let _inside = Inside::enter();
        work()
    }))
}

/// The user's future; whoever waits for it catches its panic.
pub(super) async fn future<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    std::future::poll_fn(|context| -> Poll<T> {
        let _inside = Inside::enter();
        work.as_mut().poll(context)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_work_is_told_from_ours() {
        assert!(!is_inside());
        assert_eq!(caught(is_inside).ok(), Some(true));
        assert!(caught(|| std::panic::resume_unwind(Box::new("on purpose"))).is_err());
        assert!(!is_inside());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let look = async {
            tokio::task::yield_now().await;
            is_inside()
        };
        assert!(runtime.block_on(future(look)));
        assert!(!is_inside());
    }
}
