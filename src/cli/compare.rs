//! `knee compare A B ..`: compares machines, settings or builds with the first.

use std::path::PathBuf;

use super::{Failure, Output, exit, share, sides, written};
use crate::analysis::compare::{self, Contender, RUN_TO_RUN};
use crate::report::{self, terminal};

/// Compare runs of two or more machines.
///
/// The first side is the baseline. Several runs of one side (NAME=A NAME=B, or a directory of run
/// directories) show how much its runs differ. With one run each, that is assumed, and intervals
/// are wide.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Records, run directories, or directories of run directories. NAME=PATH gives a side a name;
    /// RUN@NODE is one node of a run over several nodes
    #[arg(value_name = "[NAME=]PATH", required = true, num_args = 2..)]
    sides: Vec<String>,
    /// What a side costs, e.g. `A=0.40/h`; per s, min, h, d, or month (730 h)
    #[arg(long = "price", value_name = "NAME=PRICE/TIME", allow_hyphen_values = true)]
    prices: Vec<String>,
    /// Assumed standard deviation between runs of one machine, for a side with only one run
    #[arg(long, value_name = "SHARE", default_value_t = format!("{}%", RUN_TO_RUN * 100.0),
          allow_hyphen_values = true)]
    run_to_run: String,
    /// What a recommended count may cost against the best, as a share of throughput [default: as
    /// when it was measured]
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    tolerance: Option<String>,
    /// Also write the comparison with its plots to this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How a comparison is printed. `--json` overrides it.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Format {
    /// For a terminal.
    #[default]
    Text,
    /// For an issue or a wiki.
    Markdown,
    /// For a browser.
    Html,
}

pub(super) fn compare(args: &Args, output: Output) -> Result<u8, Failure> {
    let run_to_run = share::parse(&args.run_to_run, "--run-to-run")?;
    let tolerance = args.tolerance.as_deref().map(share::tolerance).transpose()?;
    let mut skip = |message: String| output.remark(&format!("knee: left out: {message}"));
    let mut contenders = sides::read(&args.sides, tolerance, &mut skip)?;
    set_prices(&mut contenders, &args.prices)?;
    let runs = contenders.iter().flat_map(|side| &side.runs);
    let readers = runs.map(|run| run.record.header.readers()).max().unwrap_or_default();
    let comparison = compare::compare(&contenders, run_to_run).map_err(Failure::usage)?;
    if let Some(directory) = &args.out {
        std::fs::create_dir_all(directory).map_err(|error| {
            Failure::new(exit::UNWRITTEN, format!("{}: {error}", directory.display()))
        })?;
        report::write_comparison(directory, &comparison, readers)
            .map_err(|error| Failure::new(exit::UNWRITTEN, error))?;
    }
    if output.json {
        let text = report::json::comparison(&comparison)
            .map_err(|error| Failure::new(exit::FAILED, error))?;
        return written(output.result(&text));
    }
    let text = match args.format {
        Format::Markdown => report::markdown::comparison(&comparison),
        Format::Html => report::html::comparison(&comparison),
        Format::Text => {
            let mut text = Vec::new();
            terminal::comparison(&mut text, &comparison, &output.style())
                .map_err(|error| Failure::new(exit::FAILED, error))?;
            String::from_utf8_lossy(&text).into_owned()
        }
    };
    written(output.result(&text))
}

fn set_prices(contenders: &mut [Contender], prices: &[String]) -> Result<(), Failure> {
    for text in prices {
        let (name, price) = text.rsplit_once('=').ok_or_else(|| wrong_price(text))?;
        let names: Vec<String> = contenders.iter().map(|side| side.name.clone()).collect();
        let side = contenders.iter_mut().find(|side| side.name == name).ok_or_else(|| {
            Failure::usage(format!("--price names `{name}`; the sides are {}", names.join(", ")))
        })?;
        side.price = Some(per_second(price).ok_or_else(|| wrong_price(text))?);
    }
    Ok(())
}

fn wrong_price(text: &str) -> Failure {
    Failure::usage(format!(
        "`{text}` is not a price: write for example A=0.40/h (per s, min, h, d or month)"
    ))
}

/// Money per second, from a text such as `0.40/h`.
fn per_second(text: &str) -> Option<f64> {
    let (amount, time) = text.split_once('/')?;
    let seconds = match time.trim() {
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        "month" => 730.0 * 3600.0,
        _ => return None,
    };
    let amount: f64 = amount.trim().parse().ok()?;
    (amount.is_finite() && amount > 0.0).then_some(amount / seconds)
}

#[cfg(test)]
mod tests {
    use super::per_second;

    #[test]
    fn prices_are_per_time() {
        assert_eq!(per_second("3600/h"), Some(1.0));
        assert_eq!(per_second("6 / min"), Some(0.1));
        for wrong in ["", "0.4", "0.4/week", "-1/h", "0/h", "inf/h", "NaN/h", "x/h"] {
            assert_eq!(per_second(wrong), None, "{wrong}");
        }
    }
}
