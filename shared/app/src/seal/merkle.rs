//! The tree of digests over the rows of an hour, as RFC 9162 draws it: no row can be changed, put in, left out or moved
//! without another root.

use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// The leaf of a row's record.
pub fn leaf(record: &str) -> Hash {
    let mut digest = Sha256::new();
    digest.update([0]);
    digest.update(record.as_bytes());
    digest.finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let mut digest = Sha256::new();
    digest.update([1]);
    digest.update(left);
    digest.update(right);
    digest.finalize().into()
}

/// Takes leaves one by one and keeps as many digests as the count has binary digits.
#[derive(Debug, Default)]
pub struct Tree {
    count: u64,
    /// Whole subtrees from the left, each larger than the next.
    whole: Vec<Hash>,
}

impl Tree {
    /// Adds a leaf to the right.
    pub fn add(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut below = self.count;
        while below & 1 == 1 {
            if let Some(left) = self.whole.pop() {
                hash = node(&left, &hash);
            }
            below >>= 1;
        }
        self.whole.push(hash);
        self.count += 1;
    }

    /// How many leaves it has.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The root; of no leaves at all the digest of nothing.
    pub fn root(mut self) -> Hash {
        let Some(mut hash) = self.whole.pop() else { return Sha256::digest([]).into() };
        while let Some(left) = self.whole.pop() {
            hash = node(&left, &hash);
        }
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition as the RFC gives it: split at the largest power of two below the count.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => *one,
            many => {
                let half = many.len().next_power_of_two() / 2;
                let (left, right) = many.split_at(half);
                node(&by_definition(left), &by_definition(right))
            }
        }
    }

    #[test]
    fn the_tree_is_the_one_that_the_rfc_defines() {
        for count in 0..70 {
            let leaves: Vec<Hash> = (0..count).map(|number| leaf(&number.to_string())).collect();
            let mut tree = Tree::default();
            leaves.iter().for_each(|leaf| tree.add(*leaf));
            assert_eq!((tree.count(), tree.root()), (count, by_definition(&leaves)), "{count}");
        }
    }

    #[test]
    fn a_leaf_is_never_taken_for_a_node() {
        let (a, b) = (leaf("a"), leaf("b"));
        let pair: String = [a, b].concat().iter().map(|byte| char::from(*byte)).collect();
        assert_ne!(leaf(&pair), node(&a, &b));
    }
}
