//! The words of headings, each row a thing with its words in the languages of science. This is the one place where they are known.

/// What a word says of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::import) enum Sense {
    /// Those who work at once.
    Workers,
    /// Changes nothing beside another word.
    Beside,
    /// A time of a whole run.
    Time,
    /// A time of one request among many.
    Latency,
    /// Something per time.
    Rate,
    /// What a rate or a total counts.
    Counted,
    /// Compared with one worker.
    Speedup,
    /// Speed-up per worker.
    Efficiency,
    /// How many times more time is needed.
    Slowdown,
    Mean,
    Median,
    Minimum,
    Maximum,
    /// A standard deviation, error or interval.
    Deviation,
    Percentile,
    /// How often something was measured.
    Samples,
    /// Which measurement it is.
    Repetition,
    /// A number or text that names a row: a date, a host, a version.
    Ident,
    /// A figure whose meaning stands elsewhere.
    Value,
    /// The name of a unit.
    Unit,
    /// Spent, not done: energy, memory, cycles, shares of a CPU.
    Cost,
    /// What went wrong.
    Failure,
    /// A law, a share or a difference: made from other columns.
    Derived,
    /// A note for people.
    Remark,
}

use Sense::{
    Beside, Cost, Counted, Derived, Deviation, Efficiency, Failure, Ident, Latency, Maximum, Mean,
    Median, Minimum, Percentile, Rate, Remark, Repetition, Samples, Slowdown, Speedup, Time, Unit,
    Value, Workers,
};

/// The table. Words are in lower case; a word stands in one row only.
#[rustfmt::skip]
pub(super) const WORDS: [(Sense, &[&str]); 24] = [
    (Workers, &[
        "workers", "worker", "threads", "thread", "processes", "process", "procs", "proc",
        "processors", "processor", "jobs", "job", "load", "concurrency", "clients", "client",
        "users", "user", "vus", "cores", "core", "cpus", "goroutines", "tasks", "copies",
        "parallelism", "connections", "conns", "instances", "ranks", "rank", "nodes", "fibers",
        "coroutines", "nthreads", "nthread", "nworkers", "nprocs", "nproc", "njobs", "numjobs",
        "ntasks", "ncores", "ncpus", "ncpu", "nodecount", "numthreads", "numworkers", "numprocs",
        "gomaxprocs", "np", "nranks", "nnodes", "pes", "gpus", "devices", "executors", "agents",
        "actors", "replicas", "pods", "slots", "sessions", "parallel_jobs", "taskspernode",
        "threadspertask", "threadsperrank", "cpuspertask", "procspernode", "ppn", "tpp", "iodepth",
        "hyperthreads", "streams", "consumers", "producers", "senders", "readers", "writers",
        "callers", "partitions", "shards", "prozesse", "prozessoren", "kerne", "knoten", "arbeiter",
        "nutzer", "benutzer", "verbindungen", "aufgaben", "f\u{e4}den", "klienten", "processeurs",
        "processus", "c\u{153}urs", "coeurs", "c\u{153}ur", "noeuds", "n\u{153}uds", "t\u{e2}ches",
        "taches", "utilisateurs", "connexions", "fils", "travailleurs", "procesos", "procesadores",
        "hilos", "n\u{fa}cleos", "nucleos", "nodos", "tareas", "usuarios", "conexiones", "clientes",
        "trabajadores", "processi", "processori", "processos", "processadores", "fili", "nodi",
        "parallelit\u{e4}t",
    ]),
    (Beside, &[
        "n", "num", "number", "no", "nr", "of", "the", "level", "omp", "openmp", "mpi", "mkl",
        "openblas", "blis", "rayon", "tokio", "concurrent", "pool", "to", "for", "a", "in", "and",
        "with", "total", "overall", "whole", "wall", "clock", "execution", "exec", "run", "per",
        "task", "measured", "parallel", "virtual", "hardware", "physical", "logical", "active",
        "os", "anzahl", "zahl", "der", "die", "nombre", "de", "des", "du", "n\u{fa}mero", "numero",
        "cantidad", "n\u{ba}", "nb", "por", "par", "pro", "je", "gesamt", "totale", "d", "degree",
        "end", "bench", "benchmark", "cli", "cfg", "config", "param", "parameter", "program", "app",
        "application", "solve", "solver", "compute", "computation", "calc", "calculation",
        "processing", "simulation", "sim", "build", "compile", "observed", "actual", "raw", "loop",
        "main", "kernel", "region", "step", "ejecuci\u{f3}n", "ejecucion", "ex\u{e9}cution",
        "calcul", "c\u{e1}lculo", "calculo", "reloj", "used", "available", "requested", "max",
        "count", "counts",
    ]),
    (Time, &[
        "time", "times", "elapsed", "walltime", "wallclock", "wct", "duration", "dur", "runtime",
        "makespan", "realtime", "real", "seconds", "secs", "sec", "took", "tts", "ttc", "timing",
        "timings", "temps", "dur\u{e9}e", "duree", "zeit", "zeiten", "laufzeit", "dauer",
        "rechenzeit", "ausf\u{fc}hrungszeit", "ausfuehrungszeit", "gesamtzeit", "tiempo",
        "duraci\u{f3}n", "duracion", "tempo", "durata", "tijd", "czas",
        "\u{432}\u{440}\u{435}\u{43c}\u{44f}", "\u{65f6}\u{95f4}", "\u{6642}\u{9593}", "exectime",
        "runtimes", "sekunden", "secondes", "segundos", "milliseconds", "millis", "minutes",
        "completion", "turnaround", "t",
    ]),
    (Latency, &[
        "latency", "latencies", "lat", "delay", "response", "rtt", "ttfb", "wait", "waiting",
        "queueing", "think", "jitter", "latenz", "antwortzeit", "wartezeit", "latence", "latencia",
        "latenza", "respuesta", "r\u{e9}ponse", "blocked", "ttft",
    ]),
    (Rate, &[
        "throughput", "rate", "tps", "qps", "rps", "iops", "bandwidth", "bw", "capacity",
        "performance", "perf", "speed", "mbps", "gbps", "kbps", "mips", "flops", "mflops", "gflops",
        "tflops", "tput", "thrpt", "thruput", "xput", "fps", "ips", "teps", "gups", "mlups",
        "goodput", "durchsatz", "geschwindigkeit", "leistung", "d\u{e9}bit", "debit", "cadence",
        "rendement", "rendimiento", "caudal", "velocidad", "vitesse", "kops", "mops", "rendimento",
        "productividad", "hashrate", "tpm", "tpmc", "rpm", "qphh",
    ]),
    (Counted, &[
        "ops", "op", "operations", "operation", "requests", "request", "req", "reqs", "items",
        "item", "bytes", "byte", "mb", "gb", "kb", "mib", "gib", "kib", "bits", "transactions",
        "transaction", "txn", "txns", "queries", "query", "messages", "msgs", "msg", "events",
        "event", "images", "image", "img", "imgs", "frames", "frame", "tokens", "token", "tok",
        "records", "rows", "files", "samples_processed", "steps", "elements", "elems", "packets",
        "packet", "edges", "cells", "points", "particles", "pixels", "units", "calls",
        "operaciones", "op\u{e9}rations", "requ\u{ea}tes", "requetes", "anfragen", "operationen",
        "solicitudes", "peticiones", "updates", "inserts", "reads", "writes", "lookups", "hits",
        "docs", "documents", "orders", "sentences", "examples", "work", "arbeit", "travail",
        "trabajo",
    ]),
    (Speedup, &[
        "speedup", "speedups", "scaleup", "acceleration", "beschleunigung",
        "acc\u{e9}l\u{e9}ration", "aceleraci\u{f3}n", "aceleracion", "accelerazione",
    ]),
    (Efficiency, &[
        "efficiency", "eff", "effizienz", "efficacit\u{e9}", "efficacite", "eficiencia",
        "efficienza",
    ]),
    (Slowdown, &[
        "slowdown",
    ]),
    (Mean, &[
        "mean", "avg", "average", "ave", "mittel", "mittelwert", "durchschnitt", "moyenne", "moyen",
        "moy", "media", "promedio", "m\u{e9}dia", "gemiddelde", "amean",
    ]),
    (Median, &[
        "median", "med", "m\u{e9}diane", "mediane", "mediana", "medianwert",
    ]),
    (Minimum, &[
        "minimum", "min", "best", "fastest", "lowest", "low", "lower", "lo", "m\u{ed}nimo",
        "kleinste", "bestzeit",
    ]),
    (Maximum, &[
        "maximum", "worst", "slowest", "highest", "high", "upper", "hi", "m\u{e1}ximo", "peak",
    ]),
    (Deviation, &[
        "stddev", "sd", "std", "stdev", "stdv", "sdev", "deviation", "dev", "se", "sem", "stderr",
        "error", "err", "ci", "ci95", "cv", "rsd", "variance", "var", "mad", "iqr", "sigma",
        "spread", "noise", "uncertainty", "standardabweichung", "abweichung", "streuung", "fehler",
        "ecart", "\u{e9}cart", "desviaci\u{f3}n", "desviacion", "varianza", "desv",
    ]),
    (Percentile, &[
        "percentile", "perzentil", "quantile", "q1", "q3", "pctl",
    ]),
    (Samples, &[
        "samples", "runs", "rounds", "reps", "repeats", "repetitions", "trials", "cnt", "nruns",
        "iterations", "l\u{e4}ufe", "wiederholungen", "replicates", "nsamples",
    ]),
    (Repetition, &[
        "repetition", "rep", "trial", "iteration", "iter", "replicate", "replication", "round",
        "block", "sample", "attempt", "repeat", "seed", "lauf", "wiederholung", "durchgang",
        "r\u{e9}p\u{e9}tition", "repeticion", "repetici\u{f3}n", "essai", "ensayo", "try", "pass",
        "nth",
    ]),
    (Ident, &[
        "index", "id", "idx", "date", "timestamp", "datetime", "day", "hour", "host", "hostname",
        "machine", "version", "commit", "jobid", "pid", "uuid", "hash", "datum", "fecha", "epoch",
        "row", "line", "year", "month", "started", "start", "stop", "begin", "finish", "finished",
        "zeile",
    ]),
    (Value, &[
        "value", "score", "result", "results", "measurement", "metric", "y", "pval", "wert",
        "valeur", "valor", "ergebnis", "figure",
    ]),
    (Unit, &[
        "unit", "units_of", "punit", "einheit", "unit\u{e9}", "unidad",
    ]),
    (Cost, &[
        "energy", "joule", "joules", "watt", "watts", "power", "memory", "mem", "rss", "ram",
        "heap", "allocated", "allocs", "alloc", "gc", "cpu", "sys", "system", "cycles", "cycle",
        "instructions", "ipc", "cache", "misses", "miss", "faults", "switches", "ctx",
        "temperature", "temp", "cost", "costs", "price", "usd", "eur", "dollars", "freq",
        "frequency", "ghz", "mhz", "pss", "vsz", "swap", "kwh", "wh", "energie", "energ\u{ed}a",
        "consumption", "speicher", "utilization", "utilisation", "util", "usage", "idle", "busy",
        "iowait", "steal", "auslastung", "percent", "pct", "prozent", "quota", "hours_used",
        "corehours", "nodehours", "overhead", "imbalance", "waste", "stall", "branches",
        "core_hours",
    ]),
    (Failure, &[
        "errors", "failures", "failed", "failure", "fail", "timeouts", "retries", "dropped",
        "rejected", "lost", "aborts", "success", "successes", "ok", "exit", "exitcode", "status",
        "rc", "returncode", "conflicts",
    ]),
    (Derived, &[
        "vs", "versus", "ratio", "relative", "rel", "ideal", "linear", "theoretical", "expected",
        "predicted", "model", "fit", "amdahl", "gustafson", "diff", "difference", "delta", "change",
        "gain", "improvement", "normalized", "normalised", "norm", "perfect", "optimal", "target",
        "goal", "theory", "slope", "cumulative",
    ]),
    (Remark, &[
        "comment", "comments", "note", "notes", "label", "description", "remark", "bemerkung",
    ]),
];

/// What a word says; `None` where it is a name.
pub(in crate::import) fn sense(word: &str) -> Option<Sense> {
    WORDS.iter().find(|(_, words)| words.contains(&word)).map(|(sense, _)| *sense)
}

/// Endings that make any word one of time: `parallel_time` is said together in some languages.
const TIME_ENDINGS: [&str; 4] = ["time", "zeit", "tijd", "times"];
/// Words with such an ending that are something else.
const NO_TIMES: [&str; 10] = [
    "datetime",
    "uptime",
    "downtime",
    "sometime",
    "overtime",
    "antwortzeit",
    "wartezeit",
    "jahreszeit",
    "reaktionszeit",
    "cputime",
];

/// The same, with what its ending says.
pub(in crate::import) fn meaning(word: &str) -> Option<Sense> {
    sense(word).or_else(|| {
        let is_time = TIME_ENDINGS.iter().any(|end| word.len() > end.len() && word.ends_with(end));
        (is_time && !NO_TIMES.contains(&word)).then_some(Sense::Time)
    })
}

/// Whether a word is one for those who work at once.
pub(in crate::import) fn is_worker(word: &str) -> bool {
    sense(word) == Some(Sense::Workers)
}

/// Words that name a mode of working, with what the verdict calls it.
const MODES: [(&str, &[&str]); 5] = [
    (
        "processes",
        &[
            "processes",
            "process",
            "procs",
            "multiprocessing",
            "prozesse",
            "processus",
            "procesos",
            "forked",
            "fork",
        ],
    ),
    ("threads", &["threads", "thread", "threading", "multithreading", "hilos"]),
    ("async", &["async", "asyncio", "asynchronous", "coroutines", "asynchron", "tokio"]),
    (
        "serial",
        &["serial", "sequential", "seq", "seriell", "sequentiell", "s\u{e9}quentiel", "secuencial"],
    ),
    ("interpreters", &["interpreters", "subinterpreters"]),
];

/// The mode of working that a name holds.
pub(crate) fn mode_in(name: &str) -> Option<&'static str> {
    let words = super::split::words(name);
    let place = |modes: &[&str]| words.iter().rposition(|word| modes.contains(&word.as_str()));
    // The last one counts: `thread-MPI (threads)`.
    MODES
        .iter()
        .filter_map(|(mode, words)| Some((place(words)?, *mode)))
        .max()
        .map(|(_, mode)| mode)
}
