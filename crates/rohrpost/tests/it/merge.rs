//! `rohrpost merge`: every row once, whatever happens.

mod crowd;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rohrpost_sender::testing::{Fault, Server, Stage};
use tempfile::TempDir;

use self::crowd::Crowd;
use crate::peers::rohrpost::{ANN, Rohrpost};
use crate::peers::{DEADLINE, Dns, Installation};

/// How often the program is killed.
const KILLS: u32 = 20;
/// Rows of the merge that is killed.
const ROWS: usize = 600;
/// Rows that are under way at once where nobody says otherwise.
const CONNECTIONS: usize = 10;

/// A folder with rows and a letter.
struct Desk(TempDir);

impl Desk {
    fn new(rows: &str) -> Self {
        let desk = Self(TempDir::with_prefix("rohrpost-merge-").expect("a directory can be made"));
        desk.put("rows.csv", rows);
        desk.put("letter.txt", "Dear {{ name }},\nthis is number {{ number }}.\n");
        desk
    }

    /// Rows with a name, an address and a number each.
    fn with_rows(count: usize) -> Self {
        let row = |number| format!("Bob {number},bob{number}@there.test,{number}\n");
        Self::new(&("name,email,number\n".to_owned() + &(1..=count).map(row).collect::<String>()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).expect("the file can be written");
    }

    /// The report as lines.
    fn report(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("report.csv")).expect("it was written");
        text.lines().map(str::to_owned).collect()
    }

    /// The command, but for the server.
    fn prepare(&self, mut command: Command) -> Command {
        command.current_dir(self.0.path()).stdin(Stdio::null()).env_remove("ROHRPOST_SERVER");
        command.args(["merge", "rows.csv", "--from", "Ann <ann@here.test>", "--subject", "Number {{ number }}"]);
        command.args(["--text-file", "letter.txt", "--report", "report.csv"]);
        command
    }

    fn command(&self, server: &Server) -> Command {
        self.command_to(&server.url())
    }

    fn command_to(&self, url: &str) -> Command {
        let mut command = self.prepare(Command::new(env!("CARGO_BIN_EXE_rohrpost")));
        command.args(["--server", url]);
        command
    }

    fn run(&self, server: &Server, options: &[&str]) -> Output {
        self.command(server).args(options).output().expect("it is built")
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The word of the report for each line of the rows.
fn words(report: &[String]) -> BTreeMap<usize, String> {
    let word = |line: &String| {
        let mut fields = line.split(',').map(str::to_owned);
        let number = fields.next().and_then(|line| line.parse().ok()).expect("the line comes first");
        (number, fields.nth(1).expect("the outcome is the third"))
    };
    report.iter().skip(1).map(word).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_gets_a_mail_of_its_own_and_a_second_run_sends_nothing() {
    let server = Server::start().await;
    let desk =
        Desk::new("name;email;number;E-File\n\"Müller; Bob\";bob@there.test;1;one.pdf\n<Cy>;cy@there.test;2;two.pdf\n");
    desk.put("letter.html", "<p>Dear {{ name }}</p>");
    desk.put("one.pdf", "first file");
    desk.put("two.pdf", "second file");
    let options = [
        &["--to", "{{ name }} <{{ email }}>", "--html-file", "letter.html", "--attach", "{{ row['E-File'] }}"][..],
        &["--header", "X-Number: {{ number }}", "--list-unsubscribe", "https://here.test/u/{{ number }}"],
    ];
    let options = options.concat();
    let output = desk.run(&server, &options);
    assert_eq!(
        (code(&output), String::from_utf8_lossy(&output.stdout).trim()),
        (0, "2 delivered"),
        "{}",
        errors(&output)
    );
    let mails = server.received();
    assert_eq!(mails[0].recipients, ["bob@there.test"]);
    let (first, second) = (mails[0].text(), mails[1].text());
    for text in
        ["Subject: Number 1\r\n", "X-Number: 1\r\n", "List-Unsubscribe-Post:", "<https://here.test/u/1>", "one.pdf"]
    {
        assert!(first.contains(text), "{text}: {first}");
    }
    assert!(second.contains("Dear <Cy>,") && second.contains("<p>Dear &lt;Cy&gt;</p>"), "{second}");
    assert_eq!(words(&desk.report()), [(2, "delivered".to_owned()), (3, "delivered".to_owned())].into());
    assert!(desk.report()[1].starts_with("2,bob@there.test,delivered,127.0.0.1:"), "{:?}", desk.report());

    assert_eq!(code(&desk.run(&server, &options)), 0);
    assert_eq!(server.received().len(), 2, "nothing is sent twice");
    let other = desk.run(&server, &[&options[..], &["--cc", "d@there.test"]].concat());
    assert_eq!(code(&other), 65);
    assert!(errors(&other).contains("another mail than these"), "{}", errors(&other));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_row_keeps_all_back_and_every_bad_row_is_listed() {
    let server = Server::start().await;
    let desk = Desk::new(
        "name,email,number,file\nA,a@there.test,1,letter.txt\nB,b,2,letter.txt\nC,c@there.test\n\
         D,d@there.test,4,gone.pdf\n\"E\x07\",e@there.test,5,letter.txt\nF,\"f@there.test\r\nBcc: x@there.test\",6,letter.txt\n",
    );
    let output = desk.run(&server, &["--attach", "{{ file }}"]);
    let listed: Vec<_> = errors(&output).lines().map(str::to_owned).collect();
    let starts =
        ["rows.csv:3: to: ", "rows.csv:4: 2 fields", "rows.csv:5: attach: gone.pdf", "rows.csv:6: name: a control"];
    assert!(starts.iter().zip(&listed).all(|(start, line)| line.starts_with(start)), "{listed:#?}");
    assert!(listed[4].starts_with("rows.csv:7: to: "), "{listed:#?}");
    assert!(listed[5].contains("5 of 6 rows cannot be sent"), "{listed:#?}");
    assert_eq!((code(&output), server.received().len()), (65, 0));
    assert!(!desk.path("rows.csv.state").exists());

    desk.put("letter.txt", "Dear {{ nam }}");
    desk.put("rows.csv", "name,email,number\nA,a@there.test,1\n");
    let output = desk.run(&server, &[]);
    assert!(errors(&output).contains("rows.csv:2: text: the row has no `nam`"), "{}", errors(&output));
    assert_eq!((code(&output), server.received().len()), (65, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_the_first_mail_and_sends_nothing() {
    let server = Server::start().await;
    let desk = Desk::with_rows(2);
    let output = desk.run(&server, &["--dry-run"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("this is number 1."));
    assert_eq!((code(&output), server.received().len(), desk.path("rows.csv.state").exists()), (0, 0, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_rows_stay_refused_and_deferred_ones_are_tried_by_the_next_run() {
    let server = Server::builder().refuse("bob1@there.test", "550 5.1.1 nobody here").start().await;
    let desk = Desk::with_rows(3);
    server.then(Stage::Dot, Fault::reply("451 4.3.0 not now"), 1);
    let output = desk.run(&server, &["--connections", "1"]);
    assert_eq!(code(&output), 75, "{}", errors(&output));
    assert!(errors(&output).contains("1 row is left"), "{}", errors(&output));
    let word = |words: [&str; 3]| (2..).zip(words.map(str::to_owned)).collect::<BTreeMap<usize, _>>();
    assert_eq!(words(&desk.report()), word(["refused", "deferred", "delivered"]));
    let output = desk.run(&server, &[]);
    assert_eq!(code(&output), 69, "{}", errors(&output));
    assert_eq!(words(&desk.report()), word(["refused", "delivered", "delivered"]));
    assert_eq!(server.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_stops_the_run_and_the_next_one_goes_on() {
    let server = Server::start().await;
    let desk = Desk::with_rows(3);
    server.then(Stage::Mail, Fault::reply("421 4.3.2 closing"), 1);
    let output = desk.run(&server, &[]);
    assert_eq!(code(&output), 75, "{}", errors(&output));
    assert!(errors(&output).contains("3 rows are left"), "{}", errors(&output));
    let output = desk.run(&server, &[]);
    assert_eq!((code(&output), server.received().len()), (0, 3), "{}", errors(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_an_answer_is_unknown_and_is_sent_again_only_when_that_is_asked_for() {
    for (after_dot, first, second, arrived) in [("hold", 74, 74, 1), ("retry", 75, 0, 2), ("assume-delivered", 0, 0, 1)]
    {
        let server = Server::start().await;
        let desk = Desk::with_rows(2);
        server.then(Stage::Dot, Fault::Drop, 1);
        for code_wanted in [first, second] {
            let output = desk.run(&server, &["--after-dot", after_dot]);
            assert_eq!(code(&output), code_wanted, "{after_dot}: {}", errors(&output));
        }
        assert_eq!(server.received().len(), arrived, "{after_dot}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_stops_behind_the_row_under_way_however_long_the_next_one_has_to_wait() {
    let server = Server::start().await;
    let desk = Desk::with_rows(3);
    let child = desk.command(&server).args(["--rate", "1/d"]).stderr(Stdio::piped()).spawn().expect("it is built");
    server.messages(1).await;
    kill(Pid::from_raw(child.id().try_into().expect("it is a number of a process")), Signal::SIGINT).expect("it runs");
    let output = child.wait_with_output().expect("it is ours");
    assert_eq!(code(&output), 75);
    assert!(errors(&output).contains("2 rows are left"), "{}", errors(&output));
    assert_eq!(words(&desk.report()), [(2, "delivered".to_owned())].into());
    assert_eq!((code(&desk.run(&server, &[])), server.received().len()), (0, 3));
}

#[test]
fn as_many_rows_are_under_way_at_once_as_are_allowed_and_the_first_goes_alone() {
    for (connections, options) in [(CONNECTIONS, &[][..]), (3, &["--connections", "3"])] {
        let crowd = Crowd::start(connections, connections);
        let desk = Desk::with_rows(1 + 2 * connections);
        let output = desk.command_to(&format!("smtp://{}", crowd.address)).args(options).output().expect("it is built");
        assert_eq!(code(&output), 0, "{}", errors(&output));
        assert_eq!(crowd.taken_and_refused(), (1 + 2 * connections, 0));
    }
}

#[test]
fn a_server_that_takes_few_connections_gets_no_more_and_every_row() {
    let crowd = Crowd::start(3, 1);
    let desk = Desk::with_rows(60);
    let output = desk.command_to(&format!("smtp://{}", crowd.address)).output().expect("it is built");
    assert_eq!(code(&output), 0, "{}", errors(&output));
    let (taken, refused) = crowd.taken_and_refused();
    assert!(taken == 60 && refused < CONNECTIONS, "{taken} taken, {refused} refused: {}", errors(&output));
    assert_eq!(words(&desk.report()).len(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_for_a_mail_gets_only_a_few() {
    let server = Server::builder().fault(Stage::Dot, Fault::Drop).start().await;
    let desk = Desk::with_rows(100);
    let output = desk.run(&server, &[]);
    assert_eq!(code(&output), 74, "{}", errors(&output));
    assert!(errors(&output).contains("--after-dot retry"), "{}", errors(&output));
    let unknown = words(&desk.report()).values().filter(|word| *word == "unknown").count();
    assert!((10..10 + CONNECTIONS).contains(&unknown), "{unknown} are unknown");
    assert!(errors(&output).contains(&format!("{} rows are left", 100 - unknown)), "{}", errors(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_is_needed_for_a_look_or_for_the_host_and_one_from_the_environment_gives_way() {
    let desk = Desk::with_rows(1);
    let program = || desk.prepare(Command::new(env!("CARGO_BIN_EXE_rohrpost")));
    let output = program().arg("--dry-run").output().expect("it is built");
    assert_eq!(code(&output), 0, "{}", errors(&output));
    let output = program().output().expect("it is built");
    assert_eq!((code(&output), errors(&output).contains("--server")), (64, true), "{}", errors(&output));
    let server = Server::start().await;
    let nowhere = desk.path("nowhere");
    fs::write(desk.path("host.toml"), format!("submit.socket = {nowhere:?}\n")).expect("it can be written");
    let mut command = program();
    command.env("ROHRPOST_SERVER", server.url()).args(["--local", "--config", "host.toml"]);
    let output = command.output().expect("it is built");
    assert_eq!((code(&output), server.received().len()), (75, 0), "{}", errors(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_that_is_used_is_written_over_and_a_report_that_cannot_be_is_found_out_first() {
    let server = Server::start().await;
    let desk = Desk::with_rows(2);
    let rows = fs::read(desk.path("rows.csv")).expect("it is there");
    std::os::unix::fs::symlink(desk.path("letter.txt"), desk.path("link")).expect("it can be made");
    let uses = [
        ("--report", "./rows.csv", 64),
        ("--report", "link", 64),
        ("--report", "rows.csv.state", 64),
        ("--state", "letter.txt", 64),
        ("--report", "nowhere/report.csv", 73),
    ];
    for (option, path, expected) in uses {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
        command.current_dir(desk.0.path()).args(["merge", "rows.csv", "--from", "ann@here.test", "--subject", "x"]);
        let output = command.args(["--text-file", "letter.txt", "--server", &server.url(), option, path]).output();
        let output = output.expect("it is built");
        assert_eq!(code(&output), expected, "{option} {path}: {}", errors(&output));
    }
    assert_eq!((server.received().len(), desk.path("rows.csv.state").exists()), (0, false));
    assert_eq!(fs::read(desk.path("rows.csv")).expect("it is there"), rows);
    assert_eq!(code(&desk.run(&server, &[])), 0);
    let left: Vec<_> = fs::read_dir(desk.0.path())
        .expect("it is there")
        .map(|entry| entry.expect("it can be read").file_name())
        .collect();
    assert_eq!(left.len(), 5, "rows, letter, link, state and report: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_rows_that_were_sent_are_not_needed_any_more() {
    let server = Server::start().await;
    let desk = Desk::with_rows(3);
    for number in 1..=3 {
        desk.put(&format!("{number}.pdf"), "a file");
    }
    let options = ["--attach", "{{ number }}.pdf", "--connections", "1"];
    server.then(Stage::Dot, Fault::reply("451 4.3.0 not now"), 1);
    assert_eq!(code(&desk.run(&server, &options)), 75);
    fs::remove_file(desk.path("3.pdf")).expect("it is there");
    let output = desk.run(&server, &options);
    assert_eq!((code(&output), server.received().len()), (0, 3), "{}", errors(&output));
}

/// A running merge; dropped, it is killed.
struct Merge(Child);

impl Drop for Merge {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets it settle a few rows, then kills it at a moment that nobody chose.
fn kill_in_between(mut command: Command, desk: &Desk, round: u32) {
    let state = || fs::read_to_string(desk.path("rows.csv.state")).unwrap_or_default();
    let settled = || state().lines().filter(|line| line.starts_with("{\"done\"")).count();
    let before = settled();
    let mut merge = Merge(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it is built"));
    let deadline = Instant::now() + DEADLINE;
    while settled() < before + 2 && merge.0.try_wait().expect("it is ours").is_none() {
        assert!(Instant::now() < deadline, "nothing is sent");
        std::thread::yield_now();
    }
    // What holds must hold at every moment: how far it really comes meanwhile decides nothing.
    (0..round * 7_919 % 401).for_each(|_| std::thread::yield_now());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_sends_no_row_twice_and_reports_what_nobody_knows() {
    let server = Server::start().await;
    let desk = Desk::with_rows(ROWS);
    (0..KILLS).for_each(|round| kill_in_between(desk.command(&server), &desk, round));
    let output = desk.run(&server, &[]);
    let words = words(&desk.report());
    assert_eq!(words.len(), ROWS, "{}", errors(&output));
    let mails = server.received();
    for number in 1..=ROWS {
        let recipient = format!("bob{number}@there.test");
        let copies = mails.iter().filter(|mail| mail.recipients.contains(&recipient)).count();
        let word = words[&(number + 1)].as_str();
        assert!(matches!((word, copies), ("delivered", 1) | ("unknown", 0 | 1)), "{number}: {word}, {copies} copies");
    }
    let unknown = words.values().filter(|word| *word == "unknown").count();
    assert!(unknown <= CONNECTIONS * usize::try_from(KILLS).expect("it is small"), "{unknown} are unknown");
    assert_eq!(code(&output), if unknown > 0 { 74 } else { 0 });
}

/// A server on this host.
fn host() -> (Rohrpost, Dns) {
    let dns = Dns::start(&["here.test"]);
    let listener = "[[listener]]\nname = 'mx'\nprotocol = 'smtp'\naddress = '127.0.0.1:0'\ntls = 'off'\n";
    (Installation::new(dns.address, 1, "", listener).start(), dns)
}

/// Subjects of what Ann has got, as soon as nothing waits any more.
fn subjects(host: &Rohrpost) -> Vec<String> {
    host.ask_until(&["queue", "list", "--json"], "an empty queue", str::is_empty);
    let mails = host.ask(&["mailbox", "list", ANN, "--json"]);
    let subject =
        |line| serde_json::from_str::<serde_json::Value>(line).expect("each line is JSON")["subject"].to_string();
    mails.lines().map(subject).filter(|subject| subject.starts_with("\"Number ")).collect()
}

#[test]
fn the_server_of_this_host_knows_rows_that_it_has_had() {
    let (host, _dns) = host();
    let desk = Desk::new(&format!("name,email,number\nAnn,{ANN},1\nAnn,{ANN},2\n"));
    let run = || desk.prepare(host.installation.command()).arg("--local").output().expect("it is built");
    let output = run();
    assert_eq!(code(&output), 0, "{}", errors(&output));
    assert_eq!(words(&desk.report()), [(2, "queued".to_owned()), (3, "queued".to_owned())].into());
    // As if the program had been killed before it heard that the second row was taken.
    let state = fs::read_to_string(desk.path("rows.csv.state")).expect("it was written");
    let (before, _) = state.rsplit_once("{\"done\"").expect("the row was settled");
    desk.put("rows.csv.state", before);
    let again = run();
    assert_eq!(code(&again), 0, "{}", errors(&again));
    assert_eq!(subjects(&host).len(), 2);
}

#[test]
fn killed_at_any_moment_it_hands_every_row_to_the_server_of_this_host_once() {
    let (host, _dns) = host();
    let rows: Vec<_> = (1..=ROWS).map(|number| format!("Ann,{ANN},{number}\n")).collect();
    let desk = Desk::new(&format!("name,email,number\n{}", rows.concat()));
    let command = || {
        let mut command = desk.prepare(host.installation.command());
        command.arg("--local");
        command
    };
    (0..KILLS).for_each(|round| kill_in_between(command(), &desk, round));
    let output = command().output().expect("it is built");
    assert_eq!(code(&output), 0, "{}", errors(&output));
    assert!(words(&desk.report()).values().all(|word| word == "queued"), "{}", errors(&output));
    let mut subjects = subjects(&host);
    subjects.sort();
    let count = subjects.len();
    subjects.dedup();
    assert_eq!((subjects.len(), count), (ROWS, ROWS));
}
