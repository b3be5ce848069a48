"""Send images from one engine to another that has no registry."""
