"""A dataset as a map: what a lens sees in every picture, who is next to whom, where they lie, and which are odd.

A ``Lens`` looks at pictures through a model (or without one) and leaves a ``Survey`` on the disk: codes, numbers,
residuals and thumbnails, a row for every picture that could be read. Everything else is a function of a survey:
neighbours, maps, scores, duplicates, reports.
"""
