//! What was seen at one count, and which shares of the workers' time follow from it.

/// What was seen at one count: medians over its rounds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Witness {
    /// How many workers.
    pub workers: f64,
    /// CPU seconds per second, of all workers together.
    pub cpu: Option<f64>,
    /// Share of those spent in the kernel.
    pub system: Option<f64>,
    /// CPU seconds per unit of work.
    pub cpu_per_unit: Option<f64>,
    /// Seconds per second that workers were ready to run but had no CPU, of all workers together.
    pub queued: Option<f64>,
    /// Voluntary context switches per task.
    pub voluntary: Option<f64>,
    /// CPU seconds per second that each thread of the client used, where a client asks a server.
    pub client: Option<f64>,
    /// Share of the time in which some task waited for IO.
    pub io_pressure: Option<f64>,
    /// Share of the CPUs' time for which a quota kept tasks from running.
    pub throttled: Option<f64>,
    /// Share of the time in which the busiest GPU worked, where there is one.
    pub gpu: Option<f64>,
    /// The smallest such share in the whole run: what others use of that GPU.
    pub gpu_at_rest: Option<f64>,
    /// Share of the CPUs that others used.
    pub foreign: Option<f64>,
    /// Share of the CPUs that a hypervisor gave to other machines.
    pub stolen: Option<f64>,
}

impl Witness {
    /// Share of a worker's time on a CPU.
    pub(super) fn on_cpu(&self) -> Option<f64> {
        Some((self.cpu? / self.workers).clamp(0.0, 1.0))
    }

    /// Share of a worker's time blocked: neither on a CPU nor waiting for one.
    ///
    /// Where the waiting for a CPU is not known it is what more workers than CPUs must do.
    pub(in crate::analysis) fn blocked(&self, cpus: f64) -> Option<f64> {
        let crowd = if self.workers > cpus { 1.0 - cpus / self.workers } else { 0.0 };
        let queued = self.queued.map_or(crowd, |queued| queued / self.workers);
        Some((1.0 - self.on_cpu()? - queued - self.kept_off(cpus)).clamp(0.0, 1.0))
    }

    /// Share of a worker's time for which others may have kept it off a CPU, beyond what its
    /// waiting for one tells.
    fn kept_off(&self, cpus: f64) -> f64 {
        let taken = self.stolen.unwrap_or(0.0) + self.throttled.unwrap_or(0.0);
        // Waiting for a CPU that another program has is seen where the waiting is.
        let foreign = if self.queued.is_some() { 0.0 } else { self.foreign.unwrap_or(0.0) };
        if cpus.is_finite() { (taken + foreign) * (cpus / self.workers).max(1.0) } else { 0.0 }
    }

    /// Share of the CPUs that was not ours.
    pub(super) fn disturbed(&self, writes: bool) -> f64 {
        // The kernel writes files in threads of its own, which look like others.
        let foreign = self.foreign.filter(|_| !writes).unwrap_or(0.0);
        foreign + self.stolen.unwrap_or(0.0)
    }
}
