//! Listeners and drivers for SMTP, LMTP and the control socket.
