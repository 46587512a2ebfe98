//! A queue serves many processes and a pipe serves two; and what each costs.

use knee_process::{
    Consumer, Duplex, Entry, Process, Producer, Queue, Receiver, Sender, duplex, function, pipe,
};

use super::figures::{Figure, picture, ratio};
use super::{Experiment, Measured, Place, Verdict};
use crate::clock;

pub(super) const EXPERIMENT: Experiment = Experiment {
    id: "messages",
    claim: "A queue serves many processes, a pipe two",
    bent_by_load: false,
    run,
};

const ROUNDS: usize = 7;
/// Number of messages of a stream in one direction.
const STREAM: u64 = 20_000;
/// Number of messages there and back.
const TURNS: u64 = 300;
/// Number of producers, and of consumers, of the queue that serves many.
const MANY: u64 = 3;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        function(consume),
        function(produce),
        function(time_queue),
        function(time_pipe),
        function(answer),
        function(answer_by_queue),
    ]
}

/// Takes messages until the queue closes. Returns how many there were, and their sum.
fn consume(mut queue: Consumer<u64>) -> (u64, u64) {
    queue.iter().fold((0, 0), |(count, sum), message| (count + 1, sum + message))
}

/// Puts the numbers of a range into a queue.
fn produce(mut queue: Producer<u64>, from: u64, to: u64) -> Result<(), String> {
    (from..to).try_for_each(|number| queue.put(&number).map_err(|error| error.to_string()))
}

/// Sends every message back.
fn answer(mut pipe: Duplex<u64, u64>) -> Result<(), String> {
    while let Ok(message) = pipe.recv() {
        pipe.send(&message).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn answer_by_queue(mut questions: Consumer<u64>, mut answers: Producer<u64>) -> Result<(), String> {
    while let Ok(message) = questions.get() {
        answers.put(&message).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn run(_: &Place) -> Result<Measured, String> {
    let shares = many()?;
    let [mut by_queue, mut by_pipe, mut queue_turn, mut pipe_turn] = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        by_queue.push(stream_by_queue()?);
        by_pipe.push(stream_by_pipe()?);
        queue_turn.push(turn_by_queue()?);
        pipe_turn.push(turn_by_pipe()?);
    }
    let figures = vec![
        Figure::of("queue, per message", "s", &by_queue),
        Figure::of("pipe, per message", "s", &by_pipe),
        Figure::of("queues, there and back", "s", &queue_turn),
        Figure::of("pipe, there and back", "s", &pipe_turn),
    ];
    let dearer = ratio("queue over pipe", &by_queue, &by_pipe);
    let all = shares.iter().map(|(count, _)| count).sum::<u64>() == MANY * STREAM
        && shares.iter().map(|(_, sum)| sum).sum::<u64>() == (0..MANY * STREAM).sum::<u64>();
    let counts: Vec<String> = shares.iter().map(|(count, _)| count.to_string()).collect();
    let evidence = format!(
        "{MANY} processes put {} messages into one queue and {MANY} took {}: {}; an end of a pipe \
         cannot be copied, so it serves two; a message costs {} by queue and {} by pipe ({}), \
         there and back {} and {}",
        MANY * STREAM,
        counts.join(", "),
        if all { "each exactly once" } else { "not each exactly once" },
        figures[0].text(),
        figures[1].text(),
        dearer.text(),
        figures[2].text(),
        figures[3].text()
    );
    let picture = picture("What a message costs", &figures, None);
    let figures = figures.into_iter().chain([dearer]).collect();
    Ok(Measured { verdict: Verdict::of(Some(all)), evidence, figures, picture })
}

/// For each of several consumers, how many messages it took, and their sum.
fn many() -> Result<Vec<(u64, u64)>, String> {
    let (producer, consumer) = Queue::<u64>::unbounded().map_err(told)?.split();
    let consumers: Vec<_> = (0..MANY)
        .map(|_| Process::new(consume, (consumer.clone(),)).start())
        .collect::<Result<_, _>>()
        .map_err(told)?;
    let producers: Vec<_> = (0..MANY)
        .map(|n| Process::new(produce, (producer.clone(), n * STREAM, (n + 1) * STREAM)).start())
        .collect::<Result<_, _>>()
        .map_err(told)?;
    // The queue closes when the last producer, in whatever process, has gone.
    drop((producer, consumer));
    for producer in producers {
        producer.outcome().map_err(told)??;
    }
    consumers.into_iter().map(|consumer| consumer.outcome().map_err(told)).collect()
}

/// Seconds per message that another process takes from a queue while we put messages in.
fn stream_by_queue() -> Result<f64, String> {
    let (mut producer, consumer) = Queue::<u64>::unbounded().map_err(told)?.split();
    let (ready, mut begun) = pipe::<bool>().map_err(told)?;
    let child = Process::new(time_queue, (consumer, ready)).start().map_err(told)?;
    begun.recv().map_err(told)?;
    (0..STREAM).try_for_each(|number| producer.put(&number).map_err(told))?;
    drop(producer);
    child.outcome().map_err(told)?
}

fn stream_by_pipe() -> Result<f64, String> {
    let (mut sender, receiver) = pipe::<u64>().map_err(told)?;
    let (ready, mut begun) = pipe::<bool>().map_err(told)?;
    let child = Process::new(time_pipe, (receiver, ready)).start().map_err(told)?;
    begun.recv().map_err(told)?;
    (0..STREAM).try_for_each(|number| sender.send(&number).map_err(told))?;
    drop(sender);
    child.outcome().map_err(told)?
}

fn time_queue(mut queue: Consumer<u64>, ready: Sender<bool>) -> Result<f64, String> {
    timed(ready, || queue.get().ok())
}

fn time_pipe(mut pipe: Receiver<u64>, ready: Sender<bool>) -> Result<f64, String> {
    timed(ready, || pipe.recv().ok())
}

/// Says that it is ready, then takes messages until there are no more. Returns seconds per message
/// after the first.
fn timed(mut ready: Sender<bool>, mut next: impl FnMut() -> Option<u64>) -> Result<f64, String> {
    ready.send(&true).map_err(told)?;
    next().ok_or("there was no message")?;
    let (start, mut count) = (clock::now(), 0_u32);
    while next().is_some() {
        count += 1;
    }
    Ok(clock::since(start).as_secs_f64() / f64::from(count.max(1)))
}

/// Seconds for one message there and back.
fn turn_by_pipe() -> Result<f64, String> {
    let (mut ours, theirs) = duplex::<u64, u64>().map_err(told)?;
    let child = Process::new(answer, (theirs,)).start().map_err(told)?;
    let seconds = turns(|number| {
        ours.send(&number).map_err(told)?;
        ours.recv().map_err(told)
    })?;
    drop(ours);
    child.outcome().map_err(told)??;
    Ok(seconds)
}

fn turn_by_queue() -> Result<f64, String> {
    let (mut questions, asked) = Queue::<u64>::unbounded().map_err(told)?.split();
    let (answers, mut answered) = Queue::<u64>::unbounded().map_err(told)?.split();
    let child = Process::new(answer_by_queue, (asked, answers)).start().map_err(told)?;
    let seconds = turns(|number| {
        questions.put(&number).map_err(told)?;
        answered.get().map_err(told)
    })?;
    drop(questions);
    child.outcome().map_err(told)??;
    Ok(seconds)
}

/// Seconds per exchange, after a first one that waits for the other process.
fn turns(mut exchange: impl FnMut(u64) -> Result<u64, String>) -> Result<f64, String> {
    exchange(0)?;
    let start = clock::now();
    for number in 0..TURNS {
        if exchange(number)? != number {
            return Err("another message came back".to_owned());
        }
    }
    Ok(clock::since(start).as_secs_f64() / TURNS as f64)
}
