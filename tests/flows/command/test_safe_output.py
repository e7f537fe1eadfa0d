"""Nothing that a command prints moves a cursor, hides a text or shows a secret, whoever wrote the text."""

from __future__ import annotations

import ast
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.errors import UserError
from domain.progress import progress
from flows.command import cli
from flows.command.safe_output import safe, safe_output

HOME = Path(__file__).parents[3]
QUOTED = re.compile(r"quote\(")
STRANGE = [
    "\x1b]0;title\x07", "\x1b[2J", "\x1b[8mhidden", "\x9b2J", "\rover", "\x08", "\x00", "\x7f", "\u202egpj.exe",
    "\u2066", "\u2028", "\ud800", "\U000e0041", "\x0c", "\x0b",
]  # fmt: skip


@pytest.mark.parametrize("text", STRANGE)
def test_strange_text_is_escaped_as_json_reads_it(text: str) -> None:
    shown = safe(f"a{text}b", styled=True)
    assert shown.isprintable()
    assert json.loads(f'"{shown}"').encode("utf-16", "surrogatepass") == f"a{text}b".encode("utf-16", "surrogatepass")


PERSIAN, SCIENTIST = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\U0001f469\u200d\U0001f52c"


@pytest.mark.parametrize("text", ["a\tb\n", "Gr\u00fc\u00dfe", PERSIAN, SCIENTIST, "[/b] [bold]x"])
def test_what_people_write_passes(text: str) -> None:
    assert safe(text) == text


def test_colours_pass_to_a_terminal_alone() -> None:
    assert safe("\x1b[1;31mred\x1b[0m\x1b[2J", styled=True) == "\x1b[1;31mred\x1b[0m\\u001b[2J"
    assert "\x1b" not in safe("\x1b[1;31mred\x1b[0m")


def test_a_progress_bar_moves_on_a_terminal_and_its_description_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", terminal)
    with safe_output():
        bar = progress(what="source \x1b[2J \r", total=2)
        bar.update(2)
        bar.close()
    assert terminal.getvalue().startswith("\rsource \\u001b[2J \\u000d")
    assert "\x1b[2J" not in terminal.getvalue()


def test_an_encoding_that_lacks_a_letter_ends_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    with safe_output():
        print("\u4e2d \x1b \u00fc")
    sys.stdout.flush()
    assert raw.getvalue() == b"\\u4e2d \\u001b \xfc\n"


class Fails:
    """A command that ends in an error with strange text."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def run(self, _: object) -> int:
        raise self.error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("a\x1b[2J\nshoptalk: b", "ftp://u:SECRET@h failed", "c\r\n\u202ed"), 2),
        (RuntimeError("a\x1b[2J http://h/?sig=SECRET"), 1),
    ],
)  # fmt: skip
def test_errors_are_printed_safely(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    monkeypatch.setattr(cli, "command_module", lambda name: Fails(error) if name == "recipes" else modules[name])
    modules = {name: __import__(f"flows.command.{name}", fromlist=["add"]) for name in cli.COMMANDS}
    with monkeypatch.context() as patch:
        patch.setattr(Fails, "add", lambda *_: None, raising=False)
        assert cli.main(["recipes"]) == code
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "\u202e" not in err
    assert "SECRET" not in err
    assert "\\u001b[2J" in err
    assert err.count("\n") == 1 or code == 1


@pytest.mark.parametrize(
    "option", [["--set", "corpus.domain.0.path=https://u:SECRET@h/x"], ["--tracking", "http://u:SECRET@h"]]
)
@pytest.mark.parametrize("name", ["run", "plan", "check"])
def test_no_secret_is_taken_from_the_command_line(command: Any, name: str, option: list[str]) -> None:
    answer = command.ask(name, "quickstart", *option)
    assert answer.code == 2
    assert "process list" in answer.err
    assert "SECRET" not in answer.err + answer.out


def test_every_command_that_is_suggested_is_quoted_for_a_shell() -> None:
    """A name or a path with a space or a ``$(...)`` in ``shoptalk run ...`` can be pasted as it is printed."""
    unquoted = []
    for package in ("flows", "corpora", "domain", "evals"):
        for path in (HOME / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    unquoted += [f"{path.name}: {value}" for value in in_suggestion(node) if not QUOTED.match(value)]
    assert sorted(unquoted) == [
        "cli.py: version('shoptalk')", "feed.py: self.contact", "linear.py: purpose", "mlflow_tracker.py: self.name",
        "pilot.py: values",
    ]  # fmt: skip


def in_suggestion(text: ast.JoinedStr) -> Iterator[str]:
    """The expressions after ``shoptalk `` in an f-string, up to the end of the sentence."""
    after = False
    for part in text.values:
        if isinstance(part, ast.Constant):
            content = str(part.value)
            after = "shoptalk " in content or (after and not set(content) & set(".,;"))
        elif isinstance(part, ast.FormattedValue) and after:
            yield ast.unparse(part.value)
