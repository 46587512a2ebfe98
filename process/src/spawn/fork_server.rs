//! The fork server: a clean, single-threaded copy of this program that forks itself on request.
use crate::error::{Error, Result};
use crate::registry::Registry;
use crate::spawn::Output;
use crate::sys::child::ChildProcess;
use crate::sys::control::Control;
use std::os::fd::OwnedFd;
pub(crate) fn fork(_control: OwnedFd, _output: Output) -> Result<ChildProcess> {
    Err(Error::Setting("the fork server is not available yet".into()))
}
pub(crate) fn serve(_control: &mut Control, _registry: &'static Registry) -> ! {
    std::process::exit(1)
}
