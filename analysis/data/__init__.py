"""Datasets: their schema, opening and writing them, importing files, and what is wrong with them."""

from analysis.data.dataset import Dataset, DatasetInfo, Part, Tables
from analysis.data.writer import DatasetWriter

__all__ = ["Dataset", "DatasetInfo", "DatasetWriter", "Part", "Tables"]
