//! The files of GraphiQL: their versions, hashes and location on disk.
//!
//! Every file is identified by npm package, exact version and SHA-384 hash. A browser
//! runs only files that match their hash: [`load`] checks the files on disk, and the
//! browser checks the files from the CDN. The installation therefore does not have to
//! trust npm, and it runs npm without scripts.
//!
//! The directory has npm's layout (`node_modules/<package>/…`), so that the command of
//! [`install_command`] has the same result as [`install`].
//!
//! To change a version, edit [`FILES`]. The hash of a file is the output of
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

/// The maximum size of a file. GraphiQL's script is about 1 MiB.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The timeout of npm in [`install`].
const INSTALL_TIMEOUT: Duration = Duration::from_secs(120);

/// The maximum length of npm's error output in [`AssetError::NpmFailed`].
const NPM_MESSAGE_BYTES_MAX: u64 = 2 * 1024;

/// The maximum number of lines of npm's error output in [`AssetError::NpmFailed`].
const NPM_MESSAGE_LINES_MAX: usize = 4;

/// The options of npm, for [`install`] and [`install_command`].
///
/// Peer dependencies are not installed, because [`FILES`] contains the ones that the page uses.
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

/// Where a browser loads the packages if they are not installed on this server.
const CDN: &str = "https://cdn.jsdelivr.net/npm";

/// The type of a file.
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
    /// Its name under `/graphiql/assets/`. It contains the version, so that a cached file never goes stale.
    pub name: &'static str,
    /// The npm package.
    pub package: &'static str,
    /// The exact version.
    pub version: &'static str,
    /// The path within the package.
    pub path: &'static str,
    /// The type of the file.
    pub kind: Kind,
    /// `sha384-` and the hash in base64, as in the `integrity` attribute.
    pub integrity: &'static str,
}

/// The files that the page needs, in loading order.
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
    /// The URL of this file at the CDN.
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

    /// Reads the file under `dir` and checks its hash.
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

/// All of [`FILES`], in memory, with matching hashes.
#[derive(Clone, Debug)]
pub struct Assets {
    // In the order of `FILES`.
    bytes: Vec<Bytes>,
}

impl Assets {
    /// The file of this name and its bytes; `None` if the name is not in [`FILES`].
    ///
    /// The name is only compared; it never becomes part of a path.
    pub fn find(&self, name: &str) -> Option<(&'static AssetFile, Bytes)> {
        let files = FILES.iter().zip(&self.bytes);
        files.filter(|(file, _)| file.name == name).map(|(file, bytes)| (file, bytes.clone())).next()
    }
}

/// Why GraphiQL's files could not be loaded or installed.
#[derive(Debug, thiserror::Error)]
pub enum AssetError {
    /// The files are not installed, or other versions are.
    #[error("{} does not exist", path.display())]
    Missing {
        /// The first missing file.
        path: PathBuf,
    },
    /// A file does not match its hash. It is not served.
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
        /// The error of the operating system.
        source: io::Error,
    },
    /// The command `npm` could not be started. Most likely it is not installed.
    #[error("npm cannot be started: {0}")]
    NpmUnavailable(io::Error),
    /// npm failed.
    #[error("npm failed: {message}")]
    NpmFailed {
        /// The first lines of npm's error output, or its exit status if there is no output.
        message: String,
    },
    /// npm exceeded its timeout and was killed.
    #[error("npm did not finish within {} seconds", INSTALL_TIMEOUT.as_secs())]
    NpmTimedOut,
}

/// Reads the files under `dir` and checks their hashes.
///
/// Blocks while it reads about 2 MB from disk. Call it at start-up.
///
/// # Errors
///
/// [`AssetError::Missing`], [`AssetError::Mismatch`] or [`AssetError::Io`] for
/// the first file that cannot be loaded.
pub fn load(dir: &Path) -> Result<Assets, AssetError> {
    let bytes = FILES.iter().map(|file| file.read(dir)).collect::<Result<_, _>>()?;
    Ok(Assets { bytes })
}

/// Downloads the packages with npm, moves the files that the page needs to `dir`, and loads them.
///
/// npm works in a temporary directory under `dir`, so that processes can install
/// concurrently. Nothing is printed.
///
/// # Errors
///
/// Any [`AssetError`]. Each file in `dir` is then either complete and verified, or unchanged.
pub async fn install(dir: &Path) -> Result<Assets, AssetError> {
    let staging = Staging::new(dir)?;
    run_npm(&staging.0).await?;
    let dir = dir.to_owned();
    let moved = tokio::task::spawn_blocking(move || {
        let assets = load(&staging.0)?;
        move_files(&staging.0, &dir)?;
        Ok(assets)
    });
    moved.await.unwrap_or_else(|stopped| {
        Err(AssetError::NpmFailed { message: format!("its files could not be moved: {stopped}") })
    })
}

/// The shell command that does the same as [`install`].
///
/// The page shows this command to its visitors, so the home directory is written as `~`.
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

/// The default directory of the files, in the user's cache directory.
///
/// Without a home directory, it is in the system's directory for temporary files. This is
/// safe although other users can write there, because each file is checked against its hash.
pub fn default_dir() -> PathBuf {
    let cache = variable("XDG_CACHE_HOME")
        .or_else(|| variable("LOCALAPPDATA"))
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    cache.join("switchboard").join("graphiql")
}

/// The path in an environment variable; `None` if it is unset or empty.
fn variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}

/// The temporary directory in which npm works. Dropping it removes the directory.
struct Staging(PathBuf);

impl Staging {
    fn new(dir: &Path) -> Result<Self, AssetError> {
        let path = dir.join(format!(".installing-{}", crate::random::unique().simple()));
        match std::fs::create_dir_all(&path) {
            Ok(()) => Ok(Self(path)),
            Err(source) => Err(AssetError::Io { path, source }),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // A directory that cannot be removed does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs npm, and kills it after [`INSTALL_TIMEOUT`].
async fn run_npm(dir: &Path) -> Result<(), AssetError> {
    let log = dir.join("npm.log");
    let io_error = |source| AssetError::Io { path: log.clone(), source };
    let stderr = File::create(&log).map_err(io_error)?;
    // On Windows, npm is a batch file, which must be started by its full name.
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
        // Dropping the child would also kill it, but would not wait for it to exit.
        let _ = child.kill().await;
        return Err(AssetError::NpmTimedOut);
    };
    let status = waited.map_err(AssetError::NpmUnavailable)?;
    if status.success() {
        return Ok(());
    }
    let written = read_at_most(&log, NPM_MESSAGE_BYTES_MAX).unwrap_or_default();
    let written = String::from_utf8_lossy(&written);
    // The first lines contain the reason; the rest is a stack trace.
    let lines: Vec<&str> = written.lines().take(NPM_MESSAGE_LINES_MAX).collect();
    let message = match lines.join("; ") {
        empty if empty.is_empty() => status.to_string(),
        message => message,
    };
    Err(AssetError::NpmFailed { message })
}

/// Moves the files that the page needs from `staging` to `dir`, each atomically.
fn move_files(staging: &Path, dir: &Path) -> Result<(), AssetError> {
    for file in &FILES {
        let path = file.path_in(dir);
        let parent = path.parent().unwrap_or(dir);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::rename(file.path_in(staging), &path))
            .map_err(|source| AssetError::Io { path, source })?;
    }
    Ok(())
}

/// The packages of [`FILES`] as arguments of npm, without duplicates.
fn packages() -> Vec<String> {
    let mut packages: Vec<String> =
        FILES.iter().map(|file| format!("{}@{}", file.package, file.version)).collect();
    packages.sort();
    packages.dedup();
    packages
}

/// Reads at most `bytes_max + 1` bytes of the file.
///
/// The extra byte ensures that a file over the limit cannot match a hash.
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
