//! Deterministic simulation: seed after seed, until the time is over.
//!
//! `NEXUS_SEED` and `NEXUS_SEEDS` say which seeds are played, `NEXUS_SIMULATION_SECONDS` for how long.

use std::time::{Duration, Instant};

use nexus_tests::simulation::{Played, Tape, play, shrink};

/// How long the seeds of the quick test are played, unless it is said otherwise.
const SECONDS: u64 = 45;
/// How many they are at most: the same on a fast machine.
const SEEDS: u64 = 400;
/// How long a tape that fails is made shorter.
const SHRINKING: Duration = Duration::from_mins(1);

fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Plays a seed; when something goes wrong, says what, and with how little.
fn play_seed(seed: u64) -> Played {
    let mut tape = Tape::of_seed(seed);
    let played = play(&mut tape, false);
    if played.wrong.is_empty() {
        return played;
    }
    let short = shrink(tape.drawn(), SHRINKING);
    let again = play(&mut Tape::of(short.clone()), true);
    panic!(
        "NEXUS_SEED={seed} goes wrong:\n  {}\nshrunk to the tape {short:?}:\n  {}\nin this story:\n  {}",
        played.wrong.join("\n  "),
        again.wrong.join("\n  "),
        again.story.join("\n  "),
    );
}

#[test]
fn no_seed_breaks_a_rule() {
    let first = given("NEXUS_SEED").unwrap_or(1);
    let seeds = given("NEXUS_SEEDS").unwrap_or(SEEDS);
    let seconds = given("NEXUS_SIMULATION_SECONDS").unwrap_or(SECONDS);
    let begun = Instant::now();
    let (mut count, mut happened, mut crashes, mut runs) = (0u32, 0, 0, 0);
    for seed in first..first.saturating_add(seeds) {
        if begun.elapsed() > Duration::from_secs(seconds) {
            break;
        }
        let played = play_seed(seed);
        count += 1;
        happened += played.happened;
        crashes += played.crashes;
        runs += played.runs;
    }
    let took = begun.elapsed().as_secs_f64();
    let pace = f64::from(count) / took;
    println!("{count} seeds from {first} on in {took:.1} s, {pace:.0} a second, broke no rule");
    println!("{runs} runs, {happened} choices, {crashes} ends of the process");
}

#[test]
fn the_same_seed_is_the_same_play() {
    for seed in 1..20 {
        let mut tape = Tape::of_seed(seed);
        let first = play(&mut tape, true);
        let again = play(&mut Tape::of(tape.drawn().to_vec()), true);
        assert_eq!(first.story, again.story, "seed {seed}");
        assert_eq!(first.log, again.log, "seed {seed}");
    }
}
