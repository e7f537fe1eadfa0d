"""What each group of quality rules drops, with the thresholds of the papers: a JSON line for each file of texts.

    python -m tests.benchmarks.corpora.paper_rules TEXTS

TEXTS is a folder of JSON Lines, gzipped or not, with a field ``text``; without it, the finance and general text of
SHOPTALK_TEST_DATA. Rules that change a text rather than drop it (C4's on lines) count as keeping it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from domain.text.quality import KeptLines, QualityRules
from tests.benchmarks.corpora.__main__ import prepared, texts_of
from tests.benchmarks.corpora.quality import OFF, PAPERS, ours


def dropped(texts: list[str]) -> dict[str, float]:
    """Share of the texts that each group drops."""
    shares = {}
    for name, thresholds in PAPERS.items():
        answers = ours(texts, QualityRules.model_validate({**OFF, name: thresholds}))
        gone = sum(answer is not None and not isinstance(answer, KeptLines) for answer in answers)
        shares[name] = round(gone / len(texts), 3)
    return shares


def main(arguments: list[str]) -> None:
    """A line for each file."""
    with tempfile.TemporaryDirectory() as aside:
        folders = [Path(arguments[0])] if arguments else [prepared(Path(aside)) / of for of in ("finance", "general")]
        for path in (path for folder in folders for path in sorted(folder.rglob("*.jsonl*"))):
            texts = [text for text in texts_of(path) if text.strip()]
            print(json.dumps({"texts": path.name, "documents": len(texts), "dropped": dropped(texts)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
