//! Secrets in templates: what stands for them, and where they have to be filled in.

use serde_json::json;

use super::{Template, check, world};
use crate::expression::{SecretPlace, is_secret_name};

#[test]
fn what_is_recorded_is_the_name_of_a_secret() {
    check(
        r#"
        ${{ secrets.KEY }}                          => "${{ secrets.KEY }}"
        ${{secrets.KEY}}                            => "${{ secrets.KEY }}"
        ${{ secrets.A }}:${{ secrets.B }}@${{ inputs.total }} => "${{ secrets.A }}:${{ secrets.B }}@250"
        ${{ secrets.KEY ~ 'x' }}                    => NX1134 a secret is inserted as it is, so `secrets.KEY ~ 'x'` has no value
        ${{ (secrets.KEY) }}                        => NX1134
        ${{ secrets.KEY.x }}                        => NX1134
        ${{ secrets['KEY'] }}                       => NX1134
        ${{ secrets }}                              => NX1134
        "#,
    );
}

#[test]
fn a_template_knows_where_its_secrets_stand() {
    let template = json!({
        "auth": ["${{ secrets.USER }}:${{ secrets.KEY }} ${{ secrets.USER }}", "${{ secrets.KEY }}"],
        "body": {"text": "${{ inputs.email }} $${{ secrets.KEY }}", "total": "${{ inputs.total }}"},
        "url": "http://x/?total=${{ inputs.total }}&key=${{ secrets.KEY }}",
    });
    let template = Template::compile(&template).expect("a template");
    let place = |path: &[&str], names: &[&str]| SecretPlace {
        path: path.iter().map(|&key| key.to_owned()).collect(),
        names: names.iter().map(|&name| name.to_owned()).collect(),
    };
    let places = template.secrets();
    let expected = [
        place(&["auth", "0"], &["USER", "KEY"]),
        place(&["auth", "1"], &["KEY"]),
        place(&["url"], &["KEY"]),
    ];
    assert_eq!(places, expected);
    let rendered = template.render(&world().scope()).expect("a value");
    for place in places {
        let text = rendered.pointer(&format!("/{}", place.path.join("/")));
        let text = text.and_then(|text| text.as_str()).expect("a text");
        for name in &place.names {
            assert!(text.contains(&SecretPlace::stand_in(name)), "{name} in {text}");
        }
    }
}

#[test]
fn a_secret_has_a_plain_name() {
    let longest = "K".repeat(128);
    for name in ["KEY", "_", "a", "A_1", "_9", &longest] {
        assert!(is_secret_name(name), "{name}");
    }
    let longer = "K".repeat(129);
    for name in ["", "1", "1A", "A-B", "A B", "A.B", "É", "AÉ", &longer] {
        assert!(!is_secret_name(name), "{name}");
    }
}
