//! Tracks whether a thread is running the user's work. A panic there is a failure of that work and
//! is caught. A panic anywhere else is a bug in knee.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Marks the thread as running the user's work until dropped.
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

/// Whether this thread is running the user's work.
pub(crate) fn is_inside() -> bool {
    INSIDE.get()
}

/// Runs the user's work. A panic becomes the error.
#[inline]
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| {
        let _inside = Inside::enter();
        work()
    }))
}

/// Runs the user's future. Whoever awaits it catches its panic.
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
