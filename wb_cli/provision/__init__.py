"""Images, and the machine: what an instance needs before it can run."""
