//! Hints: commands that a user can copy, for the store that was meant.

/// How a command begins.
const PROGRAM: &str = "nexus-engine ";
/// Verbs that need no store.
const WITHOUT_STORE: [&str; 7] =
    ["completions", "help", "import", "new", "schema", "validate", "version"];

/// `text` with `flag` (with a space before it; empty if there is none) behind the verb of each command in it.
pub(super) fn with_flag(text: &str, flag: &str) -> String {
    if flag.is_empty() || text.contains(flag) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + flag.len());
    let mut rest = text;
    while let Some(at) = rest.find(PROGRAM) {
        let (before, command) = rest.split_at(at + PROGRAM.len());
        let end = command.find(|char: char| !char.is_ascii_lowercase()).unwrap_or(command.len());
        let (verb, after) = command.split_at(end);
        out.push_str(before);
        out.push_str(verb);
        if !verb.is_empty() && !WITHOUT_STORE.contains(&verb) && !explains_a_code(verb, after) {
            out.push_str(flag);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether a command says what a code means, which needs no store; of a run it does.
fn explains_a_code(verb: &str, after: &str) -> bool {
    let subject = after.trim_start();
    let is_code = subject.starts_with("NX") || subject.starts_with("CODE");
    verb == "explain" && (is_code || subject.starts_with("--list"))
}

#[cfg(test)]
mod tests {
    use super::with_flag;

    #[test]
    fn commands_name_the_store_and_the_rest_stays() {
        let flag = " --store s";
        assert_eq!(with_flag("see: nexus-engine get a", flag), "see: nexus-engine get --store s a");
        let two = with_flag("nexus-engine list, or nexus-engine explain NX1", flag);
        assert_eq!(two, "nexus-engine list --store s, or nexus-engine explain NX1");
        let of_run = with_flag("see: nexus-engine explain wf-001", flag);
        assert_eq!(of_run, "see: nexus-engine explain --store s wf-001");
        for same in [
            "nexus-engine explain --list",
            "nexus-engine explain NX1001",
            "use another",
            "nexus-engine serve --store s",
            "nexus-engine --help",
        ] {
            assert_eq!(with_flag(same, flag), same);
        }
        assert_eq!(with_flag("nexus-engine list", ""), "nexus-engine list");
    }
}
