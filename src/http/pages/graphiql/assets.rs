//! GraphiQL's own files: which ones, how they are recognised, and where they are kept.
//!
//! Every file is named by npm package, exact version and SHA-384 hash. Nothing
//! reaches a browser that does not match its hash, wherever it came from: files
//! on disk are compared by [`load`], files from the CDN by the browser itself.
//! What npm does besides putting these few files in place is therefore of no
//! consequence, and it is asked to run no scripts.
//!
//! The directory has npm's own layout (`node_modules/<package>/…`), so that the
//! command of [`install_command`], typed by hand, is as good as [`install`].
//!
//! To move to other versions, change [`FILES`]; the hash of a file is
//! `openssl dgst -sha384 -binary FILE | base64`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use tokio::process::Command;
use uuid::Uuid;

/// A file larger than this is refused unread; GraphiQL itself is about 1 MiB.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// How long npm may take before [`install`] gives up.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(120);

/// How much of npm's complaint is kept for [`AssetError::NpmFailed`].
const NPM_MESSAGE_BYTES_MAX: u64 = 2 * 1024;

/// And how many lines.
const NPM_MESSAGE_LINES_MAX: usize = 4;

/// The options that keep npm to its one task, by hand and by [`install`] alike.
///
/// Peers are left alone because [`FILES`] already names the ones that the page uses.
const NPM_OPTIONS: [&str; 9] = [
    "--no-save",
    "--no-package-lock",
    "--ignore-scripts",
    "--legacy-peer-deps",
    "--omit=dev",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--loglevel=error",
];

/// Where a browser finds the packages when they have not been installed here.
const CDN: &str = "https://cdn.jsdelivr.net/npm";

/// What a file is to the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A classic script, run in the order of [`FILES`].
    Script,
    /// A style sheet.
    Style,
}

/// One file of one npm package.
#[derive(Debug, PartialEq, Eq)]
pub struct AssetFile {
    /// Its name under `/graphiql/assets/`; holds the version, so that what was cached under it stays true.
    pub name: &'static str,
    /// The npm package.
    pub package: &'static str,
    /// The exact version.
    pub version: &'static str,
    /// The path within the package.
    pub path: &'static str,
    /// What the page does with it.
    pub kind: Kind,
    /// `sha384-` and the hash in base64, as the `integrity` attribute has it.
    pub integrity: &'static str,
}

/// The files that the page needs, in the order in which it loads them.
pub const FILES: [AssetFile; 7] = [
    AssetFile {
        name: "graphiql-4.1.2.css",
        package: "graphiql",
        version: "4.1.2",
        path: "graphiql.min.css",
        kind: Kind::Style,
        integrity: "sha384-1el1QShFBnnXTx9x/Cprg82hZWKt0ry29OAYIXt05swbi0KcZDFoj0CWguMpopJr",
    },
    AssetFile {
        name: "plugin-explorer-4.0.6.css",
        package: "@graphiql/plugin-explorer",
        version: "4.0.6",
        path: "dist/style.css",
        kind: Kind::Style,
        integrity: "sha384-XffIsImDMwexX8UM/Bg3tss0MZOeQmZcnHzk0avUrw9ff0IQ2g9j7QLA6m2lz5D0",
    },
    AssetFile {
        name: "react-18.3.1.js",
        package: "react",
        version: "18.3.1",
        path: "umd/react.production.min.js",
        kind: Kind::Script,
        integrity: "sha384-DGyLxAyjq0f9SPpVevD6IgztCFlnMF6oW/XQGmfe+IsZ8TqEiDrcHkMLKI6fiB/Z",
    },
    AssetFile {
        name: "react-dom-18.3.1.js",
        package: "react-dom",
        version: "18.3.1",
        path: "umd/react-dom.production.min.js",
        kind: Kind::Script,
        integrity: "sha384-gTGxhz21lVGYNMcdJOyq01Edg0jhn/c22nsx0kyqP0TxaV5WVdsSH1fSDUf5YJj1",
    },
    AssetFile {
        name: "graphql-ws-6.4.2.js",
        package: "graphql-ws",
        version: "6.4.2",
        path: "umd/graphql-ws.min.js",
        kind: Kind::Script,
        integrity: "sha384-mxvR4Mzbsb6QVx/9xI2gtQikQA6m8zMDBFnu3l//4/ROsWt7y2sUGWd+/tYQqDm7",
    },
    AssetFile {
        name: "graphiql-4.1.2.js",
        package: "graphiql",
        version: "4.1.2",
        path: "graphiql.min.js",
        kind: Kind::Script,
        integrity: "sha384-9XdHu7ajgGJziD4J1zNBKQ842Q/+zZfDv+ib1eMhZWBH6hPAs806x+Jbcf0yNO6B",
    },
    AssetFile {
        name: "plugin-explorer-4.0.6.js",
        package: "@graphiql/plugin-explorer",
        version: "4.0.6",
        path: "dist/index.umd.js",
        kind: Kind::Script,
        integrity: "sha384-gXYG2RCFRuAiKUaKTbKxOVlvr0U9z0D/V/l5jdvRSH46vQ+9cpkG2d3ByiggUYvD",
    },
];

impl AssetFile {
    /// The address of this file, in this version, at the CDN.
    pub fn cdn_url(&self) -> String {
        format!("{CDN}/{}@{}/{}", self.package, self.version, self.path)
    }

    /// Where npm puts this file under `dir`.
    fn path_in(&self, dir: &Path) -> PathBuf {
        let mut path = dir.join("node_modules");
        path.extend(self.package.split('/'));
        path.extend(self.path.split('/'));
        path
    }

    /// The file's bytes under `dir`, if they are the ones that [`FILES`] means.
    fn read(&self, dir: &Path) -> Result<Bytes, AssetError> {
        let path = self.path_in(dir);
        let bytes = match read_at_most(&path, FILE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                return Err(AssetError::Missing { path });
            }
            Err(source) => return Err(AssetError::Io { path, source }),
        };
        if integrity_of(&bytes) == self.integrity {
            Ok(Bytes::from(bytes))
        } else {
            Err(AssetError::Mismatch { path })
        }
    }
}

/// All of [`FILES`], in memory, each equal to its hash.
#[derive(Clone, Debug)]
pub struct Assets {
    // In the order of `FILES`.
    bytes: Vec<Bytes>,
}

impl Assets {
    /// The file of that name with its bytes; `None` for any name that is not in [`FILES`].
    ///
    /// The name is only ever compared: it takes no part in a path.
    pub fn find(&self, name: &str) -> Option<(&'static AssetFile, Bytes)> {
        let files = FILES.iter().zip(&self.bytes);
        files.filter(|(file, _)| file.name == name).map(|(file, bytes)| (file, bytes.clone())).next()
    }
}

/// Why GraphiQL's files are not at hand.
#[derive(Debug, thiserror::Error)]
pub enum AssetError {
    /// Nobody has installed them yet, or not these versions.
    #[error("{} is not there", path.display())]
    Missing {
        /// The first file that was looked for in vain.
        path: PathBuf,
    },
    /// A file is there, but is not the one whose hash is known. It is not served.
    #[error("{} differs from the published file", path.display())]
    Mismatch {
        /// The file that differs.
        path: PathBuf,
    },
    /// A file or directory could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The command `npm` could not be started: most likely it is not installed.
    #[error("npm cannot be started: {0}")]
    NpmUnavailable(io::Error),
    /// npm ran and reported a failure.
    #[error("npm failed: {message}")]
    NpmFailed {
        /// The first lines that npm wrote, or its exit status when it wrote nothing.
        message: String,
    },
    /// npm was stopped because it took too long.
    #[error("npm was not done after {} seconds", INSTALL_TIMEOUT.as_secs())]
    NpmTimedOut,
}

/// Reads the files under `dir` and compares each with its hash.
///
/// Blocks on the disk for about 2 MB: for use at start.
///
/// # Errors
///
/// [`AssetError::Missing`], [`AssetError::Mismatch`] or [`AssetError::Io`] for
/// the first file in the way; it is all of them or none.
pub fn load(dir: &Path) -> Result<Assets, AssetError> {
    let bytes = FILES.iter().map(|file| file.read(dir)).collect::<Result<_, _>>()?;
    Ok(Assets { bytes })
}

/// Lets npm fetch the packages, keeps the files that the page needs under `dir`, and loads them.
///
/// npm works in a directory of its own beside them, which is gone afterwards, so
/// processes that install at the same time do not disturb each other. Nothing is printed.
///
/// # Errors
///
/// Any [`AssetError`]; `dir` then holds whole verified files or what it held before.
pub async fn install(dir: &Path) -> Result<Assets, AssetError> {
    let staging = Staging::new(dir)?;
    run_npm(&staging.0).await?;
    let dir = dir.to_owned();
    let settled = tokio::task::spawn_blocking(move || {
        let assets = load(&staging.0)?;
        settle(&staging.0, &dir)?;
        Ok(assets)
    });
    settled.await.unwrap_or_else(|stopped| {
        Err(AssetError::NpmFailed { message: format!("its files could not be taken over: {stopped}") })
    })
}

/// The shell command that does by hand what [`install`] does.
///
/// It is shown to whoever opens the page, so the home directory is not spelled out.
pub fn install_command(dir: &Path) -> String {
    let quoted = |path: &Path| path.display().to_string().replace('\'', r"'\''");
    let home = variable("HOME");
    let prefix = match home.as_ref().and_then(|home| dir.strip_prefix(home).ok()) {
        Some(rest) => format!("~/'{}'", quoted(rest)),
        None => format!("'{}'", quoted(dir)),
    };
    let options = NPM_OPTIONS.join(" ");
    format!("npm install --prefix {prefix} {options} {}", packages().join(" "))
}

/// The place of the files unless a setting names another: the user's cache directory.
///
/// Without a home directory it is the system's directory for temporary files;
/// even there nothing unknown is served, since each file is compared with its hash.
pub fn default_dir() -> PathBuf {
    let cache = variable("XDG_CACHE_HOME")
        .or_else(|| variable("LOCALAPPDATA"))
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    cache.join("switchboard").join("graphiql")
}

/// The directory that the environment names so; `None` when unset or empty.
fn variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}

/// A directory for npm to work in, removed when this is dropped.
struct Staging(PathBuf);

impl Staging {
    fn new(dir: &Path) -> Result<Self, AssetError> {
        let path = dir.join(format!(".installing-{}", Uuid::new_v4().simple()));
        match std::fs::create_dir_all(&path) {
            Ok(()) => Ok(Self(path)),
            Err(source) => Err(AssetError::Io { path, source }),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed is only in the way of tidiness.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs npm to its end, or kills it at [`INSTALL_TIMEOUT`].
async fn run_npm(dir: &Path) -> Result<(), AssetError> {
    let log = dir.join("npm.log");
    let io_error = |source| AssetError::Io { path: log.clone(), source };
    let stderr = File::create(&log).map_err(io_error)?;
    // On Windows npm is a batch file, which is found by its whole name only.
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut child = Command::new(npm)
        .arg("install")
        .arg("--prefix")
        .arg(dir)
        .args(NPM_OPTIONS)
        .args(packages())
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .kill_on_drop(true)
        .spawn()
        .map_err(AssetError::NpmUnavailable)?;
    let Ok(waited) = tokio::time::timeout(INSTALL_TIMEOUT, child.wait()).await else {
        // Dropping the child would kill it too, but would not wait until it is gone.
        let _ = child.kill().await;
        return Err(AssetError::NpmTimedOut);
    };
    let status = waited.map_err(AssetError::NpmUnavailable)?;
    if status.success() {
        return Ok(());
    }
    let written = read_at_most(&log, NPM_MESSAGE_BYTES_MAX).unwrap_or_default();
    let written = String::from_utf8_lossy(&written);
    // npm's first lines name the reason; what follows is a stack trace.
    let lines: Vec<&str> = written.lines().take(NPM_MESSAGE_LINES_MAX).collect();
    let message = match lines.join("; ") {
        nothing if nothing.is_empty() => status.to_string(),
        message => message,
    };
    Err(AssetError::NpmFailed { message })
}

/// Moves the files that the page needs from where npm put them to `dir`, each in one step.
fn settle(staging: &Path, dir: &Path) -> Result<(), AssetError> {
    for file in &FILES {
        let path = file.path_in(dir);
        let parent = path.parent().unwrap_or(dir);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::rename(file.path_in(staging), &path))
            .map_err(|source| AssetError::Io { path, source })?;
    }
    Ok(())
}

/// The packages of [`FILES`] as npm wants them named, each once.
fn packages() -> Vec<String> {
    let mut packages: Vec<String> =
        FILES.iter().map(|file| format!("{}@{}", file.package, file.version)).collect();
    packages.sort();
    packages.dedup();
    packages
}

/// The file's bytes, cut off where a file within the limit would have ended.
///
/// A longer file keeps one byte too many, so that it cannot pass for a whole one.
fn read_at_most(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The value of an `integrity` attribute for these bytes.
fn integrity_of(bytes: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA384, bytes);
    format!("sha384-{}", BASE64.encode(hash))
}

#[cfg(test)]
pub(super) mod tests;
