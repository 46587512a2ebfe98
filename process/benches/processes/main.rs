//! Compares the crate with Python's multiprocessing and with the limits of the machine, in one run.
//!
//! `cargo bench -p knee-process` prints the table; without `--bench` among the arguments, as under
//! `cargo test`, every row is run once, quickly. `KNEE_ROWS=pool,pipe` runs only rows whose names
//! contain one of these words.

mod limits;
mod pools;
mod rings;

use std::process::{Command, ExitCode};
use std::time::Instant;

use knee_process::{
    Bytes, Consumer, Process, Producer, Queue, Sender, StartMethod, Transport, function, init,
    pipe, worker,
};

fn nothing() {}

fn pin(core: usize) {
    limits::pin(core);
}

fn produce(mut queue: Producer<Bytes>, count: u64) {
    let message = Bytes(vec![1; 64]);
    (0..count).for_each(|_| queue.put(&message).unwrap());
}

fn consume(mut queue: Consumer<Bytes>, count: u64) -> u64 {
    (0..count).map(|_| queue.get().unwrap().0.len() as u64).sum()
}

fn feed(mut sender: Sender<Bytes>, count: u64, size: usize) {
    let message = Bytes(vec![1; size]);
    (0..count).for_each(|_| sender.send(&message).unwrap());
}

fn feed_bytes(mut sender: Sender<Bytes>, count: u64, size: usize) {
    let message = vec![1; size];
    (0..count).for_each(|_| sender.send_bytes(&message).unwrap());
}

/// How much to do, and which rows.
struct Plan {
    full: bool,
    words: Vec<String>,
}

impl Plan {
    fn count(&self, full: u64) -> u64 {
        if self.full { full } else { (full / 100).max(16) }
    }

    /// In how many turns the columns of a row are measured. There are enough for slow and fast
    /// moments of the machine to fall on all columns.
    fn rounds(&self) -> usize {
        if self.full { 9 } else { 1 }
    }

    /// The medians of all columns of a row, measured in turns.
    fn row(&self, name: &str, unit: &str, columns: &mut [(&str, &mut dyn FnMut() -> f64)]) {
        if !self.words.is_empty() && !self.words.iter().any(|word| name.contains(word.as_str())) {
            return;
        }
        let mut samples: Vec<Vec<f64>> = columns.iter().map(|_| Vec::new()).collect();
        for _ in 0..self.rounds() {
            for ((_, measure), samples) in columns.iter_mut().zip(&mut samples) {
                samples.push(measure());
            }
        }
        let medians: Vec<f64> = samples.iter_mut().map(|samples| middle(samples)).collect();
        println!("\n{name} ({unit})");
        for ((label, _), median) in columns.iter().zip(&medians) {
            let ratio = medians[0] / median;
            println!("  {label:<44} {:>14}   ours is {ratio:.2} times it", readable(*median));
        }
    }
}

fn middle(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// The median time of `count` calls, in seconds.
pub(crate) fn median_of(count: usize, mut call: impl FnMut()) -> f64 {
    let mut samples: Vec<f64> = (0..count)
        .map(|_| {
            let begin = Instant::now();
            call();
            begin.elapsed().as_secs_f64()
        })
        .collect();
    middle(&mut samples)
}

fn readable(value: f64) -> String {
    match value {
        1e6.. => format!("{:.2} M", value / 1e6),
        1e3.. => format!("{:.1} k", value / 1e3),
        1.0.. => format!("{value:.1}"),
        1e-3.. => format!("{:.2} m", value * 1e3),
        1e-6.. => format!("{:.2} u", value * 1e6),
        _ => format!("{:.0} n", value * 1e9),
    }
}

/// The figure that the Python script prints; NaN where there is no Python.
fn python(arguments: &[&str]) -> f64 {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/processes/peers.py");
    let output = Command::new("python3").arg(script).args(arguments).output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    text.trim().parse().unwrap_or(f64::NAN)
}

fn echo(number: u64) -> u64 {
    number
}

fn start_join(count: usize, method: StartMethod) -> f64 {
    median_of(count, || {
        let exit = Process::new(nothing, ()).start_method(method).start().unwrap().join().unwrap();
        assert!(exit.status.success());
    })
}

fn queue(count: u64, many: u64) -> f64 {
    let (producer, consumer) = Queue::unbounded().unwrap().split();
    let each = count / many;
    let begin = Instant::now();
    let start = |_| Process::new(consume, (consumer.clone(), each)).start().unwrap();
    let consumers: Vec<_> = (0..many).map(start).collect();
    let start = |_| Process::new(produce, (producer.clone(), each)).start().unwrap();
    let producers: Vec<_> = (0..many).map(start).collect();
    for child in consumers {
        assert_eq!(child.outcome(), Ok(each * 64));
    }
    let rate = (each * many) as f64 / begin.elapsed().as_secs_f64();
    drop(producers);
    rate
}

fn pipe_typed(count: u64, size: usize) -> f64 {
    let (sender, mut receiver) = pipe::<Bytes>().unwrap();
    let _child = Process::new(feed, (sender, count, size)).start().unwrap();
    receiver.recv().unwrap();
    let begin = Instant::now();
    (1..count).for_each(|_| assert_eq!(receiver.recv().unwrap().0.len(), size));
    (count - 1) as f64 / begin.elapsed().as_secs_f64()
}

fn pipe_bytes(count: u64, size: usize) -> f64 {
    let (sender, mut receiver) = pipe::<Bytes>().unwrap();
    let _child = Process::new(feed_bytes, (sender, count, size)).start().unwrap();
    let mut message = Vec::new();
    receiver.recv_bytes(&mut message).unwrap();
    let begin = Instant::now();
    for _ in 1..count {
        receiver.recv_bytes(&mut message).unwrap();
        assert_eq!(message.len(), size);
    }
    (count - 1) as f64 / begin.elapsed().as_secs_f64()
}

fn pool_rows(plan: &Plan) {
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let (tasks, few) = (plan.count(1_800_000), plan.count(30_000));
    let (w, few_text) = (workers.to_string(), few.to_string());
    plan.row(
        "pool: no-op tasks, workers = cores",
        "tasks/s",
        &mut [
            ("ours, a handle per task", &mut || pools::with_handles(few, workers, Transport::Ring)),
            ("ours, closed loop without handles", &mut || pools::closed_loop(tasks, workers)),
            ("ours, over sockets", &mut || {
                pools::with_handles(few / 10, workers, Transport::Socket)
            }),
            ("Python Pool.apply_async", &mut || python(&["apply_async", &few_text, &w])),
            ("Python ProcessPoolExecutor.submit", &mut || {
                python(&["executor", &(few / 3).to_string(), &w])
            }),
            ("limit: a bare ring per worker, each side woken", &mut || {
                rings::pool(workers, few, pools::PASSES, false)
            }),
            ("limit: a bare ring per worker, naps as ours", &mut || {
                rings::pool(workers, few, pools::PASSES, true)
            }),
        ],
    );
    for (length, steps) in [(10, pools::STEPS), (100, 10 * pools::STEPS)] {
        let count = plan.count(400_000 / length);
        plan.row(
            &format!("pool: tasks of about {length} us, workers = cores"),
            "tasks/s",
            &mut [
                ("ours, a handle per task", &mut || pools::spins(count, workers, steps)),
                ("one thread alone", &mut || pools::alone(count, steps)),
                ("limit: a thread per core", &mut || pools::threads(count, workers, steps)),
            ],
        );
    }
    let trips = plan.count(1500) as usize;
    plan.row(
        "pool: one task there and back, two cores",
        "s",
        &mut [
            ("ours", &mut || pools::one_task(trips, false, Transport::Ring)),
            ("ours, busy-polling", &mut || pools::one_task(trips * 10, true, Transport::Ring)),
            ("ours, over sockets", &mut || pools::one_task(trips, false, Transport::Socket)),
            ("Python Pool.apply", &mut || python(&["apply_one", &(trips / 3).to_string(), "1"])),
            ("limit: a bare pipe pair", &mut || limits::pipe_round_trip(trips)),
        ],
    );
    plan.row(
        "pool: memory of an idle worker (PSS)",
        "bytes",
        &mut [
            ("ours, re-exec", &mut || pools::idle_memory(StartMethod::ReExec)),
            ("ours, fork server", &mut || pools::idle_memory(StartMethod::ForkServer)),
            ("Python Pool, fork", &mut || python(&["memory", "4"])),
        ],
    );
    let deaths = plan.count(640) as usize / 16;
    plan.row(
        "pool: a death is noticed",
        "s",
        &mut [("ours", &mut || pools::death_noticed(deaths))],
    );
}

fn start_rows(plan: &Plan, parent: &str) {
    let count = plan.count(640) as usize / 16;
    plan.row(
        &format!("start: one process, start and join, {parent}"),
        "s",
        &mut [
            ("ours, re-exec", &mut || start_join(count, StartMethod::ReExec)),
            ("ours, fork server", &mut || start_join(count, StartMethod::ForkServer)),
            ("Python, fork", &mut || python(&["start_join", "20", "fork"])),
            ("Python, forkserver", &mut || python(&["start_join", "5", "forkserver"])),
            ("Python, spawn", &mut || python(&["start_join", "3", "spawn"])),
            ("limit: a bare posix_spawn of this program", &mut || {
                median_of(count, limits::posix_spawn)
            }),
        ],
    );
}

fn channel_rows(plan: &Plan) {
    for many in [1, 4] {
        let (count, few) = (plan.count(1_000_000), plan.count(30_000).to_string());
        plan.row(
            &format!("queue: 64 bytes, {many} to {many}"),
            "messages/s",
            &mut [
                ("ours", &mut || queue(count, many)),
                ("Python Queue", &mut || python(&["queue", &few, &many.to_string()])),
                ("limit: a bare ring, 1 to 1", &mut || rings::one_way(count)),
                ("limit: a SEQPACKET socket pair, 1 to 1", &mut || limits::socket_pair(count / 20)),
            ],
        );
    }
    for (size, count, few) in
        [(64, 1_000_000, 50_000), (4096, 300_000, 30_000), (1 << 20, 1_500, 200)]
    {
        let (count, few) = (plan.count(count), plan.count(few).to_string());
        plan.row(
            &format!("pipe: {size} bytes"),
            "messages/s",
            &mut [
                ("ours, send and recv", &mut || pipe_typed(count, size)),
                ("ours, send_bytes and recv_bytes", &mut || pipe_bytes(count, size)),
                ("Python Pipe, send and recv", &mut || python(&["pipe", &few, &size.to_string()])),
                ("limit: a bare kernel pipe", &mut || {
                    limits::kernel_pipe(count.min(300_000), size)
                }),
                ("limit: two copies by one thread", &mut || 1.0 / limits::two_copies(size)),
            ],
        );
    }
}

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|argument| argument == "--end-at-once") {
        return ExitCode::SUCCESS;
    }
    let calls = [
        function(nothing),
        function(echo),
        function(pin),
        function(pools::tell_and_sleep),
        function(pools::spin),
        worker::<pools::Idler>(),
    ];
    let channels = [function(produce), function(consume), function(feed), function(feed_bytes)];
    init(calls.into_iter().chain(channels));

    let words = std::env::var("KNEE_ROWS").unwrap_or_default();
    let words = words.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let plan = Plan { full: std::env::args().any(|argument| argument == "--bench"), words };
    pool_rows(&plan);
    start_rows(&plan, "small parent");
    channel_rows(&plan);
    if plan.full {
        let ballast = vec![1_u8; 1 << 30];
        start_rows(&plan, "parent of 1 GiB");
        drop(std::hint::black_box(ballast));
    }
    ExitCode::SUCCESS
}
