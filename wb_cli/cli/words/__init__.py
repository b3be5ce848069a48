"""The words of the command line: the tree of commands, their help, completion, wrong words."""
