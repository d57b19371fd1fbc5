//! SIGTERM: what was begun is finished, the job is handed over, and the next start goes on at once.

use crate::world::{World, is_over, many};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use testkit::{Kind, each_db};

each_db! {
    a_server_that_is_told_to_stop_finishes_requests_and_hands_its_job_over,
}

mod check {
    use super::*;

    pub(super) fn a_server_that_is_told_to_stop_finishes_requests_and_hands_its_job_over(
        kind: Kind,
    ) {
        let world = World::new(kind, many(kind));
        let server = world.serve();
        let client = world.client(&server);
        let address = server.url.strip_prefix("http://").unwrap().to_owned();

        // A request in flight: the server has its head and asked for the body.
        let body = r#"{"data":[{"Company":"Late"}]}"#;
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = format!(
            "PUT /crm/v8/Leads/{} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Authorization: Zoho-oauthtoken {}\r\nContent-Length: {}\r\n\
             Expect: 100-continue\r\n\r\n",
            World::outsider(),
            client.token,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        answer.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 100"), "{line}");

        let job = client.job();
        let seen = client.watch_past(job, 0);
        assert!(!is_over(&seen), "{seen}");
        server.tell("TERM");
        // Until it accepts nothing more.
        while TcpStream::connect(&address).is_ok() {}
        stream.write_all(body.as_bytes()).unwrap();
        let mut rest = String::new();
        answer.read_to_string(&mut rest).unwrap();
        assert!(
            rest.contains("HTTP/1.1 200") && rest.contains("SUCCESS"),
            "{rest}"
        );
        let (exit, log) = server.ended();
        assert_eq!(exit.code(), Some(0), "{log}");

        let mut sql = world.sql();
        world.judge_meanwhile(job);
        let state = "SELECT state || ' ' || lease_until || ' ' || attempts || ' ' ||
                     COALESCE(worker, 'nobody') FROM jobs WHERE id =";
        assert_eq!(sql.text(&format!("{state} {job}")), "running 0 0 nobody");

        let server = world.serve();
        let status = world.client(&server).watch(job);
        world.judge(job, &status);
        let leases = format!("SELECT lease_no FROM jobs WHERE id = {job}");
        assert_eq!(sql.int(&leases), 2);
        assert_eq!(world.client(&server).read().1["data"][0]["Company"], "Late");
    }
}
