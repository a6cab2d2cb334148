"""Objects in an S3 bucket: read, listed, removed, and written whole on a condition."""

from __future__ import annotations

from indexer.objects.bucket import Bucket, Entry, Found, Upload
from indexer.objects.connection import connect

__all__ = ["Bucket", "Entry", "Found", "Upload", "connect"]
