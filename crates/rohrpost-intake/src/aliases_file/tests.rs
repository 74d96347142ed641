use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// A folder with a file of aliases; lists of whoever runs the test are as good as root's.
struct Folder {
    dir: tempfile::TempDir,
    aliases: AliasesFile,
}

fn folder(text: &str) -> Folder {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("aliases");
    fs::write(&path, text).unwrap();
    let owner = fs::metadata(&path).unwrap().uid();
    Folder { aliases: AliasesFile { owner, ..AliasesFile::new(path) }, dir }
}

impl Folder {
    fn list(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }

    /// The targets, in words.
    fn expand(&self, name: &str) -> Result<Vec<String>, AliasError> {
        let is_own = |address: &Mailbox| address.domain.to_string() == "here.test";
        let targets = self.aliases.expand(name, &is_own)?.unwrap_or_default().into_iter();
        let word = |target| match target {
            Target::Name(name) => name,
            Target::Address(address) => address.to_string(),
        };
        Ok(targets.map(word).collect())
    }
}

#[test]
fn names_addresses_quotes_comments_and_folded_lines_are_read() {
    let folder = folder(
        "# who reads what\nroot: ann,\n\tbob@b.example, \"carl\"\n  # no entry\nPostmaster : root\n\"the cook\": dora\nnonsense\n\n\
         copy: copy, \\ann, eve@here.test\nann: ann@phone.example\neve: ann\n",
    );
    let own = ["ann@phone.example", "bob@b.example", "carl"];
    assert_eq!(folder.expand("root").unwrap(), own);
    assert_eq!(folder.expand("POSTMASTER").unwrap(), own);
    assert_eq!(folder.expand("the cook").unwrap(), ["dora"]);
    assert_eq!(folder.expand("copy").unwrap(), ["copy", "ann", "ann@phone.example"]);
    assert!(folder.aliases.expand("nobody", &|_| false).unwrap().is_none());
}

#[test]
fn a_changed_file_is_read_again_and_a_missing_one_holds_nothing() {
    let folder = folder("root: ann\n");
    assert_eq!(folder.expand("root").unwrap(), ["ann"]);
    fs::write(folder.aliases.path(), "root: bob, carl\n").unwrap();
    assert_eq!(folder.expand("root").unwrap(), ["bob", "carl"]);
    fs::remove_file(folder.aliases.path()).unwrap();
    assert_eq!(folder.expand("root").unwrap(), [""; 0]);
}

#[test]
fn q09_loops_and_heights_are_refused() {
    let chain: Vec<_> = (0..20).map(|n| format!("a{n}: a{}", n + 1)).collect();
    let folder = folder(&format!("x: y\ny: z\nz: bob, x\n{}\n", chain.join("\n")));
    assert_eq!(folder.expand("x"), Err(AliasError::Loop { line: 3 }));
    assert_eq!(folder.expand("a0"), Err(AliasError::TooDeep));
    assert_eq!(folder.expand("a12").unwrap(), ["a20"]);
}

#[test]
fn q09_a_very_long_alias_is_refused() {
    let all: Vec<_> = (0..100_000).map(|n| format!("a{n}")).collect();
    assert_eq!(folder(&format!("all: {}\n", all.join(","))).expand("all"), Err(AliasError::TooMany));
    let most = all[..SUBMIT_RECIPIENTS_MAX].join(",");
    assert_eq!(folder(&format!("most: {most}\n")).expand("most").unwrap().len(), SUBMIT_RECIPIENTS_MAX);
}

#[test]
fn q09_commands_files_and_pipes_are_refused_by_line_and_nothing_is_quoted() {
    let folder = folder(
        "a: |/bin/sh -c secret\nb: \"|/bin/secret a,b\"\nc: /var/secret\nd: ann, pipe:secret\ne: @secret\nf: :include:secret\n",
    );
    let bad = [
        ("a", BadValue::Command),
        ("b", BadValue::Command),
        ("c", BadValue::File),
        ("d", BadValue::Pipe),
        ("e", BadValue::Unreadable),
        ("f", BadValue::Unreadable),
    ];
    let lines: Vec<_> = (1..).zip(bad.map(|(_, value)| value)).collect();
    assert_eq!(folder.aliases.faults().unwrap(), lines);
    for (line, (name, value)) in (1..).zip(bad) {
        let error = folder.expand(name).unwrap_err();
        assert_eq!(error, AliasError::Refused { line, value });
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn q09_only_lists_that_nobody_else_can_write_are_included() {
    let mut folder = folder("");
    let good = folder.list("good", "# staff\nann\nbob@b.example, carl\n|cmd\n");
    let (circle, open) = (folder.list("circle", ""), folder.list("open", "ann\n"));
    fs::write(&circle, format!(":include:{}\n", circle.display())).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o664)).unwrap();
    let link = folder.dir.path().join("link");
    std::os::unix::fs::symlink(&good, &link).unwrap();
    let path = folder.aliases.path().to_owned();
    let expand = |folder: &mut Folder, list: &Path| {
        fs::write(&path, format!("staff: :include:{}\n", list.display())).unwrap();
        folder.aliases.read = Mutex::default();
        folder.expand("staff")
    };
    assert_eq!(expand(&mut folder, &good), Err(AliasError::Refused { line: 1, value: BadValue::Command }));
    fs::write(&good, "# staff\nann\nbob@b.example, carl\n").unwrap();
    assert_eq!(expand(&mut folder, &good).unwrap(), ["ann", "bob@b.example", "carl"]);
    assert_eq!(expand(&mut folder, &circle), Err(AliasError::Loop { line: 1 }));
    let refused = |error| Err(AliasError::Include { line: 1, error });
    assert_eq!(expand(&mut folder, &open), refused(IncludeError::Writable));
    assert_eq!(expand(&mut folder, &link), refused(IncludeError::Unreadable));
    assert_eq!(expand(&mut folder, Path::new("/dev/null")), refused(IncludeError::NoFile));
    let foreign = folder.aliases.owner + 1;
    folder.aliases.owner = foreign;
    assert_eq!(expand(&mut folder, &good), refused(IncludeError::Foreign));
}
