//! The submit socket and the drop directory, used as a sendmail uses them, and as nobody should.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, SystemTime},
};

use rohrpost_mail::{Envelope, QueueId, ReversePath};
use rohrpost_server::limits::SUBMIT_WAITERS_PER_UID_MAX;
use rohrpost_server::submit::{
    Accepted, DropDir, Mode, Options, Refused, Submission, Submit, SubmitAnswer, SubmitSocket, To, drop, frames, submit,
};
use tokio_util::sync::CancellationToken;

use crate::fixture::{Fixture, Setup};

const TEXT: &[u8] = b"From: root@here.test\nTo: ann@here.test\nBcc: secret@there.test\nSubject: hello\n\nhello\n";

/// A server with both ways in.
struct Running {
    fixture: Fixture,
    dir: tempfile::TempDir,
    stop: CancellationToken,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Running {
    async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// The drop directory is there, and nobody looks into it yet.
    async fn start_with(change: impl FnOnce(&mut Setup)) -> Self {
        let fixture = Fixture::start_with(change).await;
        let dir = tempfile::tempdir().unwrap();
        DropDir::lay_out(&dir.path().join("drop"), None).unwrap();
        let running = Self { fixture, dir, stop: CancellationToken::new(), task: None };
        let listener = UnixListener::bind(running.socket()).unwrap();
        let socket = SubmitSocket::new(listener).unwrap();
        tokio::spawn(socket.serve(running.service(), running.stop.clone()));
        running
    }

    fn service(&self) -> Arc<Submit> {
        Arc::new(Submit { intake: self.fixture.intake.clone(), size_max: 10 << 20, stats: self.fixture.server.stats() })
    }

    /// Looks into the drop directory from now on.
    fn open_drop(&mut self) {
        let dir = DropDir::open(&self.drop_dir()).unwrap();
        self.task = Some(tokio::spawn(dir.serve(self.service(), self.stop.clone())));
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("submit.sock")
    }

    fn drop_dir(&self) -> PathBuf {
        self.dir.path().join("drop")
    }

    async fn submit(&self, submission: &Submission, text: &[u8]) -> SubmitAnswer {
        let (socket, submission, text) = (self.socket(), submission.clone(), text.to_vec());
        tokio::task::spawn_blocking(move || submit(&socket, &submission, &text[..])).await.unwrap()
    }

    async fn accepted(&self, submission: &Submission, text: &[u8]) -> Accepted {
        match self.submit(submission, text).await {
            SubmitAnswer::Accepted(accepted) => accepted,
            other => panic!("{other:?}"),
        }
    }

    async fn refused(&self, submission: &Submission, text: &[u8]) -> Refused {
        match self.submit(submission, text).await {
            SubmitAnswer::Refused(refused) => refused,
            other => panic!("{other:?}"),
        }
    }

    fn leave(&self, submission: &Submission, text: &[u8]) -> PathBuf {
        drop(&self.drop_dir(), submission, text).unwrap();
        self.drop_dir().join(format!("new.{:032x}", u128::from_be_bytes(submission.id)))
    }

    /// Waits until nothing waits to be taken.
    async fn drop_is_empty(&self) {
        let waits = |entry: &fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b"new.");
        while entries(&self.drop_dir()).iter().any(waits) || !entries(&self.drop_dir().join("taking")).is_empty() {
            tokio::task::yield_now().await;
        }
    }

    fn quarantined(&self) -> usize {
        entries(&self.drop_dir().join("quarantine")).len()
    }

    async fn text(&self, id: QueueId) -> String {
        String::from_utf8(self.fixture.body(id).await).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn entries(dir: &Path) -> Vec<fs::DirEntry> {
    fs::read_dir(dir).unwrap().map(Result::unwrap).collect()
}

fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// From ann to these.
fn to(recipients: &[&str]) -> Submission {
    let reverse_path = ReversePath::Mailbox("ann@here.test".parse().unwrap());
    Submission::new(Options {
        envelope: Envelope { reverse_path, ..Envelope::default() },
        recipients: recipients.iter().copied().map(To::new).collect(),
        mode: Mode::Background,
    })
}

fn encoded(submission: &Submission, text: &[u8]) -> Vec<u8> {
    let mut encoder = frames::Encoder::default();
    let mut octets = encoder.envelope(submission).unwrap();
    octets.extend(encoder.body(text).unwrap());
    octets.extend(encoder.end());
    octets
}

#[tokio::test]
async fn a_message_is_made_whole_and_says_whose_program_it_came_from() {
    let running = Running::start().await;
    let Accepted { ids, refused } = running.accepted(&to(&["ann@here.test", "bob@there.test"]), TEXT).await;
    assert_eq!((ids.len(), refused), (1, vec![]));
    let text = running.text(ids[0]).await;
    let first = format!("Received: from local (local uid {})\r\n\tby mx.here.test id {}", uid(), ids[0]);
    assert!(text.starts_with(&first), "{text}");
    for field in ["\r\nDate: ", "\r\nMessage-ID: <", "\r\nSubject: hello\r\n\r\nhello\r\n"] {
        assert!(text.contains(field), "{text}");
    }
    assert!(!text.contains("Bcc") && !text.replace("\r\n", "").contains('\n'), "{text}");
    let record = running.fixture.received(ids[0]).await;
    assert_eq!((record.peer, &*record.route), (Some(format!("uid {}", uid())), "submit"));
    let routes = running.fixture.recipients(ids[0]).await;
    assert_eq!(routes, [("ann@here.test".into(), "local".into()), ("bob@there.test".into(), "mx".into())]);
}

#[tokio::test]
async fn the_user_is_hidden_where_the_operator_wants_it() {
    let running = Running::start_with(|setup| setup.settings.received_uid = false).await;
    let accepted = running.accepted(&to(&["ann@here.test"]), TEXT).await;
    let text = running.text(accepted.ids[0]).await;
    assert!(text.starts_with("Received: from local (mx.here.test)\r\n"), "{text}");
}

#[tokio::test]
async fn a_repeated_submission_gets_its_old_answer_whichever_way_it_comes() {
    let mut running = Running::start().await;
    let submission = to(&["ann@here.test", "nobody@here.test"]);
    let first = running.accepted(&submission, TEXT).await;
    assert_eq!(running.accepted(&submission, TEXT).await, first);
    running.leave(&submission, TEXT);
    running.open_drop();
    running.drop_is_empty().await;
    assert_eq!(running.fixture.ids().await.len(), 2, "the message and one report");
    assert_eq!(running.quarantined(), 0);
}

#[tokio::test]
async fn a_program_that_never_heard_the_answer_leaves_no_second_copy() {
    let mut running = Running::start().await;
    let submission = to(&["ann@here.test"]);
    // It goes away with its last octet, and tries the other way while the first one may still be under way.
    UnixStream::connect(running.socket()).unwrap().write_all(&encoded(&submission, TEXT)).unwrap();
    running.open_drop();
    running.leave(&submission, TEXT);
    running.drop_is_empty().await;
    assert_eq!(running.fixture.ids().await.len(), 1);
    running.accepted(&submission, TEXT).await;
    assert_eq!(running.fixture.ids().await.len(), 1);
}

#[tokio::test]
async fn some_refused_recipients_are_reported_to_the_sender_and_the_others_get_it() {
    let running = Running::start().await;
    let accepted = running.accepted(&to(&["ann@here.test", "nobody@here.test"]), TEXT).await;
    assert_eq!(accepted.refused.len(), 1);
    let refused = &accepted.refused[0];
    assert_eq!((&*refused.address, refused.sysexit), ("nobody@here.test", 67));
    let ids = running.fixture.ids().await;
    assert_eq!(ids.len(), 2);
    let report = ids.into_iter().find(|id| *id != accepted.ids[0]).unwrap();
    assert_eq!(running.fixture.recipients(report).await, [("ann@here.test".into(), "local".into())]);
    let text = running.text(report).await;
    for part in ["Final-Recipient: rfc822; nobody@here.test", "Status: 5.1.1", "Subject: hello"] {
        assert!(text.contains(part), "{text}");
    }
    let envelope = running.fixture.store.message(report).await.unwrap().unwrap().envelope;
    assert_eq!(envelope.reverse_path, ReversePath::Null);
}

#[tokio::test]
async fn nothing_is_stored_of_a_message_that_nobody_gets_and_the_code_says_why() {
    let running = Running::start().await;
    for (recipients, sysexit) in [(&["nobody@here.test"][..], 67), (&["no address@"], 65), (&[], 66)] {
        assert_eq!(running.refused(&to(recipients), TEXT).await.sysexit, sysexit, "{recipients:?}");
    }
    let mut unfit = to(&["ann@here.test"]);
    unfit.options.envelope.envid = Some("x\r\nRCPT TO:<eve@here.test>".into());
    assert_eq!(running.refused(&unfit, TEXT).await.sysexit, 64);
    let hops = "Received: x\n".repeat(100) + "\n";
    assert_eq!(running.refused(&to(&["ann@here.test"]), hops.as_bytes()).await.sysexit, 65);
    assert_eq!(running.refused(&to(&["ann@here.test"]), b"a: b\n\n\0\n").await.sysexit, 65);
    let large = [&[b'x'; 98][..], b"\r\n"].concat().repeat(120_000);
    let refused = running.refused(&to(&["ann@here.test"]), &large).await;
    assert!(refused.text.starts_with("552 5.3.4 "), "{refused:?}");
    assert!(running.fixture.ids().await.is_empty());
}

#[tokio::test]
async fn a_full_disk_is_said_so() {
    let running = Running::start_with(|setup| setup.store.free_bytes_min = u64::MAX).await;
    assert_eq!(running.refused(&to(&["ann@here.test"]), TEXT).await.sysexit, 73);
}

#[tokio::test]
async fn names_without_a_domain_go_by_the_aliases_of_the_host() {
    let dir = tempfile::tempdir().unwrap();
    let aliases = dir.path().join("aliases");
    fs::write(&aliases, "root: ann@here.test, bob@there.test\nbad: |/bin/true\n").unwrap();
    let running = Running::start_with(|setup| {
        setup.settings.aliases = Some(aliases);
        setup.settings.mail_name = "here.test".parse().unwrap();
    })
    .await;
    let accepted = running.accepted(&to(&["root", "ROOT@localhost", "ann", "bad", "nobody"]), TEXT).await;
    let names = running.fixture.recipients(accepted.ids[0]).await;
    assert_eq!(names.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["ann@here.test", "bob@there.test"]);
    let refused: Vec<_> = accepted.refused.iter().map(|refused| (&*refused.address, refused.sysexit)).collect();
    assert_eq!(refused, [("bad", 78), ("nobody", 67)]);
}

#[tokio::test]
async fn a_message_for_the_next_run_of_the_queue_waits_for_it() {
    let running = Running::start().await;
    let mut submission = to(&["bob@there.test"]);
    submission.options.mode = Mode::Queue;
    let id = running.accepted(&submission, TEXT).await.ids[0];
    let (row, created) = (running.fixture.store.recipients(id).await.unwrap(), running.fixture.received(id).await.at);
    let first = rohrpost_queue::Schedule::default().first;
    assert!(row[0].due.duration_since(created) >= first.saturating_sub(Duration::from_secs(1)).try_into().unwrap());
}

#[tokio::test]
async fn a_large_message_arrives_to_the_octet() {
    let mut running = Running::start().await;
    let line = "All work and no play makes Jack a dull boy.\r\n";
    let body = line.repeat(100_000);
    let text = format!("Date: x\r\nMessage-ID: <x@here.test>\r\n\r\n{body}");
    let id = running.accepted(&to(&["ann@here.test"]), text.as_bytes()).await.ids[0];
    assert!(running.text(id).await.ends_with(&text));
    running.leave(&to(&["ann@here.test"]), text.as_bytes());
    running.open_drop();
    running.drop_is_empty().await;
    let dropped = running.fixture.ids().await.pop().unwrap();
    assert!(dropped != id && running.text(dropped).await.ends_with(&text));
    assert_eq!(running.fixture.received(dropped).await.route, "drop");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_programs_at_once_leave_one_copy_each() {
    let mut running = Running::start().await;
    running.open_drop();
    let (socket, drop_dir) = (running.socket(), running.drop_dir());
    let programs: Vec<_> = (0..200)
        .map(|n| {
            let (socket, drop_dir) = (socket.clone(), drop_dir.clone());
            tokio::task::spawn_blocking(move || {
                let (submission, text) = (to(&["ann@here.test"]), format!("Subject: n{n}.\n\nx\n"));
                match submit(&socket, &submission, text.as_bytes()) {
                    SubmitAnswer::Accepted(_) => {}
                    SubmitAnswer::Unreachable(_) => drop(&drop_dir, &submission, text.as_bytes()).unwrap(),
                    other => panic!("{other:?}"),
                }
            })
        })
        .collect();
    for program in programs {
        program.await.unwrap();
    }
    running.drop_is_empty().await;
    let ids = running.fixture.ids().await;
    let mut subjects = Vec::new();
    for id in &ids {
        let text = running.text(*id).await;
        subjects.extend(text.lines().find(|line| line.starts_with("Subject: ")).map(str::to_owned));
    }
    subjects.sort();
    subjects.dedup();
    assert_eq!((ids.len(), subjects.len()), (200, 200));
}

fn frame(stream: &mut UnixStream) -> (frames::Kind, Vec<u8>) {
    let mut start = [0; frames::HEADER_BYTES];
    stream.read_exact(&mut start).unwrap();
    let (kind, octets) = frames::header(start).unwrap();
    let mut content = vec![0; octets];
    stream.read_exact(&mut content).unwrap();
    (kind, content)
}

/// Reads one answer.
fn answer(stream: &mut UnixStream) -> frames::Answer {
    let (kind, content) = frame(stream);
    frames::read_answer(kind, &content).unwrap()
}

#[tokio::test]
async fn one_connection_brings_many_submissions_and_is_closed_when_the_server_stops() {
    let running = Running::start().await;
    let (socket, stop) = (running.socket(), running.stop.clone());
    let dialogue = move || {
        let mut stream = UnixStream::connect(&socket).unwrap();
        // Two that come at once are answered in their order.
        let two = [to(&["ann@here.test"]), to(&["ann@here.test", "nobody@here.test"])];
        stream.write_all(&two.map(|submission| encoded(&submission, TEXT)).concat()).unwrap();
        let refused = [(); 2].map(|()| match answer(&mut stream) {
            frames::Answer::Accepted(accepted) => accepted.refused.len(),
            frames::Answer::Refused(refused) => panic!("{refused:?}"),
        });
        assert_eq!(refused, [0, 1]);
        stream.write_all(&encoded(&to(&["ann@here.test"]), TEXT)).unwrap();
        assert!(matches!(answer(&mut stream), frames::Answer::Accepted(_)));
        stop.cancel();
        assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0, "nothing is under way any more");
    };
    tokio::task::spawn_blocking(dialogue).await.unwrap();
    assert_eq!(running.fixture.ids().await.len(), 4, "three messages and one report");
}

#[tokio::test]
async fn a_user_whose_programs_wait_for_first_attempts_in_crowds_is_told_at_once() {
    let running = Running::start().await;
    let socket = running.socket();
    let call = move || {
        let mut submission = to(&["ann@here.test"]);
        submission.options.mode = Mode::Interactive;
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.write_all(&encoded(&submission, TEXT)).unwrap();
        assert!(matches!(answer(&mut stream), frames::Answer::Accepted(_)));
        stream
    };
    let crowd = move || {
        // Nobody delivers here, so all but one wait on; whichever that is.
        let (tell, told) = mpsc::channel();
        for mut program in (0..=SUBMIT_WAITERS_PER_UID_MAX).map(|_| call()) {
            let tell = tell.clone();
            thread::spawn(move || tell.send(frame(&mut program)));
        }
        told.recv().unwrap()
    };
    let (kind, content) = tokio::task::spawn_blocking(crowd).await.unwrap();
    assert_eq!(frames::read_tried(kind, &content).unwrap(), None);
}

#[tokio::test]
async fn a_connection_ends_behind_an_answer_to_half_a_submission() {
    let running = Running::start().await;
    let socket = running.socket();
    let dialogue = move || {
        let mut stream = UnixStream::connect(&socket).unwrap();
        let two = [to(&["nobody@here.test"]), to(&["ann@here.test"])];
        stream.write_all(&two.map(|submission| encoded(&submission, TEXT)).concat()).unwrap();
        assert!(matches!(answer(&mut stream), frames::Answer::Refused(refused) if refused.sysexit == 67));
        assert!(matches!(stream.read(&mut [0; 8]), Ok(0) | Err(_)), "what follows is not looked at");
    };
    tokio::task::spawn_blocking(dialogue).await.unwrap();
    assert!(running.fixture.ids().await.is_empty());
}

#[tokio::test]
async fn what_was_taken_once_is_not_refused_when_it_comes_again() {
    let running = Running::start().await;
    let mut submission = to(&["ann@here.test"]);
    let first = running.accepted(&submission, TEXT).await;
    let hops = "Received: x\n".repeat(100) + "\n";
    for text in [hops.as_bytes(), b"a: b\n\n\0\n"] {
        assert_eq!(running.accepted(&submission, text).await, first);
    }
    submission.options.recipients.clear();
    assert_eq!(running.accepted(&submission, TEXT).await, first);
    assert_eq!(running.fixture.ids().await.len(), 1);
}

#[tokio::test]
async fn q07_garbage_on_the_socket_ends_one_connection_and_nothing_else() {
    let running = Running::start().await;
    let (socket, whole) = (running.socket(), encoded(&to(&["ann@here.test"]), TEXT));
    tokio::task::spawn_blocking(move || {
        let half = &whole[..whole.len() / 2];
        let mut bent = whole.clone();
        *bent.last_mut().unwrap() ^= 1;
        for garbage in [&b"EHLO x\r\n"[..], &[0xff; 64], b"\x01\xff\xff\xff\xff", b"\x06\0\0\0\x02{}", half, &bent, b""]
        {
            let mut stream = UnixStream::connect(&socket).unwrap();
            stream.write_all(garbage).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!(stream.read(&mut [0; 8]).unwrap_or(0), 0, "closed without an answer");
        }
    })
    .await
    .unwrap();
    assert!(running.fixture.ids().await.is_empty());
    running.accepted(&to(&["ann@here.test"]), TEXT).await;
}

#[tokio::test]
async fn q06_what_is_no_plain_file_of_one_owner_goes_to_quarantine_and_the_rest_is_taken() {
    let mut running = Running::start().await;
    let drop_dir = running.drop_dir();
    let precious = running.dir.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    std::os::unix::fs::symlink(&precious, drop_dir.join("new.link")).unwrap();
    fs::hard_link(&precious, drop_dir.join("new.second name\nof a file")).unwrap();
    let fifo = drop_dir.join("new.fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    drop_bad_frames(&drop_dir);
    running.leave(&to(&["ann@here.test"]), TEXT);
    running.open_drop();
    running.drop_is_empty().await;
    assert_eq!((running.fixture.ids().await.len(), running.quarantined()), (1, 6));
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
}

/// One cut, one longer than it says, one whose checksum is another.
fn drop_bad_frames(dir: &Path) {
    let whole = encoded(&to(&["ann@here.test"]), TEXT);
    let mut bent = whole.clone();
    let last = bent.len() - 1;
    bent[last] ^= 1;
    for (name, octets) in [("cut", &whole[..whole.len() - 1]), ("grown", &[&whole[..], b"x"].concat()), ("bent", &bent)]
    {
        fs::write(dir.join(format!("new.{name}")), octets).unwrap();
    }
}

#[tokio::test]
async fn q06_a_file_is_what_it_was_when_it_was_claimed() {
    let mut running = Running::start().await;
    let first = running.leave(&to(&["ann@here.test"]), TEXT);
    // Another under the same name, in the place of the first: whichever the server gets, it gets whole.
    let second = encoded(&to(&["ann@here.test"]), TEXT);
    running.open_drop();
    let other = running.drop_dir().join("tmp.other");
    fs::write(&other, &second).unwrap();
    fs::rename(&other, &first).unwrap();
    running.drop_is_empty().await;
    assert!((1..=2).contains(&running.fixture.ids().await.len()));
    assert_eq!(running.quarantined(), 0);
}

#[tokio::test]
async fn a_dropped_message_that_nobody_gets_goes_back_to_its_sender() {
    let mut running = Running::start().await;
    running.leave(&to(&["nobody@here.test"]), TEXT);
    running.leave(&to(&["ann@here.test"]), b"a: b\n\n\0\n");
    let mut bounce = to(&["nobody@here.test"]);
    bounce.options.envelope.reverse_path = ReversePath::Null;
    running.leave(&bounce, TEXT);
    running.open_drop();
    running.drop_is_empty().await;
    let ids = running.fixture.ids().await;
    assert_eq!((ids.len(), running.quarantined()), (2, 1), "one for each sender there is, and the bounce is kept");
    for id in ids {
        assert!(running.text(id).await.contains("Action: failed"));
        assert_eq!(running.fixture.received(id).await.route, "bounce");
    }
}

#[tokio::test]
async fn what_cannot_be_stored_now_stays_for_a_later_look() {
    let mut running = Running::start_with(|setup| setup.store.free_bytes_min = u64::MAX).await;
    running.leave(&to(&["ann@here.test"]), TEXT);
    running.open_drop();
    let taking = running.drop_dir().join("taking");
    while entries(&taking).is_empty() && running.quarantined() == 0 {
        tokio::task::yield_now().await;
    }
    running.stop.cancel();
    running.task.take().unwrap().await.unwrap();
    assert_eq!((entries(&taking).len(), running.quarantined()), (1, 0));
}

#[tokio::test]
async fn unfinished_files_are_removed_when_they_are_old() {
    let mut running = Running::start().await;
    let (old, young) = (running.drop_dir().join("tmp.old"), running.drop_dir().join("tmp.young"));
    let day = Duration::from_hours(24) + Duration::from_mins(1);
    File::create(&old).unwrap().set_modified(SystemTime::now() - day).unwrap();
    File::create(&young).unwrap();
    running.open_drop();
    while old.exists() {
        tokio::task::yield_now().await;
    }
    assert!(young.exists());
}

#[test]
fn a_drop_directory_is_for_all_to_write_and_its_inside_is_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool/drop");
    DropDir::lay_out(&path, None).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!([mode(&path), mode(&path.join("taking")), mode(&path.join("quarantine"))], [0o3733, 0o700, 0o700]);
    fs::set_permissions(path.join("taking"), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(DropDir::open(&path).is_err(), "others could exchange files there");
}

#[test]
fn without_a_server_and_without_a_directory_the_program_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let answer = submit(&dir.path().join("submit.sock"), &to(&["ann@here.test"]), TEXT);
    assert!(matches!(answer, SubmitAnswer::Unreachable(_)), "{answer:?}");
    let missing = drop(&dir.path().join("drop"), &to(&["ann@here.test"]), TEXT).unwrap_err();
    assert_eq!(missing.sysexit(), 75);
}

#[test]
fn a_message_that_cannot_be_read_leaves_nothing_behind() {
    struct Broken;
    impl io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::Other.into())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let error = drop(dir.path(), &to(&["ann@here.test"]), Broken).unwrap_err();
    assert_eq!((error.sysexit(), entries(dir.path()).len()), (74, 0));
}
