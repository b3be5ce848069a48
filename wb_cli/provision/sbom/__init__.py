"""The bill of materials of an image: each package in it, in CycloneDX 1.6."""
