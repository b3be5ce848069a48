"""Describe and decide: what an instance should be, and the plan that leads there. Pure."""
