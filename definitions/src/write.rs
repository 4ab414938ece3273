/// todo
pub fn write(_: &nexus_model::definition::Definition) -> String {
    String::new()
}
