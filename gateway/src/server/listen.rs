//! Addresses to listen at.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::api::Problem;
use crate::problems::{bad_request, exit};

/// Reads an address such as `127.0.0.1:7878`, `localhost:0` or `[::1]:7878`.
///
/// # Errors
/// NX7004 if it is not of the loopback interface, NX7019 if it is no address.
pub fn listen_address(text: &str) -> Result<SocketAddr, Problem> {
    let (host, port) = text.rsplit_once(':').ok_or_else(|| no_address(text))?;
    let port: u16 = port.parse().map_err(|_| no_address(text))?;
    let ip = match host {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ => match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(ip) => ip,
            Err(_) => return Err(open(text)),
        },
    };
    if !ip.is_loopback() {
        return Err(open(text));
    }
    Ok(SocketAddr::new(ip, port))
}

fn no_address(text: &str) -> Problem {
    bad_request(format!("`{text}` is no address to listen at")).hint("for example: 127.0.0.1:7878")
}

fn open(text: &str) -> Problem {
    let message =
        format!("`{text}` can be reached from other machines, and there is no authentication");
    Problem::new("NX7004", exit::USAGE, message)
        .hint("listen at 127.0.0.1 and put a proxy that signs people in before it")
}

#[cfg(test)]
mod tests {
    use super::listen_address;

    #[test]
    fn only_loopback_addresses_are_taken() {
        let shown = |text: &str| match listen_address(text) {
            Ok(address) => address.to_string(),
            Err(problem) => problem.code,
        };
        assert_eq!(shown("127.0.0.1:7878"), "127.0.0.1:7878");
        assert_eq!(shown("localhost:0"), "127.0.0.1:0");
        assert_eq!(shown("[::1]:1"), "[::1]:1");
        for open in ["0.0.0.0:7878", "[::]:7878", "10.0.0.1:80", "example.org:80", ":7878"] {
            assert_eq!(shown(open), "NX7004", "{open}");
        }
        for wrong in ["7878", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:70000"] {
            assert_eq!(shown(wrong), "NX7019", "{wrong}");
        }
    }
}
