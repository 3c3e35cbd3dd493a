//! The wait for a connection to say which HTTP it speaks.
//!
//! A request head has a time limit, but only once it is known to be one: until then, hyper waits for as long as what came could
//! become the preface of HTTP/2. Whoever sends nothing, or half of that, would hold a connection's place for ever.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a client begins HTTP/2 with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream whose reads fail when patience ends before it is known what is spoken.
pub(super) struct FirstBytes<I> {
    stream: I,
    /// Gone as soon as it is known.
    unknown: Option<Unknown>,
}

struct Unknown {
    /// Bytes of the preface that came so far.
    come: usize,
    patience: BoxFuture<'static, ()>,
}

impl<I> FirstBytes<I> {
    pub(super) fn new(stream: I, patience: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { stream, unknown: Some(Unknown { come: 0, patience: patience.boxed() }) }
    }
}

impl Unknown {
    /// Whether these bytes, after those that came before, tell what is spoken.
    fn is_told_by(&mut self, bytes: &[u8]) -> bool {
        let expected = PREFACE.get(self.come..).unwrap_or_default();
        self.come += bytes.len();
        bytes.len() >= expected.len() || bytes != &expected[..bytes.len()]
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for FirstBytes<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        let Some(unknown) = &mut this.unknown else { return polled };
        if polled.is_pending() {
            return unknown.patience.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()));
        }
        if unknown.is_told_by(buffer.filled().get(before..).unwrap_or_default()) {
            this.unknown = None;
        }
        polled
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for FirstBytes<I> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spoken_is_known_at_the_first_other_byte_or_after_the_preface() {
        let told_at = |pieces: &[&[u8]]| {
            let mut unknown = Unknown { come: 0, patience: std::future::pending().boxed() };
            pieces.iter().position(|piece| unknown.is_told_by(piece))
        };
        assert_eq!(told_at(&[b"GET"]), Some(0));
        assert_eq!(told_at(&[b"P", b"O"]), Some(1));
        assert_eq!(told_at(&[b"P", b"R", b"I * HTTP/2.0\r\n\r\nSM\r\n\r"]), None);
        assert_eq!(told_at(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", b"\n\0\0"]), Some(1));
        assert_eq!(told_at(&[PREFACE]), Some(0));
    }
}
