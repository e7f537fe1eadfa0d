"""Which errors are worth another try, what Prefect is told before it is imported, and how a stopped flow ends."""

from __future__ import annotations

import errno
import socket
from types import SimpleNamespace

import pytest

from domain.errors import UserError
from flows.run.prefect_flow import can_help


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


class OfflineModeIsEnabled(ConnectionError):
    """Named as the hub's."""


@pytest.mark.parametrize(
    ("error", "helps"),
    [
        (ConnectionResetError("reset"), True),
        (TimeoutError("slow"), True),
        (OSError(errno.ECONNREFUSED, "refused"), True),
        (caused(UserError("hub", "cannot be read", "check"), socket.gaierror("no name")), True),
        (caused(UserError("hub", "cannot be read", "check"), OfflineModeIsEnabled("off")), False),
        (UserError("training.tokens", "are few", "raise them"), False),
        (OSError(errno.ENOSPC, "full"), False),
        (ValueError("a defect"), False),
    ],
)
def test_a_retry_only_where_it_can_help(error: BaseException, helps: bool, caplog: pytest.LogCaptureFixture) -> None:
    assert can_help(SimpleNamespace(name="collect"), None, SimpleNamespace(data=error)) is helps
    assert ("the network failed" in caplog.text) is helps
