//! Names of start keys, and of the runs they start.

/// Longest name of a run.
const RUN_NAME_CHARS_MAX: usize = 128;
/// Digits of the hash in a name that would be too long.
const HASH_DIGITS: usize = 16;

/// The name of the starts of a workflow under a key: `workflow/key`; a `/` of the workflow's name is written `%2F`.
pub fn aggregate_name(workflow: &str, key: &str) -> String {
    format!("{}/{key}", workflow.replace('%', "%25").replace('/', "%2F"))
}

/// The workflow, as it is written there, and the key of a start key of this name.
pub fn parts(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or((name, ""))
}

/// The name of a run that the start key of this name starts, see [`run_name`].
pub fn run_name_of(name: &str, number: u32) -> String {
    let (workflow, key) = parts(name);
    run_name(workflow, key, number)
}

/// Whether a run's name may be one in which a hash stands for the key, see [`run_name`].
pub fn is_hashed(name: &str) -> bool {
    let Some((base, number)) = name.rsplit_once('+') else { return false };
    let Some((_, hash)) = base.rsplit_once('-') else { return false };
    let is_hash = hash.len() == HASH_DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash && number.parse::<u32>().is_ok()
}

/// The name of a run that is started for a key: `reindex@shop-7+3` is the third for the key `shop-7`.
///
/// A key that is long, or has characters that a run's name has not, is named by its first characters and a hash.
pub fn run_name(workflow: &str, key: &str, number: u32) -> String {
    let allowed = |char: char| char.is_ascii_alphanumeric() || "_.:+-".contains(char);
    let number = format!("+{number}");
    let plain = format!("{workflow}@{key}");
    let has_room = plain.len() + number.len() <= RUN_NAME_CHARS_MAX;
    if has_room && !key.is_empty() && workflow.chars().chain(key.chars()).all(allowed) {
        return format!("{plain}{number}");
    }
    let hash = blake3::hash(format!("{workflow}/{key}").as_bytes()).to_hex();
    let kept = RUN_NAME_CHARS_MAX.saturating_sub(number.len() + HASH_DIGITS + 1);
    // It does not begin with the `@`, as no name does.
    let start = plain.trim_start_matches('@').chars().filter(|char| allowed(*char) || *char == '@');
    let start: String = start.take(kept).collect();
    format!("{start}-{}{number}", &hash[..HASH_DIGITS])
}
