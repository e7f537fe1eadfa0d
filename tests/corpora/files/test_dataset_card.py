from __future__ import annotations

import time

import pytest

from corpora.files.dataset_card import Configuration, configuration, matching, refuse_incomplete
from domain.errors import UserError

NAMES = ["README.md", "data/a.jsonl", "data/b.jsonl", "data/deep/c.jsonl", "data/.d.jsonl", "x.csv", "__x__/e.jsonl"]


def card(yaml: str) -> bytes:
    return f"---\n{yaml}\n---\n# Text\n".encode()


def stated(yaml: str, subset: str | None = None) -> Configuration:
    return configuration(card(yaml), subset, "here")


OUTSIDE = [
    "/etc/passwd", "../x.jsonl", "data/../../x.jsonl", "~/x.jsonl", "~root/x", "http://127.0.0.1/x.jsonl", "HTTPS://h",
    "hf://datasets/org/other/x.jsonl", "s3://bucket/x.jsonl", "file:///etc/passwd", "file:/etc/passwd", "data:,x",
    "zip://x.jsonl::http://127.0.0.1/x.zip", "a::b", "simplecache::x", "C:/x", "..\\\\x.jsonl", "\\\\\\\\server\\\\x",
    "x\\x00y", "x\\ny",
]  # fmt: skip


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize(
    "form",
    [
        'data_files: "{}"',
        'data_files: [data/a.jsonl, "{}"]',
        'data_files: {{train: data/a.jsonl, test: ["{}"]}}',
        'data_files: [{{split: train, path: [data/a.jsonl, "{}"]}}]',
        'data_dir: "{}", data_files: x.jsonl',
        'data_dir: "{}"',
    ],
)
def test_a_readme_names_nothing_outside_the_folder(path: str, form: str) -> None:
    with pytest.raises(UserError, match="which is not below the dataset's own folder"):
        stated(f"configs: [{{config_name: default, {form.format(path)}}}]")


@pytest.mark.parametrize("value", ['""', "{a: {b: c}}", "[[a]]", "[{split: train}]", "[{path: a}]", "{train: {a: b}}"])
def test_data_files_of_another_form_are_refused(value: str) -> None:
    with pytest.raises(UserError, match=r"README\.md"):
        stated(f"configs: [{{data_files: {value}}}]")


@pytest.mark.parametrize(
    "yaml",
    ["a: " + "[" * 200_000, "a: " + "{b: " * 10_000, "- " * 10_000 + "x", "a: [", "? [a]\n: b", "a: &a [*b]", "\ta: b"],
)
def test_a_broken_or_hostile_head_is_one_line(yaml: str) -> None:
    begin = time.process_time()
    with pytest.raises(UserError, match=r"its README.md cannot be read"):
        stated(yaml)
    assert time.process_time() - begin < 5


def test_aliases_of_aliases_are_never_unfolded() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    begin = time.process_time()
    assert stated(bomb).patterns is None
    assert time.process_time() - begin < 5


@pytest.mark.parametrize("text", [b"", b"# No head", b"---\n", b"---\na: b\n", b"\xff\xfe---\nconfigs: 1\n---\n"])
def test_without_configurations_names_decide(text: bytes) -> None:
    assert configuration(text, None, "here") == Configuration(place="here")
    with pytest.raises(UserError, match="has no subset en"):
        configuration(text, "en", "here")


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["data/train-00000-of-00002.parquet", "data/dev.x-00000-of-00001.parquet"], {"train": 1, "dev.x": 1}),
        (["train/a.jsonl", "train/b.jsonl", "valid/c.jsonl", "README.md"], {"train": 2, "validation": 1}),
        (["x_train.csv", "eval-1.csv", "dev.csv"], {"train": 1, "validation": 1, "test": 1}),
        (["a.jsonl", "b.jsonl", "c.csv", "LICENSE.txt", ".hidden.jsonl", "__pycache__/x.jsonl"], {"train": 2}),
        (["a.jsonl.gz", "b.JSONL"], {"train": 2}),
        (["constrained.jsonl"], {"train": 1}),
    ],
)
def test_names_say_which_split_a_file_is_of(names: list[str], splits: dict[str, int]) -> None:
    layout = Configuration(place="here")
    assert {split: len(layout.files(names, split)) for split in splits} == splits
    with pytest.raises(UserError, match="has no split nowhere; there are: "):
        layout.files(names, "nowhere")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("data/*.jsonl", ["data/a.jsonl", "data/b.jsonl"]),
        ("data/**", ["data/a.jsonl", "data/b.jsonl", "data/deep/c.jsonl"]),
        ("**/*.jsonl", ["data/a.jsonl", "data/b.jsonl", "data/deep/c.jsonl"]),
        ("**", ["README.md", "data/a.jsonl", "data/b.jsonl", "data/deep/c.jsonl", "x.csv"]),
        ("data/.*", ["data/.d.jsonl"]),
        ("__x__/*", ["__x__/e.jsonl"]),
        ("data/[ab].jsonl", ["data/a.jsonl", "data/b.jsonl"]),
        ("*/deep/?.jsonl", ["data/deep/c.jsonl"]),
        ("data/a.jsonl", ["data/a.jsonl"]),
        ("data", []),
    ],
)
def test_patterns_match_as_shells_do(pattern: str, expected: list[str]) -> None:
    assert matching(NAMES, [pattern]) == expected


def test_a_hostile_pattern_takes_no_time() -> None:
    names = ["a" * 200, "/".join("a" * 100)]
    begin = time.process_time()
    assert matching(names, ["a*" * 100 + "b", "**/a/" * 50 + "b", "*a" * 100 + "b", "[" * 900]) == []
    assert time.process_time() - begin < 1


def test_a_data_dir_is_where_files_are_looked_for() -> None:
    assert stated("configs: [{data_dir: data}]").files(NAMES, "train") == NAMES[1:4]
    layout = stated("configs: [{data_dir: ./data, data_files: 'deep/*.jsonl'}]")
    assert (layout.below("train"), layout.files(NAMES, "train")) == ("data/deep", ["data/deep/c.jsonl"])


def test_of_several_subsets_the_default_is_taken_or_one_is_asked_for() -> None:
    two = "configs: [{config_name: a, data_files: 'data/a*'}, {config_name: b, data_files: 'data/b*'%s}]"
    assert stated(two % "", "a").files(NAMES, "train") == ["data/a.jsonl"]
    assert stated(two % ", default: true").files(NAMES, "train") == ["data/b.jsonl"]
    with pytest.raises(UserError, match="has several subsets: a, b"):
        stated(two % "")


def test_settings_of_other_readers_are_refused() -> None:
    with pytest.raises(UserError, match=r"its README.md sets 'sep' for the reader of its files"):
        stated("configs: [{config_name: default, data_files: x.csv, sep: ';'}]")


def test_files_that_are_stated_and_missing_are_told() -> None:
    with pytest.raises(UserError, match=r"its README.md names 'data/z.jsonl', which is not there"):
        stated("configs: [{data_files: ['data/*.jsonl', data/z.jsonl]}]").files(NAMES, "train")
    whole = [f"data/train-0000{n}-of-00003.parquet" for n in range(3)]
    refuse_incomplete([*whole, "x.jsonl"], "here")
    with pytest.raises(UserError, match="2 of 3 files of 'data/train' are there"):
        refuse_incomplete(whole[1:], "here")


def test_a_split_without_a_file_that_can_be_read_says_so() -> None:
    with pytest.raises(UserError, match=r"holds no file that can be read, only such as 'a.arrow'"):
        stated("configs: [{data_files: '*.arrow'}]").files(["a.arrow"], "train")
