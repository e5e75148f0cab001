"""The Atlas workspace: a dataset as a map, and the panels about it."""
