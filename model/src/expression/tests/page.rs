//! The page about expressions is about these: each function, filter and test has a row, and each example gives what it says.

use serde_json::{Value as Json, json};

use super::{FILTERS, FUNCTIONS, TESTS, Template, world};

const PAGE: &str = include_str!("../../../../docs/reference/expressions.md");

/// The cells of the tables below a heading.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let lines = PAGE.lines().skip_while(|line| *line != format!("## {heading}")).skip(1);
    let section = lines.take_while(|line| !line.starts_with("## "));
    let rows = section.filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let row = row.replace("\\|", "\u{1}");
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().replace('\u{1}', "|")).collect()
    })
    .collect()
}

fn code(cell: &str) -> &str {
    cell.trim_matches('`')
}

#[test]
fn the_page_lists_what_there_is() {
    for (heading, known) in [("Functions", FUNCTIONS), ("Filters", FILTERS), ("Tests", TESTS)] {
        let mut known = known.to_vec();
        known.sort_unstable();
        let rows = rows(heading);
        let listed: Vec<&str> = rows.iter().map(|row| code(&row[0])).collect();
        assert_eq!(listed, known, "docs/reference/expressions.md, {heading}");
        for row in &rows {
            let (name, example) = (code(&row[0]), code(&row[2]));
            assert!(example.contains(name), "the example of {name} is about something else");
        }
    }
}

#[test]
fn the_examples_of_the_page_give_what_it_says() {
    let world = world();
    for heading in ["Operators", "Functions", "Filters", "Tests"] {
        for row in rows(heading) {
            let [_, _, example, gives] = row.as_slice() else { panic!("{row:?} has four cells") };
            let source = json!(format!("${{{{ {} }}}}", code(example)));
            let template =
                Template::compile(&source).unwrap_or_else(|e| panic!("{example}: {e:?}"));
            let value: Json = template.render(&world.scope()).expect("it has a value");
            let expected: Json = serde_json::from_str(code(gives)).expect("JSON");
            assert_eq!(value, expected, "{example}");
        }
    }
}
