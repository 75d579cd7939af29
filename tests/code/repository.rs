//! The files of the repository: tracked files, and untracked files that git does not ignore.

use std::path::Path;
use std::process::Command;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Lists the files as paths relative to the root, with `/` as the separator.
pub fn files() -> Vec<String> {
    let listed = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).expect("paths are UTF-8");
    let mut files: Vec<String> = listed.split_terminator('\0').map(str::to_owned).collect();
    files.retain(|file| root().join(file).is_file());
    files.sort();
    files.dedup();
    assert!(files.iter().any(|file| file == "Cargo.toml"), "git lists the files of another repository");
    files
}

/// Reads the files that have one of `extensions`. Returns each path with its text.
pub fn texts(extensions: &[&str]) -> Vec<(String, String)> {
    let has_extension = |file: &String| {
        let extension = Path::new(file).extension().and_then(|it| it.to_str());
        extension.is_some_and(|it| extensions.contains(&it))
    };
    files().into_iter().filter(has_extension).map(|file| (file.clone(), text(&file))).collect()
}

/// Reads a file.
pub fn text(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}
