//! What is read in a source: references, marks, and where an error is said to be.

use super::Expression;
use crate::expression::{ItemNames, Reference, SyntaxError, is_known_name};

/// Each line is a source and, after `=>`, what is told of it.
fn check(table: &str, tell: impl Fn(Result<Expression, SyntaxError>) -> String) {
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (source, expected) = line.split_once(" => ").expect("a line has `=>`");
        let source = source.trim();
        let told = tell(Expression::compile(source, None).map(|(expression, _)| expression));
        assert_eq!(told, expected.trim(), "{source}");
    }
}

fn error(error: &SyntaxError) -> String {
    let SyntaxError { code, range, message, hint } = error;
    let hint = hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{code} {}..{} {message}{hint}", range.start, range.end)
}

/// Each with its place; `+`: something is read from it, `?`: it may be missing.
fn references(expression: &Expression) -> String {
    let one = |reference: &Reference| {
        let name = [vec![reference.name.to_string()], reference.path.clone()].concat().join(".");
        let deeper = if reference.deeper { "+" } else { "" };
        let guarded = if reference.guarded { "?" } else { "" };
        let range = &reference.range;
        format!("{name}{deeper}{guarded} {}..{}", range.start, range.end)
    };
    expression.references.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn an_error_has_its_place() {
    check(
        r#"
        1 + 12abc             => NX2001 4..9 this is not a number
        1.                    => NX2001 1..2 `.` is not expected here
        1.a                   => NX2001 1..2 `.` is not expected here
        1[0]                  => NX2001 1..2 `[` is not expected here
        1 + 99999999999999999999 => NX2001 4..24 99999999999999999999 is beyond 64 bits
        1 ~ 'abc              => NX2001 4..8 the text is not closed with '
        1 ~ 'a\'              => NX2001 4..8 the text is not closed with '
        1 + !true             => NX2001 4..5 `!` is not an operator here; write `not`
        true && false         => NX2001 5..7 `&&` is not an operator here; write `and`
        true || false         => NX2001 5..7 `||` is not an operator here; write `or`
        1 + §                 => NX2001 4..6 this character has no meaning here
        1 | 2                 => NX2001 4..5 found `2` where the name of a filter is expected
        1 | 'abs'             => NX2001 4..9 found `'abs'` where the name of a filter is expected
        1 is 'odd'            => NX2001 5..10 found `'odd'` where the name of a test is expected
        1 'if' true           => NX2001 2..6 `'if'` is not expected here
        ('a' ')'              => NX2001 8..8 found the end where `)` is expected
        inputs.               => NX2001 7..7 found the end where a name is expected
        inputs.1e5            => NX2001 7..10 found `1e5` where a name is expected
        inputs.'a'            => NX2001 7..10 found `'a'` where a name is expected
        inputs[]              => NX2001 7..8 found `]` where an index is expected
        inputs.a('b')         => NX2001 0..9 only functions can be called; values have no methods; use a filter, such as `x | upper`
        get(inputs, path='a', 1) => NX2001 22..23 found `1` where a named argument is expected
        steps.my-long.output  => NX2101 0..13 `steps.my-long` reads as `steps` minus something; write `steps["my-long"]` for an id with a dash
        steps.my+inputz       => NX2101 9..15 unknown name `inputz`; did you mean `inputs`?
        inputs.my-inputz      => NX2101 10..16 unknown name `inputz`; did you mean `inputs`?
        'x' ~ secrets.KEY     => NX1134 6..17 a secret is inserted as it is, so `'x' ~ secrets.KEY` has no value; write `${{ secrets.NAME }}` and nothing else between the braces
        "#,
        |compiled| compiled.map_or_else(|found| error(&found), |_| "no error".to_owned()),
    );
}

#[test]
fn references_lead_up_to_what_is_computed() {
    check(
        r"
        inputs                => inputs 0..6
        inputs.items[0].sku   => inputs.items+ 0..12
        inputs.items.1.sku    => inputs.items+ 0..12
        inputs['a b'].c       => inputs.a b.c 0..15
        inputs['a\'b'].c      => inputs+ 0..6
        inputs['a' ~ 'b']     => inputs+ 0..6
        inputs[10]            => inputs+ 0..6
        inputs[this]          => inputs+ 0..6, this 7..11
        inputs.a is defined   => inputs.a? 0..8
        inputs.a is odd       => inputs.a 0..8
        inputs.a | default(inputs.b) => inputs.a? 0..8, inputs.b 19..27
        inputs.a | length | default(1) => inputs.a 0..8
        get(inputs.a, 'b')    => inputs.a? 4..12
        get('a', inputs.b)    => inputs.b 9..17
        get(inputs.a | length, 'b') => inputs.a 4..12
        ",
        |compiled| compiled.as_ref().map_or_else(error, references),
    );
}

#[test]
fn marks_stand_behind_whole_operands() {
    check(
        r"
        1 + 2                 => 1 + 2
        2 * -inputs.total     => 2|__number * -inputs.total|__number
        -2 ** 2 ~ 'a'         => (-2 ** 2)|__text ~ 'a'|__text
        1 * 2 ~ 3 / 4         => (1|__number * 2|__number)|__text ~ (3 / 4)|__text
        (1 + 2) ~ 'a' 'b'     => (1 + 2)|__text ~ 'a' 'b'|__text
        get(inputs, 'a') ~ 1  => get(inputs, 'a')|__text ~ 1|__text
        [1] | join(',') ~ 1   => [1] | join(',')|__text ~ 1|__text
        'a' | upper ~ 1       => 'a' | upper|__text ~ 1|__text
        4 is divisibleby(2) ~ 1 => 4 is divisibleby(2)|__text ~ 1|__text
        4 is divisibleby 2 ~ 1 => 4 is divisibleby 2|__text ~ 1|__text
        3 is odd ~ 1          => 3 is odd()|__text ~ 1|__text
        ",
        |compiled| match compiled {
            Ok(expression) => expression.marked.unwrap_or(expression.source).into_string(),
            Err(found) => error(&found),
        },
    );
    super::check(
        r#"
        ${{ -2 ** 2 ~ 'a' }}                        => "4a"
        ${{ 4 is divisibleby 2 ~ 1 }}               => "true1"
        ${{ get(inputs, 'total') ~ 1 }}             => "2501"
        "#,
    );
}

#[test]
fn the_names_of_an_item_are_known() {
    let names = ItemNames::new("order");
    assert!(Expression::compile("order.sku ~ order_index", Some(&names)).is_ok());
    for (source, said) in [
        ("ordr", "NX2101 0..4 unknown name `ordr`; did you mean `order`?"),
        ("orderindex", "NX2101 0..10 unknown name `orderindex`; did you mean `order_index`?"),
        (
            "zzz",
            "NX2101 0..3 unknown name `zzz`; known here: order, order_index, inputs, steps, run, step, this, env, signal, \
             event, update, round, secrets; a text stands in quotes",
        ),
    ] {
        let found = Expression::compile(source, Some(&names)).expect_err("an unknown name");
        assert_eq!(error(&found), said);
    }
}

#[test]
fn words_and_roots_are_known_names() {
    for name in ["inputs", "secrets", "not", "is", "null", "True", "get"] {
        assert!(is_known_name(name), "{name}");
    }
    for name in ["", "item", "item_index", "upper", "odd", "x"] {
        assert!(!is_known_name(name), "{name}");
    }
}
