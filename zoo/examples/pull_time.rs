//! How long a pull takes, against a hub on this machine: all of it, and nothing of it.
//!
//!     cargo run --release -p glossa-zoo --example pull_time -- [MEGABYTES]
//!
//! It prints the seconds of a first pull (transfer, hash, cache), those of curl for the same bytes without a hash
//! where there is curl, and those of a second pull, which finds everything in the cache.
#![expect(clippy::print_stdout, reason = "an example tells what it measured")]

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use glossa_base::download::{Settings, Watch};
use glossa_base::hash::sha256_hex;
use glossa_base::{Interrupt, Silent};
use glossa_zoo::{Index, ModelId, Options, Zoo};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn main() -> Result<(), Box<dyn Error>> {
    let megabytes: usize = std::env::args().nth(1).map_or(Ok(1000), |text| text.parse())?;
    let bytes: Vec<u8> =
        (0..megabytes as u64 * 125_000).flat_map(|index| glossa_base::seed::mix(index).to_le_bytes()).collect();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let listing = format!(
        r#"{{"sha":"{COMMIT}","siblings":[{{"rfilename":"model.safetensors","size":{0},"lfs":{{"sha256":"{1}","size":{0}}}}}]}}"#,
        bytes.len(),
        sha256_hex(&bytes)
    );
    let (listing, bytes) = (Arc::new(listing), Arc::new(bytes));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (listing, bytes) = (Arc::clone(&listing), Arc::clone(&bytes));
            std::thread::spawn(move || serve(stream, listing.as_bytes(), &bytes));
        }
    });
    let folder = tempfile::tempdir()?;
    let curl = |number: u32| {
        let url = format!("{endpoint}/owner/name/resolve/{COMMIT}/model.safetensors");
        let begin = Instant::now();
        let done = Command::new("curl").args(["-s", "-o"]).arg(folder.path().join("curl")).arg(url).status();
        match done {
            Ok(status) if status.success() => println!("curl {number}: {:.2} s", begin.elapsed().as_secs_f64()),
            _ => println!("no curl"),
        }
    };
    let id = ModelId::parse(&format!("owner/name@{COMMIT}"))?;
    for number in 1..=3 {
        curl(number);
        let cache = folder.path().join(format!("hub{number}"));
        let pull = |what: &str| -> Result<(), Box<dyn Error>> {
            let begin = Instant::now();
            let (cache, endpoint, download) = (cache.clone(), endpoint.clone(), Settings::default());
            let zoo = Zoo::new(Options {
                cache,
                endpoint,
                token: None,
                index: Index::built_in()?,
                download,
                releases: None,
            })?;
            let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
            let pulled = zoo.pull(&id, watch)?;
            let seconds = begin.elapsed().as_secs_f64();
            println!("{what} {number}: {seconds:.4} s, {} bytes transferred", pulled.transferred);
            Ok(())
        };
        pull("first pull")?;
        pull("no-op pull")?;
        std::fs::remove_dir_all(&cache)?;
    }
    Ok(())
}

fn serve(mut stream: TcpStream, listing: &[u8], bytes: &[u8]) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.extend(byte),
            _ => return,
        }
    }
    let body = if head.starts_with(b"GET /api/") { listing } else { bytes };
    let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.write_all(body));
}
