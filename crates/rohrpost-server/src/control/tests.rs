//! The two ends against each other, and against those who do not keep to the format.

use std::{
    io::{Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use super::*;
use crate::limits::{CONTROL_CONNECTIONS_MAX, CONTROL_REQUEST_BYTES_MAX};

/// Answers with the request, reversed.
struct Mirror;

impl ControlService for Mirror {
    fn answer<'a>(
        &'a self,
        _caller: Caller,
        mut request: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Vec<u8>> + Send + 'a>> {
        Box::pin(async move {
            request.reverse();
            request
        })
    }
}

/// A running socket in a directory of its own.
struct Running {
    _dir: tempfile::TempDir,
    path: PathBuf,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn start() -> Running {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.sock");
    let stop = CancellationToken::new();
    let task = tokio::spawn(ControlSocket::bind(&path).unwrap().serve(Arc::new(Mirror), stop.clone()));
    Running { _dir: dir, path, stop, task }
}

async fn asked(path: &Path, request: &[u8]) -> Result<Vec<u8>, AskError> {
    let (path, request) = (path.to_owned(), request.to_vec());
    tokio::task::spawn_blocking(move || ask(&path, &request)).await.unwrap()
}

#[tokio::test]
async fn a_request_gets_its_answer_and_only_the_owner_may_ask() {
    let running = start();
    assert_eq!(asked(&running.path, b"{}!").await.unwrap(), b"!}{");
    assert_eq!(asked(&running.path, b"").await.unwrap(), b"");
    let large = vec![7; CONTROL_REQUEST_BYTES_MAX];
    assert_eq!(asked(&running.path, &large).await.unwrap(), large);
    assert_eq!(std::fs::metadata(&running.path).unwrap().permissions().mode() & 0o777, 0o600);
    running.stop.cancel();
    running.task.await.unwrap();
    assert!(matches!(asked(&running.path, b"x").await, Err(AskError::NobodyListens)));
}

#[test]
fn a_server_that_ends_while_it_is_asked_is_told_in_our_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    // Nothing, half a length, half an answer.
    for said in [&b""[..], b"\0\0", b"\0\0\0\x09half"] {
        let path = path.clone();
        let asking = std::thread::spawn(move || ask(&path, b"x"));
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 5]).unwrap();
        stream.write_all(said).unwrap();
        drop(stream);
        let error = asking.join().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the server ended before it answered");
    }
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(matches!(asked(&path, b"x").await, Err(AskError::NobodyListens)));
    let stop = CancellationToken::new();
    tokio::spawn(ControlSocket::bind(&path).unwrap().serve(Arc::new(Mirror), stop));
    assert_eq!(asked(&path, b"ab").await.unwrap(), b"ba");
}

#[tokio::test]
async fn q07_garbage_huge_lengths_and_half_frames_close_the_connection_and_nothing_else() {
    let running = start();
    let path = running.path.clone();
    tokio::task::spawn_blocking(move || {
        for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 64], &[0, 0x10, 0, 1]] {
            let mut stream = UnixStream::connect(&path).unwrap();
            stream.write_all(garbage).unwrap();
            assert_eq!(stream.read(&mut [0; 8]).unwrap_or(0), 0, "closed without an answer");
        }
        for half in [&b""[..], b"\0\0", b"\0\0\0\x09half"] {
            let mut stream = UnixStream::connect(&path).unwrap();
            stream.write_all(half).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!(stream.read(&mut [0; 8]).unwrap_or(0), 0);
        }
    })
    .await
    .unwrap();
    assert_eq!(asked(&running.path, b"ab").await.unwrap(), b"ba");
}

#[tokio::test]
async fn q07_more_connections_than_places_are_closed_and_the_places_come_back() {
    let running = start();
    let path = running.path.clone();
    let idle = tokio::task::spawn_blocking(move || {
        let mut idle = Vec::new();
        for _ in 0..CONTROL_CONNECTIONS_MAX {
            let mut stream = UnixStream::connect(&path).unwrap();
            stream.write_all(b"\0\0\0\x01x").unwrap();
            stream.read_exact(&mut [0; 5]).unwrap();
            idle.push(stream);
        }
        for _ in 0..1_000 {
            let mut stream = UnixStream::connect(&path).unwrap();
            assert_eq!(stream.read(&mut [0; 8]).unwrap_or(0), 0, "closed at once");
        }
        idle
    })
    .await
    .unwrap();
    drop(idle);
    // The server notices the closed connections in its own time; each refused attempt gives it some.
    while asked(&running.path, b"ab").await.is_err() {}
}
