//! The words of headings. Each row is a meaning, with its words in the languages of science. All
//! words are known only here.

/// What a word says about a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::import) enum Sense {
    /// Workers.
    Workers,
    /// Nothing, beside another word.
    Beside,
    /// The time of a whole run.
    Time,
    /// The time of one request among many.
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
    /// The number of measurements.
    Samples,
    /// The number of a repetition.
    Repetition,
    /// A number or text that names a row: a date, a host, a version.
    Ident,
    /// A figure whose meaning is in another column.
    Value,
    /// The name of a unit.
    Unit,
    /// Something used up: energy, memory, cycles, shares of a CPU.
    Cost,
    /// Failures.
    Failure,
    /// A law, a share or a difference, derived from other columns.
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
        "callers", "terminals", "vcpus", "vcores", "pairs", "partitions", "shards",
        "prozesse", "prozessoren", "kerne", "knoten", "arbeiter",
        "nutzer", "benutzer", "verbindungen", "aufgaben", "f\u{e4}den", "klienten", "processeurs",
        "processus", "c\u{153}urs", "coeurs", "c\u{153}ur", "noeuds", "n\u{153}uds", "t\u{e2}ches",
        "taches", "utilisateurs", "connexions", "fils", "travailleurs", "procesos", "procesadores",
        "hilos", "n\u{fa}cleos", "nucleos", "nodos", "tareas", "usuarios", "conexiones", "clientes",
        "trabajadores", "processi", "processori", "processos", "processadores", "fili", "nodi",
        "parallelit\u{e4}t", "processen", "kernen", "draden", "gebruikers", "knooppunten",
        "w\u{105}tk\u{f3}w", "w\u{105}tki", "proces\u{f3}w", "procesy", "rdzeni", "rdzenie",
        "w\u{119}z\u{142}\u{f3}w", "w\u{119}z\u{142}y", "zada\u{144}", "u\u{17c}ytkownik\u{f3}w",
        "\u{43f}\u{43e}\u{442}\u{43e}\u{43a}\u{43e}\u{432}",
        "\u{43f}\u{43e}\u{442}\u{43e}\u{43a}\u{438}", "\u{43f}\u{43e}\u{442}\u{43e}\u{43a}",
        "\u{43f}\u{440}\u{43e}\u{446}\u{435}\u{441}\u{441}\u{43e}\u{432}",
        "\u{43f}\u{440}\u{43e}\u{446}\u{435}\u{441}\u{441}\u{44b}",
        "\u{43f}\u{440}\u{43e}\u{446}\u{435}\u{441}\u{441}\u{43e}\u{440}\u{43e}\u{432}",
        "\u{44f}\u{434}\u{435}\u{440}", "\u{44f}\u{434}\u{440}\u{430}",
        "\u{443}\u{437}\u{43b}\u{43e}\u{432}", "\u{443}\u{437}\u{43b}\u{44b}",
        "\u{437}\u{430}\u{434}\u{430}\u{447}",
        "\u{43a}\u{43b}\u{438}\u{435}\u{43d}\u{442}\u{43e}\u{432}",
        "\u{43f}\u{43e}\u{43b}\u{44c}\u{437}\u{43e}\u{432}\u{430}\
         \u{442}\u{435}\u{43b}\u{435}\u{439}",
        "\u{43d}\u{438}\u{442}\u{435}\u{439}",
        "\u{432}\u{43e}\u{440}\u{43a}\u{435}\u{440}\u{43e}\u{432}", "\u{7ebf}\u{7a0b}",
        "\u{7ebf}\u{7a0b}\u{6570}", "\u{8fdb}\u{7a0b}", "\u{8fdb}\u{7a0b}\u{6570}", "\u{6838}",
        "\u{6838}\u{6570}", "\u{6838}\u{5fc3}", "\u{6838}\u{5fc3}\u{6570}",
        "\u{8282}\u{70b9}\u{6570}", "\u{5e76}\u{53d1}", "\u{5e76}\u{53d1}\u{6570}",
        "\u{5e76}\u{884c}\u{5ea6}", "\u{7528}\u{6237}\u{6570}", "\u{30b9}\u{30ec}\u{30c3}\u{30c9}",
        "\u{30b9}\u{30ec}\u{30c3}\u{30c9}\u{6570}", "\u{30d7}\u{30ed}\u{30bb}\u{30b9}",
        "\u{30d7}\u{30ed}\u{30bb}\u{30b9}\u{6570}", "\u{30b3}\u{30a2}", "\u{30b3}\u{30a2}\u{6570}",
        "\u{30ce}\u{30fc}\u{30c9}\u{6570}", "\u{4e26}\u{5217}\u{6570}", "\u{4e26}\u{5217}\u{5ea6}",
        "\u{30ef}\u{30fc}\u{30ab}\u{30fc}\u{6570}",
        "\u{30af}\u{30e9}\u{30a4}\u{30a2}\u{30f3}\u{30c8}\u{6570}", "\u{c2a4}\u{b808}\u{b4dc}",
        "\u{c2a4}\u{b808}\u{b4dc}\u{c218}", "\u{d504}\u{b85c}\u{c138}\u{c2a4}", "\u{cf54}\u{c5b4}",
        "\u{b178}\u{b4dc}", "vl\u{e1}ken", "vl\u{e1}kna", "proces\u{16f}", "jader", "uzl\u{16f}",
        "tr\u{e5}dar", "tr\u{e5}de", "tr\u{e5}der", "processer", "prosesser", "k\u{e4}rnor",
        "kjerner", "noder", "arbetare", "s\u{e4}ikeet", "s\u{e4}ikeit\u{e4}", "s\u{e4}ikeiden",
        "prosessit", "ytimet", "ytimi\u{e4}", "sz\u{e1}lak", "folyamatok", "magok", "\u{e7}ekirdek",
        "usu\u{e1}rios", "conex\u{f5}es", "tarefas", "n\u{f3}s",
    ]),
    (Beside, &[
        "n", "num", "number", "no", "nr", "of", "the", "level", "omp", "openmp", "mpi", "mkl",
        "openblas", "blis", "rayon", "tokio", "concurrent", "pool", "to", "for", "a", "in", "and",
        "with", "total", "overall", "whole", "wall", "clock", "execution", "exec", "run", "per",
        "task", "measured", "parallel", "virtual", "hardware", "physical", "logical", "active",
        "os", "ht", "smt", "anzahl", "zahl", "der", "die", "nombre", "de", "des", "du",
        "n\u{fa}mero", "numero",
        "cantidad", "n\u{ba}", "nb", "por", "par", "pro", "je", "gesamt", "totale", "d", "degree",
        "end", "bench", "benchmark", "cli", "cfg", "config", "param", "parameter", "program", "app",
        "application", "solve", "solver", "compute", "computation", "calc", "calculation",
        "processing", "simulation", "sim", "build", "compile", "observed", "actual", "raw", "loop",
        "main", "kernel", "region", "step", "ejecuci\u{f3}n", "ejecucion", "ex\u{e9}cution",
        "calcul", "c\u{e1}lculo", "calculo", "reloj", "used", "available", "requested", "max",
        "count", "counts", "di", "dei", "degli", "delle", "del", "do", "das", "dos", "aantal",
        "liczba", "ilo\u{15b}\u{107}", "\u{447}\u{438}\u{441}\u{43b}\u{43e}",
        "\u{43a}\u{43e}\u{43b}\u{438}\u{447}\u{435}\u{441}\u{442}\u{432}\u{43e}",
        "\u{43a}\u{43e}\u{43b}", "\u{432}\u{43e}", "antal", "antall", "po\u{10d}et",
        "lukum\u{e4}\u{e4}r\u{e4}", "m\u{e4}\u{e4}r\u{e4}", "sz\u{e1}m\u{fa}", "say\u{131}s\u{131}",
        "n\u{fa}m", "n\u{fa}m.", "nombres", "quantit\u{e0}", "quantidade",
        "\u{432}\u{44b}\u{43f}\u{43e}\u{43b}\u{43d}\u{435}\u{43d}\u{438}\u{44f}",
        "\u{440}\u{430}\u{431}\u{43e}\u{442}\u{44b}",
        "\u{440}\u{430}\u{441}\u{447}\u{435}\u{442}\u{430}",
        "\u{440}\u{430}\u{441}\u{447}\u{451}\u{442}\u{430}", "wykonania", "dzia\u{142}ania",
        "oblicze\u{144}", "b\u{11b}hu", "v\u{fd}po\u{10d}tu", "esecuzione", "execu\u{e7}\u{e3}o",
        "execucao", "totaal", "ca\u{142}kowity", "\u{43e}\u{431}\u{449}\u{435}\u{435}",
        "\u{43f}\u{43e}\u{43b}\u{43d}\u{43e}\u{435}", "\u{6570}", "\u{c758}", "\u{c218}",
        "number_of", "paralelos", "paralelas", "parallele",
    ]),
    (Time, &[
        "time", "times", "elapsed", "walltime", "wallclock", "wct", "duration", "dur", "runtime",
        "makespan", "realtime", "real", "seconds", "secs", "sec", "took", "tts", "ttc", "timing",
        "timings", "temps", "dur\u{e9}e", "duree", "zeit", "zeiten", "laufzeit", "dauer",
        "rechenzeit", "ausf\u{fc}hrungszeit", "ausfuehrungszeit", "gesamtzeit", "tiempo",
        "duraci\u{f3}n", "duracion", "tempo", "durata", "tijd", "czas",
        "\u{432}\u{440}\u{435}\u{43c}\u{44f}", "\u{65f6}\u{95f4}", "\u{6642}\u{9593}", "exectime",
        "runtimes", "sekunden", "secondes", "segundos", "milliseconds", "millis", "minutes",
        "completion", "turnaround", "t", "tid", "k\u{f6}rtid", "exekveringstid",
        "ber\u{e4}kningstid", "kj\u{f8}retid", "k\u{f8}retid", "\u{10d}as", "doba", "aika",
        "ajoaika", "suoritusaika", "id\u{151}", "fut\u{e1}sid\u{151}", "s\u{fc}re", "zaman",
        "\u{434}\u{43b}\u{438}\u{442}\u{435}\u{43b}\u{44c}\u{43d}\u{43e}\u{441}\u{442}\u{44c}",
        "\u{8fd0}\u{884c}\u{65f6}\u{95f4}", "\u{6267}\u{884c}\u{65f6}\u{95f4}", "\u{8017}\u{65f6}",
        "\u{7528}\u{65f6}", "\u{5b9f}\u{884c}\u{6642}\u{9593}", "\u{51e6}\u{7406}\u{6642}\u{9593}",
        "\u{8a08}\u{7b97}\u{6642}\u{9593}", "\u{7d4c}\u{904e}\u{6642}\u{9593}", "\u{c2dc}\u{ac04}",
        "\u{c2e4}\u{d589}\u{c2dc}\u{ac04}", "tempos",
    ]),
    (Latency, &[
        "latency", "latencies", "lat", "delay", "response", "rtt", "ttfb", "wait", "waiting",
        "queueing", "think", "jitter", "latenz", "antwortzeit", "wartezeit", "latence", "latencia",
        "latenza", "respuesta", "r\u{e9}ponse", "blocked", "ttft",
        "\u{437}\u{430}\u{434}\u{435}\u{440}\u{436}\u{43a}\u{430}", "\u{5ef6}\u{8fdf}",
        "\u{30ec}\u{30a4}\u{30c6}\u{30f3}\u{30b7}", "op\u{f3}\u{17a}nienie", "lat\u{ea}ncia",
        "latentie",
    ]),
    (Rate, &[
        "throughput", "rate", "tps", "qps", "rps", "iops", "bandwidth", "bw", "capacity",
        "performance", "perf", "speed", "mbps", "gbps", "kbps", "mips", "flops", "mflops", "gflops",
        "tflops", "tput", "thrpt", "thruput", "xput", "fps", "ips", "teps", "gups", "mlups",
        "goodput", "durchsatz", "geschwindigkeit", "leistung", "d\u{e9}bit", "debit", "cadence",
        "rendement", "rendimiento", "caudal", "velocidad", "vitesse", "kops", "mops", "rendimento",
        "productividad", "hashrate", "tpm", "tpmc", "rpm", "qphh", "\u{541e}\u{5410}\u{91cf}",
        "\u{541e}\u{5410}", "\u{5e26}\u{5bbd}", "\u{30b9}\u{30eb}\u{30fc}\u{30d7}\u{30c3}\u{30c8}",
        "\u{43f}\u{440}\u{43e}\u{438}\u{437}\u{432}\u{43e}\u{434}\u{438}\
         \u{442}\u{435}\u{43b}\u{44c}\u{43d}\u{43e}\u{441}\u{442}\u{44c}",
        "\u{43f}\u{440}\u{43e}\u{43f}\u{443}\u{441}\u{43a}\u{43d}\u{430}\u{44f}",
        "przepustowo\u{15b}\u{107}", "propustnost", "doorvoer", "genomstr\u{f6}mning", "desempenho",
        "vaz\u{e3}o", "prestazioni", "\u{cc98}\u{b9ac}\u{b7c9}",
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
        "\u{443}\u{441}\u{43a}\u{43e}\u{440}\u{435}\u{43d}\u{438}\u{435}",
        "\u{52a0}\u{901f}\u{6bd4}", "przyspieszenie", "zrychlen\u{ed}", "versnelling",
        "uppsnabbning", "\u{9ad8}\u{901f}\u{5316}\u{7387}",
        "\u{901f}\u{5ea6}\u{5411}\u{4e0a}\u{7387}", "acelera\u{e7}\u{e3}o", "aceleracao",
    ]),
    (Efficiency, &[
        "efficiency", "eff", "effizienz", "efficacit\u{e9}", "efficacite", "eficiencia",
        "efficienza",
        "\u{44d}\u{444}\u{444}\u{435}\u{43a}\u{442}\u{438}\u{432}\
         \u{43d}\u{43e}\u{441}\u{442}\u{44c}",
        "\u{6548}\u{7387}", "\u{5e76}\u{884c}\u{6548}\u{7387}", "\u{52b9}\u{7387}",
        "\u{4e26}\u{5217}\u{5316}\u{52b9}\u{7387}", "efektywno\u{15b}\u{107}", "efektivita",
        "\u{fa}\u{10d}innost", "effici\u{eb}ntie", "efici\u{ea}ncia", "effektivitet",
    ]),
    (Slowdown, &[
        "slowdown",
    ]),
    (Mean, &[
        "mean", "avg", "average", "ave", "mittel", "mittelwert", "durchschnitt", "moyenne", "moyen",
        "moy", "media", "promedio", "m\u{e9}dia", "gemiddelde", "amean", "m\u{e9}dio",
        "m\u{e9}dios", "medio", "medios", "moyens",
        "\u{441}\u{440}\u{435}\u{434}\u{43d}\u{435}\u{435}",
        "\u{441}\u{440}\u{435}\u{434}\u{43d}\u{44f}\u{44f}", "\u{5e73}\u{5747}", "\u{15b}redni",
        "\u{15b}rednia", "pr\u{16f}m\u{11b}r", "gemiddeld", "medel", "medelv\u{e4}rde",
        "gennemsnit", "keskiarvo",
    ]),
    (Median, &[
        "median", "med", "m\u{e9}diane", "mediane", "mediana", "medianwert",
        "\u{43c}\u{435}\u{434}\u{438}\u{430}\u{43d}\u{430}", "\u{4e2d}\u{4f4d}\u{6570}",
        "\u{4e2d}\u{592e}\u{5024}", "mediaan",
    ]),
    (Minimum, &[
        "minimum", "min", "best", "fastest", "lowest", "low", "lower", "lo", "m\u{ed}nimo",
        "kleinste", "bestzeit", "\u{43c}\u{438}\u{43d}\u{438}\u{43c}\u{443}\u{43c}",
        "\u{43c}\u{438}\u{43d}", "\u{6700}\u{5c0f}",
    ]),
    (Maximum, &[
        "maximum", "worst", "slowest", "highest", "high", "upper", "hi", "m\u{e1}ximo", "peak",
        "\u{43c}\u{430}\u{43a}\u{441}\u{438}\u{43c}\u{443}\u{43c}", "\u{43c}\u{430}\u{43a}\u{441}",
        "\u{6700}\u{5927}", "massimo",
    ]),
    (Deviation, &[
        "stddev", "sd", "std", "stdev", "stdv", "sdev", "deviation", "dev", "se", "sem", "stderr",
        "error", "err", "ci", "ci95", "cv", "rsd", "variance", "var", "mad", "iqr", "sigma",
        "spread", "noise", "uncertainty", "standardabweichung", "abweichung", "streuung", "fehler",
        "ecart", "\u{e9}cart", "desviaci\u{f3}n", "desviacion", "varianza", "desv", "desvio",
        "padr\u{e3}o", "\u{43e}\u{442}\u{43a}\u{43b}\u{43e}\u{43d}\u{435}\u{43d}\u{438}\u{435}",
        "\u{6807}\u{51c6}\u{5dee}", "\u{6a19}\u{6e96}\u{504f}\u{5dee}", "odchylenie", "odchylka",
        "avvikelse", "standardavvikelse", "scarto", "deviazione", "afwijking",
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
        "nth", "messung", "mesure", "misura", "medida", "medici\u{f3}n", "medicion",
        "medi\u{e7}\u{e3}o", "\u{438}\u{437}\u{43c}\u{435}\u{440}\u{435}\u{43d}\u{438}\u{435}",
        "pomiar", "meting", "m\u{e4}tning", "durchlauf", "prueba", "corrida", "prova", "\u{56de}",
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

/// The meaning of a word; `None` if it is a name.
pub(in crate::import) fn sense(word: &str) -> Option<Sense> {
    WORDS.iter().find(|(_, words)| words.contains(&word)).map(|(sense, _)| *sense)
}

/// Endings that give any word a meaning. Some languages write `parallel_time` as one word.
const ENDINGS: [(Sense, &[&str]); 2] = [
    (Time, &["time", "zeit", "tijd", "times", "\u{65f6}\u{95f4}", "\u{6642}\u{9593}"]),
    (
        Workers,
        &[
            "\u{7ebf}\u{7a0b}\u{6570}",
            "\u{8fdb}\u{7a0b}\u{6570}",
            "\u{6838}\u{6570}",
            "\u{8282}\u{70b9}\u{6570}",
            "\u{30b9}\u{30ec}\u{30c3}\u{30c9}\u{6570}",
            "\u{30d7}\u{30ed}\u{30bb}\u{30b9}\u{6570}",
            "\u{30b3}\u{30a2}\u{6570}",
            "\u{30ce}\u{30fc}\u{30c9}\u{6570}",
        ],
    ),
];
/// Words with such an ending but another meaning.
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

/// The meaning of a word, including that of its ending.
pub(in crate::import) fn meaning(word: &str) -> Option<Sense> {
    // `threadcount`, `numexecutors`.
    let counted = word.strip_suffix("count").or_else(|| word.strip_prefix("num"));
    let joined = || counted.and_then(sense).filter(|sense| *sense == Workers);
    sense(word).or_else(joined).or_else(|| {
        let ends = |end: &&str| word.len() > end.len() && word.ends_with(end);
        let found = ENDINGS.iter().find(|(_, endings)| endings.iter().any(&ends));
        found.filter(|_| !NO_TIMES.contains(&word)).map(|(sense, _)| *sense)
    })
}

/// Whether a word means workers.
pub(in crate::import) fn is_worker(word: &str) -> bool {
    meaning(word) == Some(Sense::Workers)
}

/// Words that name a mode, with its name in the verdict.
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

/// The mode in a name.
pub(crate) fn mode_in(name: &str) -> Option<&'static str> {
    let words = super::split::words(name);
    let place = |modes: &[&str]| words.iter().rposition(|word| modes.contains(&word.as_str()));
    // The last one is used: `thread-MPI (threads)`.
    MODES
        .iter()
        .filter_map(|(mode, words)| Some((place(words)?, *mode)))
        .max()
        .map(|(_, mode)| mode)
}
