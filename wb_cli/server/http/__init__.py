"""HTTP: the endpoints, what they check, and what they answer."""
