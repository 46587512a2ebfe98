//! Where text goes: results to standard output, everything else to standard error. It never panics
//! when nobody reads.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;

use crate::plot::label::visible;
use crate::report::terminal::Style;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// On a terminal that can show them, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How this call of knee prints.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Whether results are machine-readable.
    pub json: bool,
    /// Whether progress and remarks are hidden.
    pub quiet: bool,
    /// When to use colours.
    pub color: Color,
}

impl Output {
    /// Writes a result to standard output.
    ///
    /// # Errors
    /// Standard output is full or broken. If nobody reads any more (`| head`, a closed terminal),
    /// that is not an error.
    pub fn result(self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            other => other,
        }
    }

    /// Writes a remark to standard error. If that is closed, the remark is lost. Names in a remark
    /// are escaped, so that they cannot control the terminal.
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

    /// The width of results: the terminal's columns, or 100 without a terminal.
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

/// Whether standard output is a terminal that was closed. Such a terminal answers `EIO` and no
/// longer says that it is a terminal. But it is still a character device, unlike a file on a broken
/// disk.
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

/// Whether the locale uses UTF-8. If no locale is set, UTF-8 is assumed for pipes and files.
fn speaks_unicode() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| std::env::var(name).ok());
    let locale = set.into_iter().find(|value| !value.is_empty());
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    !dumb && locale.is_none_or(|name| name.to_ascii_lowercase().contains("utf"))
}
