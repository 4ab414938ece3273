//! Flags of a command: each has a value behind it, in any order; of two of one name the later counts.

use anyhow::{Context, Result, bail};

/// The numbers behind these flags, in the order of the names; `None` for a flag that is not there.
pub(crate) fn numbers<const N: usize>(
    arguments: &[String],
    names: [&str; N],
) -> Result<[Option<u64>; N]> {
    let mut numbers = [None; N];
    for pair in arguments.chunks(2) {
        let (name, value) = named(pair, "number")?;
        let number = value.parse().with_context(|| format!("{name} needs a number"))?;
        let known = names.iter().zip(&mut numbers).find(|(known, _)| **known == name);
        let Some((_, place)) = known else { bail!("{name} is not known: {}", listed(&names)) };
        *place = Some(number);
    }
    Ok(numbers)
}

/// The flags and what stands behind them.
pub(crate) fn values(arguments: &[String]) -> Result<Vec<(&str, &str)>> {
    arguments.chunks(2).map(|pair| named(pair, "value")).collect()
}

fn named<'a>(pair: &'a [String], needed: &str) -> Result<(&'a str, &'a str)> {
    let [name, value] = pair else { bail!("{} needs a {needed}", pair.concat()) };
    Ok((name, value))
}

/// `--seeds, --minutes or --seed`.
fn listed(names: &[&str]) -> String {
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "there are no flags".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["--seeds", "--minutes", "--seed"];

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn numbers_are_taken_by_their_names() {
        let taken = numbers(&words("--seed 7 --seeds 5"), NAMES).expect("it is understood");
        assert_eq!(taken, [Some(5), None, Some(7)]);
        assert_eq!(numbers(&[], NAMES).expect("it is understood"), [None; 3]);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (text, expected) in [
            ("--minutes", "--minutes needs a number"),
            ("--seeds many", "--seeds needs a number"),
            ("--seeds 1 --speed 1", "--speed is not known: --seeds, --minutes or --seed"),
        ] {
            let error = numbers(&words(text), NAMES).expect_err("it is not understood");
            assert_eq!(error.to_string(), expected);
        }
        let error = values(&words("--share")).expect_err("it is not understood");
        assert_eq!(error.to_string(), "--share needs a value");
        assert_eq!(listed(&["--minutes"]), "--minutes");
    }
}
