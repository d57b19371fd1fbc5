//! A server that is killed in the middle of a call makes it again when it is back, under the same event.

use crate::swathe::Server;
use crate::world::World;
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;
use testkit::{Kind, each_db};

each_db! {
    a_call_that_a_kill_cut_off_is_made_again_under_its_event,
}

/// A receiver that answers every call but the first, and passes on which event each told of.
fn receiver() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (send, got) = channel();
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if send.send(event(&mut stream)).is_err() {
                return;
            }
            if held.is_empty() {
                held.push(stream);
            } else {
                let answer = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";
                drop(stream.write_all(answer));
            }
        }
    });
    (url, got)
}

fn event(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.contains("\r\n\r\n") || !text.ends_with('}') {
        let mut some = [0; 4096];
        let n = stream.read(&mut some).unwrap();
        text.push_str(&String::from_utf8_lossy(&some[..n]));
    }
    let line = text.lines().find(|line| line.starts_with("webhook-id:"));
    line.unwrap().to_owned()
}

fn serve(world: &World, key: &Path) -> Server {
    let url = world.test.url();
    let key = key.to_str().unwrap();
    let args = [
        "--database",
        &url,
        "--key-file",
        key,
        "--egress-allow",
        "127.0.0.0/8",
    ];
    Server::start(&args)
}

fn ask(world: &World, server: &Server, method: &str, path: &str, body: &Json) -> Json {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build();
    let agent = ureq::Agent::new_with_config(config);
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{}/swathe/v1/{path}", server.url))
        .header(
            "Authorization",
            format!("Zoho-oauthtoken {}", world.token()),
        );
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let mut reply = agent.run(request.body(body).unwrap()).unwrap();
    serde_json::from_str(&reply.body_mut().read_to_string().unwrap()).unwrap()
}

mod check {
    use super::*;

    pub(super) fn a_call_that_a_kill_cut_off_is_made_again_under_its_event(kind: Kind) {
        let world = World::new(kind, 200);
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        let (url, got) = receiver();
        let server = serve(&world, &key);
        let update = json!({
            "action": "update", "module": "Leads",
            "selection": { "ids": [World::outsider().to_string()] },
            "change": { "fields": { "City": "Faro" } }, "notify_url": url,
        });
        let job = ask(&world, &server, "POST", "jobs", &update);
        let path = format!("jobs/{}", job["id"].as_str().unwrap());
        let long = Duration::from_secs(120);
        let first = got.recv_timeout(long).unwrap();
        // The receiver has it; nobody will ever know whether it took it.
        server.kill();
        let server = serve(&world, &key);
        assert_eq!(got.recv_timeout(long).unwrap(), first);
        let notify = loop {
            let told = ask(&world, &server, "GET", &path, &Json::Null)["notify"].take();
            if told["state"] != "waiting" {
                break told;
            }
        };
        assert_eq!(
            notify,
            json!({ "state": "delivered", "attempts": 2, "last_error": null })
        );
        assert!(got.try_recv().is_err());
    }
}
