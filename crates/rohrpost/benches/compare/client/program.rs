//! A program that sends one message, as a shell would start it: how long it runs, and how much memory it takes.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    sys::{
        ptrace::{self, Event},
        wait::{WaitStatus, waitpid},
    },
    unistd::Pid,
};

/// A command line, and what it reads from standard input.
pub(crate) struct Program {
    /// The column that it stands in.
    pub(crate) name: &'static str,
    /// The file that is run.
    pub(crate) file: PathBuf,
    /// The name that it is called by, where that decides what it does.
    pub(crate) called: Option<&'static str>,
    /// What it is told.
    pub(crate) arguments: Vec<String>,
    /// What its environment holds beside `PATH`.
    pub(crate) environment: Vec<(&'static str, PathBuf)>,
    /// What it reads to its end.
    pub(crate) input: PathBuf,
}

impl Program {
    /// How long it runs, from the moment that the system is asked for a process until that has ended, in ms.
    pub(crate) fn millis(&self) -> Result<f64> {
        let mut command = self.command();
        command.stdin(File::open(&self.input)?);
        let started = Instant::now();
        let status = command.status().with_context(|| format!("cannot start {}", self.file.display()))?;
        let took = started.elapsed();
        ensure!(status.success(), "{} ended with {status}", self.file.display());
        Ok(took.as_secs_f64() * 1_000.0)
    }

    /// The most memory that it held at once, in MiB: `VmHWM` at its end, which counts the pages of its files, too.
    ///
    /// `ru_maxrss` would not do: it begins with what the process held that started the program. So the program is traced
    /// from before it has read its input, and stopped when it is about to give its memory back.
    pub(crate) fn peak_mib(&self) -> Result<f64> {
        let mut child = self.command().stdin(Stdio::piped()).spawn()?;
        let pid = Pid::from_raw(child.id().cast_signed());
        ptrace::seize(pid, ptrace::Options::PTRACE_O_TRACEEXIT)?;
        let mut input = child.stdin.take().context("standard input is piped")?;
        std::io::copy(&mut File::open(&self.input)?, &mut input)?;
        drop(input);
        let peak = loop {
            match waitpid(pid, None)? {
                WaitStatus::PtraceEvent(_, _, event) if event == Event::PTRACE_EVENT_EXIT as i32 => break peak(pid)?,
                WaitStatus::Stopped(_, signal) => ptrace::cont(pid, signal)?,
                WaitStatus::PtraceEvent(..) => ptrace::cont(pid, None)?,
                ended => bail!("{} was not stopped at its end: {ended:?}", self.file.display()),
            }
        };
        ptrace::detach(pid, None)?;
        let status = child.wait()?;
        ensure!(status.success(), "{} ended with {status}", self.file.display());
        Ok(peak)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.file);
        // What a variable says, such as where authorities lie, would be measured too.
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.args(&self.arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(name) = self.called {
            command.arg0(name);
        }
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

#[allow(clippy::cast_precision_loss, reason = "no machine has 2^53 KiB")]
fn peak(pid: Pid) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib as f64 / 1024.0)
}
