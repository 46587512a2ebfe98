//! Where the output of a program goes: nowhere, to knee, to knee's standard error, or to a file.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;

use crate::{Error, Result};

/// Where it goes, as the user has set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Null,
    Pipe,
    Inherit,
    File(PathBuf),
}

/// A [`Target`] that is open, ready to be given to a program.
#[derive(Debug)]
pub(crate) enum Sink {
    Null,
    Pipe,
    Inherit,
    File(File),
}

impl Target {
    pub(crate) fn read(text: &str) -> Self {
        match text {
            "" | "null" => Self::Null,
            "pipe" => Self::Pipe,
            "inherit" => Self::Inherit,
            path => Self::File(path.into()),
        }
    }

    /// Opens the file, if it is one, to append to it.
    pub(crate) fn open(&self) -> Result<Sink> {
        Ok(match self {
            Self::Null => Sink::Null,
            Self::Pipe => Sink::Pipe,
            Self::Inherit => Sink::Inherit,
            Self::File(path) => {
                let file = OpenOptions::new().append(true).create(true).open(path);
                let what = format!("--output {} cannot be opened", path.display());
                Sink::File(file.map_err(|error| Error::io(what, &error))?)
            }
        })
    }
}

impl Sink {
    /// The program's standard output; `pipe` is the pipe that knee reads.
    pub(crate) fn stdout(&self, pipe: &OwnedFd) -> io::Result<Stdio> {
        Ok(match self {
            Self::Null => Stdio::null(),
            Self::Pipe => pipe.try_clone()?.into(),
            // Knee's own standard output is for results only.
            Self::Inherit => io::stderr().into(),
            Self::File(file) => file.try_clone()?.into(),
        })
    }

    /// The program's standard error; `pipe` is the pipe that knee reads.
    pub(crate) fn stderr(&self, pipe: &OwnedFd) -> io::Result<Stdio> {
        match self {
            Self::Inherit => Ok(Stdio::inherit()),
            _ => Ok(pipe.try_clone()?.into()),
        }
    }
}
