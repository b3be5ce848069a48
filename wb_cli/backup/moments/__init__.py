"""Going back to a moment: which WAL was received, which moments it leads to, and the way there."""
