"""Commands on images: build, pull, send, save, load, prune."""
