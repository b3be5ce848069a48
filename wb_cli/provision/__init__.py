"""Prepare what an instance needs before it can run: images, and the machine."""
