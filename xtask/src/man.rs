//! `cargo xtask man`: the manual pages, made from what says the same elsewhere, so that no page can be out of date.
//!
//! | page | made from |
//! |---|---|
//! | `rohrpost(1)`, `rohrpost-COMMAND(1)` | the command line, by the program itself, and the chapters of `docs/commands.md` |
//! | `rohrpost-sendmail(1)`, `rohrpost-msmtp(1)` | `--help` of these personas, `docs/sendmail.md`, `docs/msmtp.md` |
//! | `sendmail(1)`, `mailq(1)`, … | references to these two |
//! | `rohrpost.toml(5)` | the doc comments of the settings, as `docs/configuration.md` |
//!
//! They are built, never committed.

mod help;
mod markdown;
mod roff;
mod settings;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use self::markdown::chapters;
use self::roff::Roff;
use crate::{docs, release, shell};

/// A program in whose place Rohrpost stands.
struct Persona {
    /// The command, and the document about it in `docs`.
    command: &'static str,
    /// What it is, for whatis(1).
    about: &'static str,
    /// Names whose pages lead to this one.
    names: &'static [&'static str],
}

const PERSONAS: &[Persona] = &[
    Persona {
        command: "sendmail",
        about: "hand mail to the server Rohrpost, as sendmail does",
        names: &["sendmail", "mailq", "newaliases", "runq"],
    },
    Persona { command: "msmtp", about: "send mail by msmtprc, as msmtp does", names: &["msmtp"] },
];

/// Chapters of `docs/commands.md` that have no command of their own, and the page's words for them.
const GENERAL: &[(&str, &str)] =
    &[("The seal", "The seal"), ("Environment", "Environment"), ("Exit codes", "Exit status")];

/// What lies where.
const FILES: &[(&str, &str)] = &[
    ("/etc/rohrpost/rohrpost.toml", "the configuration"),
    ("/etc/aliases", "aliases of names on this host"),
    ("/var/lib/rohrpost", "queue, mailboxes, accounts, records"),
    ("/run/rohrpost/submit.sock", "where programs of this host hand their mail in"),
    ("/var/spool/rohrpost/drop", "where they leave it while the server is down"),
];

/// Writes all pages into `man1` and `man5` below a folder.
pub(crate) fn write(binary: &Path, folder: &Path) -> Result<()> {
    let commands = folder.join("man1");
    let formats = folder.join("man5");
    for folder in [&commands, &formats] {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    shell::output(Command::new(binary).args(["pages", "--date", &release::date("%F")?]).arg(&commands))?;
    let documents = Documents::read()?;
    for page in pages_in(&commands)? {
        documents.complete(&page)?;
    }
    for persona in PERSONAS {
        write_persona(persona, binary, &commands)?;
    }
    write_settings(&formats)
}

fn pages_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut pages: Vec<_> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    pages.sort();
    Ok(pages)
}

/// What `docs` says about the commands, beside their options.
struct Documents {
    commands: String,
}

impl Documents {
    fn read() -> Result<Self> {
        Ok(Self { commands: document("commands")? })
    }

    /// Puts the chapters that are about a command onto its page.
    fn complete(&self, file: &Path) -> Result<()> {
        let name = file.file_stem().and_then(|name| name.to_str()).context("pages have names")?;
        let command = name.strip_prefix("rohrpost-");
        let page = fs::read_to_string(file)?;
        // An empty line between two breaks, of which mandoc says that it needs neither.
        let mut roff = Roff::after(page.replace(".br\n\n.br\n", ".sp\n"));
        for chapter in chapters(&self.commands) {
            let general = GENERAL.iter().find(|(heading, _)| command.is_none() && *heading == chapter.heading);
            let heading = match general {
                Some((_, heading)) => heading,
                None if command == Some(chapter.heading) => "Use",
                None => continue,
            };
            roff.section(heading);
            chapter.write(&mut roff);
        }
        if command.is_none() {
            files(&mut roff);
        }
        roff.see_also(&neighbours(name, file.parent().context("pages are in a folder")?)?);
        Ok(fs::write(file, roff.finish())?)
    }
}

fn files(roff: &mut Roff) {
    roff.section("Files");
    for (file, about) in FILES {
        roff.item(&roff::italic(file), about);
    }
}

/// The pages one step below and above, and that of the configuration.
fn neighbours(name: &str, folder: &Path) -> Result<Vec<String>> {
    let mut pages = Vec::new();
    if let Some((above, _)) = name.rsplit_once('-') {
        pages.push(format!("{above}(1)"));
    }
    for page in pages_in(folder)? {
        let page = page.file_stem().context("pages have names")?.to_string_lossy().into_owned();
        let below = page.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
        if below.is_some_and(|below| !below.contains('-')) {
            pages.push(format!("{page}(1)"));
        }
    }
    pages.push("rohrpost.toml(5)".to_owned());
    Ok(pages)
}

fn document(name: &str) -> Result<String> {
    let file = shell::root().join("docs").join(name).with_extension("md");
    fs::read_to_string(&file).with_context(|| file.display().to_string())
}

fn page(name: &str, section: u8) -> Result<Roff> {
    Ok(Roff::page(name, section, &release::date("%F")?, release::VERSION))
}

/// The page of a persona in the place of the bare one, and the pages that lead there.
fn write_persona(persona: &Persona, binary: &Path, folder: &Path) -> Result<()> {
    let name = format!("rohrpost-{}", persona.command);
    let help = shell::output(Command::new(binary).args([persona.command, "--help"]))?;
    let help = help::read(&help);
    let document = document(persona.command)?;
    let mut roff = page(&name, 1)?;
    roff.name(&[&[name.as_str()], persona.names].concat().join(", "), persona.about);
    roff.section("Synopsis");
    roff.forms(help.forms.iter().copied());
    for chapter in chapters(&document) {
        roff.section(if chapter.heading.is_empty() { "Description" } else { chapter.heading });
        chapter.write(&mut roff);
        if chapter.heading.is_empty() {
            roff.section("Options");
            help.write(&mut roff);
        }
    }
    roff.see_also(&["rohrpost(1)".to_owned(), "rohrpost.toml(5)".to_owned()]);
    fs::write(folder.join(format!("{name}.1")), roff.finish())?;
    for alias in persona.names {
        fs::write(folder.join(format!("{alias}.1")), format!(".so man1/{name}.1\n"))?;
    }
    Ok(())
}

fn write_settings(folder: &Path) -> Result<()> {
    let config = docs::settings()?;
    let mut roff = page("rohrpost.toml", 5)?;
    settings::write(&config, &mut roff);
    roff.see_also(&["rohrpost(1)".to_owned()]);
    Ok(fs::write(folder.join("rohrpost.toml.5"), roff.finish())?)
}
