"""Try another version on a clone of the data, and compare what it answers with what is there."""
