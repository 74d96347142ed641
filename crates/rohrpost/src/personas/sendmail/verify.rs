//! `-bv`: says whom names and addresses stand for, and sends nothing.
//!
//! The host's own aliases are followed as the server follows them for a message. Whether a mailbox is there for what they
//! lead to only the server knows, which is not asked.

use rohrpost_intake::aliases_file::{AliasError, AliasesFile, Target};
use rohrpost_mail::Mailbox;

use super::{recipients, settings::Settings};
use crate::exit::{Exit, Failure};

/// One line for each of the operands and each address it stands for: `root: ann@example.org`.
pub(super) fn addresses(operands: &[String], settings: &Settings) -> Result<String, Failure> {
    let named = recipients::all(operands, None).map_err(|error| Failure::new(error.exit(), error))?;
    let aliases = AliasesFile::new(settings.aliases.clone());
    let mut lines = String::new();
    for name in named {
        let targets = targets(&name, &aliases, settings);
        for target in targets.map_err(|error| Failure::new(exit_of(&error), format!("{name}: {error}")))? {
            lines.push_str(&format!("{name}: {target}\n"));
        }
    }
    Ok(lines)
}

fn targets(name: &str, aliases: &AliasesFile, settings: &Settings) -> Result<Vec<String>, AliasError> {
    let address: Option<Mailbox> = name.parse().ok();
    let is_own = |address: &Mailbox| settings.is_own(&address.domain);
    let local = match &address {
        Some(address) if is_own(address) => address.local.as_str(),
        Some(address) => return Ok(vec![address.to_string()]),
        None => name,
    };
    let whole = |name: &str| format!("{name}@{}", settings.mail_name);
    let found = aliases.expand(local, &is_own)?;
    let found = found.map(|found| {
        found
            .iter()
            .map(|target| match target {
                Target::Address(address) => address.to_string(),
                Target::Name(name) => whole(name),
            })
            .collect()
    });
    Ok(found.unwrap_or_else(|| vec![address.as_ref().map_or_else(|| whole(local), ToString::to_string)]))
}

/// As the server ends a message to such a name.
fn exit_of(error: &AliasError) -> Exit {
    match error {
        AliasError::Loop { .. } | AliasError::TooDeep => Exit::NoUser,
        AliasError::Unreadable(_) => Exit::TempFail,
        _ => Exit::Config,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(operands: &[&str]) -> Result<String, (Exit, String)> {
        let folder = tempfile::tempdir().unwrap();
        let aliases = folder.path().join("aliases");
        std::fs::write(
            &aliases,
            "root: ann, bob@there.test\nann: postmaster@here.test\nping: pong\npong: ping\nsh: |/bin/sh\n",
        )
        .unwrap();
        let settings = Settings {
            socket: "/nowhere".into(),
            drop_dir: "/nowhere".into(),
            mail_name: "here.test".parse().unwrap(),
            host_name: Some("mx.here.test".parse().unwrap()),
            aliases,
        };
        let operands: Vec<_> = operands.iter().map(ToString::to_string).collect();
        addresses(&operands, &settings).map_err(|failure| (crate::exit::code_of(&failure.into()), String::new()))
    }

    #[test]
    fn names_and_own_addresses_are_followed_and_others_stand_for_themselves() {
        let lines = verified(&["root, far@there.test", "Ann@mx.here.test", "nobody"]).unwrap();
        assert_eq!(
            lines,
            "root: postmaster@here.test\nroot: bob@there.test\nfar@there.test: far@there.test\n\
             Ann@mx.here.test: postmaster@here.test\nnobody: nobody@here.test\n"
        );
    }

    #[test]
    fn what_leads_nowhere_has_the_code_that_a_message_would_have() {
        for (operand, exit) in
            [(&["ping"] as &[&str], Exit::NoUser), (&["sh"], Exit::Config), (&["<a"], Exit::Data), (&[], Exit::NoInput)]
        {
            assert_eq!(verified(operand).unwrap_err().0, exit, "{operand:?}");
        }
    }
}
