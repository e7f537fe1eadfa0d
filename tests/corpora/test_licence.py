from __future__ import annotations

from email.message import Message
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from corpora.licence import Licences, normal, of_distribution

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
    ],
)
def test_what_a_list_permits(licence: str | None, permitted: bool) -> None:
    assert LIST.permits(licence) is permitted


def test_unknown_may_be_listed() -> None:
    assert Licences(allow=("unknown",)).permits(None)
    assert not Licences(allow=("unknown",)).permits("mit")


def test_one_spelling() -> None:
    assert normal(" CC BY_SA 4.0 ") == "cc-by-sa-4.0"


@pytest.mark.parametrize(
    ("header", "licence"),
    [
        ("License-Expression: BSD-3-Clause AND MIT\nLicense: other", "bsd-3-clause and mit"),
        ("License: MPL-2.0 AND MIT", "mpl-2.0 and mit"),
        ("License: MIT OR Apache 2.0", "mit or apache-2.0"),
        ("License: Apache License, Version 2.0", "apache-2.0"),
        ("License: BSD 3-Clause License\n        Copyright and so on", "bsd-3-clause"),
        ("License: Copyright (c) 2001 A. Nobody\n        MIT\nClassifier: License :: OSI Approved :: BSD License",
         "bsd-3-clause"),
        ("Classifier: License :: OSI Approved", None),
        ("Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: Other/Proprietary License",
         "mit and other/proprietary-license"),
        ("Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: OSI Approved :: Apache Software "
         "License", "mit and apache-2.0"),
        ("Summary: says nothing", None),
    ],
)  # fmt: skip
def test_of_an_installed_distribution(tmp_path: Path, header: str, licence: str | None) -> None:
    (tmp_path / "METADATA").write_text(f"Metadata-Version: 2.4\nName: x\nVersion: 1\n{header}\n")
    metadata = Distribution.at(tmp_path).metadata
    assert isinstance(metadata, Message)
    assert of_distribution(metadata) == licence
