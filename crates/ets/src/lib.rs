//! (under construction)

/// All tables of a node.
#[derive(Default)]
pub struct Tables {}
