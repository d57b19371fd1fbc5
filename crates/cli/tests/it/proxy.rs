//! The way to a PostgreSQL server, which a test can cut and mend: to the program, the server stopped
//! and was started again.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use testkit::TestDb;

/// Ends of the connections that go through.
type Streams = Arc<Mutex<Vec<TcpStream>>>;

pub(crate) struct Proxy {
    to: String,
    at: SocketAddr,
    streams: Streams,
    accepting: Option<JoinHandle<TcpListener>>,
    pub(crate) url: String,
}

impl Proxy {
    /// Stands before the server of a test's database.
    pub(crate) fn before(test: &TestDb) -> Self {
        let url = test.url();
        let (user, rest) = url.split_once('@').expect("user@host:port in the URL");
        let (to, path) = rest.split_once('/').expect("a database in the URL");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let mut proxy = Self {
            to: to.to_owned(),
            at,
            streams: Streams::default(),
            accepting: None,
            url: format!("{user}@{at}/{path}"),
        };
        proxy.accept(listener);
        proxy
    }

    fn accept(&mut self, listener: TcpListener) {
        let (to, streams) = (self.to.clone(), Arc::clone(&self.streams));
        self.accepting = Some(std::thread::spawn(move || {
            loop {
                let (near, _) = listener.accept().unwrap();
                // The one that is sent to end this says nothing and is gone.
                if near.peek(&mut [0]).unwrap_or(0) == 0 {
                    return listener;
                }
                let far = TcpStream::connect(&to).unwrap();
                for (from, onto) in [(&near, &far), (&far, &near)] {
                    let (mut from, mut onto) =
                        (from.try_clone().unwrap(), onto.try_clone().unwrap());
                    std::thread::spawn(move || {
                        // However it ends, both sides learn of it.
                        let _ = io::copy(&mut from, &mut onto);
                        let _ = onto.shutdown(Shutdown::Both);
                    });
                }
                streams.lock().unwrap().extend([near, far]);
            }
        }));
    }

    /// Breaks all connections and takes no more.
    pub(crate) fn cut(&mut self) {
        drop(TcpStream::connect(self.at).unwrap());
        drop(self.accepting.take().unwrap().join().unwrap());
        for stream in self.streams.lock().unwrap().drain(..) {
            // One that has ended already is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Takes connections again.
    pub(crate) fn mend(&mut self) {
        let listener = TcpListener::bind(self.at).unwrap();
        self.accept(listener);
    }
}
