//! What is on the disk of a downloaded model as views: files that are links, and a file that is not as it was
//! when it was verified.
use std::collections::BTreeMap;
use std::path::Path;

use contract::{ErrorCode, ErrorView, LinkedView};
use hub::FileProblem;

pub(crate) fn linked_view(linked: &BTreeMap<String, u64>) -> Vec<LinkedView> {
    let view = |(program, size): (&String, &u64)| LinkedView { program: program.clone(), size: *size as f64 };
    linked.iter().map(view).collect()
}

/// `dir` is the folder of the model.
pub(crate) fn file_problem(problem: &FileProblem, dir: &Path) -> ErrorView {
    let path = dir.join(&problem.path);
    let message = "use the model: a file of it is not as it was when it was verified";
    let Some(linked) = &problem.linked else {
        return ErrorView::new(ErrorCode::DownloadedFileMissing, message).with("path", path.display());
    };
    let code = if problem.changed { ErrorCode::LinkedFileChanged } else { ErrorCode::LinkedFileMissing };
    ErrorView::new(code, message)
        .with("path", path.display())
        .with("program", &linked.program)
        .with("target", &linked.path)
}
