//! Links and paths in the documentation lead somewhere.
//!
//! A relative link of a Markdown file has to name a file or a folder of the repository, its anchor a heading of the
//! file that it leads to, and a path in backticks a file or a folder. Fenced blocks are not read.

use std::collections::{BTreeMap, BTreeSet};

use super::repository;

/// A name in backticks with one of these endings is taken for a file of the repository.
const FILE_ENDINGS: [&str; 14] = [
    ".rs", ".md", ".toml", ".graphql", ".mjs", ".js", ".ts", ".tsx", ".sh", ".yml", ".yaml", ".json", ".svg",
    ".txt",
];

/// The files of the repository, their folders, and the headings of the Markdown files.
struct Repository {
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
    anchors: BTreeMap<String, BTreeSet<String>>,
}

impl Repository {
    fn new(files: impl IntoIterator<Item = String>, documents: &[(String, String)]) -> Self {
        let files: BTreeSet<String> = files.into_iter().collect();
        let mut folders = BTreeSet::from([String::new()]);
        for file in &files {
            folders.extend(file.match_indices('/').map(|(at, _)| file[..at].to_owned()));
        }
        let anchors = documents.iter().map(|(file, text)| (file.clone(), anchors_of(text))).collect();
        Self { files, folders, anchors }
    }

    fn holds(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.files.contains(path) || self.folders.contains(path)
    }

    /// Whether `path` exists relative to the root or to `folder`, or is the end of a file's path.
    fn holds_somewhere(&self, folder: &str, path: &str) -> bool {
        let ending = format!("/{path}");
        self.holds(path)
            || resolved(folder, path).is_some_and(|path| self.holds(&path))
            || self.files.iter().any(|file| file.ends_with(&ending))
    }

    /// Describes why a link of `file` is broken; `None` if it is not.
    fn breach(&self, file: &str, link: &str) -> Option<String> {
        let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
        let target = if path.is_empty() { Some(file.to_owned()) } else { resolved(folder_of(file), path) };
        let Some(target) = target else { return Some(format!("{link}: leads out of the repository")) };
        if !self.holds(&target) {
            return Some(format!("{link}: the repository does not hold {target}"));
        }
        let anchor = anchor?;
        let is_heading = self.anchors.get(&target).is_some_and(|anchors| anchors.contains(anchor));
        (!is_heading).then(|| format!("{link}: {target} does not have a heading #{anchor}"))
    }
}

fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Resolves a path relative to a folder; `None` if it leads out of the repository.
fn resolved(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Returns the lines of a Markdown text outside fenced blocks, with their numbers.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((number, line));
        }
    }
    lines
}

/// Returns the anchors that a forge gives to the headings of a text.
fn anchors_of(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text) {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let kept = title.trim().to_lowercase();
        let kept = kept.chars().filter(|&c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let slug = kept.collect::<String>().replace(' ', "-");
        let again = (1..).map(|n| format!("{slug}-{n}"));
        let free = std::iter::once(slug.clone()).chain(again).find(|it| !anchors.contains(it));
        anchors.extend(free);
    }
    anchors
}

/// Splits a line into its code spans and the rest.
fn code_spans(line: &str) -> (Vec<&str>, String) {
    let mut parts = line.split('`');
    let mut rest = parts.next().unwrap_or_default().to_owned();
    let mut spans = Vec::new();
    while let Some(span) = parts.next() {
        match parts.next() {
            Some(text) => {
                spans.push(span);
                rest.push_str(text);
            }
            None => rest.push_str(span),
        }
    }
    (spans, rest)
}

/// Returns the relative targets of the links and pictures of a line.
fn links(line: &str) -> Vec<&str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
    let reference =
        line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, link)| link.trim());
    let is_relative = |link: &&str| !link.contains("://") && !link.starts_with("mailto:");
    inline.chain(reference).filter(is_relative).collect()
}

/// Whether a code span looks like a file or folder of the repository.
fn looks_like_a_path(span: &str, repository: &Repository) -> bool {
    let is_plain = span.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_'));
    let has_ending = FILE_ENDINGS.iter().any(|ending| span.len() > ending.len() && span.ends_with(ending));
    let is_below = span
        .split_once('/')
        .is_some_and(|(first, _)| !first.is_empty() && repository.folders.contains(first));
    is_plain && !span.starts_with('/') && (has_ending || is_below)
}

/// Returns the broken links and paths of one document.
fn breaches(file: &str, text: &str, repository: &Repository) -> Vec<String> {
    let mut breaches = Vec::new();
    for (number, line) in prose(text) {
        let (spans, rest) = code_spans(line);
        let of_links = links(&rest).into_iter().filter_map(|link| repository.breach(file, link));
        let missing = |span: &&str| {
            looks_like_a_path(span, repository) && !repository.holds_somewhere(folder_of(file), span)
        };
        let of_spans =
            spans.into_iter().filter(missing).map(|span| format!("`{span}` is not in the repository"));
        breaches.extend(of_links.chain(of_spans).map(|breach| format!("{file}:{number}: {breach}")));
    }
    breaches
}

#[test]
fn every_link_and_every_path_in_the_documentation_leads_somewhere() {
    let documents = repository::texts(&["md"]);
    let repository = Repository::new(repository::files(), &documents);
    let breaches: Vec<String> =
        documents.iter().flat_map(|(file, text)| breaches(file, text, &repository)).collect();
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let target = "# A title, `in` code\n## Twice\n## Twice\n```sh\n# not a heading\n```\n";
    let documents = [("docs/target.md".to_owned(), target.to_owned())];
    let files = ["docs/target.md", "docs/page.md", "src/lib.rs", "Cargo.toml"].map(str::to_owned);
    let repository = Repository::new(files, &documents);
    let found = |text: &str| breaches("docs/page.md", text, &repository).len();
    for good in [
        "[a](target.md) [b](target.md#a-title-in-code) ![c](../Cargo.toml) [d](../src)",
        "[a](target.md#twice) [b](target.md#twice-1) [`c`](target.md) `src/lib.rs` `lib.rs` `src/`",
        "[a](https://example.com/none.md) `a/b.c` `application/json` `https://example.com/none.md`",
        "```\n[a](none.md) `none.rs`\n```",
        "[a]: target.md",
    ] {
        assert_eq!(found(good), 0, "{good}");
    }
    for bad in [
        "[a](none.md)",
        "[a](target.md#none)",
        "[a](target.md#not-a-heading)",
        "[a](target.md#twice-2)",
        "[a](../../target.md)",
        "[a](#none)",
        "[`a`](none.md)",
        "`src/none`",
        "`none.rs`",
        "[a]: none.md",
    ] {
        assert_eq!(found(bad), 1, "{bad}");
    }
}
