from __future__ import annotations

import subprocess
import sys

import pytest

from corpora.metadata.licence_names import LICENCE_ALIASES, spdx_id, spdx_ids


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("MIT", "mit"), ("mit license", "mit"), ("The MIT License (MIT)", "mit"), ("MIT Licence", "mit"),
        ("Apache 2.0", "apache-2.0"), ("Apache License 2.0", "apache-2.0"),
        ("Apache License, Version 2.0", "apache-2.0"), ("Apache 2.0 License", "apache-2.0"),
        ("Apache Software License 2.0", "apache-2.0"),
        ("The BSD 2-Clause License", "bsd-2-clause"), ("3-Clause BSD License", "bsd-3-clause"),
        ('BSD 3-Clause "New" or "Revised" License', "bsd-3-clause"), ("BSD 4-clause", "bsd-4-clause"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "mpl-2.0"), ("ISC License (ISCL)", "isc"),
        ("Boost Software License 1.0", "bsl-1.0"), ("The Unlicense (Unlicense)", "unlicense"),
        ("Open Government Licence v3.0", "ogl-uk-3.0"),
        ("GPL-2.0", "gpl-2.0-only"), ("GPL-2.0+", "gpl-2.0-or-later"), ("AGPL-3.0", "agpl-3.0-only"),
        ("GNU General Public License v3.0 or later", "gpl-3.0-or-later"),
        ("GNU Lesser General Public License v2.1 only", "lgpl-2.1-only"),
        ("CC0", "cc0-1.0"), ("CC0 1.0 Universal", "cc0-1.0"), ("odc-by-1.0", "odc-by-1.0"), ("odc-by", "odc-by-1.0"),
        ("ODbL", "odbl-1.0"), ("pddl", "pddl-1.0"),
        ("CC BY 4.0", "cc-by-4.0"), ("cc_by_nc_sa_3.0", "cc-by-nc-sa-3.0"), ("CC-BY-4.0 International", "cc-by-4.0"),
        ("Creative Commons Attribution-ShareAlike 4.0 International", "cc-by-sa-4.0"),
        ("Creative Commons Attribution Non-Commercial 4.0 International License", "cc-by-nc-4.0"),
        ("Creative Commons Attribution 4.0 International (CC BY 4.0)", "cc-by-4.0"),
        ("https://creativecommons.org/licenses/by-sa/4.0/", "cc-by-sa-4.0"),
        ("http://www.creativecommons.org/licenses/by-nc-nd/4.0/legalcode.en", "cc-by-nc-nd-4.0"),
        ("https://creativecommons.org/licenses/by/4.0/deed.de?x=1#top", "cc-by-4.0"),
        ("http://creativecommons.org/licenses/by/3.0/de/", "cc-by-3.0-de"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0-1.0"),
        ("https://opendatacommons.org/licenses/by/1-0/", "odc-by-1.0"),
        ("https://opensource.org/licenses/MIT", "mit"), ("https://spdx.org/licenses/Apache-2.0.html", "apache-2.0"),
        ("https://www.apache.org/licenses/LICENSE-2.0", "apache-2.0"),
    ],
)  # fmt: skip
def test_known_names(text: str, name: str) -> None:
    assert spdx_id(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "UNLICENSED", "MIT (non-commercial use only)", "MIT (Apache 2.0)", "Commons Clause + Apache 2.0", "not MIT",
        "Apache", "Apache Software License", "BSD", "BSD License", "GPL", "GPLv3 or so",
        "LGPL", "cc-by-sa", "CC BY", "gfdl", "Apache License", "Proprietary, not in the public domain",
        "Simple Public License", "MIT-like", "mit 2.0",
        "http://creativecommons.org/licenses/by/3.0/zz/", "https://creativecommons.org.evil.example/licenses/by/4.0/",
        "https://evil.example/licenses/MIT", "https://evil.example/?creativecommons.org/licenses/by/4.0/",
        "https://creativecommons.org/licenses/by/", "LicenseRef-MIT-Bootstrap", "LicenseRef-Apache",
        "Creative Commons Attribution 4.0 NonCommercial", "GNU General Public License", "internal",
        "a public domain", "",
        "a" * 100_000, "(" * 1_000, "attribution-" + "nc-" * 5_000,
    ],
)  # fmt: skip
def test_what_is_not_known_exactly_is_not_guessed(text: str) -> None:
    assert spdx_id(text) is None


def test_aliases_lead_to_ids_of_the_list() -> None:
    assert {name for name in LICENCE_ALIASES.values() if name not in spdx_ids()} == set()


def test_opening_a_recipe_does_not_read_the_list() -> None:
    code = "import sys, flows.recipe.recipe; print('license_expression' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
