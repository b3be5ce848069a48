"""Which results are cached, under which names, from which queries, and in which order."""
