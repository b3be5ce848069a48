"""Recipes of the images that wb can build where no registry answers."""
