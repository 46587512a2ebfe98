//! A pool of five processes is given ten tasks: five run at once, the others wait for their turn.

use std::collections::HashSet;
use std::time::Duration;

use knee_process::{Pool, Result, function, init, worker_index};

fn task(number: u32) -> (u32, usize, u32) {
    std::thread::sleep(Duration::from_millis(50));
    (number, worker_index().unwrap_or_default(), std::process::id())
}

fn main() -> Result<()> {
    init([function(task)]);

    let pool = Pool::builder().workers(5).build()?;
    let handles =
        (0..10).map(|number| pool.apply_async(task, (number,))).collect::<Result<Vec<_>>>()?;
    println!("all ten are accepted; no more will come");
    pool.close();

    let mut processes = HashSet::new();
    for handle in handles {
        let (number, worker, process) = handle.wait().expect("these tasks do not fail");
        println!("task {number} was run by worker {worker}, process {process}");
        processes.insert(process);
    }
    let exits = pool.join();
    println!("ten tasks were run by {} processes", processes.len());
    assert!(processes.len() <= 5 && exits.len() == 5);
    Ok(())
}
