//! "Did you mean": the known word that is nearest to a wrong one.

/// The word of `known` nearest to `word`, if one is near enough to be meant.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    let allowed = match word.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        length => length / 3 + 1,
    };
    known
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= 4 * allowed)
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= allowed && *distance < candidate.chars().count()
        })
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_word_is_found_and_far_words_are_not() {
        let known = ["needs", "uses", "timeout", "when_needs"];
        assert_eq!(nearest("need", known), Some("needs"));
        assert_eq!(nearest("timeuot", known), Some("timeout"));
        assert_eq!(nearest("Uses", known), Some("uses"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn a_word_of_long_characters_is_as_near_as_one_of_short_ones() {
        assert_eq!(nearest("orders", ["orders订单号"]), Some("orders订单号"));
        assert_eq!(nearest("orders订单号", ["orders"]), Some("orders"));
    }

    #[test]
    fn a_longer_word_may_differ_in_more_places() {
        let differing = |length: usize, places: usize| {
            let known = "abcdefghijklmnopqrst"[..length].to_owned();
            let word = format!("{}{}", "-".repeat(places), &known[places..]);
            nearest(&word, [known.as_str()]).is_some()
        };
        for (length, most) in [(2, 1), (3, 2), (5, 2), (6, 3), (8, 3), (9, 4), (20, 7)] {
            assert!(differing(length, most), "{most} of {length}");
            assert!(!differing(length, most + 1), "{most} and one more of {length}");
        }
    }

    #[test]
    fn of_words_that_are_equally_near_the_first_in_order_is_meant() {
        assert_eq!(nearest("wf-00", ["wf-002", "wf-001"]), Some("wf-001"));
    }
}
