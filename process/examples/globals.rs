//! Processes share no globals: what a child changes stays in the child.

use std::sync::atomic::{AtomicU64, Ordering};

use knee_process::{Process, Result, function, init};

static NUMBER: AtomicU64 = AtomicU64::new(100);

fn change() -> u64 {
    NUMBER.fetch_add(1, Ordering::SeqCst) + 1
}

fn main() -> Result<()> {
    init([function(change)]);

    let child = Process::new(change, ()).start()?;
    let in_child = child.outcome().expect("the child does not fail");
    let here = NUMBER.load(Ordering::SeqCst);
    println!("in the child it is {in_child}, here it is still {here}");
    assert_eq!((in_child, here), (101, 100));
    Ok(())
}
