#![doc = include_str!("../README.md")]

mod boot;
mod codec;
mod error;
mod outcome;
#[cfg(target_os = "linux")]
mod pipe;
mod pool;
mod process;
#[cfg(target_os = "linux")]
mod queue;
mod registry;
mod ring;
mod shm;
mod spawn;
mod start;
mod sys;
mod work;

pub use boot::init;
pub use codec::Bytes;
pub use error::{Error, Result};
pub use outcome::{Death, Exit, ExitStatus, Failure, Outcome, Usage};
#[cfg(target_os = "linux")]
pub use pipe::{Duplex, Receiver, Sender, duplex, pipe};
pub use pool::{
    Builder, Depth, Functions, Handle, Ordered, Pool, Report, Transport, Unordered, worker_index,
};
pub use process::{Child, Process};
#[cfg(target_os = "linux")]
pub use queue::{Consumer, Producer, Queue};
pub use registry::{Entry, Function, Run, function, runnable, worker};
pub use spawn::{Output, StartMethod, own_program, set_program};
pub use start::{is_child, process_name};
pub use work::Worker;
