//! A pipe joins two processes: one end receives what the other sends, and sees when the other is
//! gone.

use knee_process::{
    Duplex, Error, Process, Receiver, Result, Sender, duplex, function, init, pipe,
};

fn send(mut numbers: Sender<u64>) {
    for number in 1..=5 {
        numbers.send(&number).expect("the receiver waits");
    }
}

fn receive(mut numbers: Receiver<u64>) -> u64 {
    numbers.iter().sum()
}

fn answer(mut questions: Duplex<String, u32>) {
    while let Ok(number) = questions.recv() {
        questions
            .send(&format!("{number} squared is {}", number * number))
            .expect("somebody asked");
    }
}

fn main() -> Result<()> {
    init([function(send), function(receive), function(answer)]);

    // One way, from one child to another. This program keeps no end, so the receiver sees when the
    // sender has ended.
    let (sender, receiver) = pipe()?;
    let one = Process::new(send, (sender,)).start()?;
    let other = Process::new(receive, (receiver,)).start()?;
    assert!(one.join()?.status.success());
    let sum = other.outcome().expect("the receiver does not fail");
    println!("the numbers add up to {sum}");
    assert_eq!(sum, 15);

    // Both ways.
    let (mut ours, theirs) = duplex::<u32, String>()?;
    let child = Process::new(answer, (theirs,)).start()?;
    for number in [3, 4] {
        ours.send(&number)?;
        println!("{}", ours.recv()?);
    }
    child.kill();
    assert!(matches!(ours.recv(), Err(Error::Closed)));
    Ok(())
}
