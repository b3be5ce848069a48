"""What stands in front of the platforms: nginx sites and certificates, as text. Pure."""
