//! Prepares the files of the inbox page for embedding: joins the style sheets, leaves
//! comments out, and compresses each file once, so that no request waits for that.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

const SOURCE: &str = "src/http/pages/inbox";
const STYLE: &str = "inbox.css";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?).join("inbox");
    fs::create_dir_all(&out)?;
    // One style sheet is one request. Sheets apply in the order of their names.
    let mut style = String::new();
    for sheet in files(Path::new(SOURCE), "css")? {
        style.push_str(&fs::read_to_string(sheet)?);
    }
    let mut table = String::from("&[\n");
    embed(&mut table, &out, STYLE, "Style", &style)?;
    for module in files(Path::new(SOURCE), "js")? {
        let name = module.file_name().and_then(|name| name.to_str()).ok_or("a module has no name")?;
        embed(&mut table, &out, name, "Script", &fs::read_to_string(&module)?)?;
    }
    table.push_str("]\n");
    fs::write(out.join("files.rs"), table)?;
    Ok(())
}

/// The files of `folder` with that extension, by name.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Writes a file and its compressed form to `out`, and adds both to the table of files.
fn embed(table: &mut String, out: &Path, name: &str, kind: &str, text: &str) -> Result<(), Box<dyn Error>> {
    let (plain, compressed) = (out.join(name), out.join(format!("{name}.gz")));
    let text = without_comments(text);
    fs::write(&plain, &text)?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes())?;
    fs::write(&compressed, encoder.finish()?)?;
    writeln!(
        table,
        "File {{ name: {name:?}, kind: Kind::{kind}, text: include_str!({plain:?}), gzip: include_bytes!({compressed:?}) }},"
    )?;
    Ok(())
}

/// The text without the comments that have lines of their own. Those lines stay, empty, so that every
/// line keeps its number.
fn without_comments(text: &str) -> String {
    let mut is_comment = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let code = line.trim();
        let begins = code.starts_with("/*") && (code.ends_with("*/") || !code.contains("*/"));
        is_comment |= begins;
        if !is_comment && !code.starts_with("//") {
            kept.push_str(line);
        }
        kept.push('\n');
        is_comment &= !code.ends_with("*/");
    }
    kept
}
