//! The command line as users meet it: texts and exit codes.

use std::process::{Command, Output};

fn alertbridge(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_alertbridge")).args(args).env_clear().output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_guard_that_cannot_be_reached_is_named_with_what_to_try() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let output = alertbridge(&["guard", "open", "--server", &format!("http://127.0.0.1:{port}")]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("http://127.0.0.1:{port} cannot be reached")), "{said}");
    assert!(said.contains("--server URL names another"), "{said}");
}

#[test]
fn a_server_that_is_not_a_plain_url_is_a_wrong_command_line() {
    let output = alertbridge(&["guard", "open", "--server", "https://pod-0:9464"]);
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), said.contains("http://HOST:PORT")), (Some(2), true), "{said}");
}

#[test]
fn the_completion_script_knows_how_to_open_the_guard() {
    let output = alertbridge(&["completions", "bash"]);
    let script = text(&output.stdout);
    assert!(script.contains("alertbridge__guard__open") || script.contains("guard__subcmd__open"), "{script}");
}
