"""Records from a stage's process: what is none is left out, and no secret of an address is handed on."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from domain.logs import RecordFile, handled_by, pass_on, relayed

WHOLE = b'{"name": "domain.x", "levelno": 20, "msg": "%s", "created": 1.5, "process": 7, "args": "x", "exc_info": 1}'


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"1", b"null", b"[" * 100_000, b"\xff", b"{}", WHOLE.replace(b"20", b'"x"'),
             WHOLE.replace(b"1.5", b"null"), WHOLE.replace(b"20", b"1e999"), WHOLE.replace(b"7", b"[]")]
)  # fmt: skip
def test_a_line_that_is_no_record_is_left_out(line: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        pass_on(line)
    assert caplog.records == []


def test_a_record_is_handed_on_with_its_time_and_process(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "domain.x"):
        pass_on(WHOLE)
    (record,) = caplog.records
    assert (record.getMessage(), record.created, record.process, record.levelname) == ("%s", 1.5, 7, "INFO")


def test_no_secret_reaches_a_handler(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "log"
    with caplog.at_level(logging.INFO, "domain.y"), relayed(path):
        handler = RecordFile(path)
        with handled_by(handler):
            logging.getLogger("domain.y").info("asks %s", "https://u:SECRET@host/?sig=SECRET")
        assert b"SECRET" not in path.read_bytes()
    assert "asks https://host/?sig=***" in [record.getMessage() for record in caplog.records]
