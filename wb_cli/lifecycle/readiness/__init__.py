"""Does a container answer, and how far is its cache."""
