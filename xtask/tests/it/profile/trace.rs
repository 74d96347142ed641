//! What a line of strace says about files.

/// Paths that a call used, each with what it needs in the letters of a profile; none where it failed.
pub(super) fn uses(line: &str) -> Vec<(String, &'static str)> {
    let Some((call, result)) = line.rsplit_once(" = ") else { return Vec::new() };
    let Some((name, arguments)) = call.split_once('(') else { return Vec::new() };
    if result.starts_with(['-', '?']) {
        return Vec::new();
    }
    let Some(letters) = letters(name, arguments) else { return Vec::new() };
    if letters == "k" {
        let path = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        return path.map(|(path, _)| vec![(path.to_owned(), letters)]).unwrap_or_default();
    }
    // The kernel compares where that link leads to: to the number of the process.
    paths(arguments).into_iter().map(|path| (path.replace("/proc/self/", "/proc/1/"), letters)).collect()
}

/// Looking at what a file is needs no rule.
fn letters(name: &str, arguments: &str) -> Option<&'static str> {
    let locks = || arguments.contains("_RDLCK") || arguments.contains("_WRLCK") || arguments.contains("LOCK_");
    match name {
        "open" | "openat" | "openat2" if arguments.contains("O_PATH") => None,
        "open" | "openat" | "openat2" if arguments.contains("O_RDWR") => Some("rw"),
        "open" | "openat" | "openat2" if arguments.contains("O_WRONLY") => Some("w"),
        "open" | "openat" | "openat2" => Some("r"),
        "rename" | "renameat" | "renameat2" => Some("rw"),
        "link" | "linkat" => Some("l"),
        "unlink" | "unlinkat" | "rmdir" | "mkdir" | "mkdirat" | "chmod" | "fchmodat" | "chown" | "fchownat"
        | "truncate" => Some("w"),
        "fcntl" | "flock" if locks() => Some("k"),
        _ => None,
    }
}

/// The strings among the arguments, each within the folder whose descriptor stands before it: `5</tmp>, "x"`.
fn paths(arguments: &str) -> Vec<String> {
    let (mut paths, mut folder, mut rest) = (Vec::new(), "", arguments);
    while let Some(start) = rest.find(['<', '"']) {
        let end = if rest[start..].starts_with('<') { '>' } else { '"' };
        let Some((text, after)) = rest[start + 1..].split_once(end) else { break };
        match end {
            '>' => folder = text,
            _ if text.starts_with('/') => paths.push(text.to_owned()),
            _ => paths.push(format!("{folder}/{text}")),
        }
        rest = after;
    }
    paths
}

#[test]
fn calls_are_read_with_the_folders_that_they_are_about() {
    let table = [
        (r#"openat(AT_FDCWD</>, "/etc/hosts", O_RDONLY|O_CLOEXEC) = 3</etc/hosts>"#, vec![("/etc/hosts", "r")]),
        (r#"openat(4</var/x>, "new", O_WRONLY|O_CREAT, 0600) = 5</var/x/new>"#, vec![("/var/x/new", "w")]),
        (r#"renameat(4</a>, "b", 5</c>, "d") = 0"#, vec![("/a/b", "rw"), ("/c/d", "rw")]),
        ("fcntl(9</a/db>, F_SETLK, {l_type=F_WRLCK}) = 0", vec![("/a/db", "k")]),
        (r#"openat(AT_FDCWD</>, "/none", O_RDONLY) = -1 ENOENT (No such file or directory)"#, vec![]),
        (r#"statx(AT_FDCWD</>, "/a", 0, 0, 0) = 0"#, vec![]),
    ];
    for (line, expected) in table {
        let found = uses(line);
        let found: Vec<_> = found.iter().map(|(path, letters)| (path.as_str(), *letters)).collect();
        assert_eq!(found, expected, "{line}");
    }
}
