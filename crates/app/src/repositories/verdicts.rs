//! The facts of each group of files in a repository. The precisions of one model share everything but their
//! size, so that the header of one of them, of megabytes, tells about all; a group that may be different is
//! read itself.
use std::collections::BTreeMap;

use contract::{ErrorCode, ErrorView};
use hub::FileGroup;

use super::remote::Remote;
use crate::imports::ModelFileFacts;

/// The facts of a group, or why it cannot run here.
pub(super) struct Judged {
    pub facts: Result<ModelFileFacts, ErrorView>,
    /// Of its own files, not of another precision.
    pub own_facts: bool,
}

/// One result per group, in order.
pub(super) async fn judge(remote: &Remote, groups: &[&FileGroup]) -> Vec<Judged> {
    let mut by_model: BTreeMap<&str, Result<ModelFileFacts, ErrorView>> = BTreeMap::new();
    let mut all = Vec::with_capacity(groups.len());
    for group in groups {
        let special = is_special(group);
        if let Some(known) = by_model.get(&*group.model).filter(|_| !special) {
            let facts = known.clone().map(|facts| of_group(facts, group));
            all.push(Judged { facts, own_facts: false });
            continue;
        }
        let facts = remote.facts(group).await;
        if !special && is_of_model(&facts) {
            by_model.insert(&group.model, facts.clone());
        }
        all.push(Judged { facts, own_facts: true });
    }
    all
}

/// Whether its weights may be of a type that the engine does not read.
fn is_special(group: &FileGroup) -> bool {
    let label = group.precision.as_deref().unwrap_or_default();
    checkpoint::gguf::is_other_type(label.strip_prefix("UD-").unwrap_or(label))
}

/// Whether another precision has the same facts or the same problem.
fn is_of_model(facts: &Result<ModelFileFacts, ErrorView>) -> bool {
    const OF_THESE_FILES: [ErrorCode; 4] = [
        ErrorCode::ModelFormatUnsupported,
        ErrorCode::ModelFileInvalid,
        ErrorCode::ModelFileTruncated,
        ErrorCode::ModelPartMissing,
    ];
    facts.as_ref().err().is_none_or(|error| !OF_THESE_FILES.contains(&error.code))
}

fn of_group(facts: ModelFileFacts, group: &FileGroup) -> ModelFileFacts {
    ModelFileFacts {
        bytes: group.size,
        precision: group.precision.clone().unwrap_or_else(|| facts.precision.clone()),
        ..facts
    }
}
