"""Forms of keys and tokens: what services issue with a mark of their own, private keys, and named secrets."""

from __future__ import annotations

import math
import re
from collections import Counter

from domain.text.privacy.find import Form, Places, Spans
from domain.text.privacy.numbers import before

# As the services document them: AWS, GitHub, GitLab, Slack, Stripe, Google, OpenAI and Anthropic, Hugging Face, npm,
# SendGrid, PyPI, DigitalOcean, Shopify, Databricks, Vault, Grafana, Linear, Atlassian, Groq.
MARKS = ("AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "xapp-", "sk_live_",
         "rk_live_", "sk_test_", "AIza", "sk-", "hf_", "npm_", "SG.", "pypi-", "dop_v1_", "shpat_", "shpss_",
         "dapi", "hvs.", "glsa_", "lin_api_", "ATATT3", "gsk_", "whsec_", "GOCSPX-", "ya29.", "services/T")  # fmt: skip
ISSUED = re.compile(
    r"(?<![A-Za-z0-9_-])(?:A[KS]IA[A-Z0-9]{16}|gh[opsru]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}"
    r"|glpat-[A-Za-z0-9_-]{20,64}|xox[a-z]-[A-Za-z0-9-]{10,250}|xapp-[A-Za-z0-9-]{20,250}"
    r"|(?:[sr]k_live|sk_test)_[A-Za-z0-9]{16,128}|AIza[A-Za-z0-9_-]{35}|whsec_[A-Za-z0-9+/=]{24,100}"
    r"|sk-(?=[A-Za-z_-]{0,40}[0-9])[A-Za-z0-9_-]{20,200}|hf_[A-Za-z0-9]{30,64}|npm_[A-Za-z0-9]{36}"
    r"|SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}|pypi-[A-Za-z0-9_-]{50,250}|dop_v1_[a-f0-9]{64}"
    r"|shp(?:at|ss)_[A-Fa-f0-9]{32}|dapi[a-f0-9]{32}|hvs\.[A-Za-z0-9_-]{20,128}|glsa_[A-Za-z0-9_=+/]{30,250}"
    r"|lin_api_[A-Za-z0-9]{32,64}|ATATT3[A-Za-z0-9_=-]{50,250}|gsk_[A-Za-z0-9]{40,64}|GOCSPX-[A-Za-z0-9_-]{28}"
    r"|ya29\.[A-Za-z0-9_-]{20,250}|(?<=services/)T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{20,32})(?![A-Za-z0-9_])"
)
# A JSON web token: two objects in base64url, which begin with {", and a signature (RFC 7519).
WEB_TOKEN = re.compile(
    r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{8,1000}(?![A-Za-z0-9_])"
)
# To its end, or as far as base64 goes where that was cut off. Line ends may be escaped, as in JSON.
PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:(?!-----)[^\x00]){1,10000}-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
    r"|(?:(?:\s|\\[nr]){0,4}[A-Za-z-]{4,20}: [^\n\x00]{1,80}\n){0,4}"
    r"(?:(?:\s|\\[nr]){0,4}[A-Za-z0-9+/]{16,4000}={0,2}(?![A-Za-z0-9])){1,200}"
    r"(?:(?:\s|\\[nr]){1,2}[A-Za-z0-9+/]{2,80}={1,2})?)"
)
VALUE = re.compile(r"(?<![A-Za-z0-9+/_.~-])[A-Za-z0-9+/_.~-]{16,200}={0,2}(?![A-Za-z0-9+/_~-])")
NAMED = re.compile(
    r"(?:key|token|secret|passw(?:or)?d|pwd|credential)s?[\"'\]]{0,2}\s{0,3}(?::=|=>|[:=])\s{0,3}[\"'`]?\Z|bearer \Z",
    re.IGNORECASE,
)
# A header's credentials, whatever they look like; and those before the host of a URL (RFC 3986, section 3.2.1).
AUTHORIZATION = re.compile(r"(?<![A-Za-z0-9+/_.~-])[A-Za-z0-9+/_.~-]{6,2000}={0,2}(?![A-Za-z0-9+/_~-])")
AUTHORIZED = re.compile(
    r"authorization[\\\"'\]]{0,3}\s{0,2}(?:=>|[:=])\s{0,2}[\\\"'`]{0,2}(?:basic|bearer|token|apikey|negotiate)\s{1,2}\Z",
    re.IGNORECASE,
)
USERINFO = re.compile(r"(?<=://)[^\s/:@\x00<>\"']{0,64}:[^\s/@\x00<>\"']{1,256}(?=@[\w\[])")
AUTHORIZATIONS = ("uthorization", "UTHORIZATION")
NAMES = ("ey", "EY", "oken", "OKEN", "ecret", "ECRET", "assw", "ASSW", "pwd", "PWD", "redential", "earer ")
ENTROPY = 3.5  # bits a character: random hexadecimal digits have up to 4, a sentence in snake_case below 3.5


def _named(match: re.Match[str]) -> int:
    value = match[0]
    mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return len(value) if mixed and NAMED.search(before(match, 24)) and entropy(value) >= ENTROPY else 0


def _authorized(match: re.Match[str]) -> int:
    """Whatever is no word: it has a digit, padding, or capitals behind its first letter."""
    value = match[0]
    coded = value.endswith("=") or any(map(str.isdigit, value)) or value[1:] != value[1:].lower()
    return len(value) if coded and AUTHORIZED.search(before(match, 40)) else 0


def _userinfo(match: re.Match[str]) -> int:
    """A password has digits and letters; what stands for one in an example, such as ``${PASSWORD}``, has none."""
    password = match[0].partition(":")[2]
    mixed = any(map(str.isdigit, password)) and any(map(str.isalpha, password))
    return len(match[0]) if mixed and not set("${}") & set(password) else 0


def entropy(text: str) -> float:
    """Bits a character, from the text's own frequencies (Shannon 1948)."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def named(places: Places) -> Spans:
    """Behind each = and : that could give a name its value."""
    return places.marks(("=", ": ", ':"', "earer "), 240) if any(name in places.text for name in NAMES) else []


KEY_FORMS = (
    Form("key", PEM, lambda places: places.marks(("-----BEGIN ",), 10_200)),
    Form("key", ISSUED, lambda places: places.marks(MARKS, 300)),
    Form("key", WEB_TOKEN, lambda places: places.marks(("eyJ",), 11_100)),
    Form("key", AUTHORIZATION, lambda places: places.marks(AUTHORIZATIONS, 2_100), _authorized),
    Form("key", USERINFO, lambda places: places.marks(("://",), 330), _userinfo),
    Form("key", VALUE, named, _named),
)
