"""A million documents by a fuzzer that watches which code they reach, from the same good ones as `endurance.fuzz`.

    pip install atheris
    python -m endurance.guided --documents 1000000

atheris runs on some Pythons and platforms only, and so is no dependency. What it finds, it writes to a file and names.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random, SystemRandom

_AS_BYTES = 0.2
_LONGEST = 20_000


def main() -> int:
    """Fuzz; atheris ends the process, with another code than 0 where a document was neither rows nor a reason."""
    import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - no dependency, see above

    with atheris.instrument_imports(include=["indexer", "endurance.fuzz"]):
        from endurance import fuzz  # noqa: PLC0415 - what is imported here is what is watched
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1, 10**6))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, raw in enumerate(fuzz.seeds()):
            (Path(folder) / str(number)).write_bytes(raw)
        words = [
            f"-runs={asked.documents}",
            f"-seed={asked.seed}",
            f"-timeout={fuzz.PATIENCE}",
            f"-max_len={_LONGEST}",
            folder,
        ]
        originals = fuzz.seeds()

        def damaged(raw: bytes, most: int, seed: int) -> bytes:
            """Change bytes as atheris does, which seldom leaves a document, or members as `endurance.fuzz` does."""
            random = Random(seed)  # noqa: S311 - repeatable
            if random.random() < _AS_BYTES:
                return bytes(atheris.Mutate(raw, most))
            base = raw if fuzz.parsed(raw) is not None else random.choice(originals)
            return fuzz.damaged(random, [base], [fuzz.parsed(base)])[:most]

        def check(raw: bytes) -> None:
            became[fuzz.check(raw)] += 1
            if became.total() == asked.documents:
                print(dict(became), flush=True)

        became: Counter[str] = Counter()
        atheris.Setup([sys.argv[0], *words], check, custom_mutator=damaged)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
