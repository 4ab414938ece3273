//! Suggestions: what a misspelt name may have meant.

/// The name of `known` that is nearest to `wrong`, if one is near.
pub(crate) fn did_you_mean<'k>(
    wrong: &str,
    known: impl Iterator<Item = &'k str>,
) -> Option<&'k str> {
    // One letter in common is no likeness.
    let far = (wrong.chars().count() / 3 + 1).min(wrong.chars().count().saturating_sub(1));
    let lower = wrong.to_lowercase();
    known
        .filter(|name| name.len().abs_diff(wrong.len()) <= 2 * far)
        .map(|name| (strsim::osa_distance(&lower, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= far)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn near_names_are_suggested() {
        let known = ["validate", "reserve", "charge"];
        for (wrong, right) in [
            ("validte", Some("validate")),
            ("Charge", Some("charge")),
            ("chagre", Some("charge")),
            ("ship", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(did_you_mean(wrong, known.into_iter()), right, "{wrong}");
        }
    }
}
