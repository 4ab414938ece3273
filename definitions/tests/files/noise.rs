//! Noise: whatever the text is, reading ends with a value and never with a panic.

use nexus_definitions::{read, render};
use proptest::prelude::*;

use crate::workflows;

/// Reads and, if that fails, renders everything. The places must lie in the text.
fn survive(text: &str) {
    if let Err(problems) = read("noise", text) {
        assert!(!problems.is_empty(), "refused without a reason: {text:?}");
        let lines = u32::try_from(text.split('\n').count()).unwrap_or(u32::MAX);
        for problem in problems.iter().take(3) {
            assert!(
                (1..=lines).contains(&problem.line),
                "line {} of {lines}: {text:?}",
                problem.line
            );
            assert!(problem.column >= 1 && problem.length >= 1);
            let shown = render(problem, text, false);
            assert!(shown.contains(problem.code));
        }
    }
}

/// Pieces of which soup is made.
fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "nexus: v1\n",
        "name: soup\n",
        "steps:\n",
        "  a:\n",
        "    uses: log\n",
        "    run: |\n",
        "      echo\n",
        "    with:\n",
        "inputs:\n",
        "    needs: [a",
        "]",
        "{",
        "}",
        "${{ ",
        " }}",
        "steps.a.output",
        "inputs.x",
        "\"",
        "'",
        "&x ",
        "*x",
        "<<: *x\n",
        "- ",
        ": ",
        "\t",
        "\n",
        "  ",
        "!!str ",
        "---\n",
        "...\n",
        "# ",
        "|\n",
        ">-\n",
        "%",
        "@",
        "?",
        "~",
        "1e400",
        "99999999999999999999",
        "    retry: { max_attempts: 3 }\n",
        "    timeout: 3s\n",
        "    if: ${{ true }}\n",
        "    set: { x: 1 }\n",
        "\r\n",
        "ü",
        "👋",
        "\u{feff}",
        "\0",
    ]);
    prop_oneof![8 => fixed.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)]
}

fn valid_files() -> Vec<String> {
    let files = workflows("definitions/tests/valid").into_iter().chain(workflows("examples"));
    files.map(|(_, text)| text).collect()
}

/// Replaces the characters from `at` by `with`.
fn splice(text: &str, at: usize, length: usize, with: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = at % (chars.len() + 1);
    let end = (at + length).min(chars.len());
    let mut out: String = chars[..at].iter().collect();
    out.push_str(with);
    out.extend(&chars[end..]);
    out
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        survive(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn soup_is_survived(pieces in prop::collection::vec(piece(), 0..60)) {
        survive(&pieces.concat());
        survive(&format!("nexus: v1\nname: soup\nsteps:\n  a:\n    uses: log\n{}", pieces.concat()));
    }

    #[test]
    fn mutations_are_survived(
        file in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<usize>(), 0usize..12, piece()), 1..4),
    ) {
        let files = valid_files();
        let mut text = files[file.index(files.len())].clone();
        for (at, length, with) in cuts {
            text = splice(&text, at, length, &with);
        }
        survive(&text);
    }
}

#[test]
fn what_nests_or_multiplies_ends() {
    let nested = |open: &str, close: &str, depth: usize| {
        format!("a: {}{}", open.repeat(depth), close.repeat(depth))
    };
    for depth in [31, 32, 33, 64, 255, 256, 257, 10_000, 200_000] {
        survive(&nested("[", "]", depth));
        survive(&nested("{a: ", "}", depth));
        survive(&nested("- ", "", depth));
        survive(&"? ".repeat(depth));
        survive(&"[".repeat(depth));
    }
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let line =
            format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(", "));
        laughs.push_str(&line);
    }
    survive(&laughs);
    survive("a: &a [*a]");
    survive("a: &a\n  <<: *a\n");
    let long = "x".repeat(1 << 20);
    survive(&format!("nexus: v1\nname: {long}\nsteps:\n  a:\n    sleep: {long}\n"));
    survive(&format!("{long}: 1"));
    survive(&"${{".repeat(20_000));
    let big = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 5_000].join(", "));
    survive(&big);
}

#[test]
fn many_steps_are_read_in_a_moment() {
    let mut text = "nexus: v1\nname: many\nsteps:\n  step_0:\n    uses: log\n".to_owned();
    for at in 1..20_000 {
        text.extend([format!("  step_{at}:\n    uses: log\n    needs: step_{}\n", at / 2)]);
    }
    let wrong = text.replace("needs: step_", "needs: stop_");
    let entries: Vec<String> = (0..20_000).map(|at| format!("a{at}: {{ usse: log }}")).collect();
    let wide = format!("nexus: v1\nname: x\nsteps: {{ {} }}\n", entries.join(", "));
    let started = std::time::Instant::now();
    assert!(read("many", &text).is_ok());
    assert_eq!(read("many", &wrong).expect_err("no such steps").len(), 1_000);
    assert_eq!(read("many", &wide).expect_err("unknown keys").len(), 1_000);
    assert!(started.elapsed().as_secs() < 60, "took {:?}", started.elapsed());
}
