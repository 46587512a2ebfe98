//! The parameters of a command, read and checked.

use std::time::Duration;

use crate::foreign::figure::{Reader, Rule};
use crate::foreign::line::{Line, Slot};
use crate::foreign::target::Target;
use crate::foreign::{argv, environment};
use crate::{Error, Params, Result};

/// The parameters, read and checked.
pub(super) struct Settings {
    pub(super) main: Line,
    pub(super) prepare: Option<Line>,
    pub(super) ignore: Ignore,
    pub(super) limit: Duration,
    pub(super) target: Target,
    pub(super) figure: Option<Reader>,
}

/// Which exit statuses count as success besides 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ignore {
    All,
    These(Vec<i32>),
}

impl Settings {
    pub(super) fn read(params: &Params) -> Result<Self> {
        let sweep = params.text("sweep");
        let main = Line::new(&argv("command", "argv", params.text("argv"))?, sweep)?;
        if !sweep.is_empty() && !main.has(Slot::Workers) {
            return Err(Error::usage(format!(
                "{sweep} occurs nowhere in the command, so every count would run the same; put it \
                 where the number of workers belongs"
            )));
        }
        let prepare = match params.text("prepare") {
            "" => None,
            text => Some(Line::new(&argv("command", "prepare", text)?, sweep)?),
        };
        let ignore = Ignore::read(params.text("ignore"))?;
        let limit = Duration::from_secs_f64(params.number("limit"));
        let target = Target::read(params.text("output"));
        environment("command", params)?;
        let figure = Rule::of(params.text("figure"))?.map(|rule| rule.reader()).transpose()?;
        Ok(Self { main, prepare, ignore, limit, target, figure })
    }
}

impl Ignore {
    fn read(text: &str) -> Result<Self> {
        if text == "all" {
            return Ok(Self::All);
        }
        let status = |word: &str| match word.parse::<i32>() {
            Ok(status) if (1..=255).contains(&status) => Ok(status),
            _ => Err(Error::usage(format!(
                "{word:?} is not an exit status; they are numbers from 1 to 255, comma separated"
            ))),
        };
        let words = text.split(',').filter(|word| !word.is_empty());
        Ok(Self::These(words.map(status).collect::<Result<_>>()?))
    }

    pub(super) fn forgives(&self, status: i32) -> bool {
        status == 0
            || match self {
                Self::All => true,
                Self::These(known) => known.contains(&status),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_statuses_to_be_ignored_are_read() {
        let read = |text: &str| Ignore::read(text).map_err(|error| error.to_string());
        assert!(read("").is_ok_and(|none| none.forgives(0) && !none.forgives(1)));
        assert!(read("all").is_ok_and(|all| all.forgives(77)));
        assert!(read("1,3").is_ok_and(|two| two.forgives(3) && !two.forgives(2)));
        assert!(read("300").unwrap_err().contains("from 1 to 255"));
        assert!(read("x").unwrap_err().contains("not an exit status"));
    }
}
