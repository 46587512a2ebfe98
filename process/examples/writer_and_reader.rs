//! Two processes with a queue between them: one writes, the other reads until it is terminated.

use std::time::Duration;

use knee_process::{Consumer, Process, Producer, Queue, Result, function, init};

fn write(mut letters: Producer<char>) {
    for letter in ['A', 'B', 'C'] {
        println!("put {letter}");
        letters.put(&letter).expect("the reader reads for ever");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn read(mut letters: Consumer<char>, mut seen: Producer<char>) {
    loop {
        // The main process keeps a producer of `letters`, so the queue never ends for this reader.
        let letter = letters.get().expect("the queue does not end");
        println!("got {letter}");
        seen.put(&letter).expect("somebody listens");
    }
}

fn main() -> Result<()> {
    init([function(write), function(read)]);

    let (letters, reading) = Queue::unbounded()?.split();
    let (seen, mut heard) = Queue::unbounded()?.split();
    let writer = Process::new(write, (letters.clone(),)).start()?;
    let reader = Process::new(read, (reading, seen)).start()?;

    assert!(writer.join()?.status.success());
    for letter in ['A', 'B', 'C'] {
        assert_eq!(heard.get()?, letter);
    }
    // The reader would wait for a fourth letter for ever.
    reader.terminate();
    let exit = reader.join()?;
    println!("the reader {}", exit.status);
    assert_eq!(exit.status.signal(), Some(15));
    drop(letters);
    Ok(())
}
