"""A training that is killed again and again ends as one that is left alone: the same weights, the same losses.

    python -m tests.benchmarks.faults --kills 20 --objective causal

SIGKILL comes at random moments: a third of them while a checkpoint is being written, a third while the training finds
its way back; checkpoints follow each other without a pause. One JSON line: ``in_save`` counts the kills that left a
half-written checkpoint, ``lost`` is the most steps that one of them cost. Exit 1 where weights (SHA-256) or loss series
differ.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.artifacts import Checkpoint, Corpus, Tokens
from domain.machine import Machine
from domain.manifest import file_sha256, seal
from domain.training.spec import Training
from tests.benchmarks.corpora.__main__ import prepared, texts_of

ARCHITECTURES = {"causal": "llama", "masked": "bert", "span": "t5", "denoising": "bart"}
STEPS, BATCH = 240, 1_024  # steps of 1,024 tokens: some 40 ms each, and as much for a checkpoint
# Seconds: up to so long after a step or the first file of a checkpoint, and after the start, the kill comes.
MOMENT, START = 0.06, 1.5
DOCUMENTS = 60  # of each part, and a third as many to look at
READY = ["domain.training.trainer", "domain.training.pretrain", "domain.model.build", "transformers"]


@dataclass(frozen=True)
class Job:
    """A training from artifacts in ``folder``, by the stage itself."""

    folder: Path
    spec: Training

    def run(self, out: Path, seconds: float) -> None:
        """Train into ``out``; a checkpoint every so many seconds."""
        from domain.training.pretrain import pretrain

        os.dup2(os.open(out.with_suffix(".log"), os.O_CREAT | os.O_APPEND | os.O_WRONLY), 2)
        base, tokens = Checkpoint.open(self.folder / "base"), Tokens.open(self.folder / "tokens")
        pretrain(self.spec, base, tokens, out=out, machine=machine(self.folder).but(checkpoint_seconds=seconds))


def machine(folder: Path) -> Machine:
    """One thread on a CPU."""
    return Machine(device="cpu", precision="fp32", threads=1, work=folder)


def job(folder: Path, texts: Path, objective: str) -> Job:
    """Text, tokenizer, tokens and base that the objective asks for, by their stages."""
    from domain.model.spec import Base
    from domain.tokenizer.fit import Fitting, fit
    from domain.tokens.encode import Encoding, encode
    from domain.training.pretrain import prepare

    how = machine(folder)
    corpus = written(folder / "corpus", texts)
    tokenizer = fit(Fitting(pieces=1_024, objective=objective), corpus, out=folder / "tokenizer", machine=how)
    tokens = encode(Encoding(), corpus, tokenizer, out=folder / "tokens", machine=how)
    shape = {"architecture": ARCHITECTURES[objective], "width": 64, "layers": 2, "heads": 4, "context": 128}
    learning = {"objective": objective, "batch": BATCH, "learning_rate": 3e-3, "validation": {"every": 50}}
    base = Base.model_validate({"scratch": shape, "tokens": 10 * BATCH, "learning": learning})
    prepare(base, tokens, tokenizer, out=folder / "base", machine=how)
    return Job(folder, Training.model_validate({**learning, "tokens": STEPS * BATCH, "spikes": {"anchor": 30}}))


def written(folder: Path, texts: Path) -> Corpus:
    """A corpus of the first documents of finance and general text."""
    splits: dict[str, Any] = {}
    for split, first, last in (("train", 0, DOCUMENTS), ("validation", DOCUMENTS, DOCUMENTS * 4 // 3)):
        (folder / split).mkdir(parents=True)
        splits[split] = {}
        for part, source in (("domain", "finance"), ("general", "general")):
            found = [text[:5_000] for text in texts_of(texts / source)[first:last]]
            known = {"source": source, "url": None, "licence": "mit", "date": None, "language": "en"}
            lines = ({"id": f"{source}-{n}", "cluster": str(n), "text": text, **known} for n, text in enumerate(found))
            path = folder / split / f"{part}-00000.jsonl"
            path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
            splits[split][part] = {"documents": len(found), "bytes": sum(len(text.encode()) for text in found)}
    fields: dict[str, Any] = {"stage": "curate", "version": 1, "spec": None, "parents": []}
    seal(folder, identity="0" * 64, kind="Corpus", facts={"splits": splits}, **fields)
    return Corpus.open(folder)


class Victim:
    """A process that trains into ``out``, as far as the one before it came."""

    def __init__(self, given: Job, out: Path, seconds: float) -> None:
        ready = multiprocessing.get_context("forkserver")
        ready.set_forkserver_preload(READY)  # imports take most of a short life
        self.out = out
        self.process = ready.Process(target=given.run, args=(out, seconds), daemon=True)
        self.process.start()

    def steps(self) -> int:
        """Steps that it has told of."""
        spool = self.out.with_name(f"{self.out.name}.spool.jsonl")
        return spool.read_bytes().count(b"\n") if spool.exists() else 0

    def saving(self) -> bool:
        """Whether a checkpoint is being written, or was when it died."""
        return any((self.out / ".scratch" / "checkpoints").glob(".step-*"))

    def saved(self) -> int:
        """The newest step that it could go on from."""
        names = [each.name for each in (self.out / ".scratch" / "checkpoints").glob("step-*")]
        return int(max(names, default="step-0").removeprefix("step-"))

    def end(self) -> None:
        """Wait until it is done; if it failed, say of what, and leave."""
        self.process.join()
        if self.process.exitcode != 0:
            sys.exit(self.out.with_suffix(".log").read_text(encoding="utf-8")[-3_000:])

    def kill(self, step: int, in_save: bool, moment: float) -> None:
        """Kill it so many seconds after this step, or after it began to write the next checkpoint."""
        while self.process.is_alive() and (self.steps() < step or (in_save and not self.saving())):
            time.sleep(0.001)
        time.sleep(moment)
        if not self.process.is_alive():
            self.end()
            sys.exit(f"it was done after {self.steps()} steps, before it could be killed at {step}")
        self.process.kill()
        self.process.join()


def row(given: Job, kills: int, seed: int) -> dict[str, Any]:
    """The row of one objective."""
    began, chance = time.perf_counter(), random.Random(seed)
    alone, killed = given.folder / "alone", given.folder / "killed"
    for out in (alone, killed):
        out.mkdir()
    Victim(given, alone, seconds=1e9).end()
    in_save, lost = 0, 0
    for number, step in enumerate(sorted(chance.sample(range(2, STEPS - 20), kills))):
        victim = Victim(given, killed, seconds=1e-9)
        if number % 3 == 2:
            victim.kill(0, in_save=False, moment=chance.uniform(0, START))
        else:
            victim.kill(step, in_save=number % 3 == 0, moment=chance.uniform(0, MOMENT))
        in_save += number % 3 < 2 and victim.saving()
        lost = max(lost, victim.steps() - victim.saved())
    Victim(given, killed, seconds=1e-9).end()
    files = ("model.safetensors", "training.jsonl")
    equal = all(file_sha256(alone / name) == file_sha256(killed / name) for name in files)
    return {
        "stage": f"faults {given.spec.objective.kind}",
        "kills": kills,
        "in_save": in_save,
        "lost": lost,
        "steps": STEPS,
        "equal": equal,
        "sha256": file_sha256(killed / "model.safetensors")[:16],
        "seconds": round(time.perf_counter() - began, 1),
        "passed": equal,
    }


def main() -> int:
    """Kill, compare and print."""
    options = argparse.ArgumentParser(prog="faults")
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--objective", choices=ARCHITECTURES, default="causal")
    options.add_argument("--text", type=Path, help="folder with finance and general")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        texts = given.text or prepared(Path(folder) / "texts")
        found = row(job(Path(folder), texts, given.objective), given.kills, given.seed)
    print(json.dumps(found), flush=True)
    return 0 if found["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
