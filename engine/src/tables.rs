//! The tables the engine keeps in the log's store, changed in the same batch as the events that cause the change.

use nexus_log::{Change, Row, StreamId, Table, TableSpec};
use nexus_model::aggregate::AggregateId;
use nexus_model::id::{DefinitionHash, RunId, StepIndex, TimerId};
use nexus_model::time::Timestamp;

/// All tables, in the order of their numbers.
pub const TABLES: &[TableSpec] = &[
    TableSpec::new("names"),
    TableSpec::new("timers"),
    TableSpec::new("definitions"),
    TableSpec::new("meta"),
    TableSpec::new("wall-timers"),
    TableSpec::new("migrations"),
    TableSpec::apart("keys"),
];

/// Run names: name to (run id 16, hash of workflow and input 32).
pub const NAMES: Table = Table(0);
/// Timers: (due in ms 8, run id 16, timer 4) to nothing.
pub const TIMERS: Table = Table(1);
/// Definitions: content hash 32 to canonical JSON.
pub const DEFINITIONS: Table = Table(2);
/// Odds and ends: `forgetting/` and run id 16 to nothing, while the deleted key of the run may still be in a file; `run-number` to the last number used for a made name (8, big endian); `call/` and (run id 16, step 4) to
/// the name of the run that the step has called and waits for.
pub const META: Table = Table(3);

/// Timers that follow the wall clock, as [`TIMERS`].
pub const WALL_TIMERS: Table = Table(4);

/// Definitions that runs were migrated to: (run id 16, revision of the event 4) to content hash 32.
pub const MIGRATIONS: Table = Table(5);

/// Keys of encrypted runs: run id 16 to key 32, or to nothing once it is deleted. A keyspace of its own, so that a key can be
/// removed from the disk.
pub const KEYS: Table = Table(6);

/// What the keys of steps that wait for an event begin with; then come its name, a zero byte, and run and step.
pub const EVENT_WAIT: &[u8] = b"event-wait/";
/// What the keys of ids of events begin with; then come the event's name, a zero byte, and the id. The value is the hash of
/// what the event carries.
pub const EVENT_ID: &[u8] = b"event-id/";

/// Key of the last number used for a made name.
pub const RUN_NUMBER: &[u8] = b"run-number";

/// The stream of a run.
pub fn stream(run: RunId) -> StreamId {
    StreamId(run.0)
}

/// The id of an aggregate where streams of any kind are known by their 16 bytes: in timers, in answers of the log.
/// [`AggregateId::of`] tells them apart again.
pub fn raw(id: AggregateId) -> RunId {
    RunId(id.bytes())
}

/// The key of a timer row.
pub fn timer_key(due: Timestamp, run: RunId, timer: TimerId) -> Vec<u8> {
    let mut key = Vec::with_capacity(28);
    key.extend_from_slice(&due.as_ms().to_be_bytes());
    key.extend_from_slice(&run.0);
    key.extend_from_slice(&timer.0.to_be_bytes());
    key
}

/// Reads the key of a timer row: due in ms, run, timer.
pub fn read_timer_key(key: &[u8]) -> Option<(u64, RunId, TimerId)> {
    let (due, rest) = key.split_first_chunk::<8>()?;
    let (run, rest) = rest.split_first_chunk::<16>()?;
    let timer: [u8; 4] = rest.try_into().ok()?;
    Some((u64::from_be_bytes(*due), RunId(*run), TimerId(u32::from_be_bytes(timer))))
}

/// The row of a run's name.
pub fn name_row(name: &str, run: RunId, request: &[u8; 32]) -> Row {
    let mut value = Vec::with_capacity(48);
    value.extend_from_slice(&run.0);
    value.extend_from_slice(request);
    Row { table: NAMES, key: name.as_bytes().to_vec(), change: Change::PutNew(value) }
}

/// Reads the row of a run's name: the run, and the hash of what was asked for.
pub fn read_name_row(value: &[u8]) -> Option<(RunId, [u8; 32])> {
    let (run, rest) = value.split_first_chunk::<16>()?;
    Some((RunId(*run), rest.try_into().ok()?))
}

/// Beginning of the keys of [`META`] under which ids of starts that were kept stand.
pub const START_ID: &[u8] = b"start-id/";

/// The key of the row of a kept start's id.
pub fn start_id_key(id: &str) -> Vec<u8> {
    [START_ID, id.as_bytes()].concat()
}

/// The row of a kept start's id: its start key, and the hash of what was asked for, as in the row of a run's name.
pub fn start_id_row(id: &str, start_key: AggregateId, request: &[u8; 32]) -> Row {
    Row { table: META, key: start_id_key(id), ..name_row(id, raw(start_key), request) }
}

/// The row of a definition.
pub fn definition_row(hash: DefinitionHash, json: Vec<u8>) -> Row {
    Row { table: DEFINITIONS, key: hash.0.to_vec(), change: Change::Put(json) }
}

/// The row of the last number used for a made name.
pub fn run_number_row(number: u64) -> Row {
    Row {
        table: META,
        key: RUN_NUMBER.to_vec(),
        change: Change::Put(number.to_be_bytes().to_vec()),
    }
}

/// The row of a migration of a run.
pub fn migration_row(run: RunId, revision: u32, definition: DefinitionHash) -> Row {
    let change = Change::Put(definition.0.to_vec());
    Row { table: MIGRATIONS, key: migration_key(run, revision), change }
}

/// The key of the row of a migration.
pub fn migration_key(run: RunId, revision: u32) -> Vec<u8> {
    [&run.0[..], &revision.to_be_bytes()].concat()
}

/// Reads the key of the row of a migration: the run, and the revision of the event.
pub fn read_migration_key(key: &[u8]) -> Option<(RunId, u32)> {
    let (run, rest) = key.split_first_chunk::<16>()?;
    Some((RunId(*run), u32::from_be_bytes(rest.try_into().ok()?)))
}

/// What the keys of runs begin with whose key is deleted and may still be in a file.
pub const FORGETTING: &[u8] = b"forgetting/";
/// What comes after every key of such a run.
pub const FORGETTING_END: &[u8] = b"forgetting0";

/// Where it stands that the key of a run may still be in a file.
pub fn forgetting_key(run: RunId) -> Vec<u8> {
    [FORGETTING, &run.0].concat()
}

/// The run of such a key.
pub fn read_forgetting_key(key: &[u8]) -> Option<RunId> {
    key.strip_prefix(FORGETTING)?.try_into().ok().map(RunId)
}

/// What the keys of calls begin with.
pub const CALL: &[u8] = b"call/";
/// What comes after every key of a call.
pub const CALL_END: &[u8] = b"call0";

/// The row of a call: while the step waits for the called run.
pub fn call_row(run: RunId, step: StepIndex, child: Option<&str>) -> Row {
    let key = [CALL, &run.0, &step.0.to_be_bytes()].concat();
    let change = child.map_or(Change::Delete, |child| Change::Put(child.as_bytes().to_vec()));
    Row { table: META, key, change }
}

/// Reads the row of a call: the run that calls, and the name of the called run.
pub fn read_call_row(key: &[u8], value: &[u8]) -> Option<(RunId, String)> {
    let (run, step) = key.strip_prefix(CALL)?.split_first_chunk::<16>()?;
    (step.len() == 4).then_some(())?;
    Some((RunId(*run), String::from_utf8(value.to_vec()).ok()?))
}

/// The first key of steps that wait for this event, and the first that is none of them any more.
pub fn event_waits(event: &str) -> (Vec<u8>, Vec<u8>) {
    let key = |end: u8| [EVENT_WAIT, event.as_bytes(), &[end]].concat();
    (key(0), key(1))
}

/// The row of a step that waits for an event: there while it does.
pub fn event_wait_row(event: &str, run: RunId, step: StepIndex, waits: bool) -> Row {
    let key = [&event_waits(event).0[..], &run.0, &step.0.to_be_bytes()].concat();
    let change = if waits { Change::Put(Vec::new()) } else { Change::Delete };
    Row { table: META, key, change }
}

/// Reads the key of a step that waits for an event: run and step.
pub fn read_event_wait_key(event: &str, key: &[u8]) -> Option<(RunId, StepIndex)> {
    let (run, step) = key.strip_prefix(&event_waits(event).0[..])?.split_first_chunk::<16>()?;
    Some((RunId(*run), StepIndex(u32::from_be_bytes(step.try_into().ok()?))))
}

/// The key of the row of an event's id.
pub fn event_id_key(event: &str, id: &str) -> Vec<u8> {
    [EVENT_ID, event.as_bytes(), &[0], id.as_bytes()].concat()
}
