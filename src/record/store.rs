//! A record on disk: appended line by line. Reading it back names every kind of damage.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::sane;
use super::{FILE_NAME, Line, Record, SCHEMA_VERSION};
use crate::clock;

/// The text between the content of a line and its checksum.
const CRC: &str = ",\"crc\":\"";
/// Larger records are refused: no run of knee writes one.
const LARGEST: u64 = 256 << 20;
/// How often the file is forced to disk during a run.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Appends lines to a record. Nobody else can write to it meanwhile.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    synced: Instant,
}

/// Who may read the files of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Readers {
    /// Every user whom the `umask` allows.
    #[default]
    All,
    /// Only the user, because a command line can hold secrets.
    Owner,
}

impl Readers {
    /// The mode of a new file.
    pub fn mode(self) -> u32 {
        match self {
            Self::All => 0o666,
            Self::Owner => 0o600,
        }
    }
}

impl Writer {
    /// Creates the record of a new run in `directory`.
    ///
    /// # Errors
    /// The directory cannot be written, or holds a record already (`AlreadyExists`).
    pub fn create(directory: &Path, readers: Readers) -> io::Result<Self> {
        let path = directory.join(FILE_NAME);
        let mut options = OpenOptions::new();
        let file = options.append(true).create_new(true).mode(readers.mode()).open(&path)?;
        lock(&file, &path)?;
        sync_directory(directory);
        Ok(Self { file, path, synced: clock::now() })
    }

    /// Opens the record in `directory` to continue it. Before appending, the rest of an incomplete
    /// last line must be [cut off](Self::mend).
    ///
    /// # Errors
    /// The file cannot be opened, or another process writes it (`ResourceBusy`).
    pub fn resume(directory: &Path) -> io::Result<Self> {
        let path = directory.join(FILE_NAME);
        let file = OpenOptions::new().read(true).append(true).open(&path)?;
        lock(&file, &path)?;
        Ok(Self { file, path, synced: clock::now() })
    }

    /// Cuts off an incomplete last line.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn mend(&mut self) -> io::Result<()> {
        let text = fs::read(&self.path)?;
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        self.file.set_len(whole as u64)
    }

    /// The path of the record.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one line. On return the system has it; it is on disk at most a second after the next
    /// line.
    ///
    /// # Errors
    /// The disk is full or gone, or the line is one that [`read`] would refuse (`InvalidData`):
    /// then nothing is written.
    pub fn append(&mut self, line: &Line) -> io::Result<()> {
        if let Some(what) = sane::objection(line) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        self.file.write_all(encode(line)?.as_bytes())?;
        if clock::since(self.synced) >= SYNC_EVERY {
            self.sync()?;
        }
        Ok(())
    }

    /// Forces everything written so far to disk.
    ///
    /// # Errors
    /// The disk says that it could not.
    pub fn sync(&mut self) -> io::Result<()> {
        self.synced = clock::now();
        self.file.sync_data()
    }
}

/// Locks a record against other runs for as long as the file is open.
fn lock(file: &File, path: &Path) -> io::Result<()> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => {
            let who = holder(file).map_or_else(String::new, |pid| format!(", process {pid}"));
            let what = format!(
                "{} is being written by another run{who}; wait until it ends, or stop it",
                path.display()
            );
            Err(io::Error::new(io::ErrorKind::ResourceBusy, what))
        }
        // Some file systems have no locks; then there is none.
        _ => Ok(()),
    }
}

/// The process that holds the lock, if the system says so.
fn holder(file: &File) -> Option<u32> {
    let inode = file.metadata().ok()?.ino().to_string();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let of_file = |line: &&str| {
        let mut words = line.split_ascii_whitespace();
        words.nth(1) == Some("FLOCK")
            && words.nth(3).and_then(|file| file.rsplit(':').next()) == Some(&inode)
    };
    locks.lines().find(of_file)?.split_ascii_whitespace().nth(4)?.parse().ok()
}

/// Forces the entries of a directory to disk, if the system can.
fn sync_directory(directory: &Path) {
    if let Ok(handle) = File::open(directory) {
        let _ = handle.sync_all();
    }
}

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// It is not a regular file, or it is too large to be a record.
    #[error("{path}: {what}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: String,
    },
    /// A newer knee wrote it.
    #[error(
        "{path}: written by a newer knee (schema version {version}; this one reads up to \
         {SCHEMA_VERSION}); update knee to read it"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        version: u32,
    },
    /// A line differs from what was written.
    #[error("{path}: line {line} is damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
}

/// Reads the record at `path`: a file, or a directory that holds one.
///
/// # Errors
/// See [`ReadError`]. A torn last line is no error: it is what an interruption leaves.
pub fn read(path: &Path) -> Result<Record, ReadError> {
    let path = if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() };
    let file = open(&path)?;
    read_from(BufReader::new(file.take(LARGEST + 1)), &path)
}

/// Reads the lines of a record; errors name `path`.
///
/// # Errors
/// As [`read`].
pub fn read_from(mut reader: impl BufRead, path: &Path) -> Result<Record, ReadError> {
    let path = path.to_owned();
    let fail = |source| ReadError::Io { path: path.clone(), source };
    let (mut record, mut number, mut bytes) = (None, 0, Vec::new());
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(fail)? == 0 {
            break;
        }
        number += 1;
        let damaged = |what: String| ReadError::Damaged { path: path.clone(), line: number, what };
        let torn = bytes.last() != Some(&b'\n');
        match decode(&bytes) {
            Ok(line) => {
                if let Some(what) = sane::objection(&line) {
                    return Err(damaged(what));
                }
                take(&mut record, line).map_err(damaged)?;
            }
            Err(_) if torn && number > 1 => break,
            Err(what) => match version(&bytes) {
                Some(version) if number == 1 && version > SCHEMA_VERSION => {
                    return Err(ReadError::Newer { path, version });
                }
                _ if number == 1 => {
                    let what = format!("not a record of knee ({what})");
                    return Err(ReadError::Foreign { path, what });
                }
                _ => return Err(damaged(what)),
            },
        }
        if let Some(record) = &record {
            let version = Record::header_version(record);
            if version > SCHEMA_VERSION {
                return Err(ReadError::Newer { path, version });
            }
        }
    }
    record.ok_or_else(|| ReadError::Foreign { path: path.clone(), what: "it is empty".into() })
}

impl Record {
    fn header_version(&self) -> u32 {
        self.header.schema_version
    }
}

/// Opens a regular file of plausible size. Never waits for the other end of a pipe.
fn open(path: &Path) -> Result<File, ReadError> {
    let fail = |source| ReadError::Io { path: path.to_owned(), source };
    let file =
        OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(fail)?;
    let meta = file.metadata().map_err(fail)?;
    let what = if !meta.is_file() {
        "it is not a regular file".to_owned()
    } else if meta.len() > LARGEST {
        format!("it has {} bytes; a record has at most {LARGEST}", meta.len())
    } else {
        return Ok(file);
    };
    Err(ReadError::Foreign { path: path.to_owned(), what })
}

fn take(record: &mut Option<Record>, line: Line) -> Result<(), String> {
    match (record.as_mut(), line) {
        (None, Line::Header(header)) => {
            *record = Some(Record::begun(header));
        }
        (None, _) => return Err("the header is missing".into()),
        (Some(_), Line::Header(_)) => return Err("a second header".into()),
        (Some(record), Line::Survey(survey)) => {
            if survey.entry >= record.header.plan.entries.len() {
                return Err("a survey of a workload that was not planned".into());
            }
            record.surveys.push(survey);
        }
        (Some(record), Line::Sample(sample)) => {
            if sample.cell.entry >= record.header.plan.entries.len() {
                return Err("a sample of a workload that was not planned".into());
            }
            record.samples.push(sample);
        }
        (Some(record), Line::Failure(failure)) => {
            if failure.entry >= record.header.plan.entries.len() {
                return Err("a failure of a workload that was not planned".into());
            }
            record.failures.push(failure);
        }
        (Some(record), Line::Warning(advice)) => record.warnings.push(advice),
        (Some(record), Line::Burn(report)) => record.burns.push(report),
        (Some(record), Line::End(end)) => record.end = Some(end),
    }
    Ok(())
}

/// One line with its checksum and line feed.
fn encode(line: &Line) -> io::Result<String> {
    let mut text = serde_json::to_string(line)?;
    text.pop();
    let crc = crc32fast::hash(text.as_bytes());
    Ok(format!("{text}{CRC}{crc:08x}\"}}\n"))
}

fn decode(bytes: &[u8]) -> Result<Line, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text")?.trim_end();
    let at = text.rfind(CRC).ok_or("it has no checksum")?;
    let given = text[at + CRC.len()..].strip_suffix("\"}").ok_or("it is cut off")?;
    if u32::from_str_radix(given, 16).ok() != Some(crc32fast::hash(&text.as_bytes()[..at])) {
        return Err("its checksum does not fit".into());
    }
    serde_json::from_str(&format!("{}}}", &text[..at])).map_err(|error| error.to_string())
}

/// The schema version in a first line that cannot be read otherwise.
fn version(bytes: &[u8]) -> Option<u32> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    value.get("header")?.get("schema_version")?.as_u64()?.try_into().ok()
}
