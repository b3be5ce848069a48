"""How answers look: tables, results, progress, lines of a log."""
