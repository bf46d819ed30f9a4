//! A server on this machine that misbehaves as it is told: for tests of downloads, here and in other
//! crates (`#[path]`). It knows just enough HTTP for that; each answer closes its connection.
#![allow(dead_code, reason = "each test binary uses another part of this module")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a client asked.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Such as `GET`.
    pub(crate) method: String,
    /// Such as `/file`.
    pub(crate) path: String,
    /// What was sent, where its length was announced.
    pub(crate) body: Vec<u8>,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
}

impl Request {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first byte of `Range: bytes=N-`.
    pub(crate) fn from(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Announced instead of the true length; none is announced for `Some(None)`.
    length: Option<Option<usize>>,
    /// After so many bytes of the body the connection is closed.
    cut: Option<usize>,
    /// It is reset then: the client may lose bytes that it has not read yet.
    reset: bool,
    /// After so many bytes of the body nothing comes for so long.
    stall: Option<(usize, Duration)>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Reply { status, headers: Vec::new(), body: body.into(), length: None, cut: None, reset: false, stall: None }
    }

    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Reply::new(200, body)
    }

    /// The rest of a file, as a server does that knows ranges and this tag.
    pub(crate) fn ranged(request: &Request, whole: &[u8], tag: &str) -> Self {
        let same = request.header("if-range").is_none_or(|sent| sent == tag);
        let reply = match request.from().filter(|_| same) {
            Some(from) if from < whole.len() => Reply::new(206, &whole[from..])
                .with("Content-Range", format!("bytes {from}-{}/{}", whole.len() - 1, whole.len())),
            Some(_) => Reply::new(416, "").with("Content-Range", format!("bytes */{}", whole.len())),
            None => Reply::ok(whole),
        };
        reply.with("ETag", tag)
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn announcing(self, length: Option<usize>) -> Self {
        Reply { length: Some(length), ..self }
    }

    pub(crate) fn cut_after(self, bytes: usize) -> Self {
        Reply { cut: Some(bytes), ..self }
    }

    pub(crate) fn reset_after(self, bytes: usize) -> Self {
        Reply { reset: true, ..self.cut_after(bytes) }
    }

    pub(crate) fn stall_after(self, bytes: usize, duration: Duration) -> Self {
        Reply { stall: Some((bytes, duration)), ..self }
    }

    fn write(&self, stream: &mut TcpStream, head_only: bool) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Status\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(length) = self.length.unwrap_or(Some(self.body.len())) {
            head.push_str(&format!("Content-Length: {length}\r\n"));
        }
        stream.write_all(head.as_bytes())?;
        stream.write_all(b"\r\n")?;
        let pause = self.stall.map_or(usize::MAX, |(bytes, _)| bytes);
        let end = if head_only { 0 } else { self.cut.unwrap_or(usize::MAX).min(self.body.len()) };
        stream.write_all(&self.body[..end.min(pause)])?;
        stream.flush()?;
        if let Some((_, duration)) = self.stall {
            std::thread::sleep(duration);
            stream.write_all(&self.body[end.min(pause)..end])?;
        }
        if self.reset {
            // Most of what was sent arrives before the reset does.
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// The server; its thread ends with the process.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each request by a function of it and of how many came before.
    pub(crate) fn new(answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), Arc::clone(&requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                std::thread::spawn(move || serve(stream, &*answer, &log));
            }
        });
        Server { address, requests }
    }

    /// The URL of a path such as `/file`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, answer: &(dyn Fn(&Request, usize) -> Reply + Sync), log: &Mutex<Vec<Request>>) {
    // The request without its very last byte: unread bytes make the system reset a closed connection.
    let (mut text, mut byte) = (Vec::new(), [0]);
    while !text.ends_with(b"\r\n\r") {
        match stream.read(&mut byte) {
            Ok(1) => text.push(byte[0]),
            _ => return,
        }
    }
    let mut request = parse(&String::from_utf8_lossy(&text));
    let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    if length > 0 {
        request.body = vec![0; length];
        if stream.read_exact(&mut byte).and_then(|()| stream.read_exact(&mut request.body)).is_err() {
            return;
        }
    }
    let before = {
        let mut log = log.lock().unwrap();
        log.push(request.clone());
        log.len() - 1
    };
    let reply = answer(&request, before);
    if !reply.reset && length == 0 {
        let _ = stream.read(&mut byte);
    }
    // The client may be gone.
    let _ = reply.write(&mut stream, request.method == "HEAD");
}

fn parse(text: &str) -> Request {
    let mut lines = text.lines();
    let first: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let word = |index: usize| first.get(index).map(|word| (*word).to_owned()).unwrap_or_default();
    let (method, path) = (word(0), word(1));
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Request { method, path, body: Vec::new(), headers }
}
