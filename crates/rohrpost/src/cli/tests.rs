use clap::{CommandFactory, Parser, error::ErrorKind};

use super::*;

fn parse(line: &str) -> Result<Cli, ErrorKind> {
    Cli::try_parse_from(line.split_whitespace()).map_err(|error| error.kind())
}

#[test]
fn the_command_line_has_no_contradictions() {
    Cli::command().debug_assert();
}

#[test]
fn help_says_what_there_is() {
    insta::assert_snapshot!(Cli::command().term_width(100).render_help());
}

#[test]
fn every_command_explains_itself() {
    fn look(command: &clap::Command, path: &str) {
        let path = format!("{path} {}", command.get_name());
        assert!(command.get_about().is_some(), "{path}");
        for option in command.get_arguments().filter(|option| !option.is_hide_set()) {
            assert!(option.get_help().is_some(), "{path} {}", option.get_id());
        }
        command.get_subcommands().for_each(|inner| look(inner, &path));
    }
    let mut command = Cli::command();
    // Puts the options of each command together.
    command.build();
    look(&command, "");
}

#[test]
fn the_help_of_a_command_begins_with_what_the_list_of_commands_says_of_it() {
    fn look(mut command: clap::Command, path: &str) {
        let listed = command.get_about().map(ToString::to_string);
        // Puts the options of this command together.
        command.render_help();
        let path = format!("{path} {}", command.get_name());
        assert_eq!(command.get_about().map(ToString::to_string), listed, "{path}");
        command.get_subcommands().for_each(|inner| look(inner.clone(), &path));
    }
    look(Cli::command(), "");
}

#[test]
fn the_server_can_be_named_before_and_behind_the_command() {
    for line in ["rohrpost --dir /x queue list", "rohrpost queue --dir /x list", "rohrpost queue list --dir /x"] {
        assert_eq!(parse(line).unwrap().place.dir.unwrap(), PathBuf::from("/x"), "{line}");
    }
}

#[test]
fn all_and_a_filter_exclude_each_other() {
    assert!(parse("rohrpost queue hold --all").is_ok());
    assert_eq!(parse("rohrpost queue hold --all --domain there.test").unwrap_err(), ErrorKind::ArgumentConflict);
}

#[test]
fn wrong_addresses_and_ids_are_refused_at_the_door() {
    for line in ["rohrpost queue show not-an-id", "rohrpost account add ann"] {
        assert_eq!(parse(line).unwrap_err(), ErrorKind::ValueValidation, "{line}");
    }
}

#[test]
fn sending_needs_sender_and_recipient_and_what_is_about_servers_needs_one() {
    for line in ["rohrpost send --to bob@there.test", "rohrpost send --from ann@here.test"] {
        assert_eq!(parse(line).unwrap_err(), ErrorKind::MissingRequiredArgument, "{line}");
    }
    let line = "rohrpost send --to bob@there.test --from ann@here.test";
    assert!(parse(line).is_ok(), "the server of this host takes it");
    for option in ["--tls off", "--ca /x", "--user ann", "--allow-clear", "--proxy socks5://x:1"] {
        assert_eq!(parse(&format!("{line} {option}")).unwrap_err(), ErrorKind::MissingRequiredArgument, "{option}");
    }
}

#[test]
fn a_whole_message_brings_its_header_along() {
    let line = |options| format!("rohrpost send --server smtp://x {options}");
    assert!(parse(&line("--eml")).is_ok());
    assert!(parse(&line("--eml --from ann@here.test --to bob@there.test")).is_ok());
    assert_eq!(parse(&line("--eml --subject x")).unwrap_err(), ErrorKind::ArgumentConflict);
    assert_eq!(parse(&line("--from ann@here.test")).unwrap_err(), ErrorKind::MissingRequiredArgument);
    assert!(parse(&line("--from ann@here.test --bcc bob@there.test")).is_ok());
}

#[test]
fn a_password_has_one_source() {
    let line = "rohrpost send --server smtp://x --eml --user ann --password-file /p --password-env P";
    assert_eq!(parse(line).unwrap_err(), ErrorKind::ArgumentConflict);
}
