from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from domain.errors import UserError
from domain.yamlfile import LARGEST, compose_yaml, parse_yaml, read_yaml


def chain(first: str, following: str, length: int) -> bytes:
    """Lines each of which repeats the one before, as ``a``."""
    lines = [f"k{i}: &a{i} " + following.replace("*a", f"*a{i - 1}") for i in range(1, length)]
    return "\n".join([f"k0: &a0 {first}", *lines]).encode()


def test_reads(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: {b: [1, x]}\n")
    assert read_yaml(tmp_path / "a.yaml") == {"a": {"b": [1, "x"]}}
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: caf\xc3\xa9\r\n")
    assert read_yaml(tmp_path / "a.yaml") == {"a": 1, "b": "café"}


@pytest.mark.parametrize(
    ("written", "value"),  # as the core schema of YAML 1.2.2 has them, section 10.3
    [
        ("true", True), ("False", False), ("on", "on"), ("yes", "yes"), ("NO", "NO"), ("y", "y"),
        ("null", None), ("~", None), ("", None), ("nULL", "nULL"),
        ("0", 0), ("-19", -19), ("+12", 12), ("0o17", 15), ("0x1f", 31), ("0b11", "0b11"), ("1_000", "1_000"),
        ("0x_", "0x_"), ("0o", "0o"), ("190:20:30", "190:20:30"), ("12:30", "12:30"),
        ("0.5", 0.5), (".5", 0.5), ("1.", 1.0), ("1e-5", 1e-5), ("12e03", 12000.0), ("-.inf", float("-inf")),
        ("2021-02-30", "2021-02-30"), ("2021-01-01T25:00", "2021-01-01T25:00"), ("=", "="), ("<<", "<<"),
    ],
)  # fmt: skip
def test_plain_values_are_those_of_yaml_1_2(written: str, value: object) -> None:
    result = parse_yaml(f"a: {written}", "x")["a"]
    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"a: 1\nb: 2\na: 3\n", "line 3"),
        (b"a: [1, 2\nb: 3\n", "line 2"),
        (b"a:\n\t- 1\n", "line 2"),
        (b"name: caf\xe9\n", "byte 9"),
        (b"a: 1\nb: 0100000\n", "line 2: the number 0100000 begins with 0.* write 100000"),
        (b"a: -007", "line 1: the number -007 begins"),
        (b"a: 1\nb: " + b"9" * 5_000, "line 2: a number of 5,000 characters"),
        (b"a: 0x" + b"f" * 5_000, "line 1: a number of 5,002 characters"),
        (b"a: 1." + b"0" * 5_000, "line 1: a number of 5,002 characters"),
        (b'a: 1\nb: "\\U00110000"\n', "line 2: is not valid YAML"),
        (b'a: "\\0"', r"line 1: holds the control character U\+0000"),
        (b'a: "\\e]0;x\\a"', r"line 1: holds the control character U\+001B"),
        (b'a: "\\ud800"', r"line 1: holds the control character U\+D800"),
        (b"a: 1\nb: \x00", r"line 2: holds the character U\+0000"),
        (b"a: 1\nb: \x1b[2J", r"line 2: holds the character U\+001B"),
        (b"a: 1\n2: b", "line 2: the key '2' is not text"),
        (b"true: b", "line 1: the key 'true' is not text"),
        (b"? [a]\n: b", "line 1: the key .* is not text"),
        (b"? {a: b}\n: c", "line 1: the key .* is not text"),
        (b"a: !!python/object/apply:os.system [x]", "line 1: has the tag tag:yaml.org,2002:python.*not read here"),
        (b"a: !!timestamp 2021-02-30", "line 1: has the tag"),
        (b"a: !!int 0x_", "line 1: has the tag"),
        (b"a: !!binary x", "line 1: has the tag"),
        (b"a: !own [1]", "line 1: has the tag"),
        (b"a: 1\n---\nb: 2", "line 2: but found another document"),
        (b"a: *b", "line 1: found undefined alias"),
        (b"a: &a [*a]", r"line 1: the alias \*a stands inside of what it repeats"),
        (b"a: &a\n  b:\n    c: [1, *a]", "line 3: the alias"),
        (b"[" * 3_000, "line 1: is nested more than 50 deep"),
        (b"{a: " * 3_000, "line 1: is nested more than 50 deep"),
        (b"- " * 3_000, "line 1: is nested more than 50 deep"),
        (b"".join(b" " * i + b"a:\n" for i in range(60)), "line 50: is nested more than 50 deep"),
        (chain("[x]", "[*a]", 99), "nested more than 50 deep"),
        (chain("[x]", f"[{'*a, ' * 10}]", 9), "more than 100,000 values, what aliases repeat counted each time"),
        (chain("{a: 1}", f"{{<<: [{'*a, ' * 9}]}}", 9), "holds more than 100,000 values"),
        (b"[" + b"a," * 200_000 + b"]", "holds more than 100,000 values"),
        (b"#" * LARGEST + b"\n", "has more than 1 MB"),
        (b"<<: 1", "line 1: expected a mapping"),
        (b"<<: [[1]]", "line 1: expected a mapping"),
        (b"a: &a {b: 1}\nc: {<<: *a, <<: *a}", "line 2: the key '<<' stands here a second time"),
        (b"%YAML 9.9\n---\na: 1", "line 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_place(tmp_path: Path, content: bytes, place: str) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    began = time.process_time()
    with pytest.raises(UserError, match=place) as refused:
        read_yaml(tmp_path / "a.yaml")
    assert time.process_time() - began < 5
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1_000


def test_merge_keys_give_way_to_own_keys_and_earlier_ones_to_none() -> None:
    # The merge key of yaml.org/type/merge.html: own keys win, then the mapping that is named first.
    content: dict[str, Any] = parse_yaml(
        "small: &small {width: 8, layers: 1}\n"
        "wide: &wide {<<: *small, width: 64}\n"
        "one: {<<: *wide, layers: 3}\n"
        "two: {<<: [*small, *wide], heads: 2}\n"
        "three: {layers: 5, <<: *small}\n"
        "four: {<<: {a: 1}, b: 2}\n",
        "x",
    )
    assert content["wide"] == {"width": 64, "layers": 1}
    assert content["one"] == {"width": 64, "layers": 3}
    assert content["two"] == {"width": 8, "layers": 1, "heads": 2}
    assert content["three"] == {"width": 8, "layers": 5}
    assert content["four"] == {"a": 1, "b": 2}


def test_aliases_repeat_values() -> None:
    assert parse_yaml("a: &x [1, {b: 2}]\nc: *x\nd: [*x, *x]", "x")["d"] == [[1, {"b": 2}]] * 2


def test_a_tree_has_places() -> None:
    node = compose_yaml("a:\n  b: 1\n", "x")
    assert node is not None
    assert node.value[0][1].value[0][1].start_mark.line == 1


def test_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none.yaml", tmp_path / "pipe", tmp_path, Path("/dev/zero"), tmp_path / ("x" * 300)):
        with pytest.raises(UserError, match=r"cannot be read \("):
            read_yaml(path)
