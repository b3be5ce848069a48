"""Commands that bring another version of the platform, and go back."""
