//! Option lists.

use term::Term;

/// The elements of a proper list of options.
pub fn options(list: Term) -> Option<Vec<Term>> {
    list.proper_list()
}
