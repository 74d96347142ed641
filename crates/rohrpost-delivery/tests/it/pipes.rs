//! Programs as ways out: what they are given, and how their end is read.

use std::{fs, path::Path, time::Duration};

use rohrpost_delivery::{Pipe, Place, Route, RouteHost, Settings, settings::AfterDot};
use rohrpost_mail::{Link, Outcome, Recipient};
use rohrpost_testkit::Sink;

use crate::office::{Office, TEXT, address, route, settings};

fn is_relayed(outcome: &Outcome) -> bool {
    *outcome == Outcome::Relayed
}

/// A way through `/bin/sh -c SCRIPT` with these further arguments. Only tests have a shell there.
fn script(script: &str, arguments: &[&str]) -> RouteHost {
    let argv = ["/bin/sh", "-c", script, "script"].into_iter().chain(arguments.iter().copied());
    let argv = argv.map(str::to_owned).collect();
    RouteHost::new(Place::Pipe(Pipe::new("script", argv)))
}

async fn office(hosts: Vec<RouteHost>) -> Office {
    Office::open(9, Settings { routes: vec![Route::new("relay", hosts)], ..settings() }).await
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[tokio::test]
async fn a_program_gets_the_message_its_arguments_and_a_small_environment() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().display();
    let text =
        format!("cat > {folder}/body; printf '%s\\n' \"$@\" > {folder}/arguments; env | sort > {folder}/environment");
    let mut office = office(vec![script(&text, &["-f", "{sender}", "--", "{recipients}", "{id}"])]).await;
    let id = office.send(&["bob@relay.test", "$HOME`id`@relay.test"]).await;
    let record = office.outcome(id, is_relayed).await;
    assert_eq!(
        (record.protocol.as_str(), record.peer.as_deref(), &record.link),
        ("PIPE", Some("script"), &Link::Local)
    );
    assert_eq!(read(dir.path(), "body"), TEXT.replace("\r\n", "\n"));
    let arguments = read(dir.path(), "arguments");
    assert_eq!(arguments, format!("-f\nann@here.test\n--\nbob@relay.test\n$HOME`id`@relay.test\n{id}\n"));
    let environment = read(dir.path(), "environment");
    let names: Vec<_> = environment.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    // The shell itself adds PWD, and some add more of the kind.
    for name in ["LANG", "PATH", "QUEUE_ID", "RECIPIENT", "SENDER"] {
        assert!(names.contains(&name), "{environment}");
    }
    assert!(!names.contains(&"CARGO_MANIFEST_DIR") && !names.contains(&"HOME"), "{environment}");
}

#[tokio::test]
async fn a_large_message_goes_through_while_the_program_talks() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("yes error | head -c 300000 >&2; wc -c > {}/size", dir.path().display());
    let mut office = office(vec![script(&text, &[])]).await;
    let body = format!("{TEXT}{}", "0123456789\r\n".repeat(200_000));
    let id = office.submit("ann@here.test", vec![Recipient::new(address("bob@relay.test"))], &body).await;
    office.outcome(id, is_relayed).await;
    assert_eq!(read(dir.path(), "size").trim(), (body.len() - body.matches('\r').count()).to_string());
}

#[tokio::test]
async fn a_program_that_fails_for_now_gives_way_and_says_why() {
    let sink = Sink::start().await;
    let mut relay = route("relay", &[sink.address().port()]);
    relay.hosts.insert(0, script("cat >/dev/null; echo busy >&2; exit 75", &[]));
    let mut office = office(relay.hosts).await;
    let id = office.send(&["bob@relay.test"]).await;
    let record = office.outcome(id, |outcome| matches!(outcome, Outcome::Deferred { .. })).await;
    assert_eq!(record.note.as_deref(), Some("the program ended with status 75 (EX_TEMPFAIL): busy"));
    office.outcome(id, is_relayed).await;
    assert_eq!(office.delivery.routes()[0].hosts[0].down, None, "it speaks of this message");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_down_and_the_next_way_is_taken() {
    let sink = Sink::start().await;
    let mut relay = route("relay", &[sink.address().port()]);
    let gone = Pipe::new("gone", vec!["/nowhere/program".to_owned()]);
    relay.hosts.insert(0, RouteHost::new(Place::Pipe(gone)));
    let mut office = office(relay.hosts).await;
    for _ in 0..2 {
        let id = office.send(&["bob@relay.test"]).await;
        office.outcome(id, is_relayed).await;
    }
    let state = office.delivery.routes().remove(0).hosts.remove(0);
    assert_eq!((state.place.as_str(), state.failed), ("pipe:gone", 1));
    assert!(state.down.unwrap().why.contains("/nowhere/program: No such file"));
}

#[tokio::test]
async fn of_several_recipients_only_the_one_that_is_refused_bounces() {
    let dir = tempfile::tempdir().unwrap();
    let taken =
        format!("cat >/dev/null; case \"$*\" in *eve*) exit 67;; esac; echo \"$*\" >> {}/taken", dir.path().display());
    let mut office = office(vec![script(&taken, &["{recipients}"])]).await;
    office.send(&["bob@relay.test", "eve@relay.test", "joe@relay.test"]).await;
    let bounce = office.filed().await;
    assert!(bounce.contains("eve@relay.test") && bounce.contains("5.1.1"), "{bounce}");
    assert!(!bounce.contains("joe@relay.test"), "{bounce}");
    assert_eq!(read(dir.path(), "taken"), "bob@relay.test\njoe@relay.test\n");
}

#[tokio::test]
async fn a_program_for_each_recipient_runs_once_for_each() {
    let dir = tempfile::tempdir().unwrap();
    let each = format!("cat >/dev/null; echo \"$*\" >> {}/runs", dir.path().display());
    let mut office = office(vec![script(&each, &["to={recipient}"])]).await;
    let id = office.send(&["bob@relay.test", "eve@relay.test"]).await;
    office.outcome(id, is_relayed).await;
    assert_eq!(read(dir.path(), "runs"), "to=bob@relay.test\nto=eve@relay.test\n");
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_killed_with_all_that_it_started_and_the_outcome_is_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let slow = format!("sleep 1000 & echo $! > {}; wait", pid.display());
    let mut host = script(&slow, &[]);
    let Place::Pipe(pipe) = &mut host.place else { panic!("not a pipe") };
    pipe.timeout = Duration::from_millis(300);
    let relay = Route { after_dot: AfterDot::Hold, ..Route::new("relay", vec![host]) };
    let mut office = Office::open(9, Settings { routes: vec![relay], ..settings() }).await;
    let id = office.send(&["bob@relay.test"]).await;
    let record = office.outcome(id, |outcome| *outcome == Outcome::PossiblyDuplicated).await;
    assert!(record.note.unwrap().starts_with("the program was killed after 0 s"));
    let pid = read(dir.path(), "pid");
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    assert!(stat.is_err() || stat.unwrap().contains(") Z "), "its child lives");
}

#[test]
fn a_server_that_is_cut_off_leaves_nothing_running() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let slow = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", pid.display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let office = office(vec![script(&slow, &[])]).await;
        office.send(&["bob@relay.test"]).await;
        while !pid.exists() {
            tokio::task::yield_now().await;
        }
    });
    runtime.shutdown_background();
    let stat = format!("/proc/{}/stat", read(dir.path(), "pid").trim());
    let lives = || fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while lives() {
        assert!(std::time::Instant::now() < deadline, "what it started lives on");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn an_address_that_could_be_an_option_is_not_handed_over_and_harms_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let keep = format!("cat >/dev/null; echo \"$*\" >> {}/taken", dir.path().display());
    let mut office = office(vec![script(&keep, &["{recipients}"])]).await;
    let id = office.send(&["-oQ@relay.test", "bob@relay.test"]).await;
    let bounce = office.filed().await;
    assert!(bounce.contains("-oQ@relay.test begins with a hyphen"), "{bounce}");
    assert!(!bounce.contains("bob@relay.test"), "{bounce}");
    let records = office.store.records_of(id).await.unwrap();
    assert!(records.iter().any(|record| is_relayed(&record.outcome)), "{records:?}");
    assert_eq!(read(dir.path(), "taken"), "bob@relay.test\n");
    office.send(&["-oQ@relay.test"]).await;
    office.filed().await;
    let state = office.delivery.routes().remove(0).hosts.remove(0);
    assert_eq!((state.down, state.sent, state.failed), (None, 1, 0), "the way is not to blame");
}

#[tokio::test]
async fn another_host_takes_what_one_program_would_misunderstand() {
    let sink = Sink::start().await;
    let mut relay = route("relay", &[sink.address().port()]);
    relay.hosts.insert(0, script("cat >/dev/null", &["{recipients}"]));
    let mut office = office(relay.hosts).await;
    let id = office.send(&["-oQ@relay.test"]).await;
    office.outcome(id, is_relayed).await;
    assert_eq!(sink.messages(1).await[0].recipients, ["-oQ@relay.test"]);
}

/// S11: what shells and configuration languages would run is plain text in an argument.
#[tokio::test]
async fn a_s11_local_parts_that_look_like_commands_are_arguments_to_the_octet() {
    let dir = tempfile::tempdir().unwrap();
    let keep = format!("cat >/dev/null; printf '%s\\n' \"$@\" > {}/arguments", dir.path().display());
    let mut office = office(vec![script(&keep, &["{recipients}"])]).await;
    let odd = ["${run{id}}@relay.test", "`id`@relay.test", "|sh@relay.test", "%00@relay.test", "{id}@relay.test"];
    let quoted =
        ["\";id\"@relay.test", "\"$(id)\"@relay.test", "\"../../etc/passwd\"@relay.test", "\"a b\"@relay.test"];
    let recipients = [&odd[..], &quoted].concat();
    let id = office.send(&recipients).await;
    office.outcome(id, is_relayed).await;
    assert_eq!(read(dir.path(), "arguments"), recipients.join("\n") + "\n");
}
