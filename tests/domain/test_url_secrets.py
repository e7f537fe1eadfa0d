"""Addresses are shown without what unlocks them, in any text, and read with variables of the environment."""

from __future__ import annotations

import pytest

from domain.errors import UserError
from domain.url_secrets import each_string, from_environment, has_secret, has_user, shown


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://host/path", "https://host/path"),
        ("https://user:SECRET@host/path", "https://host/path"),
        ("https://SECRET@host", "https://host"),
        ("https://user:SEC@RET@host/x", "https://host/x"),
        ("https://user:SEC/RET@host/x", "https://host/x"),
        ("https://user:SEC?RET#@host/x", "https://host/x"),
        ("https://user:@host", "https://host"),
        ("postgresql+psycopg2://shop:SECRET@db:5432/mlflow", "postgresql+psycopg2://db:5432/mlflow"),
        ("https://host:8080/npm/@scope/pack", "https://host:8080/npm/@scope/pack"),
        ("https://host/a@b", "https://host/a@b"),
        ("https://host/a?download=1", "https://host/a?download=1"),
        ("https://host/a?download=1&token=SECRET&x=2", "https://host/a?download=1&token=***&x=2"),
        ("https://host/a?X-Amz-Signature=SECRET&X-Amz-Credential=SECRET%2F1", "https://host/a?X-Amz-Signature=***&X-Amz-Credential=***"),
        ("https://host/a?sv=2024&sig=SECRET%3D", "https://host/a?sv=***&sig=***"),
        ("https://host/a?API_KEY=SECRET", "https://host/a?API_KEY=***"),
        ("https://host/a#access_token=SECRET", "https://host/a#access_token=***"),
        ("https://host/a?u=0SECRET0a1b2c3d4e5f67890", "https://host/a?u=***"),
    ],
)  # fmt: skip
def test_no_secret_is_shown(url: str, expected: str) -> None:
    assert shown(url) == expected
    assert has_user(url) == ("@" in url and "@" not in expected)
    assert has_secret(url) == ("SECRET" in url or url != expected)
    assert shown(f"cannot read '{url}': refused, see <{url}>") == f"cannot read '{expected}': refused, see <{expected}>"
    assert shown(shown(url)) == expected


def test_every_error_hides_the_secrets_of_its_addresses() -> None:
    error = UserError("https://u:SECRET@host", "answers 403 at ftp://a:SECRET@b", "ask https://c/?sig=SECRET")
    assert "SECRET" not in f"{error} {error!r} {error.place} {error.args}"


def test_records_are_changed_wherever_a_string_is_in_them() -> None:
    value = {"https://u:p@h": ["https://u:p@h", {"a": ("https://u:p@h", 1, None, True)}]}
    assert each_string(value, shown) == {"https://h": ["https://h", {"a": ["https://h", 1, None, True]}]}


def test_a_password_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "p/w")
    assert from_environment("http://shop:${SHOP_PASSWORD}@host") == "http://shop:p/w@host"
    monkeypatch.delenv("SHOP_PASSWORD")
    with pytest.raises(ValueError, match="SHOP_PASSWORD"):
        from_environment("http://shop:${SHOP_PASSWORD}@host")
