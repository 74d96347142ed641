//! Octets between a socket and a session.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Instant,
};

use rohrpost_smtp::client::{Event, Session};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

use crate::{dial::AnyStream, limits::READ_BYTES};

/// A session with its stream. Reading and writing go on at the same time, so that a server that answers a long flight of
/// commands while we still write it does not wait for us while we wait for it.
pub(crate) struct Wire {
    pub(crate) session: Session,
    stream: AnyStream,
    /// Set to a time not after the session's own deadline: most replies come long before, and then it need not be moved.
    sleep: Pin<Box<Sleep>>,
    input: Box<[u8; READ_BYTES]>,
    unflushed: bool,
}

impl Wire {
    pub(crate) fn new(stream: AnyStream, session: Session) -> Self {
        let sleep = Box::pin(tokio::time::sleep_until(session.poll_timeout().unwrap_or_else(now).into()));
        Self { session, stream, sleep, input: Box::new([0; READ_BYTES]), unflushed: false }
    }

    /// Moves octets until the session has an event.
    pub(crate) async fn event(&mut self) -> Event {
        loop {
            if let Some(event) = self.session.poll_event() {
                return event;
            }
            self.turn().await;
        }
    }

    /// Moves octets until the session's state may have changed.
    pub(crate) async fn turn(&mut self) {
        poll_fn(|context| self.poll_turn(context)).await;
    }

    /// Writes what waits and closes, without reading. TLS says goodbye, too, so that nobody takes it for a cut line.
    pub(crate) async fn close(&mut self) -> io::Result<()> {
        poll_fn(|context| match self.poll_write(context) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => Pin::new(&mut self.stream).poll_shutdown(context),
            Err(error) => Poll::Ready(Err(error)),
        })
        .await
    }

    /// Replaces the stream, as STARTTLS does.
    pub(crate) async fn replace<F, E>(&mut self, replacing: impl FnOnce(AnyStream) -> F) -> Result<(), E>
    where
        F: Future<Output = Result<AnyStream, E>>,
    {
        let stream = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        self.stream = replacing(stream).await?;
        Ok(())
    }

    /// Whether the server still keeps silent, as it should while nothing is asked.
    pub(crate) fn is_silent(&mut self) -> bool {
        let mut buffer = ReadBuf::new(&mut self.input[..]);
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(&mut self.stream).poll_read(&mut context, &mut buffer).is_pending()
    }

    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let wanted = self.session.wants_body();
        let written = self.poll_write(context);
        let mut buffer = ReadBuf::new(&mut self.input[..]);
        match (Pin::new(&mut self.stream).poll_read(context, &mut buffer), written) {
            (Poll::Ready(Ok(())), _) if !buffer.filled().is_empty() => {
                let octets = buffer.filled().len();
                self.session.handle_input(now(), &self.input[..octets]);
                return Poll::Ready(());
            }
            // A server that refuses and closes makes our writing fail before its last words are read: only when
            // nothing is left to read is the connection lost.
            (Poll::Ready(_), _) | (Poll::Pending, Err(_)) => {
                self.session.handle_eof();
                return Poll::Ready(());
            }
            (Poll::Pending, Ok(_)) => {}
        }
        if !wanted && self.session.wants_body() {
            return Poll::Ready(());
        }
        self.poll_timeout(context)
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> io::Result<Poll<()>> {
        while !self.session.transmit().is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, self.session.transmit()) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(count) => self.session.handle_written(now(), count?),
                Poll::Pending => return Ok(Poll::Pending),
            }
            self.unflushed = true;
        }
        if self.unflushed {
            match Pin::new(&mut self.stream).poll_flush(context) {
                Poll::Ready(flushed) => flushed?,
                Poll::Pending => return Ok(Poll::Pending),
            }
            self.unflushed = false;
        }
        Ok(Poll::Ready(()))
    }

    fn poll_timeout(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.session.poll_timeout() else { return Poll::Pending };
        if deadline < self.sleep.deadline().into_std() {
            self.sleep.as_mut().reset(deadline.into());
        }
        while self.sleep.as_mut().poll(context).is_ready() {
            if deadline <= now() {
                self.session.handle_timeout(now());
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(deadline.into());
        }
        Poll::Pending
    }
}

/// Now, by the runtime's clock: a test that pauses it pauses the session, too.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use rohrpost_mail::{Host, Stage};
    use rohrpost_smtp::client::{SessionError, Settings};

    use super::*;

    /// A server that greets, takes nothing more, and has last words.
    struct Refusing(Vec<&'static [u8]>);

    impl AsyncRead for Refusing {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            if let Some(words) = self.0.pop() {
                buffer.put_slice(words);
            }
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Refusing {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_c09_the_last_words_of_a_server_that_hung_up_are_read_although_writing_fails() {
        let stream = Box::new(Refusing(vec![b"421 4.3.2 too busy\r\n", b"220 mx.test\r\n"]));
        let session = Session::new(Settings::new(Host::parse("here.test").unwrap()), now());
        let event = Wire::new(stream, session).event().await;
        assert!(matches!(event, Event::Failed(SessionError::Closing { stage: Stage::Ehlo, .. })), "{event:?}");

        let stream = Box::new(Refusing(vec![b"220 mx.test\r\n"]));
        let session = Session::new(Settings::new(Host::parse("here.test").unwrap()), now());
        let event = Wire::new(stream, session).event().await;
        assert_eq!(event, Event::Failed(SessionError::Lost { stage: Stage::Ehlo }));
    }
}
