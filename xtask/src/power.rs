//! `cargo xtask power`: a process appends, the power of the system below it is cut at a random moment, and what it acknowledged
//! has to be there.
//!
//! Two rigs, whose scripts are in `tests/power`: a whole kernel that is killed with everything in its memory, and images of a
//! file system in use. Each has control rounds, in which the process does not sync: unless they lose something, the rig proves nothing.

mod images;
mod kernel;
mod machine;
mod said;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use self::said::Said;
use crate::{flags, process};

/// The test whose process appends, and looks at what is left.
const TEST: &str = "power::what_was_acknowledged_outlives_the_end";
const ROUNDS: u64 = 40;
/// One control round for so many others.
const ROUNDS_FOR_A_CONTROL: u64 = 10;
const CONTROLS_MIN: u64 = 3;
const ROUNDS_BEFORE_A_LINE: u64 = 20;
/// The control is cut when so much was acknowledged, so that there is something to lose.
const CONTROL_ACKNOWLEDGED: u32 = 20;

/// What is asked for with `--rounds`, `--seed` and `--rig`.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    rounds: u64,
    seed: u64,
    rigs: Vec<Rig>,
}

/// How the power is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rig {
    Kernel,
    Images,
}

/// What every rig needs to know.
struct Setting {
    /// Where disks and mounts are.
    folder: PathBuf,
    /// The program with [`TEST`].
    program: PathBuf,
    /// The library in whose presence syncs do nothing.
    no_sync: PathBuf,
}

impl Setting {
    fn script(name: &str) -> Command {
        Command::new(process::workspace().join("tests/power").join(name))
    }
}

/// The rounds of one rig.
struct Campaign<'a> {
    setting: &'a Setting,
    rounds: u64,
    chance: Chance,
    figures: Figures,
}

impl<'a> Campaign<'a> {
    fn new(setting: &'a Setting, rounds: u64, seed: u64) -> Self {
        Self { setting, rounds, chance: Chance(seed), figures: Figures::default() }
    }

    /// How many rounds are without a sync.
    fn controls(&self) -> u64 {
        (self.rounds / ROUNDS_FOR_A_CONTROL).max(CONTROLS_MIN)
    }

    fn is_over(&self) -> bool {
        self.figures.cuts >= self.rounds
    }

    fn say_how_far(&self, name: &str) {
        let Figures { cuts, losses, .. } = &self.figures;
        if cuts.is_multiple_of(ROUNDS_BEFORE_A_LINE) || self.is_over() {
            println!("{name}: {cuts} of {} cuts, {} losses", self.rounds, losses.len());
        }
    }
}

/// What came of the rounds of one rig.
#[derive(Debug, Default)]
struct Figures {
    cuts: u64,
    /// How often somebody looked at what was left.
    looks: u64,
    acknowledged: u64,
    losses: Vec<String>,
    control: Control,
}

/// What came of the rounds without a sync.
#[derive(Debug, Default)]
struct Control {
    cuts: u64,
    /// Cuts after which something acknowledged was gone, or the store did not open.
    bitten: u64,
    acknowledged: u64,
    left: u64,
}

impl Figures {
    /// Compares what was promised before a cut with what is there after it.
    fn look(&mut self, promised: u32, said: &Said, when: &str) {
        self.looks += u64::from(said.held.is_some() || said.complaint.is_some());
        self.losses.extend(said.loss(promised).map(|loss| format!("{when}: {loss}")));
    }
}

impl Control {
    fn look(&mut self, promised: u32, said: &Said) {
        self.cuts += 1;
        self.acknowledged += u64::from(promised);
        self.left += u64::from(said.held.unwrap_or(0).min(promised));
        self.bitten += u64::from(said.loss(promised).is_some());
    }
}

/// `cargo xtask power [--rounds N] [--seed S] [--rig kernel|images]`.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let asked = parse(arguments)?;
    let no_sync = machine::ready(&asked.rigs)?;
    let folder = std::env::temp_dir().join(format!("nexus-power-{}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // A copy, so that a build meanwhile changes nothing.
    let program = folder.join("program");
    fs::copy(self::program()?, &program).context("cannot copy the program that appends")?;
    let setting = Setting { folder, program, no_sync };
    println!("seed {}", asked.seed);
    let mut good = true;
    for rig in asked.rigs {
        let began = Instant::now();
        let mut campaign = Campaign::new(&setting, asked.rounds, asked.seed);
        match rig {
            Rig::Kernel => kernel::rounds(&mut campaign)?,
            Rig::Images => images::rounds(&mut campaign)?,
        }
        good &= report(rig, &campaign.figures, began.elapsed());
    }
    let _ = fs::remove_dir_all(&setting.folder);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says what came of it, and whether it is as it should be.
fn report(rig: Rig, figures: &Figures, took: Duration) -> bool {
    let Figures { cuts, looks, acknowledged, losses, control } = figures;
    let name = rig.name();
    println!(
        "{name}: {cuts} cuts, {looks} looks at what was left, {acknowledged} acknowledged, {} losses, {} s",
        losses.len(),
        took.as_secs()
    );
    for loss in losses {
        println!("  {loss}");
    }
    let Control { cuts, bitten, acknowledged, left } = control;
    println!(
        "{name}, control without a sync: {cuts} cuts, {bitten} of them lost something, {left} of {acknowledged} left"
    );
    if *bitten == 0 {
        println!("{name}: the control lost nothing, so that the rig proves nothing");
    }
    losses.is_empty() && *bitten > 0
}

impl Rig {
    fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Images => "images",
        }
    }
}

/// Builds the program that appends.
fn program() -> Result<PathBuf> {
    let build = ["test", "-p", "nexus-log", "--test", "crash", "--no-run", "--message-format"];
    let mut build = process::cargo(&build);
    let messages = process::capture(build.arg("json-render-diagnostics"))?;
    executable(&messages).context("cargo test names no binary of the test crash")
}

fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter(|message| message["target"]["name"] == "crash")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

fn parse(arguments: &[String]) -> Result<Asked> {
    let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| u64::from(since.subsec_nanos()));
    let mut asked = Asked { rounds: ROUNDS, seed: now, rigs: vec![Rig::Kernel, Rig::Images] };
    for flag in flags::values(arguments)? {
        match flag {
            ("--rounds", number) => asked.rounds = number.parse().context("--rounds N")?,
            ("--seed", number) => asked.seed = number.parse().context("--seed S")?,
            ("--rig", "kernel") => asked.rigs = vec![Rig::Kernel],
            ("--rig", "images") => asked.rigs = vec![Rig::Images],
            _ => bail!("usage: cargo xtask power [--rounds N] [--seed S] [--rig kernel|images]"),
        }
    }
    Ok(asked)
}

/// Kills a child that leads a process group, with all of the group, at once.
fn cut(child: &mut Child) -> Result<()> {
    let group = format!("-{}", child.id());
    process::run(Command::new("kill").args(["-9", "--", &group]))?;
    child.wait().context("cannot wait for what was killed")?;
    Ok(())
}

fn make_sparse(file: &Path, bytes: u64) -> Result<()> {
    let _ = fs::remove_file(file);
    let made = fs::File::create(file).and_then(|file| file.set_len(bytes));
    made.with_context(|| format!("cannot make {}", file.display()))
}

/// Numbers by chance, the same for the same seed: splitmix64.
struct Chance(u64);

impl Chance {
    /// A duration of less than `most`.
    fn pause(&mut self, most: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let most_us = u64::try_from(most.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros((mixed ^ (mixed >> 31)) % most_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_taken() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let asked = parse(&words("--rounds 5 --seed 7 --rig images")).expect("it is understood");
        assert_eq!(asked, Asked { rounds: 5, seed: 7, rigs: vec![Rig::Images] });
        assert!(parse(&words("--rounds many")).is_err());
        assert!(parse(&words("--rig hammer")).is_err());
        assert!(parse(&words("--rounds")).is_err());
    }

    #[test]
    fn a_rig_whose_control_loses_nothing_proves_nothing() {
        let bites = Control { cuts: 3, bitten: 1, acknowledged: 9, left: 5 };
        let good = Figures { control: bites, ..Figures::default() };
        assert!(report(Rig::Kernel, &good, Duration::ZERO));
        assert!(!report(Rig::Kernel, &Figures::default(), Duration::ZERO));
    }

    #[test]
    fn a_cut_that_loses_something_is_a_loss() {
        let mut figures = Figures::default();
        let held = |held| Said { held: Some(held), ..Said::default() };
        figures.look(7, &held(7), "cut 1");
        figures.look(7, &Said::default(), "cut 2, before anybody could look");
        assert_eq!((figures.looks, figures.losses.len()), (1, 0));
        figures.look(7, &held(6), "cut 3");
        assert_eq!(figures.losses, ["cut 3: 7 were acknowledged, 6 are there"]);
    }
}
