"""botocore's descriptions of AWS's services and endpoints, read sooner than botocore reads them.

A session looks its reader up in a component, `data_loader`, which is the place to put in another one (botocore.session,
`register_component`). A client of ECR needs 1.5 MB of JSON, and botocore looks into the folders of all 450 services to
know their names: that makes it take 55 ms of CPU, where with this it takes 36. Sessions do not share what was read:
botocore writes into it.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson
from botocore.exceptions import DataNotFoundError
from botocore.loaders import JSONFileLoader, Loader, create_loader

_UNPACK: Final[dict[str, Callable[[bytes], bytes]]] = {".json": bytes, ".json.gz": gzip.decompress}


class _Files(JSONFileLoader):
    """Reads a description; None where there is none of that name, as botocore's own."""

    def load_file(self, file_path: str) -> Any:
        """Return the content of `file_path`, which is without the file's suffix."""
        for suffix, unpack in _UNPACK.items():
            path = Path(f"{file_path}{suffix}")
            if path.is_file():
                return orjson.loads(unpack(path.read_bytes()))
        return None


class _Models(Loader):
    """Looks for a service when it is asked for, where botocore's own first lists them all."""

    def list_available_services(self, type_name: str) -> list[str]:
        """Return what can be asked whether a service is in it."""
        return _Services(self, type_name)


class _Services(list[str]):
    def __init__(self, loader: Loader, type_name: str) -> None:
        super().__init__()
        self._loader, self._type = loader, type_name

    def __contains__(self, service: object) -> bool:
        try:
            return bool(self._loader.list_api_versions(str(service), self._type))
        except DataNotFoundError:
            return False


def models(data_path: str | None) -> Loader:
    """Return a reader for descriptions under botocore's own folder and `data_path` (botocore's AWS_DATA_PATH)."""
    places = create_loader(data_path).search_paths
    return _Models(places, _Files(), include_default_search_paths=False)
