"""Reads a store with SQL: views over its Parquet files, and named queries.

The only importer of duckdb. What is read is a mapping of table names to committed files; where these lie and which are
committed is the store's knowledge.

    catalog = Catalog(files, folder=folder)
    fetch(catalog.query("most-shared-layers", {"limit": "5"}))      # an Arrow table
    fetch(catalog.sql("select count(*) as images from images"))
"""

from __future__ import annotations

from indexer.catalog.catalog import Catalog
from indexer.catalog.connections import interrupt
from indexer.catalog.errors import fetch
from indexer.catalog.parameters import Parameter
from indexer.catalog.queries import Query, load_queries, shipped_queries
from indexer.catalog.values import python_columns, python_rows, readable
from indexer.catalog.views import View, load_views

__all__ = [
    "Catalog",
    "Parameter",
    "Query",
    "View",
    "fetch",
    "interrupt",
    "load_queries",
    "load_views",
    "python_columns",
    "python_rows",
    "readable",
    "shipped_queries",
]
