//! Which page is free. What lies in a page is the model's.

/// A list of free pages; the lowest number is given first so that runs are repeatable.
#[derive(Debug)]
pub struct PageList {
    free: Vec<u32>,
    total: usize,
}

impl PageList {
    pub fn new(total: usize) -> Self {
        Self { free: (0..total as u32).rev().collect(), total }
    }

    pub fn take(&mut self) -> Option<u32> {
        self.free.pop()
    }

    pub fn give_back(&mut self, pages: Vec<u32>) {
        self.free.extend(pages);
        self.free.sort_unstable_by(|a, b| b.cmp(a));
    }

    pub fn free(&self) -> usize {
        self.free.len()
    }

    pub fn total(&self) -> usize {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_come_back() {
        let mut list = PageList::new(3);
        let taken: Vec<u32> = std::iter::from_fn(|| list.take()).collect();
        assert_eq!((taken.as_slice(), list.free()), ([0, 1, 2].as_slice(), 0));
        list.give_back(vec![2, 0]);
        assert_eq!((list.take(), list.take(), list.take(), list.total()), (Some(0), Some(2), None, 3));
    }
}
