from __future__ import annotations

import random
import string

import pytest

from domain.text.privacy import mask
from domain.text.privacy.keys import entropy

CHANCE = random.Random(0)


def drawn(count: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(CHANCE.choices(letters, k=count))


PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{drawn(64)}\n{drawn(30)}==\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "key",
    [
        "AKIAIOSFODNN7EXAMPLE",  # AWS's own example
        f"ghp_{drawn(36)}",
        f"github_pat_{drawn(82)}",
        f"glpat-{drawn(20)}",
        f"xoxb-{drawn(12, string.digits)}-{drawn(24)}",
        f"sk_live_{drawn(24)}",
        f"AIza{drawn(35)}",
        f"sk-proj-7{drawn(40)}",
        f"hf_{drawn(34)}",
        # The example of RFC 7519, section 3.1.
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        PEM,
        f"SG.{drawn(22)}.{drawn(43)}",
        f"pypi-{drawn(90)}",
        f"dop_v1_{drawn(64, string.digits + 'abcdef')}",
        f"shpat_{drawn(32, string.digits + 'abcdef')}",
        f"hvs.{drawn(24)}",
        f"GOCSPX-{drawn(28)}",
    ],
)
def test_what_services_issue(key: str) -> None:
    for text in ("{}", "use {} here", 'export K="{}"\n', "({})"):
        assert mask(text.format(key)) == (text.format("<KEY>"), {"key": 1})


@pytest.mark.parametrize("before", ['api_key = "', "API-KEY: ", "secretToken=", '"client_secret": "', "password := '"])
def test_a_named_secret_with_enough_entropy(before: str) -> None:
    assert mask(f"{before}wJalrXUtnFEMI7K7MDENGbPx")[0] == f"{before}<KEY>"


@pytest.mark.parametrize("cut", ["", "\n", " and so on", "\n\nNext paragraph."])
def test_a_private_key_without_its_end(cut: str) -> None:
    lines = "\n".join(drawn(64) for _ in range(3))
    headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF0123456789ABCDEF\n\n"
    for before in ("", headers):
        assert mask(f"-----BEGIN RSA PRIVATE KEY-----\n{before}{lines}{cut}")[0] == f"<KEY>{cut}"
    escaped = lines.replace("\n", "\\n")
    assert mask(f'"-----BEGIN PRIVATE KEY-----\\n{escaped}"')[0] == '"<KEY>"'


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic <KEY>"),
        ("{'Authorization': 'Bearer abcdef123'}", "{'Authorization': 'Bearer <KEY>'}"),
        ('-H "authorization:token abc-d3f"', '-H "authorization:token <KEY>"'),
        ("postgres://shop:s3cret@db.example.org/x", "postgres://<KEY>@db.example.org/x"),
    ],
)
def test_credentials_by_their_place(text: str, masked: str) -> None:
    assert mask(text)[0] == masked


@pytest.mark.parametrize(
    "text",
    [
        "postgres://shop:${PASSWORD}@db/x and https://user:password@host/",
        "Authorization: Basic credentials are sent",
        "risk-adjusted, task-based and sk-learn-compatible-estimators-for-all",
        'key = "the_name_of_a_column_2"',
        "key = AAAAAAAAAAAAAAAAAAAA1",
        "sha256: 9f86d081884c7d659a2feaa0c55ad015",
        "token: tokenization",
        "secret = load(path_to_secrets_file_v2)",
        "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAK\n-----END PUBLIC KEY-----",
        "key levers: https://example.org/2019/annual-report/overview-of-results",
    ],
)
def test_what_is_no_key(text: str) -> None:
    assert mask(text) == (text, {})


def test_entropy_by_hand() -> None:
    assert entropy("aabb") == 1.0
    assert entropy("abcdefgh") == 3.0
    assert entropy("aaab") == pytest.approx(0.8113, abs=1e-4)
