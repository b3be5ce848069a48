"""The process: its socket and connections, its log, its garbage collector and its end."""
