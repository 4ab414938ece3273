//! `forget`: makes the values of an encrypted run unreadable.

use super::{Service, show};
use crate::api::{Act, Acted, Problem};
use crate::problems;

impl Service {
    /// Deletes the key of an encrypted run that has ended, which is named in full; answers when it is in no file of the store.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, it has not ended, or it is not encrypted.
    pub async fn forget(&self, name: &str, act: Act) -> Result<Acted, Problem> {
        let (run, whole) = self.resolve(name).await?;
        if whole != name {
            return Err(problems::not_in_full(name, &whole));
        }
        let name = whole;
        match self.handle().forget(run, show::actor(act.by)).await {
            Ok(()) => {
                let (_, state) = self.load(run, &name).await?;
                let revision = state.revision;
                self.acted(run, name, "forget", Ok(nexus_engine::shard::Answer { run, revision }))
            }
            Err(error) => Err(problems::forget(&error, &name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use nexus_engine::ForgetError;

    use crate::problems;

    #[test]
    fn each_reason_has_a_code_of_its_own() {
        let code = |error: ForgetError| problems::forget(&error, "wf-001").code;
        assert_eq!(code(ForgetError::NotEncrypted), "NX6021");
        let unknown = ForgetError::Request(nexus_engine::RequestError::Unknown);
        let unknown = problems::forget(&unknown, "wf-001");
        let again = "it can be repeated safely: nexus-engine forget wf-001";
        assert_eq!((&*unknown.code, unknown.hint.as_deref()), ("NX7016", Some(again)));
        let name = "wf-001/a".to_owned();
        assert_eq!(code(ForgetError::CalledGoesOn { name, status: "running" }), "NX6020");
        assert_eq!(code(ForgetError::Purge(nexus_engine::log::PurgeError::Closed)), "NX6024");
    }
}
