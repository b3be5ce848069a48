"""The commands for what stands in front of the platforms: nginx, and certificates."""
