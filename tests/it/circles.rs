//! Files of a crate import in one direction: none imports, over any number of others, a file that imports it.
//! What they import is read by `imports`.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::host::root;
use crate::imports::{Graph, graph};

fn crates() -> BTreeMap<String, Vec<Graph>> {
    let folders = std::fs::read_dir(root().join("crates")).expect("there are crates");
    let mut sources: Vec<(String, PathBuf)> = folders
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path().join("src")))
        .collect();
    sources.push(("whaledeck".into(), root().join("src-tauri/src")));
    let graphs = |source: &Path| {
        let roots = ["lib.rs", "main.rs"].map(|file| source.join(file));
        roots.iter().filter(|file| file.is_file()).map(|file| graph(file)).collect()
    };
    sources.into_iter().map(|(name, source)| (name, graphs(&source))).collect()
}

/// Everything that a module imports, over any number of files.
fn reaches(graph: &Graph, from: &str) -> BTreeSet<String> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(module) = open.pop() {
        for next in graph.get(&module).into_iter().flatten() {
            if seen.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    seen
}

/// The imports that lie on a circle.
fn closed(graph: &Graph) -> Vec<(String, String)> {
    let edges = graph.iter().flat_map(|(from, all)| all.iter().map(move |to| (from.clone(), to.clone())));
    let reach: BTreeMap<&String, BTreeSet<String>> =
        graph.keys().map(|module| (module, reaches(graph, module))).collect();
    edges.filter(|(from, to)| reach.get(to).is_some_and(|back| back.contains(from))).collect()
}

#[test]
fn files_of_a_crate_import_in_one_direction() {
    let crates = crates();
    assert!(crates.len() > 20 && crates.values().flatten().map(Graph::len).sum::<usize>() > 300);
    for (name, graph) in
        crates.iter().flat_map(|(name, graphs)| graphs.iter().map(move |graph| (name, graph)))
    {
        let circle = closed(graph);
        assert!(circle.is_empty(), "`{name}` has imports in a circle: {circle:?}");
    }
}

#[test]
fn a_circle_is_seen_through_a_name_that_is_exported_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |file: &str, text: &str| {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("is made");
        std::fs::write(path, text).expect("is written");
    };
    write("lib.rs", "mod a;\nmod b;\nmod c;\npub use a::A;\npub use b::{B, deep::Deep as Renamed};\n");
    write("a.rs", "use crate::{B, c};\npub struct A(B);\nfn f() { c::g() }\n");
    write("b/mod.rs", "pub mod deep;\npub struct B;\n#[cfg(test)]\nmod tests { use crate::A; }\n");
    write("b/deep.rs", "use super::B;\n// use crate::A;\npub struct Deep(B);\n");
    write("c.rs", "use std::fmt;\npub fn g() -> crate::Renamed { todo!() }\n");
    let one_way = graph(&folder.path().join("lib.rs"));
    let of = |module: &str| one_way[module].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!((of("a"), of("b"), of("b::deep"), of("c")), (vec!["b", "c"], vec![], vec![], vec!["b::deep"]));
    assert_eq!(closed(&one_way), []);

    write("c.rs", "pub fn g() -> crate::A { todo!() }\n");
    let around = closed(&graph(&folder.path().join("lib.rs")));
    assert_eq!(around, [("a".to_owned(), "c".to_owned()), ("c".to_owned(), "a".to_owned())]);
}
