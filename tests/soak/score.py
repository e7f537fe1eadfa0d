"""Mutation scores of the deciding modules under their own tests: ``python -m tests.soak.score evals/gate.py``."""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import importlib.abc
import importlib.util
import os
import resource
import signal
import sys
import tempfile
import time
import types
from collections.abc import Iterator, Sequence
from pathlib import Path

import hypothesis
import pytest

from tests.soak.mutants import Mutant, mutants

HOME = Path(__file__).resolve().parents[2]
WALL = 600  # seconds after which a hanging process is killed; CPU time has a tighter limit
MEMORY = 8 << 30  # bytes that a mutant may add
SURVIVORS = 2  # at most in a module, so that any sample of 24 has at least 9 of 10 killed
# Module -> its tests, and its equivalent mutants: reason -> code that only the mutant has.
DECIDING: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "evals/gate.py": ("tests/evals/test_gate.py", {}),
    "evals/statistics/bootstrap.py": (
        "tests/evals/statistics/test_bootstrap.py",
        {
            "fewer draws at a time, or two where one is too many, give the same interval": (
                "AT_ONCE = 500000", "min(1, AT_ONCE", "chunk = 1", "max(2, AT_ONCE",
            ),
        },
    ),
    "corpora/curation/decide.py": (
        "tests/corpora/curation/test_decide.py",
        {
            "more or fewer at a time are the same": (
                "LARGEST_RANGE = 2 <<", "LARGEST_RANGE = 1 << 25", "LARGEST_RANGE = 1 << 23", "AT_ONCE = 2 <<",
                "AT_ONCE = 1 << 21", "AT_ONCE = 1 << 19",
            ),
            "whatever is less than 0 is no source": ("NO_SOURCE = -2",),
            "more at a time are the same": ("old[:begin + AT_ONCE]", "old[begin:]"),
            "of a share of 0 nothing is later": ("if True:",),
        },
    ),
    "corpora/heldout/holdout.py": (
        "tests/corpora/heldout/test_holdout.py",
        {
            "any small part of a document makes up for floating point, and left is not 0": (
                "+ 9.000000000000001e-10", "if left <= 0",
            ),
        },
    ),
    "corpora/decontamination/decontaminate.py": (
        "tests/corpora/decontamination/test_decontaminate.py "
        "tests/corpora/decontamination/test_decontaminate_cut.py",
        {
            "what the table of bits lets pass is compared": ("without here, grams = (here[listed]",),
        },
    ),
    "corpora/decontamination/contamination.py": (
        "tests/corpora/decontamination/test_contamination.py "
        "tests/corpora/decontamination/test_contamination_report.py",
        {"more or fewer at a time are the same": ("AT_ONCE = 2 << 22", "AT_ONCE = 1 << 23", "AT_ONCE = 1 << 21")},
    ),
    "corpora/heldout/pieces.py": (
        "tests/corpora/heldout/test_pieces.py",
        {
            "hashes by other numbers are as good": (
                "np.arange(0, 4", "np.arange(1, 5", "| np.uint64(2)", "| np.uint64(0)", "& np.uint64(1)",
                "split.hashes - place", "place.astype(np.uint64) * FACTORS[1]", "FACTORS[-1]", "FACTORS[1] - words",
                "dtype=np.uint64) * FACTORS[2]", "dtype=np.uint64) * FACTORS[0]", "astype(np.uint64) * FACTORS[1]",
                "hashes - salts",
            ),
        },
    ),
    "corpora/heldout/ngrams.py": (
        "tests/corpora/heldout/test_ngrams.py",
        {
            "more or fewer at a time are the same": ("AT_ONCE = 2 <<", "AT_ONCE = 1 << 21", "AT_ONCE = 1 << 19"),
            "of one n-gram or none any share asks for four": (
                "where(sizes <= 0, WHOLE", "where(sizes < 1, WHOLE", "where(sizes < -1, WHOLE",
            ),
            "what the table of bits lets pass is compared": ("bits.hold(grams) >= 0", "bits.hold(grams) > -1"),
            "any small number makes up for floating point": ("9.000000000000001e-10",),
        },
    ),
    "corpora/heldout/texts.py": (
        "tests/corpora/heldout/test_texts.py",
        {
            "texts of one split count alike": ("np.argsort(columns['splits'])", "np.argsort(pieces)"),
            "where there is no text, none is found": ("strict=True):", "enumerate(bands):"),
        },
    ),
    "corpora/decontamination/overlap.py": (
        "tests/corpora/decontamination/test_overlap.py",
        {
            "more or fewer at a time are the same": (
                "AT_ONCE = 2 <<", "AT_ONCE = 1 << 21", "AT_ONCE = 1 << 19", "self.keys[:begin + AT_ONCE]",
                "self.keys[begin:]",
            ),
            "hardly any hash is that number": ("mixed(grams) < self.limit",),
            "read whole it is the same": ("f'{name}.npy') for", "np.load(folder / 'begins.npy'), np"),
        },
    ),
    "corpora/decontamination/protected_texts.py": ("tests/corpora/decontamination/test_protected_texts.py", {}),
    "corpora/dedup/near.py": (
        "tests/corpora/dedup/test_near.py",
        {"a way that is not shortened leads to the same root": ("without roots[nodes] = tops",)},
    ),
    "domain/text/minhash.py": (
        "tests/domain/text/test_minhash.py",
        {
            "more or fewer shingles at a time have the same minima": (
                "AT_ONCE = 2 << 16", "AT_ONCE = 1 << 17", "AT_ONCE = 1 << 15", "values[start:]",
            ),
            "where no text is short, nothing is inserted": ("if True:",),
            "n words have one n-gram": ("ngram_hashes(each, len(each))[-1]",),
            "its lower 32 bits are left out": ("np.uint64(1) for each",),
        },
    ),
    "domain/tokens/interleave.py": (
        "tests/domain/tokens/test_interleave.py",
        {
            "one node is left": ("heap[-1][2]",),
            "halves of another size end at the same row": ("low + high + 2",),
            "up to the last change no stream has more than its limit": ("starts[-0], rows",),
            "all stretches have as many shares": ("len(stretches[-1][1])",),
            "a stream that the row after it takes over its limit is full as well": ("over(low + 2)",),
        },
    ),
    "domain/tokens/batches.py": (
        "tests/domain/tokens/test_batches.py "
        "tests/domain/training/test_spike_recovery.py::test_the_documents_of_a_batch",
        {
            "it is more than any training reads": ("ENDLESS = 2 ** 61", "ENDLESS = 2 ** 63", "ENDLESS = 3 ** 62"),
            "a part that is not read may be opened": ("for part in PARTS}",),
            "the tokens of rows whose documents are named are not read": ("np.empty((2, self.context + 2)",),
        },
    ),
    "domain/training/spikes.py": (
        "tests/domain/training/test_spikes.py",
        {
            "the mean itself is below any number of deviations above it": ("torch.tensor([1.0, STEEP]",),
            "the same number is written to the same place twice": ("expand(2, 2)",),
        },
    ),
    "domain/score.py": (
        "tests/domain/test_score.py",
        {
            "two positions at a time, where one is too many, have the same loss": ("max(2, LOSSES_AT_ONCE",),
            "they are positions by vocabulary": ("logits.shape[1]",),
        },
    ),
}  # fmt: skip


class Replaced(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a source of ours."""

    def __init__(self, path: Path, source: str) -> None:
        self.module, self.path, self.source = ".".join(path.relative_to(HOME).with_suffix("").parts), path, source
        assert self.module not in sys.modules

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        if name != self.module:
            return None
        return importlib.util.spec_from_loader(name, self, origin=str(self.path))

    def exec_module(self, module: types.ModuleType) -> None:
        module.__file__ = str(self.path)
        exec(compile(self.source, str(self.path), "exec"), module.__dict__)


def run_tests(path: Path, source: str, tests: Sequence[str], base: Path, seconds: float, names: Path) -> int:
    """Start the tests of a module with this source in a forked process and return its id.

    Its exit status is 0 if they pass. It writes the names of all modules imported by then to the file ``names``.
    """
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        sys.meta_path.insert(0, Replaced(path, source))  # type: ignore[arg-type]
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={base / str(os.getpid())}"]
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        code = int(pytest.main([*options, *tests]))
        names.write_text("\n".join(sys.modules))
    finally:
        os._exit(code)


def time_unchanged(path: Path, tests: Sequence[str], base: Path, names: Path) -> float:
    """Seconds of CPU time that the tests take on the unchanged module; see ``run_tests`` for ``names``."""
    before = os.times()
    process = run_tests(path, path.read_text(encoding="utf-8"), tests, base, WALL, names)
    if os.waitpid(process, 0)[1]:
        raise SystemExit(f"{path}: {' '.join(tests)} fail without any change")
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def import_libraries(names: Sequence[str], path: Path) -> None:
    """Import those of these modules that do not import the module at ``path`` before the first fork.

    They are the libraries, and ``domain`` for a module outside of it. Its tables of characters are made now, too.
    """
    in_domain = path.relative_to(HOME).parts[0] == "domain"
    changing = ("flows", "evals", "corpora", "tests", "__main__", *(["domain"] if in_domain else []))
    for name in names:
        if name.partition(".")[0] not in changing:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    if not in_domain and "domain.text.fold" in names:
        importlib.import_module("domain.text.fold").fold("\u00e9")
    gc.freeze()


def survivors(path: Path, chosen: Sequence[Mutant], tests: Sequence[str], jobs: int) -> Iterator[tuple[Mutant, int]]:
    """(mutant, exit status of its tests) as they end; 0 for a mutant that survives.

    The limit of CPU time is 3 times what the tests take on the unchanged module, once libraries are imported.
    """
    with tempfile.TemporaryDirectory() as folder:
        base, names = Path(folder), Path(folder) / "names"
        time_unchanged(path, tests, base, names)
        import_libraries(names.read_text().split(), path)
        seconds = 3 * time_unchanged(path, tests, base, names)
        waiting, running = list(reversed(chosen)), dict[int, tuple[Mutant, float]]()
        while waiting or running:
            while waiting and len(running) < jobs:
                mutant = waiting.pop()
                process = run_tests(path, mutant.source, tests, base, seconds, Path(os.devnull))
                running[process] = mutant, time.monotonic() + WALL
            for process, (mutant, until) in list(running.items()):
                if time.monotonic() > until:
                    os.killpg(process, signal.SIGKILL)
                done, status = os.waitpid(process, os.WNOHANG)
                if done:
                    del running[process]
                    with contextlib.suppress(ProcessLookupError):  # what its tests started and left
                        os.killpg(process, signal.SIGKILL)
                    yield mutant, os.waitstatus_to_exitcode(status)
            time.sleep(0.01)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the surviving mutants and the score of each module; 1 if more than two survive in one of them."""
    # The same examples every time, without shrinking those that fail.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", phases=phases, derandomize=True, database=None)
    hypothesis.settings.load_profile("mutants")
    parser = argparse.ArgumentParser(prog="python -m tests.soak.score", description=__doc__)
    parser.add_argument("modules", nargs="*", choices=DECIDING)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time")
    options = parser.parse_args(arguments)
    good = True
    for module in options.modules or DECIDING:
        path, (tests, equivalent) = HOME / module, DECIDING[module]
        unseen = [code for codes in equivalent.values() for code in codes]
        chosen = [mutant for mutant in mutants(path) if not any(map(mutant.has, unseen))]
        survived, ended, began, before = 0, 0, time.monotonic(), os.times()
        for mutant, status in survivors(path, chosen, tests.split(), options.jobs):
            survived += status == 0
            ended += status < 0
            if status == 0:
                print(f"{module}:{mutant.line}: {mutant.after}", flush=True)
        after = os.times()
        computed = after.children_user + after.children_system - before.children_user - before.children_system
        took = f"{time.monotonic() - began:.0f} s, CPU {computed:.0f} s, {ended} ended by a limit"
        print(f"{module}: {len(chosen) - survived} of {len(chosen)} mutants killed ({took})", flush=True)
        good &= survived <= SURVIVORS
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
