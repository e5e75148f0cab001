"""Collections of pictures, indexed lazily: folders, IDX files, arrays and lists of paths.

``open_dataset`` looks at what is at a path and gives a ``Dataset``; ``batches`` and ``load_all`` turn it into pixels
for a model. What cannot be opened raises a ``DatasetError``; a single damaged picture raises an ``ImageError`` when it
is decoded, not before.
"""

from __future__ import annotations

from explorer.datasets.arrays import ArrayDataset
from explorer.datasets.batches import Batch, Unreadable, batches, load_all, split
from explorer.datasets.dataset import Columns, Dataset, LabelArray, Stamps
from explorer.datasets.files import FileDataset
from explorer.datasets.opening import open_dataset

__all__ = [
    "ArrayDataset",
    "Batch",
    "Columns",
    "Dataset",
    "FileDataset",
    "LabelArray",
    "Stamps",
    "Unreadable",
    "batches",
    "load_all",
    "open_dataset",
    "split",
]
