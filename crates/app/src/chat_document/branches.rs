//! The order in which the messages of a tree are read: each branch to its end, then the next version of the
//! message where it began. Knows no messages, only their ids.
use std::collections::HashMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Branch {
    /// Index of the message.
    pub message: usize,
    /// Its number among those with the same parent, from 1.
    pub number: usize,
    pub count: usize,
    /// The place of its parent in the order, from 1.
    pub after: Option<usize>,
}

/// Of ids with the ids of their parents, parents first. A parent that is not there is none.
pub(super) fn in_reading_order(messages: &[(&str, Option<&str>)]) -> Vec<Branch> {
    let index: HashMap<&str, usize> = messages.iter().enumerate().map(|(at, (id, _))| (*id, at)).collect();
    let parent =
        |at: usize| messages[at].1.and_then(|id| index.get(id).copied()).filter(|parent| *parent < at);
    let mut children: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    for at in 0..messages.len() {
        children.entry(parent(at)).or_default().push(at);
    }
    let mut order: Vec<Branch> = Vec::with_capacity(messages.len());
    let mut open: Vec<Branch> = Vec::new();
    let push = |parent: Option<usize>, after: Option<usize>, open: &mut Vec<Branch>| {
        let all = children.get(&parent).map(Vec::as_slice).unwrap_or_default();
        // The last is pushed first, because the stack gives it back last.
        for (at, message) in all.iter().enumerate().rev() {
            open.push(Branch { message: *message, number: at + 1, count: all.len(), after });
        }
    };
    push(None, None, &mut open);
    while let Some(branch) = open.pop() {
        order.push(branch);
        push(Some(branch.message), Some(order.len()), &mut open);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_read_to_its_end_before_the_next_version() {
        let tree = [("a", None), ("b", Some("a")), ("c", Some("a")), ("d", Some("b")), ("e", None)];
        let order = in_reading_order(&tree);
        let read: Vec<(usize, usize, usize, Option<usize>)> =
            order.iter().map(|branch| (branch.message, branch.number, branch.count, branch.after)).collect();
        assert_eq!(
            read,
            [(0, 1, 2, None), (1, 1, 2, Some(1)), (3, 1, 1, Some(2)), (2, 2, 2, Some(1)), (4, 2, 2, None)]
        );
    }

    #[test]
    fn a_long_branch_needs_no_stack() {
        let ids: Vec<String> = (0..100_000).map(|id| id.to_string()).collect();
        let chain: Vec<(&str, Option<&str>)> = (0..ids.len())
            .map(|at| (ids[at].as_str(), at.checked_sub(1).map(|at| ids[at].as_str())))
            .collect();
        let order = in_reading_order(&chain);
        assert!(order.iter().enumerate().all(|(at, branch)| branch.message == at));
        assert_eq!(order.len(), chain.len());
    }
}
