//! Where the engine can be asked, and where not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use nexus_engine::Drive;
use nexus_gateway::{Client, Server};
use serde_json::{Value, json};

use super::support::{House, open};

fn control_file(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("control.json")).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_says_where_its_process_is_and_the_socket_is_the_owners() {
    let house = House::open_with(Drive::All, Some("127.0.0.1:0")).await;
    let file = control_file(house.folder.path());
    assert_eq!(file["pid"], json!(std::process::id()));
    assert_eq!(file["role"], json!("serve"));
    let socket = house.server.socket().to_owned();
    assert_eq!(file["socket"], json!(socket));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o600, 0o700));
    let status = house.client.status().await.unwrap();
    assert_eq!(status.listening, [house.server.tcp().unwrap().to_string()]);
    assert_eq!((status.role.as_str(), status.drives_all), ("serve", true));
    let folder = house.close().await;
    assert!(!folder.path().join("control.json").exists());
    assert!(!socket.exists());
    assert!(Client::find(folder.path()).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_this_machine_can_be_listened_to() {
    let house = House::open().await;
    for (listen, code) in [("0.0.0.0:0", "NX7004"), ("example.org:80", "NX7004"), ("x", "NX7019")] {
        let problem = Server::start(house.service.clone(), Some(listen)).await.unwrap_err();
        assert_eq!((&*problem.code, problem.exit_code), (code, 2), "{listen}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let problem = Server::start(house.service.clone(), Some(&listen)).await.unwrap_err();
    assert_eq!((&*problem.code, problem.exit_code), ("NX7018", 6));
    assert!(house.client.status().await.is_ok(), "a refused server leaves the first alone");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_dead_processes_are_ignored_and_replaced() {
    let folder = House::open().await.close().await;
    assert!(Client::find(folder.path()).await.is_none());
    let socket = folder.path().join("control").join("engine.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    for file in [
        json!({"socket": socket, "tcp": null, "pid": 1, "role": "serve"}).to_string(),
        json!({"socket": "/nowhere", "tcp": null, "pid": 1, "role": "serve"}).to_string(),
        json!({"socket": null, "tcp": "127.0.0.1:1", "pid": 1, "role": "serve"}).to_string(),
        "{".to_owned(),
    ] {
        fs::write(folder.path().join("control.json"), file).unwrap();
        assert!(Client::find(folder.path()).await.is_none());
    }
    let (engine, service) = open(folder.path(), Drive::All, &Arc::default());
    let server = Server::start(service, None).await.unwrap();
    assert_eq!(server.socket(), socket.canonicalize().unwrap());
    assert!(Client::find(folder.path()).await.is_some());
    server.stop().await;
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_copied_with_its_store_is_ignored() {
    let house = House::open().await;
    let copy = tempfile::tempdir().unwrap();
    let (from, to) = (house.folder.path(), copy.path());
    fs::copy(from.join("control.json"), to.join("control.json")).unwrap();
    assert!(Client::find(to).await.is_none());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_a_long_path_has_its_socket_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("a-folder-with-a-rather-long-name".repeat(4));
    fs::create_dir(&store).unwrap();
    let (engine, service) = open(&store, Drive::All, &Arc::default());
    let server = Server::start(service, None).await.unwrap();
    assert!(!server.socket().starts_with(&store));
    assert!(server.socket().as_os_str().len() <= 100);
    assert!(Client::find(&store).await.is_some());
    let socket = server.socket().to_owned();
    server.stop().await;
    engine.shutdown().await;
    assert!(!socket.exists());
}
