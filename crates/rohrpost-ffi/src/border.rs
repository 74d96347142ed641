//! The border to C: four functions, and the only unsafe code of Rohrpost. What they do is said in `include/rohrpost.h`,
//! for those who call them; here is said why it is sound.
//!
//! Three promises of the caller, which the header asks for, are all that is relied upon: a text ends in NUL and is not
//! changed during the call; a handle is one that we gave out and that was not closed; no other call uses a handle that is
//! being closed.
#![expect(unsafe_code, reason = "C hands over pointers, and finds functions by names that are not mangled")]

use std::ffi::{CStr, c_char, c_int};

use crate::{fault::Fault, handle::Handle};

/// The answer of the handle that is none.
const NONE: &CStr = c"{\"error\":\"the handle is NULL\",\"kind\":\"config\",\"class\":\"ours\",\"exit\":78,\
\"enhanced\":null,\"reply\":null,\"hint\":null,\"recipients\":[],\"attempts\":[]}";

const _: () = assert_threads_may_share::<Handle>();

/// C calls with one handle from several threads, and closes it on another.
const fn assert_threads_may_share<T: Send + Sync>() {}

/// Opens a sender.
///
/// # Safety
/// `settings` is NULL or a text that ends in NUL.
// SAFETY: no other symbol of the program has this name: it begins with that of the library.
#[unsafe(no_mangle)]
unsafe extern "C" fn rohrpost_open(settings: *const c_char) -> *mut Handle {
    // SAFETY: the caller's promise is the same.
    let settings = unsafe { text(settings) };
    Box::into_raw(Box::new(Handle::open(settings)))
}

/// Sends a message.
///
/// # Safety
/// `sender` is NULL or a handle that was not closed, `mail` NULL or a text that ends in NUL.
// SAFETY: no other symbol of the program has this name: it begins with that of the library.
#[unsafe(no_mangle)]
unsafe extern "C" fn rohrpost_send(sender: *const Handle, mail: *const c_char) -> *mut Handle {
    // SAFETY: NULL, or it came out of `Box::into_raw` and was not given back; nobody changes what it points to.
    let sender = unsafe { sender.as_ref() };
    // SAFETY: the caller's promise is the same.
    let mail = unsafe { text(mail) };
    Box::into_raw(Box::new(Handle::send(sender, mail)))
}

/// Says how it went.
///
/// # Safety
/// `handle` is NULL or was not closed, `json` NULL or a place for a pointer. What is put there may be read until the
/// handle is closed.
// SAFETY: no other symbol of the program has this name: it begins with that of the library.
#[unsafe(no_mangle)]
unsafe extern "C" fn rohrpost_result(handle: *const Handle, json: *mut *const c_char) -> c_int {
    // SAFETY: NULL, or it came out of `Box::into_raw` and was not given back; nobody changes what it points to.
    let answer = unsafe { handle.as_ref() }.map(Handle::answer);
    let (exit, text) = answer.map_or((78, NONE), |answer| (answer.exit(), answer.json()));
    if !json.is_null() {
        // SAFETY: it is a place for a pointer, which nobody else looks at during the call.
        unsafe { json.write(text.as_ptr()) };
    }
    exit
}

/// Closes a handle of either kind.
///
/// # Safety
/// `handle` is NULL or was not closed, and nobody uses it from now on, nor what its result was.
// SAFETY: no other symbol of the program has this name: it begins with that of the library.
#[unsafe(no_mangle)]
unsafe extern "C" fn rohrpost_close(handle: *mut Handle) {
    if !handle.is_null() {
        // SAFETY: it came out of `Box::into_raw`, and the caller promises that this is the last use.
        unsafe { Box::from_raw(handle) }.close();
    }
}

/// The text that C points to.
///
/// # Safety
/// It is NULL or ends in NUL, and is not changed while the returned text is looked at.
unsafe fn text<'a>(pointer: *const c_char) -> Result<&'a str, Fault> {
    if pointer.is_null() {
        return Err(Fault::Null);
    }
    // SAFETY: it ends in NUL, as the caller promises.
    Ok(unsafe { CStr::from_ptr(pointer) }.to_str()?)
}
