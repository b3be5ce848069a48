"""The Docker Engine and its images. No other package knows Docker."""
