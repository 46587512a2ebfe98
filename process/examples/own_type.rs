//! A type of your own as a process: its fields are the arguments, its `run` is the work. Three run
//! at once.

use std::time::{Duration, Instant};

use knee_process::{Process, Result, Run, init, runnable};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Sleeper {
    name: String,
    milliseconds: u64,
}

impl Run for Sleeper {
    type Output = String;

    fn run(self) -> String {
        std::thread::sleep(Duration::from_millis(self.milliseconds));
        format!("{} slept in process {}", self.name, std::process::id())
    }
}

fn main() -> Result<()> {
    init([runnable::<Sleeper>()]);

    let begin = Instant::now();
    let mut children = Vec::new();
    for name in ["one", "two", "three"] {
        let sleeper = Sleeper { name: name.into(), milliseconds: 300 };
        children.push(Process::of(sleeper).name(name).start()?);
    }
    for child in children {
        println!("{}", child.outcome().expect("a sleeper does not fail"));
    }
    // One after the other would take 900 ms.
    println!("all three took {} ms", begin.elapsed().as_millis());
    Ok(())
}
