//! What all actions have in common: how their input is read and how they reach files.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nexus_engine::handler::{
    AttemptInfo, Data, Handler, HandlerFuture, StepCx, StepError, StepResult,
};
use nexus_model::input_shape::InputShape;
use nexus_model::suggest::nearest;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The input of an action.
pub(crate) trait Input: DeserializeOwned + Send + 'static {
    /// The action's name.
    const ACTION: &'static str;
    /// Its keys, in the order of the documentation.
    const SHAPE: &'static InputShape;
}

/// Makes a handler of an async function.
pub(crate) fn action<In, F, Fut>(function: F) -> Arc<dyn Handler>
where
    In: Input,
    F: Fn(StepCx, In) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = StepResult<Data>> + Send + 'static,
{
    Arc::new(Action { function, marker: std::marker::PhantomData })
}

struct Action<F, In> {
    function: F,
    marker: std::marker::PhantomData<fn(In)>,
}

impl<In, F, Fut> Handler for Action<F, In>
where
    In: Input,
    F: Fn(StepCx, In) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = StepResult<Data>> + Send + 'static,
{
    fn input(&self) -> Option<&'static InputShape> {
        Some(In::SHAPE)
    }

    fn call(&self, cx: StepCx, input: Data) -> HandlerFuture {
        match parse(&input) {
            Ok(input) => Box::pin((self.function)(cx, input)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

/// Reads an input; `null` stands for no keys.
pub(crate) fn parse<In: Input>(input: &Data) -> StepResult<In> {
    let bytes: &[u8] = if *input.bytes == *b"null" { b"{}" } else { &input.bytes };
    serde_json::from_slice(bytes).map_err(|error| {
        unknown_key::<In>(bytes)
            .unwrap_or_else(|| misfit(format!("the input of {} does not fit: {error}", In::ACTION)))
    })
}

fn unknown_key<In: Input>(bytes: &[u8]) -> Option<StepError> {
    let Ok(Value::Object(object)) = serde_json::from_slice(bytes) else { return None };
    let keys: Vec<&str> = In::SHAPE.names().collect();
    let key = object.keys().find(|key| !keys.contains(&key.as_str()))?;
    let help = nearest(key, keys.iter().copied()).map_or_else(
        || format!("it has: {}", keys.join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    let message = format!("{} has no input `{key}`; {help}", In::ACTION);
    Some(StepError::fatal(message).code("NX3017"))
}

/// An input that this action cannot work with.
pub(crate) fn misfit(message: impl Into<String>) -> StepError {
    StepError::fatal(message).code("NX3015")
}

/// Something to hand on that is over its limit.
pub(crate) fn too_large(message: impl Into<String>) -> StepError {
    StepError::fatal(message).code("NX3006")
}

/// Something that came back in another form than the step asked for.
pub(crate) fn unreadable(message: impl Into<String>) -> StepError {
    StepError::fatal(message).code("NX3018")
}

/// A failure of the file system.
pub(crate) fn file_error(action: &str, path: &Path, error: &std::io::Error) -> StepError {
    StepError::retry(format!("{action} {}: {error}", path.display())).code("NX3023")
}

/// Where `path` is, seen from the folder of the definition.
pub(crate) fn located(info: &AttemptInfo, path: &Path) -> PathBuf {
    info.folder.as_deref().map_or_else(|| path.to_owned(), |folder| folder.join(path))
}

/// Runs `work`, which waits for files or processes, off the threads of the runtime.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> StepResult<T> {
    tokio::task::spawn_blocking(work).await.map_err(StepError::from)
}

#[cfg(test)]
mod tests {
    use crate::testing::call;

    #[tokio::test]
    async fn an_unknown_key_is_refused_with_the_nearest_one() {
        let failure = call("log", r#"{"mesage": "hi"}"#).await.unwrap_err().0;
        assert_eq!(failure.code, "NX3017");
        assert_eq!(failure.message, "log has no input `mesage`; did you mean `message`?");
        assert!(failure.fatal);
    }

    #[tokio::test]
    async fn a_key_like_no_other_is_refused_with_all_of_them() {
        let failure = call("log", r#"{"message": "hi", "to": 1}"#).await.unwrap_err().0;
        assert_eq!(failure.message, "log has no input `to`; it has: message, level");
    }

    #[tokio::test]
    async fn a_value_of_the_wrong_type_is_refused() {
        for input in [r#"{"message": "hi", "level": 3}"#, "[]", "{}", "null", "\"hi\""] {
            let failure = call("log", input).await.unwrap_err().0;
            assert_eq!((&*failure.code, failure.fatal), ("NX3015", true), "{input}");
        }
    }
}
