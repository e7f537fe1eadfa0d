"""Three real arms for the evals: a tiny model that has read general text, and two that went on from it."""

from __future__ import annotations

from typing import Any

import pytest

from domain.machine import Machine

CPU = Machine(device="cpu", precision="fp32", threads=1)


@pytest.fixture(scope="session")
def scored_corpus(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A Corpus whose parts differ: sums of numbers against sentences; years and clusters of two."""
    import json

    from domain.artifacts import Corpus
    from domain.jsonlines import write_lines
    from domain.manifest import seal

    folder = tmp_path_factory.mktemp("scored_corpus")
    splits: dict[str, Any] = {}
    for split, count in (("train", 120), ("validation", 40), ("test", 80)):
        (folder / split).mkdir()
        splits[split] = {}
        for part in ("domain", "general"):
            rows = []
            for number in range(count):
                seed = number + {"train": 0, "validation": 500, "test": 1_000}[split]
                sums = " ".join(f"{seed * k % 97} + {k} = {seed * k % 97 + k};" for k in range(1, 9))
                words = " ".join(
                    f"the {'quick' if (seed + k) % 3 else 'slow'} fox saw {seed % 7} hens" for k in range(5)
                )
                rows.append(
                    {
                        "id": f"{split}-{part}-{number}", "text": sums if part == "domain" else words,
                        "source": f"{part}-{number % 2}", "cluster": f"{part}-{number // 2}",
                        "date": f"20{10 + number % 3}-05-01" if part == "domain" else None,
                        "url": None, "licence": "mit", "language": "en",
                    }
                )  # fmt: skip
            lines = [json.dumps(row, sort_keys=True) + "\n" for row in rows]
            (folder / split / f"{part}-00000.jsonl").write_text("".join(lines))
            splits[split][part] = {"documents": count, "bytes": sum(len(row["text"]) for row in rows)}
    write_lines(
        folder / "test_overlap.jsonl",
        (
            {"id": f"test-{part}-{number}", "part": part, "source": f"{part}-{number % 2}",
             "ngrams": 20, "came": 20, "stays": number % 4}
            for part in ("domain", "general") for number in range(80)
        ),
    )  # fmt: skip
    facts = {"splits": splits, "test_overlap": {"words": 13}}
    fields = {"stage": "curate", "version": 1, "kind": "Corpus", "spec": None, "parents": {}}
    seal(folder, identity="by-hand", facts=facts, **fields)
    return Corpus.open(folder)


@pytest.fixture(scope="session")
def scored_tokens(scored_corpus: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """A tokenizer for that corpus, and its tokens."""
    from domain.tokenizer.fit import Fitting, fit
    from domain.tokens.encode import Encoding, encode

    folder = tmp_path_factory.mktemp("tokens")
    tokenizer = fit(Fitting(vocab_size=280), corpus=scored_corpus, out=folder / "tokenizer")
    return tokenizer, encode(Encoding(), corpus=scored_corpus, tokenizer=tokenizer, out=folder / "tokens")


@pytest.fixture(scope="session")
def arms(scored_tokens: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """base, adapted and control, each trained for a few steps."""
    from domain.model.spec import Base, Scratch
    from domain.settings.learning import Learning, Training
    from domain.tokens.mixture import Mixture
    from domain.training.pretrain import prepare, pretrain

    folder = tmp_path_factory.mktemp("arms")
    tokenizer, tokens = scored_tokens
    learning = {"batch": 512, "learning_rate": 5e-3}
    shape = Scratch(width=32, layers=1, heads=2, context=64)
    base_spec = Base(scratch=shape, tokens=15_360, learning=Learning(**learning))
    base = prepare(base_spec, tokens=tokens, tokenizer=tokenizer, out=folder / "base", machine=CPU)
    both = Training(tokens=15_360, mixture=Mixture(domain=0.7, general=0.3), **learning)
    alone = both.replace(mixture=Mixture(domain=0.0, general=1.0))
    trained = {
        name: pretrain(spec, base=base, tokens=tokens, out=folder / name, machine=CPU)
        for name, spec in {"adapted": both, "control": alone}.items()
    }
    return {"base": base, **trained}
