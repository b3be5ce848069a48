"""The commands of `wb config`, one module for each thing that an operator does."""
