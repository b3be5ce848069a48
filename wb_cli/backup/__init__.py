"""Backups: copy an instance while it runs, keep it in a repository, prove it, bring it back."""
