"""Commands that work inside the containers of an instance."""
