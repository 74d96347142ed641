//! A connection as the session driver sees it: TCP or a unix socket, in clear or inside TLS.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use rohrpost_tls::TlsServerStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};

/// A connection without TLS.
#[derive(Debug)]
pub(crate) enum Plain {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection at any stage. TLS is boxed: it is large, and sessions move.
#[derive(Debug)]
pub(crate) enum Link {
    Plain(Plain),
    Tls(Box<TlsServerStream<Plain>>),
    /// The handshake failed and took the connection with it.
    Gone,
}

macro_rules! on_plain {
    ($plain:expr, $stream:ident => $call:expr) => {
        match $plain {
            Plain::Tcp($stream) => $call,
            Plain::Unix($stream) => $call,
        }
    };
}

impl AsyncRead for Plain {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on_plain!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Plain {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        on_plain!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, bytes))
    }

    /// TLS writes its records by this, all at once: the alert of a failed handshake comes second and gets one chance.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_plain!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, parts))
    }

    fn is_write_vectored(&self) -> bool {
        on_plain!(self, stream => stream.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_plain!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_plain!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}

macro_rules! on_link {
    ($link:expr, $stream:ident => $call:expr) => {
        match $link {
            Link::Plain($stream) => $call,
            Link::Tls(tls) => {
                let $stream = tls.as_mut();
                $call
            }
            Link::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    };
}

impl AsyncRead for Link {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on_link!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Link {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        on_link!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_link!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_link!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}
