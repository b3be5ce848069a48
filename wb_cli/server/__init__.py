"""The platform server, which runs inside the platform container."""
