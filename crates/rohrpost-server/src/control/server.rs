//! The answering end.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::limits::{
    ACCEPT_PAUSE, CONTROL_ANSWER_BYTES_MAX, CONTROL_CONNECTIONS_MAX, CONTROL_REQUEST_BYTES_MAX, CONTROL_TIMEOUT,
};

/// Who asks, as the kernel says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Caller {
    /// User.
    pub uid: u32,
    /// Process, where the kernel tells.
    pub pid: Option<i32>,
}

/// What answers requests.
pub trait ControlService: Send + Sync + 'static {
    /// Answers one request. A request that cannot be read gets an answer too: the frame format knows no errors.
    fn answer<'a>(&'a self, caller: Caller, request: Vec<u8>) -> Pin<Box<dyn Future<Output = Vec<u8>> + Send + 'a>>;
}

/// Why the control socket could not be put in its place.
#[derive(Debug, thiserror::Error)]
#[error("control socket {}: {error}", path.display())]
pub struct BindError {
    path: PathBuf,
    error: io::Error,
}

/// A control socket in its place, not yet answering.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
    owner: u32,
}

impl ControlSocket {
    /// Makes the socket at `path` with mode 0600, in the place of one that an earlier run left behind. The caller holds
    /// the lock of the directory, so nobody else listens there. Must run inside a runtime.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let wrong = |error| BindError { path: path.to_owned(), error };
        // Made under another name, closed to others, then moved: at no time can others connect.
        let young = path.with_extension("sock.new");
        match fs::remove_file(&young) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(wrong(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&young).map_err(wrong)?;
        fs::set_permissions(&young, fs::Permissions::from_mode(0o600)).map_err(wrong)?;
        let owner = fs::metadata(&young).map_err(wrong)?.uid();
        fs::rename(&young, path).map_err(wrong)?;
        Ok(Self { listener, path: path.to_owned(), owner })
    }

    /// Answers until `stop`; requests that are being answered then are finished.
    pub async fn serve(self, service: Arc<impl ControlService>, stop: CancellationToken) {
        let (tasks, places) = (TaskTracker::new(), Arc::new(Semaphore::new(CONTROL_CONNECTIONS_MAX)));
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            // Beyond the bound a caller is closed at once: it can ask again.
            let (Some(caller), Ok(place)) = (self.admitted(&stream), places.clone().try_acquire_owned()) else {
                continue;
            };
            let (service, stop) = (service.clone(), stop.clone());
            tasks.spawn(async move {
                let _place = place;
                if let Err(error) = converse(stream, caller, &*service, &stop).await {
                    tracing::debug!(uid = caller.uid, %error, "control connection ended");
                }
            });
        }
        // Ours is the socket until the process ends; a file that is already gone is no matter.
        let _ = fs::remove_file(&self.path);
        tasks.close();
        tasks.wait().await;
    }

    /// Root and our own user. The file's mode says the same; the kernel's word holds where a mode is not honoured.
    fn admitted(&self, stream: &UnixStream) -> Option<Caller> {
        let credentials = stream.peer_cred().ok()?;
        let caller = Caller { uid: credentials.uid(), pid: credentials.pid() };
        let admitted = caller.uid == 0 || caller.uid == self.owner;
        if !admitted {
            tracing::warn!(uid = caller.uid, "caller of the control socket refused");
        }
        admitted.then_some(caller)
    }
}

/// Requests and answers in turn, until the caller has enough.
async fn converse(
    mut stream: UnixStream,
    caller: Caller,
    service: &impl ControlService,
    stop: &CancellationToken,
) -> io::Result<()> {
    loop {
        let request = tokio::select! {
            request = timeout(CONTROL_TIMEOUT, read_frame(&mut stream)) => request??,
            () = stop.cancelled() => return Ok(()),
        };
        let Some(request) = request else { return Ok(()) };
        let answer = service.answer(caller, request).await;
        timeout(CONTROL_TIMEOUT, write_frame(&mut stream, &answer)).await??;
    }
}

/// One request; nothing at the end of the connection.
async fn read_frame(stream: &mut UnixStream) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if stream.read(&mut length[..1]).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut length[1..]).await?;
    let length = u32::from_be_bytes(length) as usize;
    if length > CONTROL_REQUEST_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the request is too large"));
    }
    // Grows as octets come: a length alone reserves nothing.
    let mut request = Vec::new();
    if stream.take(length as u64).read_to_end(&mut request).await? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(request))
}

async fn write_frame(stream: &mut UnixStream, answer: &[u8]) -> io::Result<()> {
    if answer.len() > CONTROL_ANSWER_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too large"));
    }
    let length = u32::try_from(answer.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(answer).await?;
    stream.flush().await
}
