"""The registry file: its fields, its entries, its text, its locks and its copies."""
