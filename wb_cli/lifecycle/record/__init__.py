"""What is kept of an instance: the commands that worked on it, and its bad ends."""
