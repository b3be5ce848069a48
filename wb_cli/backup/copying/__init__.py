"""Copy a running database and its cache: what is copied, and where it lies meanwhile."""
