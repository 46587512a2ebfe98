//! Where text goes: results to standard output, everything else to standard error, never a panic
//! when nobody reads.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;

use crate::plot::label::visible;
use crate::report::terminal::Style;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// On a terminal that can, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How this call talks.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Whether results are machine-readable.
    pub json: bool,
    /// Whether progress and remarks are left out.
    pub quiet: bool,
    /// When to colour.
    pub color: Color,
}

impl Output {
    /// Writes a result to standard output.
    ///
    /// # Errors
    /// Standard output is full or broken; that nobody reads any more (`| head`, a terminal that was
    /// closed) is no error.
    pub fn result(self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            other => other,
        }
    }

    /// Writes a remark to standard error; it is lost where that is closed. Names in it may be
    /// anything, and steer nothing.
    pub fn remark(self, text: &str) {
        if !self.quiet {
            let shown: Vec<String> = text.split('\n').map(visible).collect();
            let _ = writeln!(io::stderr().lock(), "{}", shown.join("\n"));
        }
    }

    /// Whether results on standard output are coloured.
    pub fn colored(self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
            }
        }
    }

    /// How wide results may be: the terminal's columns, 100 where there is none.
    pub fn width(self) -> usize {
        let asked = std::env::var("COLUMNS").ok().and_then(|text| text.parse::<usize>().ok());
        let columns = asked.filter(|&columns| columns > 0).or_else(terminal_columns);
        columns.unwrap_or(100).clamp(40, 240)
    }

    /// How findings are laid out on standard output.
    pub fn style(self) -> Style {
        Style { width: Some(self.width()), color: self.colored(), unicode: speaks_unicode() }
    }

    /// Whether a progress bar may be drawn.
    pub fn draws_progress(self) -> bool {
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        !self.quiet && !dumb && io::stderr().is_terminal()
    }
}

/// Whether standard output is a terminal that was closed. Such a terminal answers `EIO`, and no
/// longer says that it is a terminal. It is still a character device, which a file on a broken disk
/// is not.
fn is_gone(error: &io::Error) -> bool {
    let stdout = rustix::fs::fstat(io::stdout());
    let is_device = stdout.is_ok_and(|stat| {
        rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::CharacterDevice
    });
    error.raw_os_error() == Some(libc::EIO) && is_device
}

fn terminal_columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// Whether the locale's characters are UTF-8; where nothing is set, pipes and files are assumed to
/// be.
fn speaks_unicode() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| std::env::var(name).ok());
    let locale = set.into_iter().find(|value| !value.is_empty());
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    !dumb && locale.is_none_or(|name| name.to_ascii_lowercase().contains("utf"))
}
