"""How much of the test text of each source stands in training text as it comes, and after the default recipe.

    python -m tests.benchmarks.corpora.overlap fomc.jsonl.gz reuters.jsonl.gz --general c4.jsonl.gz --test 0.05

Files of JSON Lines with a field ``text``, each a source of the domain. A JSON line for each source: test documents,
their word 13-grams, the share of these in training text before (``came``) and after (``stays``) what shares more than
half went, and of how many documents it is more than half; then how many training documents share any, and how many
went.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from corpora import Collection, Curation, collect, curate
from domain.artifacts import Protected
from domain.machine import Machine
from tests.benchmarks.corpora.pipeline import nothing

LICENCE = {"licence": {"override": "internal"}}


def main() -> None:
    """Collect and curate, and print what the corpus says of itself."""
    options = argparse.ArgumentParser(prog="overlap")
    options.add_argument("domain", type=Path, nargs="+")
    options.add_argument("--general", type=Path, required=True)
    options.add_argument("--test", type=float, default=0.01, help="share of test documents")
    options.add_argument("--passages", action="store_true", help="cut paragraphs that repeat, too")
    given = options.parse_args()
    parts = {"domain": given.domain, "general": [given.general]}
    sources = {
        part: [{"kind": "files", "path": str(path), "name": path.name.partition(".")[0], **LICENCE} for path in paths]
        for part, paths in parts.items()
    }
    steps = ["exact", "near", *(["passages"] if given.passages else [])]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        machine = Machine(workers=2, work=folder / "work")
        spec = Collection.model_validate({**sources, "licences": {"allow": ["internal"]}})
        raw = collect(spec, out=folder / "raw", machine=machine)
        curation = Curation.model_validate({"holdout": {"test": given.test}, "dedup": steps})
        protected = Protected.open(nothing(folder / "protected"))
        facts = curate(curation, raw=raw, protected=protected, out=folder / "corpus", machine=machine).facts
    overlap = facts["test_overlap"]
    for row in overlap["test"]:
        shares = {what: round(row[what] / row["ngrams"], 4) if row["ngrams"] else None for what in ("came", "stays")}
        print(json.dumps({**row, **shares}))
    for row in overlap["train"]:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
