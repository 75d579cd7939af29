//! Which modules the source files name. `syn` parses the files, so every spelling of a path is found: `use` lists,
//! nested and renamed imports, `super`, full paths in expressions, types, visibilities, attributes and macros.

use std::collections::{BTreeMap, BTreeSet};

use syn::buffer::{Cursor, TokenBuffer};
use syn::visit::{self, Visit};

/// The segments of an absolute path. The first is `crate` or the name of another crate, the last may be `*`.
pub type Path = Vec<String>;

/// The most imports that one name is resolved through.
const MAX_HOPS: usize = 8;

/// A path as it is written in a module.
#[derive(Debug, Clone)]
struct Written {
    module: Path,
    segments: Path,
    /// Whether the path begins with `::`, and so with the name of a crate.
    is_global: bool,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Use,
    /// Other modules can name what this import names. The import alone does not make the file depend on it.
    Reexport,
    /// The modules that see an item, such as `pub(in crate::store)`.
    Visibility,
    Path,
    /// A path to a macro, such as `crate::name!`. An exported macro is at the root of its crate, wherever it stands.
    Macro,
}

/// The imports and the paths of one source file.
#[derive(Debug, Default)]
pub struct Imports {
    /// For each module of the file, the names that it imports or declares as modules.
    names: BTreeMap<Path, BTreeMap<String, Written>>,
    written: Vec<Written>,
}

impl Imports {
    /// Reads the source of the module `module`.
    pub fn of(module: &[&str], source: &str) -> Self {
        let file = syn::parse_file(source).unwrap_or_else(|error| panic!("{module:?}: {error}"));
        let module: Path = module.iter().map(|&name| name.to_owned()).collect();
        let mut reader = Reader { imports: Self::default(), module: module.clone() };
        reader.imports.names.entry(module).or_default();
        reader.visit_file(&file);
        reader.imports
    }

    /// The modules of the file: its own and the inline ones.
    pub fn modules(&self) -> impl Iterator<Item = &Path> {
        self.names.keys()
    }

    /// Every path in the file, absolute, with the re-exports.
    pub fn paths(&self) -> BTreeSet<Path> {
        self.written.iter().filter_map(|written| self.absolute(written, MAX_HOPS)).collect()
    }

    /// Every path that the file itself depends on.
    pub fn dependencies(&self) -> BTreeSet<Path> {
        let is_own = |written: &&Written| !matches!(written.kind, Kind::Reexport | Kind::Visibility);
        self.written.iter().filter(is_own).filter_map(|written| self.absolute(written, MAX_HOPS)).collect()
    }

    /// The path that `name` stands for in `module`, if `module` imports it.
    pub fn imported(&self, module: &Path, name: &str) -> Option<Path> {
        let written = self.names.get(module)?.get(name)?;
        self.absolute(written, MAX_HOPS)
    }

    fn absolute(&self, written: &Written, hops: usize) -> Option<Path> {
        let Written { module, segments, is_global, kind } = written;
        let (first, rest) = segments.split_first()?;
        let mut path = match first.as_str() {
            _ if *is_global => vec![first.clone()],
            "crate" => vec![first.clone()],
            "self" => module.clone(),
            "super" => module[..module.len().saturating_sub(1)].to_vec(),
            name => {
                let import = self.names.get(module).and_then(|names| names.get(name));
                // `use a::a` names the crate `a`.
                let import = import.filter(|import| hops > 0 && import.segments != *segments);
                match import.and_then(|import| self.absolute(import, hops - 1)) {
                    Some(path) => path,
                    None if rest.is_empty() && matches!(kind, Kind::Path | Kind::Macro) => return None,
                    None => vec![first.clone()],
                }
            }
        };
        for segment in rest {
            match segment.as_str() {
                "super" => drop(path.pop()),
                "self" => {}
                segment => path.push(segment.to_owned()),
            }
        }
        let is_exported_macro = *kind == Kind::Macro && path.len() == 2 && path[0] == "crate";
        (!is_exported_macro).then_some(path)
    }
}

struct Reader {
    imports: Imports,
    module: Path,
}

impl Reader {
    fn write(&mut self, segments: Path, is_global: bool, kind: Kind) -> Written {
        let written = Written { module: self.module.clone(), segments, is_global, kind };
        self.imports.written.push(written.clone());
        written
    }

    fn name(&mut self, name: String, written: Written) {
        self.imports.names.entry(self.module.clone()).or_default().insert(name, written);
    }

    fn use_tree(&mut self, tree: &syn::UseTree, prefix: &[String], is_global: bool, kind: Kind) {
        let below = |name: String| [prefix, &[name]].concat();
        let (segments, name) = match tree {
            syn::UseTree::Path(path) => {
                return self.use_tree(&path.tree, &below(path.ident.to_string()), is_global, kind);
            }
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.use_tree(tree, prefix, is_global, kind));
            }
            syn::UseTree::Glob(_) => (below("*".to_owned()), None),
            syn::UseTree::Name(name) if name.ident == "self" => (prefix.to_vec(), prefix.last().cloned()),
            syn::UseTree::Name(name) => (below(name.ident.to_string()), Some(name.ident.to_string())),
            syn::UseTree::Rename(rename) if rename.ident == "self" => {
                (prefix.to_vec(), Some(rename.rename.to_string()))
            }
            syn::UseTree::Rename(rename) => {
                (below(rename.ident.to_string()), Some(rename.rename.to_string()))
            }
        };
        let written = self.write(segments, is_global, kind);
        if let Some(name) = name {
            self.name(name, written);
        }
    }

    /// Reads the paths in the tokens of a macro or an attribute, which need not be Rust.
    fn tokens(&mut self, mut at: Cursor) {
        while !at.eof() {
            at = match self.token_path(at, &[]) {
                Some(after) => after,
                None => {
                    if let Some((inside, ..)) = at.any_group() {
                        self.tokens(inside);
                    }
                    at.token_tree().expect("a token").1
                }
            };
        }
    }

    /// Reads a path below `prefix`, which may end in a list in braces. Returns where it ends.
    fn token_path<'a>(&mut self, at: Cursor<'a>, prefix: &[String]) -> Option<Cursor<'a>> {
        let (ident, mut at) = at.ident()?;
        let mut segments = [prefix, &[ident.to_string()]].concat();
        while let Some(after) = double_colon(at) {
            if let Some((ident, after)) = after.ident() {
                segments.push(ident.to_string());
                at = after;
            } else if let Some((mut item, _, _, after)) = after.any_group() {
                while !item.eof() {
                    item = match self.token_path(item, &segments) {
                        Some(after) => after,
                        None => item.token_tree().expect("a token").1,
                    };
                }
                return Some(after);
            } else {
                break;
            }
        }
        let is_macro = at.punct().is_some_and(|(punct, _)| punct.as_char() == '!');
        self.write(segments, false, if is_macro { Kind::Macro } else { Kind::Path });
        Some(at)
    }
}

fn double_colon(at: Cursor) -> Option<Cursor> {
    let (_, at) = at.punct().filter(|(punct, _)| punct.as_char() == ':')?;
    let (_, at) = at.punct().filter(|(punct, _)| punct.as_char() == ':')?;
    Some(at)
}

fn segments(path: &syn::Path) -> Path {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        let child = [self.module.as_slice(), std::slice::from_ref(&name)].concat();
        let declared =
            Written { module: Vec::new(), segments: child.clone(), is_global: true, kind: Kind::Use };
        self.name(name, declared);
        if item.content.is_some() {
            let parent = std::mem::replace(&mut self.module, child.clone());
            self.imports.names.entry(child).or_default();
            visit::visit_item_mod(self, item);
            self.module = parent;
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let kind = if matches!(item.vis, syn::Visibility::Inherited) { Kind::Use } else { Kind::Reexport };
        self.use_tree(&item.tree, &[], item.leading_colon.is_some(), kind);
        visit::visit_item_use(self, item);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        let written = self.write(vec![item.ident.to_string()], true, Kind::Use);
        let name = item.rename.as_ref().map_or(&item.ident, |(_, rename)| rename);
        self.name(name.to_string(), written);
    }

    fn visit_vis_restricted(&mut self, visibility: &'ast syn::VisRestricted) {
        self.write(segments(&visibility.path), false, Kind::Visibility);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.write(segments(path), path.leading_colon.is_some(), Kind::Path);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.write(segments(&call.path), call.path.leading_colon.is_some(), Kind::Macro);
        self.tokens(TokenBuffer::new2(call.tokens.clone()).begin());
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.tokens(TokenBuffer::new2(list.tokens.clone()).begin());
        visit::visit_meta_list(self, list);
    }
}
