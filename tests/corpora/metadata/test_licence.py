from __future__ import annotations

from email.message import Message
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from corpora.metadata.licence import Licences, normal, of_distribution, statement

LIST = Licences(allow=("MIT", "Apache 2.0", "cc-by-4.0", "terms-and-conditions", "Internal"))


@pytest.mark.parametrize(
    ("licence", "permitted"),
    [
        ("mit", True),
        ("MIT", True),
        ("CC BY 4.0", True),
        ("apache-2.0", True),
        ("internal", True),
        ("terms and conditions", True),
        ("gpl-3.0", False),
        ("mit-0", False),
        (None, False),
        ("", False),
        ("MIT AND Apache-2.0", True),
        ("MIT AND GPL-3.0", False),
        ("MIT OR GPL-3.0", True),
        ("GPL-2.0 OR GPL-3.0", False),
        # The brackets decide: MPL-2.0 holds in any case.
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", False),
        ("(Apache-2.0 OR GPL-3.0) AND MIT", True),
        ("(MIT OR GPL-3.0) AND GPL-3.0", False),
        ("MIT OR GPL-3.0 AND MPL-2.0", True),
        ("GPL-3.0 AND MPL-2.0 OR MIT", True),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("(MIT", False),
        ("MIT)", False),
        ("MIT AND", False),
        ("OR", False),
        ("or MIT", False),
        ("MIT or", False),
        ("MIT and and MIT", False),
        ("MIT MIT", False),
        ("MIT (non-commercial use only)", False),
        ("()", False),
        ("(" * 1_000, False),
        ("MIT License", True),
        ("Apache License, Version 2.0", True),
        ("https://creativecommons.org/licenses/by/4.0/", True),
        ("http://creativecommons.org/licenses/by/4.0/deed.de", True),
        ("https://creativecommons.org/licenses/by-nc/4.0/", False),
        ("https://opensource.org/licenses/MIT or GPL-3.0", True),
        ("MIT with Classpath-exception-2.0", False),
        ("MIT No Attribution", False),
    ],
)
def test_what_a_list_permits(licence: str | None, permitted: bool) -> None:
    assert LIST.permits(licence) is permitted


def test_unknown_may_be_listed() -> None:
    assert Licences(allow=("unknown",)).permits(None)
    assert not Licences(allow=("unknown",)).permits("mit")


def test_an_exception_is_listed_by_itself() -> None:
    assert Licences(allow=("apache-2.0-with-llvm-exception",)).permits("Apache-2.0 WITH LLVM-exception")


def test_one_spelling() -> None:
    assert normal(" CC BY_SA 4.0 ") == "cc-by-sa-4.0"
    assert normal("MIT License OR (CC BY 4.0 and our own terms)") == "mit or (cc-by-4.0 and our-own-terms)"
    assert normal("mit or") == "mit-or"


@pytest.mark.parametrize(
    ("value", "stated"),
    [
        (None, None), ("", None), (" Unknown ", None), ("N/A", None), ("None", None), ("NOASSERTION", None),
        (7, "7"), (True, None), (7.5, None),
        ([[[[["mit"]]]]], None),
        ([], None), ({}, None), ("other", "other"), ("Proprietary", "Proprietary"), (["MIT"], "MIT"),
        (["mit", None, "apache-2.0", "mit"], "mit and apache-2.0"), (["mit", "a or b"], "mit and (a or b)"),
        ({"name": "MIT License", "url": "https://x.example"}, "MIT License"),
        ({"URL": "https://x.example"}, "https://x.example"),
        ([{"key": "mit"}, {"key": "isc"}], "mit and isc"), ({"name": None, "id": "mit"}, "mit"),
    ],
)  # fmt: skip
def test_what_a_value_states(value: object, stated: str | None) -> None:
    assert statement(value) == stated


@pytest.mark.parametrize(
    ("header", "licence"),
    [
        ("License-Expression: BSD-3-Clause AND MIT\nLicense: other", "bsd-3-clause and mit"),
        ("License: MPL-2.0 AND MIT", "mpl-2.0 and mit"),
        ("License: MIT OR Apache 2.0", "mit or apache-2.0"),
        ("License: Apache License, Version 2.0", "apache-2.0"),
        ("License: BSD 3-Clause License\n        Copyright and so on", "bsd-3-clause"),
        ("License: Copyright (c) 2001 A. Nobody\n        MIT\nClassifier: License :: OSI Approved :: BSD License",
         "bsd-license"),
        ("Classifier: License :: OSI Approved", None),
        ("Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: Other/Proprietary License",
         "mit and other/proprietary-license"),
        ("Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: OSI Approved :: Apache Software "
         "License", "mit and apache-software-license"),  # there is a version 1.1 of that name
        ("Summary: says nothing", None),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License", "mit"),
        # Licences that a search would take for another.
        ("License: UNLICENSED", "unlicensed"),
        ("License: MIT (non-commercial use only)", "mit-(non-commercial-use-only)"),
        ("License: MIT (non-commercial use only)\nClassifier: License :: OSI Approved :: MIT License",
         "mit-(non-commercial-use-only) and mit"),
        ("License: Commons Clause + Apache 2.0", "commons-clause-+-apache-2.0"),
        ("License: AGPL-3.0", "agpl-3.0-only"),
        ("License: Apache Software License 1.1", "apache-software-license-1.1"),
        ("License: BSD 4-Clause", "bsd-4-clause"),
        ("License: Proprietary, not in the public domain", "proprietary-not-in-the-public-domain"),
        ("License: Simple Public License 2.0", "simple-public-license-2.0"),
    ],
)  # fmt: skip
def test_of_an_installed_distribution(tmp_path: Path, header: str, licence: str | None) -> None:
    (tmp_path / "METADATA").write_text(f"Metadata-Version: 2.4\nName: x\nVersion: 1\n{header}\n")
    metadata = Distribution.at(tmp_path).metadata
    assert isinstance(metadata, Message)
    assert of_distribution(metadata) == licence
