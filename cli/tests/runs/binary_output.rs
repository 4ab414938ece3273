//! `get --raw`: binary values as they are, from a store opened here and from the process that serves it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::sharing::serve;
use crate::support::Desk;

/// Bytes that are no text.
const PICTURE: &[u8] = b"P4\n8 2\n\xff\x81\x00";

const WORKFLOW: &str = r#"nexus: v1
name: pictures
steps:
  draw:
    run: |
      printf 'P4\n8 2\n\377\201\0' > "$NEXUS_OUTPUT"
      echo image/x-portable-bitmap > "$NEXUS_OUTPUT_TYPE"
  scan:
    run: |
      printf 'scan\0' > "$NEXUS_OUTPUT"
      echo image/x-scan > "$NEXUS_OUTPUT_TYPE"
  save:
    uses: file.write
    with: { path: saved, content: '${{ steps.draw.output }}' }
  pages:
    set: { pages: ['${{ steps.draw.output }}', '${{ steps.scan.output }}'] }
outputs: '${{ steps.pages.output }}'
"#;

/// The bytes on standard output of a command that ends well.
#[track_caller]
fn printed(desk: &Desk, args: &[&str]) -> Vec<u8> {
    let output = desk.command(args).output().expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*said), (Some(0), ""), "{args:?}");
    output.stdout
}

/// The head of an answer in small letters, and its body.
fn answer(address: &str, path: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("it can be read");
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").expect("a head");
    let body = bytes.split_off(end + 4);
    (String::from_utf8_lossy(&bytes).to_ascii_lowercase(), body)
}

fn look(desk: &Desk) {
    assert_eq!(printed(desk, &["get", "wf-001", "--step", "draw", "--raw"]), PICTURE);
    assert_eq!(printed(desk, &["get", "wf-001", "--raw", "--path", "pages.0"]), PICTURE);
    assert_eq!(printed(desk, &["get", "@last", "--raw", "--path", "pages.1"]), b"scan\0");

    let which = desk.nexus(&["get", "wf-001", "--raw", "-o", "json"]).code(3).problem();
    assert_eq!(which["code"], "NX3033");
    assert_eq!(which["hint"], "say which: --path pages.0, or pages.1");
    for args in [&["--path", "pages.2"][..], &["--path", "pages"], &["--step", "save"]] {
        let args = [&["get", "wf-001", "--raw", "-o", "json"], args].concat();
        let none = desk.nexus(&args).code(3);
        assert_eq!(
            (none.out.as_str(), &none.problem()["code"]),
            ("", &"NX3033".into()),
            "{args:?}"
        );
    }
    let text = ["get", "@last", "--raw", "--step", "save", "-o", "json"];
    let hint = "see what it returned: nexus-engine get wf-001 --step save --output";
    assert_eq!(desk.nexus(&text).code(3).problem()["hint"], hint);
    let none = desk.nexus(&["get", "wf-001", "--raw", "--step", "dream", "-o", "json"]).code(3);
    assert_eq!(none.problem()["code"], "NX7014");
}

#[test]
fn binary_values_are_printed_as_they_are_here_and_through_a_server() {
    let desk = Desk::new();
    desk.write("pictures.workflow.yaml", WORKFLOW);
    desk.nexus(&["run", "pictures.workflow.yaml"]).code(0);
    assert_eq!(fs::read(desk.path().join("saved")).expect("the step wrote it"), PICTURE);
    look(&desk);

    let (_server, _) = serve(&desk);
    look(&desk);
    desk.nexus(&["run", "pictures.workflow.yaml", "--id", "second"]).code(0);
    assert_eq!(printed(&desk, &["get", "second", "--step", "draw", "--raw"]), PICTURE);
}

#[test]
fn the_address_of_a_binary_value_gives_its_media_type_and_is_no_page() {
    let desk = Desk::new();
    desk.write("pictures.workflow.yaml", WORKFLOW);
    desk.nexus(&["run", "pictures.workflow.yaml"]).code(0);
    let (_server, address) = serve(&desk);
    let (head, body) = answer(&address, "/control/v1/runs/wf-001/output/raw?path=pages.0");
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    for header in [
        "content-type: image/x-portable-bitmap",
        "content-disposition: attachment",
        "x-content-type-options: nosniff",
    ] {
        assert!(head.lines().any(|line| line == header), "{head}");
    }
    assert_eq!(body, PICTURE);
    let (head, _) = answer(&address, "/control/v1/runs/wf-001/output/raw");
    assert!(head.starts_with("http/1.1 404 "), "{head}");
}
