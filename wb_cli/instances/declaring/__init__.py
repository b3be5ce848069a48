"""Change what is declared: words, differences, several instances at once, other files. Pure."""
