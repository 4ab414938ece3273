use serde_json::Value;
pub(crate) fn duration_ms(v: &Value) -> Result<u64, ()> {
    let t = v.as_str().ok_or(())?;
    let at = t.find(|c: char| !c.is_ascii_digit()).ok_or(())?;
    let f = match &t[at..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return Err(()),
    };
    t[..at].parse::<u64>().ok().and_then(|n| n.checked_mul(f)).ok_or(())
}
