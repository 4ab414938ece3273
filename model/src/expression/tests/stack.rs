//! How deep expressions may nest.

use serde_json::Value as Json;

use super::world;

/// The worst that the limits let through fits half of the stack of a worker thread, unoptimised.
#[test]
fn what_may_nest_fits_the_stack() {
    let brackets = "(".repeat(32) + "1" + &")".repeat(32);
    let calls = "get(".repeat(31) + "inputs" + &", 'a')".repeat(31);
    let lists = "[".repeat(32) + &"-".repeat(32) + "1" + &"]".repeat(32);
    let maps = "{'a': ".repeat(32) + "1" + &"}".repeat(32);
    let mixed = "not (- (1 if [".repeat(10) + "1" + &"] else 2) ~ 'a')".repeat(10);
    let prefixes = "not not (".repeat(30) + "1" + &")".repeat(30);
    let subscripts = "inputs[".repeat(32) + "1" + &"]".repeat(32);
    let arguments = "1 | default(".repeat(32) + "1" + &")".repeat(32);
    let long = "1".to_owned() + &"+1".repeat(99);
    let texts = "'a'".to_owned() + &" ~ (1 + 1)".repeat(90);
    let products = "1".to_owned() + &" * (1 + 1)".repeat(60);
    let chained = "1".to_owned() + &" if true else 1".repeat(90);
    let slices = "[1, 2]".to_owned() + &"[:]".repeat(90);
    let sources = [
        brackets, calls, lists, maps, mixed, prefixes, subscripts, arguments, long, texts,
        products, chained, slices,
    ];
    let stack =
        std::env::var("STACK_KIB").ok().and_then(|kib| kib.parse().ok()).unwrap_or(1024usize);
    for source in sources {
        println!("{source:.40}");
        let world = world();
        let run = move || world.render(&Json::String(format!("${{{{ {source} }}}}")));
        let thread = std::thread::Builder::new().stack_size(stack * 1024).spawn(run);
        let became = thread.expect("a thread").join().expect("no panic");
        println!("  {became:.80}");
        assert!(!became.starts_with("NX2301 the expression"), "{became}");
    }
}
