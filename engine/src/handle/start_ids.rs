//! Ids of starts that are kept: each stands for one request, whatever key its input leads to.
//!
//! Invariant: the row of an id is written with the event of the first start that has it, and never again.

use nexus_log::Row;
use nexus_model::aggregate::{AggregateId, Kind, State};
use nexus_model::start_key::StartKeyCommand;

use super::start_keys::Begun;
use super::{Handle, RequestError, StartError};
use crate::loader::LoadError;
use crate::shard::Refusal;
use crate::tables::{META, read_name_row, start_id_key, start_id_row};

impl Handle {
    /// Keeps a start, unless its id stands for another request. `request`: the hash of what is asked for.
    pub(super) async fn keep_once(
        &self,
        start_key: &str,
        id: &str,
        request: [u8; 32],
        command: StartKeyCommand,
        rows: Vec<Row>,
    ) -> Result<Begun, StartError> {
        if id.is_empty() {
            return self.keep(start_key, command, rows).await;
        }
        loop {
            let mut rows = rows.clone();
            match self.start_with(id).await.map_err(RequestError::from)? {
                Some((_, earlier)) if earlier == request => {}
                Some((of, _)) => return Err(self.kept_other(of, id).await),
                None => rows.push(start_id_row(id, Kind::StartKey.id(start_key), &request)),
            }
            match self.keep(start_key, command.clone(), rows).await {
                // Somebody else was faster, under another key; the row is there by now.
                Err(StartError::Request(RequestError::Refused(Refusal::Taken(..)))) => {}
                done => return done,
            }
        }
    }

    /// The start key that has kept a start with this id, and the hash of what was asked for then.
    async fn start_with(&self, id: &str) -> Result<Option<(AggregateId, [u8; 32])>, LoadError> {
        let key = start_id_key(id);
        let row = self.blocking(move |loader| loader.log().row(META, &key)).await?;
        let found = row.and_then(|value| read_name_row(&value));
        Ok(found.and_then(|(stream, request)| Some((AggregateId::of(stream.0)?, request))))
    }

    /// The id stands for a start of this key.
    async fn kept_other(&self, start_key: AggregateId, id: &str) -> StartError {
        let entity = self.blocking(move |loader| loader.aggregate(start_key)).await;
        // Which one it was is only of use to people.
        let name = match entity.ok().flatten().map(|entity| entity.state) {
            Some(State::StartKey(key)) => key.kept_as(id).map(|number| key.run_name(number)),
            Some(_) | None => None,
        };
        StartError::KeptOther { id: id.to_owned(), name }
    }
}
