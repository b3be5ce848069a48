"""The commands: each module parses, calls one function, and prints."""
