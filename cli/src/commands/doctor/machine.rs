//! The program and the machine it runs on.

use std::io::IsTerminal;

use nexus_engine::Config;
use serde_json::json;

use super::finding::{Finding, Level};

/// Which program this is.
pub(super) fn binary() -> Finding {
    let version = env!("CARGO_PKG_VERSION");
    let path = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
    let target = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    Finding::new(Level::Fine, "binary", format!("{version} ({target}), {path}"))
        .data(json!({ "version": version, "target": target, "path": path }))
}

/// The limits that hold unless a verb sets others.
pub(super) fn limits() -> Finding {
    let Config {
        concurrency, payload_bytes_max, interruptions_max, grace, resident_bytes_max, ..
    } = Config::default();
    let mib = 1024 * 1024;
    let text = format!(
        "{concurrency} attempts at once, payloads up to {} MiB, {} MiB of run state in memory, {}s grace",
        payload_bytes_max / mib,
        resident_bytes_max / mib,
        grace.as_secs(),
    );
    Finding::new(Level::Fine, "limits", text).data(json!({
        "concurrency": concurrency,
        "payload_bytes_max": payload_bytes_max,
        "interruptions_max": interruptions_max,
        "grace_ms": u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
        "resident_bytes_max": resident_bytes_max,
    }))
}

/// What the terminal shows.
pub(super) fn terminal() -> Finding {
    let is_terminal = std::io::stdout().is_terminal();
    let has_color =
        anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
    let word = |on| if on { "on" } else { "off" };
    let text = format!(
        "{}, colour {}",
        if is_terminal { "a terminal" } else { "no terminal" },
        word(has_color)
    );
    Finding::new(Level::Fine, "terminal", text)
        .data(json!({ "terminal": is_terminal, "color": has_color }))
}
