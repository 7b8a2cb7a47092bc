//! Which file of a crate imports which, read from the sources: `mod` lines make the tree, paths that begin
//! with `crate`, `self`, `super`, a child or an imported name are followed through re-exports to the file
//! that defines the item. Code for tests is left out. It knows no types: a method that is called on a value
//! is no import.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::tokens::{Token, tokens};

/// A module by its path, such as `config::rope`; the crate itself is `ROOT`.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

pub const ROOT: &str = "(root)";
/// Re-exports of re-exports end somewhere; a name that leads to itself does not.
const DEEPEST: usize = 8;
const DEFINES: [&str; 9] = ["fn", "struct", "enum", "trait", "type", "const", "static", "union", "mod"];

/// Segments of a module's path.
type Place = Vec<String>;

#[derive(Default)]
struct Module {
    children: BTreeSet<String>,
    defined: BTreeSet<String>,
    /// Name here -> path.
    imported: BTreeMap<String, Place>,
    /// Modules of which everything is imported.
    globs: Vec<Place>,
    /// Every path that is written in the file.
    paths: Vec<Place>,
}

/// Without edges from a module to one that contains it: a folder's files share what their `mod.rs` defines.
pub fn graph(root: &Path) -> Graph {
    let mut modules = BTreeMap::new();
    read(root, root.parent().expect("is in a folder"), Place::new(), &mut modules);
    let mut graph = Graph::new();
    for (place, module) in &modules {
        let imports = module.paths.iter().filter_map(|path| defining(&modules, place, path, 0));
        let others = imports.filter(|target| !place.starts_with(target)).map(|target| name(&target));
        graph.insert(name(place), others.collect());
    }
    graph
}

fn name(place: &[String]) -> String {
    if place.is_empty() { ROOT.to_owned() } else { place.join("::") }
}

fn read(file: &Path, folder: &Path, place: Place, modules: &mut BTreeMap<Place, Module>) {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let tokens = tokens(&text);
    let mut module = Module::default();
    for (at, token) in tokens.iter().enumerate() {
        let Token::Name(word) = token else { continue };
        let next = match (word.as_str(), tokens.get(at + 1)) {
            ("macro_rules", Some(Token::Sign('!'))) => tokens.get(at + 2),
            (_, next) => next.filter(|_| DEFINES.contains(&word.as_str())),
        };
        if let Some(Token::Name(item)) = next {
            let file_follows = word == "mod" && tokens.get(at + 2) == Some(&Token::Sign(';'));
            let names = if file_follows { &mut module.children } else { &mut module.defined };
            names.insert(item.clone());
        }
    }
    for (at, token) in tokens.iter().enumerate() {
        let Token::Name(word) = token else { continue };
        if word == "use" {
            for (path, alias) in tree(&tokens, at + 1, &[]).1 {
                module.import(path, alias);
            }
        } else if tokens.get(at + 1) == Some(&Token::PathSep) && (at == 0 || tokens[at - 1] != Token::PathSep)
        {
            module.paths.extend(tree(&tokens, at, &[]).1.into_iter().map(|(path, _)| path));
        }
    }
    for child in &module.children {
        let inside = [place.as_slice(), std::slice::from_ref(child)].concat();
        let (plain, folded): (PathBuf, PathBuf) =
            (folder.join(format!("{child}.rs")), folder.join(child).join("mod.rs"));
        let file = if plain.is_file() { plain } else { folded };
        read(&file, &folder.join(child), inside, modules);
    }
    modules.insert(place, module);
}

impl Module {
    fn import(&mut self, mut path: Place, alias: Option<String>) {
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        if path.last().is_some_and(|last| last == "*") {
            path.pop();
            self.globs.push(path.clone());
        } else if let Some(own) = alias.or_else(|| path.last().cloned()) {
            self.imported.insert(own, path.clone());
        }
        self.paths.push(path);
    }
}

/// The paths of `a::{b, c::d as e}` from token `at` on, each with its alias, and the token behind them.
fn tree(tokens: &[Token], mut at: usize, prefix: &[String]) -> (usize, Vec<(Place, Option<String>)>) {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(at) {
            Some(Token::Name(name)) => path.push(name.clone()),
            Some(Token::Sign('*')) => path.push("*".to_owned()),
            Some(Token::Sign('{')) => {
                let mut paths = Vec::new();
                at += 1;
                while tokens.get(at).is_some_and(|token| *token != Token::Sign('}')) {
                    if tokens[at] == Token::Sign(',') {
                        at += 1;
                        continue;
                    }
                    let (behind, found) = tree(tokens, at, &path);
                    at = behind.max(at + 1);
                    paths.extend(found);
                }
                return (at + 1, paths);
            }
            // A turbofish: the path ends before it.
            _ => return (at, vec![(path, None)]),
        }
        at += 1;
        if tokens.get(at) == Some(&Token::PathSep) {
            at += 1;
            continue;
        }
        return match (tokens.get(at), tokens.get(at + 1)) {
            (Some(Token::Name(word)), Some(Token::Name(alias))) if word == "as" => {
                (at + 2, vec![(path, Some(alias.clone()))])
            }
            _ => (at, vec![(path, None)]),
        };
    }
}

/// The module that defines what a path of the module at `place` names; nothing for what another crate
/// defines.
fn defining(
    modules: &BTreeMap<Place, Module>,
    place: &[String],
    path: &[String],
    depth: usize,
) -> Option<Place> {
    if depth > DEEPEST {
        return None;
    }
    let module = &modules[place];
    let (first, rest) = path.split_first()?;
    let (mut at, mut rest) = match first.as_str() {
        "crate" => (Place::new(), rest),
        "self" => (place.to_vec(), rest),
        "super" => (place[..place.len().saturating_sub(1)].to_vec(), rest),
        name if module.children.contains(name) => (place.to_vec(), path),
        name => {
            let import = module.imported.get(name).filter(|import| import.as_slice() != path)?;
            return defining(modules, place, &[import.as_slice(), rest].concat(), depth + 1);
        }
    };
    while let Some((item, behind)) = rest.split_first() {
        let here = &modules[&at];
        if item == "super" {
            at.pop();
        } else if here.children.contains(item) {
            at.push(item.clone());
        } else if here.defined.contains(item) {
            return Some(at);
        } else if let Some(import) = here.imported.get(item) {
            return defining(modules, &at, &[import.as_slice(), behind].concat(), depth + 1);
        } else {
            let mut globs = here.globs.iter().filter_map(|glob| defining(modules, &at, glob, depth + 1));
            let from_glob = globs.find(|place| modules[place].defined.contains(item));
            return Some(from_glob.unwrap_or(at));
        }
        rest = behind;
    }
    Some(at)
}
