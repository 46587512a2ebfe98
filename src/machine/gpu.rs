//! How busy each GPU is during a measurement, and how much of its memory is in use.
//!
//! A separate thread reads this ten times a second, so a driver that hangs blocks nothing else;
//! there are just no figures. Without the files of a driver, no library is loaded and no thread is
//! started.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Root;
use super::accelerators::{CARDS, NVIDIA};

/// NVIDIA's library, which comes with its driver.
const NVML: &str = "libnvidia-ml.so.1";
/// The time between two readings.
const EVERY: Duration = Duration::from_millis(100);
/// A driver averages over the last sixth of a second or more. So what it says early in a round is
/// about the time before the round.
const LAG: Duration = Duration::from_millis(200);
/// The most readings that are kept until they are collected.
const MOST: usize = 1 << 14;

/// What one GPU did during a round, for whatever program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GpuUse {
    /// The name that its driver gives it.
    pub name: String,
    /// Share of the time in which anything ran on it, from 0 to 1.
    pub busy: Option<f64>,
    /// The highest use of its memory, in bytes.
    pub memory: Option<u64>,
    /// The smallest such share since the run began: this is how much others use it.
    pub at_rest: Option<f64>,
}

/// The GPUs of this machine, watched.
#[derive(Debug)]
pub(super) struct Gpus {
    seen: Arc<Mutex<Seen>>,
    /// When this is dropped, the thread ends.
    _watching: Sender<()>,
}

/// The readings since they were last collected.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    names: Vec<String>,
    looks: Vec<(Instant, Vec<Look>)>,
    /// For each GPU, the smallest busy share since the beginning.
    at_rest: Vec<Option<f64>>,
}

/// One reading of one GPU.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Look {
    busy: Option<f64>,
    memory: Option<u64>,
}

impl Gpus {
    /// Begins to watch the GPUs of a machine; `None` if no driver shows a GPU.
    pub(super) fn of(root: &Root) -> Option<Self> {
        Self::watch(root, root.is_live().then(|| NVML.into()))
    }

    /// Begins to watch, with this library for NVIDIA's driver.
    fn watch(root: &Root, nvml: Option<PathBuf>) -> Option<Self> {
        let nvml = nvml.filter(|_| !root.names(format!("{NVIDIA}/gpus")).is_empty());
        let cards = Cards::of(root);
        if nvml.is_none() && cards.0.is_empty() {
            return None;
        }
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let (watching, end) = mpsc::channel::<()>();
        let kept = Arc::clone(&seen);
        let look = move || {
            // Loading the library may hang as well.
            let nvidia = nvml.and_then(|library| nvidia::Driver::load(&library));
            let names = nvidia.iter().flat_map(nvidia::Driver::names).chain(cards.names());
            lock(&kept).names = names.collect();
            loop {
                let looks = nvidia.iter().flat_map(nvidia::Driver::look).chain(cards.look());
                let looks: Vec<Look> = looks.collect();
                if looks.iter().all(|look| *look == Look::default()) {
                    return;
                }
                lock(&kept).add(Instant::now(), looks);
                if end.recv_timeout(EVERY) == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("gpus".into()).spawn(look).ok()?;
        Some(Self { seen, _watching: watching })
    }

    /// Collects the readings since the last call.
    pub(super) fn take(&self) -> Seen {
        let mut seen = lock(&self.seen);
        let looks = std::mem::take(&mut seen.looks);
        Seen { looks, names: seen.names.clone(), at_rest: seen.at_rest.clone() }
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seen {
    fn add(&mut self, at: Instant, looks: Vec<Look>) {
        self.at_rest.resize(looks.len(), None);
        for (least, look) in self.at_rest.iter_mut().zip(&looks) {
            *least = [*least, look.busy].into_iter().flatten().reduce(f64::min);
        }
        if self.looks.len() == MOST {
            self.looks.drain(..MOST / 2);
        }
        self.looks.push((at, looks));
    }

    /// What each GPU did from `begin` on. GPUs without readings are left out.
    pub(super) fn since(&self, begin: Instant) -> Vec<GpuUse> {
        let of = |(index, name): (usize, &String)| {
            let looks = self.looks.iter().filter(|(at, _)| *at > begin);
            let looks: Vec<(Instant, Look)> =
                looks.filter_map(|(at, all)| Some((*at, *all.get(index)?))).collect();
            let settled = looks.iter().filter(|(at, _)| *at > begin + LAG);
            let mut busy: Vec<f64> = settled.filter_map(|(_, look)| look.busy).collect();
            if busy.is_empty() {
                busy.extend(looks.last().and_then(|(_, look)| look.busy));
            }
            let mean = busy.iter().sum::<f64>() / busy.len().max(1) as f64;
            let seen = GpuUse {
                name: name.clone(),
                busy: (!busy.is_empty()).then_some(mean),
                memory: looks.iter().filter_map(|(_, look)| look.memory).max(),
                at_rest: self.at_rest.get(index).copied().flatten(),
            };
            (seen.busy.is_some() || seen.memory.is_some()).then_some(seen)
        };
        self.names.iter().enumerate().filter_map(of).collect()
    }
}

impl GpuUse {
    /// Combines the use of two spans. The first one makes up the share `weight`.
    pub(super) fn and(self, other: &Self, weight: f64) -> Self {
        let both = self.busy.zip(other.busy);
        Self {
            busy: both.map(|(a, b)| a * weight + b * (1.0 - weight)).or(self.busy).or(other.busy),
            memory: self.memory.max(other.memory),
            at_rest: [self.at_rest, other.at_rest].into_iter().flatten().reduce(f64::min),
            ..self
        }
    }
}

/// Cards of AMD, whose driver provides the figures in files.
#[derive(Debug)]
struct Cards(Vec<(Root, String)>);

impl Cards {
    fn of(root: &Root) -> Self {
        let device = |card: String| format!("{CARDS}/{card}/device");
        let devices = root.names(CARDS).into_iter().map(device);
        let tells = |device: &String| {
            root.has(format!("{device}/gpu_busy_percent"))
                && root.has(format!("{device}/mem_info_vram_used"))
        };
        // `card0` and its outputs, such as `card0-DP-1`, lead to one device.
        let is_card = |device: &String| !device.contains('-') && device.contains("/card");
        let kept = devices.filter(|device| is_card(device) && tells(device));
        Self(kept.map(|device| (root.clone(), device)).collect())
    }

    fn names(&self) -> impl Iterator<Item = String> {
        let name = |(root, device): &(Root, String)| root.text(format!("{device}/product_name"));
        self.0.iter().map(move |card| name(card).unwrap_or_else(|| "amdgpu".to_owned()))
    }

    fn look(&self) -> impl Iterator<Item = Look> {
        self.0.iter().map(|(root, device)| Look {
            busy: root.value(format!("{device}/gpu_busy_percent")).map(share),
            memory: root.value(format!("{device}/mem_info_vram_used")),
        })
    }
}

/// A percentage as a share.
fn share(percent: u32) -> f64 {
    (f64::from(percent) / 100.0).min(1.0)
}

/// NVIDIA's library, which comes with the driver and is loaded at run time.
#[cfg(target_os = "linux")]
mod nvidia {
    use nvml_wrapper::Nvml;

    use super::{Look, Path, share};

    pub(super) struct Driver(Nvml);

    impl Driver {
        /// `None` if there is no such library, or it finds no driver.
        pub(super) fn load(library: &Path) -> Option<Self> {
            Nvml::builder().lib_path(library.as_os_str()).init().ok().map(Self)
        }

        fn count(&self) -> u32 {
            self.0.device_count().unwrap_or(0)
        }

        pub(super) fn names(&self) -> impl Iterator<Item = String> {
            let name = |index| self.0.device_by_index(index).ok()?.name().ok();
            (0..self.count()).map(move |index| name(index).unwrap_or_else(|| "NVIDIA".to_owned()))
        }

        pub(super) fn look(&self) -> impl Iterator<Item = Look> {
            let look = |index| {
                let device = self.0.device_by_index(index).ok()?;
                let busy = device.utilization_rates().ok().map(|rates| share(rates.gpu));
                Some(Look { busy, memory: device.memory_info().ok().map(|memory| memory.used) })
            };
            (0..self.count()).map(move |index| look(index).unwrap_or_default())
        }
    }
}

/// On other systems there are no figures.
#[cfg(not(target_os = "linux"))]
mod nvidia {
    use super::{Look, Path};

    pub(super) struct Driver;

    impl Driver {
        pub(super) fn load(_library: &Path) -> Option<Self> {
            None
        }

        pub(super) fn names(&self) -> std::iter::Empty<String> {
            std::iter::empty()
        }

        pub(super) fn look(&self) -> std::iter::Empty<Look> {
            std::iter::empty()
        }
    }
}
