//! The verbs around runs, as a person or a script uses them: the built binary, its output, its exit codes and its signals.

#[path = "runs/support.rs"]
mod support;
#[path = "support/until.rs"]
mod until;

#[path = "runs/binary_output.rs"]
mod binary_output;
#[path = "runs/calls.rs"]
mod calls;
#[path = "runs/counted.rs"]
mod counted;
#[path = "runs/dead.rs"]
mod dead;
#[path = "runs/encrypted_calls.rs"]
mod encrypted_calls;
#[path = "runs/encryption.rs"]
mod encryption;
#[path = "runs/ending.rs"]
mod ending;
#[path = "runs/events.rs"]
mod events;
#[path = "runs/followed.rs"]
mod followed;
#[path = "runs/forgotten_runs.rs"]
mod forgotten_runs;
#[path = "runs/kept_ids.rs"]
mod kept_ids;
#[path = "runs/named_calls.rs"]
mod named_calls;
#[path = "runs/of_programs.rs"]
mod of_programs;
#[path = "runs/pausing.rs"]
mod pausing;
#[path = "runs/refusals.rs"]
mod refusals;
#[path = "runs/saying.rs"]
mod saying;
#[path = "runs/secrets.rs"]
mod secrets;
#[path = "runs/sharing.rs"]
mod sharing;
#[path = "runs/showing.rs"]
mod showing;
#[path = "runs/told.rs"]
mod told;
#[path = "runs/wording.rs"]
mod wording;
