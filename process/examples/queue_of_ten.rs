//! A queue serves many processes: ten of them each take a number from it, add one and put it back.
//! 100 becomes 110.

use knee_process::{Process, Queue, Result, function, init};

fn add_one(mut queue: Queue<u64>) {
    let number = queue.get().expect("somebody has put a number");
    queue.put(&(number + 1)).expect("somebody will take it");
}

fn main() -> Result<()> {
    init([function(add_one)]);

    let mut queue = Queue::unbounded()?;
    queue.put(&100)?;
    let children = (1..=10)
        .map(|number| {
            Process::new(add_one, (queue.clone(),)).name(format!("adder-{number}")).start()
        })
        .collect::<Result<Vec<_>>>()?;
    for child in &children {
        assert!(child.join()?.status.success());
    }
    let sum = queue.get()?;
    println!("100 has become {sum}");
    assert_eq!(sum, 110);
    Ok(())
}
