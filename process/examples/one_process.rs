//! One process: a function and its arguments run beside this program, which waits for it.

use knee_process::{Process, Result, function, init};

#[expect(clippy::needless_pass_by_value, reason = "arguments come by value: they crossed")]
fn greet(name: String, times: u32) {
    for _ in 0..times {
        println!("hello {name}, from process {}", std::process::id());
    }
}

fn main() -> Result<()> {
    init([function(greet)]);

    println!("this is process {}", std::process::id());
    let child = Process::new(greet, ("Ada".to_string(), 2)).name("greeter").start()?;
    println!("started {} as process {}", child.name(), child.pid());
    let exit = child.join()?;
    println!("process {} {}", exit.pid, exit.status);
    assert!(exit.status.success());
    Ok(())
}
