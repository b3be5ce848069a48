"""The machine itself: processes, folders, packages."""
