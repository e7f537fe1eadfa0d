"""Which files of a data set form a split: by the configurations in its README.md, else by the names of files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

import yaml

from corpora.files.formats import form
from corpora.files.pieces import is_archive
from corpora.files.stores import WILD
from domain.errors import UserError

LARGEST_CARD = 20_000_000  # bytes of README.md: one of 2,000 configurations has 1 MB
DEEPEST = 50  # levels of YAML: libyaml's composer ends the process with a segmentation fault at some 100,000
MOST_GLOBS = 200  # patterns with a wildcard in one split
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
HIDDEN = (".", "__")
# Which files are read together; of several families in one split the largest counts, then the first here.
FILE_FAMILIES = {
    "parquet": (".parquet",),
    "json": (".jsonl", ".ndjson", ".json"),
    "csv": (".csv", ".tsv"),
    "text": (".txt",),
    "archive": (),
}
NO_DATA = {"README.md", "config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "dummy_data.zip"}
SPLIT_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
NUMBERED_SHARD = re.compile(r"(.*)-\d{5}-of-(\d{5})")
SHARD = re.compile(r"data/(\w+(?:\.\w+)*)-\d{5}-of-\d{5}[^/]*\.[^/]*")
# What a configuration may say without a change of the records; anything else would be a setting of another reader.
UNDERSTOOD = {"config_name", "data_files", "data_dir", "default", "description", "version", "features"}


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A configuration of a dataset: ``patterns`` by split, relative to the dataset's folder, or None where the names
    of the files in ``folder`` say what belongs to which split."""

    place: str
    folder: str = ""
    patterns: dict[str, list[str]] | None = None

    def below(self, split: str) -> str:
        """The folder that all files of a split are in; empty for the dataset's own."""
        if self.patterns is None:
            return self.folder
        fixed = [fixed_parts(pattern) for pattern in self.patterns.get(split, ())]
        shortest = min(fixed, key=len, default=())
        count = next((n for n in range(len(shortest), 0, -1) if len({parts[:n] for parts in fixed}) == 1), 0)
        return "/".join(shortest[:count])

    def files(self, names: Iterable[str], split: str) -> list[str]:
        """Those of a dataset's files that a split is made of, in the order of reading; raises ``UserError``."""
        if self.patterns is None:
            prefix = f"{self.folder}/" if self.folder else ""
            below = {name.removeprefix(prefix): name for name in sorted(names) if name.startswith(prefix)}
            splits = {key: [below[name] for name in matches] for key, matches in by_name([*below]).items()}
            self.refuse_unknown(split, splits)
            chosen = splits[split]
        else:
            self.refuse_unknown(split, self.patterns)
            chosen = matching(sorted(names), self.patterns[split])
            if missing := sorted({each for each in self.patterns[split] if not WILD.search(each)}.difference(chosen)):
                problem = f"its README.md names {missing[0][:80]!r}, which is not there"
                raise UserError(self.place, problem, "fetch the dataset whole, or correct README.md")
        readable = one_family(chosen)
        if not readable:
            example = f", only such as {chosen[0]!r}" if chosen else ""
            endings = ", ".join(ending for endings in FILE_FAMILIES.values() for ending in endings)
            raise UserError(
                self.place, f"holds no file that can be read{example}", f"use one of {endings}, .zip or .tar"
            )
        return readable

    def refuse_unknown(self, split: str, splits: dict[str, list[str]]) -> None:
        """Raise ``UserError`` where there is no such split."""
        if split not in splits:
            there = ", ".join(sorted(splits)[:20]) or "none"
            raise UserError(self.place, f"has no split {split}; there are: {there}", "correct split, or subset")


def configuration(card: bytes, subset: str | None, place: str) -> Configuration:
    """What README.md says of a subset (None: the only one, or its default).

    Raises ``UserError`` where it names what is not in the dataset's folder: another host, a path of the machine, a
    parent folder. Names that it does give are only ever compared with those of the dataset's files, never opened.
    """
    stated = front_matter(card, place).get("configs") or []
    entries = [each for each in stated if isinstance(each, dict)] if isinstance(stated, list) else []
    if not entries:
        if subset not in (None, "default"):
            raise UserError(place, f"has no subset {subset}: its README.md names none", "take subset out")
        return Configuration(place=place)
    entry = chosen_entry(entries, subset, place)
    if unknown := sorted(map(str, set(entry) - UNDERSTOOD)):
        problem = f"its README.md sets {unknown[0][:80]!r} for the reader of its files, which is not understood here"
        raise UserError(place, problem, "name its files by a source of kind files")
    folder = "/".join(parts_inside(entry.get("data_dir") or ".", place))
    if entry.get("data_files") is None:
        return Configuration(place=place, folder=folder)
    patterns = {
        split: ["/".join((*filter(None, [folder]), *parts_inside(path, place))) for path in paths]
        for split, paths in by_split(entry["data_files"], place).items()
    }
    return Configuration(place=place, folder=folder, patterns=patterns)


def front_matter(card: bytes, place: str) -> dict[str, Any]:
    """The YAML at the head of README.md, all scalars as text; raises ``UserError``."""
    text = card.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n")
    begin, _, rest = text.partition("---\n")
    if begin.strip() or not rest:
        return {}
    head = re.split(r"^---[ \t]*$", rest, maxsplit=1, flags=re.MULTILINE)[0]
    try:
        depth = 0
        for event in yaml.parse(head, Loader=yaml.CBaseLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise ValueError("is nested too deeply")
        value = yaml.load(head, Loader=yaml.CBaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(place, f"its README.md cannot be read ({reason})", "correct the YAML at its head") from None
    return value if isinstance(value, dict) else {}


def chosen_entry(entries: Sequence[dict[str, Any]], subset: str | None, place: str) -> dict[str, Any]:
    """The entry of ``configs`` for a subset; raises ``UserError`` where none or several would do."""
    names = [str(entry.get("config_name", "default")) for entry in entries]
    there = ", ".join(names[:20]) + (" ..." if len(names) > 20 else "")
    if subset is not None:
        if subset not in names:
            raise UserError(place, f"has no subset {subset}; there are: {there}", "correct subset")
        return entries[names.index(subset)]
    default = [
        entry
        for name, entry in zip(names, entries, strict=True)
        if len(entries) == 1 or name == "default" or str(entry.get("default", "")).lower() == "true"
    ]
    if not default:
        raise UserError(place, f"has several subsets: {there}", "name one of them as subset")
    return default[0]


def by_split(data_files: Any, place: str) -> dict[str, list[Any]]:
    """``data_files`` in any of its spellings, as lists of patterns by split; raises ``UserError``."""
    if isinstance(data_files, dict):
        stated = dict(data_files)
    elif isinstance(data_files, list) and any(isinstance(each, dict) for each in data_files):
        if not all(isinstance(each, dict) and {"split", "path"} <= set(each) for each in data_files):
            raise UserError(place, "its README.md has data_files without split or path", "correct README.md")
        stated = {str(each["split"]): each["path"] for each in data_files}
    else:
        stated = {"train": data_files}
    lists = {str(split): paths if isinstance(paths, list) else [paths] for split, paths in stated.items()}
    if any(sum(bool(WILD.search(str(path)[:1_000])) for path in paths) > MOST_GLOBS for paths in lists.values()):
        raise UserError(place, f"its README.md has more than {MOST_GLOBS} patterns for a split", "correct README.md")
    return lists


def parts_inside(path: Any, place: str) -> tuple[str, ...]:
    """The parts of a path or pattern below the dataset's folder; raises ``UserError`` for any that may lead out."""
    text = path if isinstance(path, str) else ""
    parts = PurePosixPath(text).parts
    if (
        not 0 < len(text) <= 1_000
        or text.startswith(("/", "~"))
        or SCHEME.match(text)
        or "::" in text
        or "\\" in text
        or not text.isprintable()
        or ".." in parts
    ):
        problem = f"its README.md names {str(path)[:80]!r}, which is not below the dataset's own folder"
        raise UserError(place, problem, "do not use it, or correct README.md; other files are a source of their own")
    return parts


def fixed_parts(pattern: str) -> tuple[str, ...]:
    """The folders before a pattern's first wildcard."""
    parts = pattern.split("/")[:-1]
    return tuple(parts[: next((n for n, part in enumerate(parts) if WILD.search(part)), len(parts))])


def matching(names: Sequence[str], patterns: Iterable[str]) -> list[str]:
    """The names that patterns name: in the order of the patterns, then of the names, each once."""
    there, chosen = set(names), dict[str, None]()
    for pattern in patterns:
        if WILD.search(pattern):
            parts = pattern.split("/")
            chosen.update(dict.fromkeys(name for name in names if matches(name.split("/"), parts)))
        elif pattern in there:
            chosen[pattern] = None
    return [*chosen]


def matches(name: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path matches a glob, part by part; ``**`` stands for any folders. Time grows with the product of both
    lengths alone. What is hidden (``.x``, ``__x``) is matched only by a part that is written so."""
    at = here = 0
    again: tuple[int, int] | None = None  # where to go on if the last ** takes one part more
    while at < len(name):
        if here < len(pattern) and pattern[here] == "**":
            again, here = (at, here + 1), here + 1
        elif here < len(pattern) and part_matches(name[at], pattern[here]):
            at, here = at + 1, here + 1
        elif again is not None and not name[again[0]].startswith(HIDDEN):
            again = (again[0] + 1, again[1])
            at, here = again
        else:
            return False
    return all(part == "**" for part in pattern[here:])


def part_matches(name: str, pattern: str) -> bool:
    """Whether one part of a path matches."""
    shown = all(pattern.startswith(prefix) for prefix in HIDDEN if name.startswith(prefix))
    return shown and fnmatchcase(name, pattern)


def by_name(names: Sequence[str]) -> dict[str, list[str]]:
    """Files by split as their names say: shards in ``data``, else a folder, else a file called train, test, dev ...;
    where nothing is, all are ``train``."""
    visible = [name for name in names if not any(part.startswith(HIDDEN) for part in name.split("/"))]
    data = [name for name in visible if name.rpartition("/")[2] not in NO_DATA and family(name)]
    splits: dict[str, list[str]] = {}
    for name in data:
        if shard := SHARD.fullmatch(name):
            splits.setdefault(shard[1], []).append(name)
    for folders in (True, False):
        if splits:
            break
        for split, words in SPLIT_WORDS.items():
            if found := [name for name in data if says(name, words, folders=folders)]:
                splits[split] = found
    return splits or ({"train": data} if data else {})


def says(name: str, words: Iterable[str], *, folders: bool) -> bool:
    """Whether a folder of a path, or its file's name, has one of these words between separators."""
    *above, last = name.split("/")
    return any(not set(words).isdisjoint(re.split(r"[-._ 0-9]+", part)) for part in (above if folders else [last]))


def family(name: str) -> str | None:
    """The family of a file's name; None for one that is not read."""
    if is_archive(name):
        return "archive"
    ending = form(name)[0]
    return next((key for key, endings in FILE_FAMILIES.items() if ending in endings), None)


def refuse_incomplete(names: Iterable[str], place: str) -> None:
    """Raise ``UserError`` where of files that say how many they are (``x-00000-of-00003``) some are not there."""
    there = Counter[tuple[str, str]]((match[1], match[2]) for name in names if (match := NUMBERED_SHARD.search(name)))
    for (name, total), count in sorted(there.items()):
        if count < int(total):
            problem = f"{count:,} of {int(total):,} files of {name!r} are there"
            raise UserError(place, problem, "fetch the dataset whole: hf download resumes where it broke off")


def one_family(names: Iterable[str]) -> list[str]:
    """Those of the files that are of the commonest family."""
    families = {name: key for name in names if (key := family(name)) is not None}
    counts, order = Counter(families.values()), [*FILE_FAMILIES]
    best = max(counts, key=lambda key: (counts[key], -order.index(key)), default=None)
    return [name for name, key in families.items() if key == best]
