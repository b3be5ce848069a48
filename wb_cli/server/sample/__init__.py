"""Sample data: a country's facilities, datasets and projects, the same for the same seed."""
