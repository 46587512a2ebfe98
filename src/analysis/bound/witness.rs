//! What was seen at one count, and the shares of the workers' time that follow.

/// What was seen at one count. Each figure is the median over its rounds, unless it says
/// otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Witness {
    /// The number of workers.
    pub workers: f64,
    /// CPU seconds per second, of all workers together.
    pub cpu: Option<f64>,
    /// The share of that CPU time that was spent in the kernel.
    pub system: Option<f64>,
    /// CPU seconds per unit of work.
    pub cpu_per_unit: Option<f64>,
    /// Seconds per second that workers were ready to run but had no CPU, all workers together.
    pub queued: Option<f64>,
    /// Voluntary context switches per task.
    pub voluntary: Option<f64>,
    /// CPU seconds per second of each client thread, where a client loads a server.
    pub client: Option<f64>,
    /// Share of the time in which some task waited for IO.
    pub io_pressure: Option<f64>,
    /// Share of the CPUs' time in which a quota stopped tasks.
    pub throttled: Option<f64>,
    /// Share of the time in which the busiest GPU worked, if there is a GPU.
    pub gpu: Option<f64>,
    /// The smallest such share in the whole run: this is how much others use the GPU.
    pub gpu_at_rest: Option<f64>,
    /// Share of the CPUs that others used in all rounds together, as far as it is certain.
    pub foreign: Option<f64>,
    /// Share of the CPUs that a hypervisor gave to other machines in all rounds together, as far as
    /// it is certain.
    pub stolen: Option<f64>,
}

impl Witness {
    /// Share of a worker's time on a CPU.
    pub(super) fn on_cpu(&self) -> Option<f64> {
        Some((self.cpu? / self.workers).clamp(0.0, 1.0))
    }

    /// Share of a worker's time that it was blocked: neither on a CPU nor waiting for one.
    ///
    /// If the waiting time for a CPU is not known, it is the least that more workers than CPUs must
    /// wait.
    pub(in crate::analysis) fn blocked(&self, cpus: f64) -> Option<f64> {
        let crowd = if self.workers > cpus { 1.0 - cpus / self.workers } else { 0.0 };
        let queued = self.queued.map_or(crowd, |queued| queued / self.workers);
        Some((1.0 - self.on_cpu()? - queued - self.kept_off(cpus)).clamp(0.0, 1.0))
    }

    /// Share of a worker's time in which other programs may have kept it off a CPU, beyond its
    /// known waiting time.
    fn kept_off(&self, cpus: f64) -> f64 {
        let taken = self.stolen.unwrap_or(0.0) + self.throttled.unwrap_or(0.0);
        // Known waiting time already includes waiting for a CPU that another program has.
        let foreign = if self.queued.is_some() { 0.0 } else { self.foreign.unwrap_or(0.0) };
        if cpus.is_finite() { (taken + foreign) * (cpus / self.workers).max(1.0) } else { 0.0 }
    }

    /// Share of the CPUs that others had.
    pub(super) fn disturbed(&self, writes: bool) -> f64 {
        // The kernel writes files in its own threads, which look like other programs.
        let foreign = self.foreign.filter(|_| !writes).unwrap_or(0.0);
        foreign + self.stolen.unwrap_or(0.0)
    }
}
