from __future__ import annotations

from pathlib import Path

import pytest

from corpora.document import Document, Quarantined
from corpora.sources.packages import Packages, documentation, read, tasks_of, wanted
from domain.errors import UserError
from domain.machine import Machine

CODE = '''
"""About the module."""
raise SystemExit("never run")
class Bond(Base, metaclass=M):
    """A promise
    to pay."""
    def price(self, rate=0.05, *, day: int) -> float:
        """What it is worth."""
        def inner(): "Helps."
    async def fetch(self): """Gets it."""
if True:
    def guarded(): """Under a condition."""
def silent(): pass
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution ``shopdocs`` 1.5, installed by hand."""
    files = {
        "shopdocs/__init__.py": f'"""{"Front page of the house. " * 20}"""\n',
        "shopdocs/short.py": '"""Too little."""\n',
        "shopdocs/old.py": "print 'two'\n",
        "shopdocs/latin.py": '# -*- coding: latin-1 -*-\n"""' + "Prüfung der Größe. " * 20 + '"""\n',
        "shopdocs/tests/test_x.py": f'"""{"Not wanted. " * 40}"""\n',
        "shopdocs/guide.rst": "A guide to the house. " * 20,
        "shopdocs/LICENSE.txt": "All rights. " * 40,
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("latin-1" if "latin" in name else "utf-8"))
    info = tmp_path / "shopdocs-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.4\nName: shopdocs\nVersion: 1.5\nLicense-Expression: MIT\n")
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in files) + "../../bin/shop,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_docstrings_are_found_without_running_anything() -> None:
    assert documentation(CODE, "shop/bonds/__init__.py").split("\n\n") == [
        "shop.bonds", "About the module.",
        "class Bond(Base)", "A promise\nto pay.",
        "Bond.price(self, rate=0.05, *, day: int)", "What it is worth.",
        "Bond.inner()", "Helps.",
        "Bond.fetch(self)", "Gets it.",
        "guarded()", "Under a condition.",
    ]  # fmt: skip


def test_a_distribution_gives_its_documentation(installed: Path) -> None:
    source = Packages(kind="packages", distributions=("shopdocs",), name="docs")
    items = list(source.documents(Machine(workers=1)))
    documents = {item.id: item for item in items if isinstance(item, Document)}
    assert sorted(documents) == [
        "shopdocs:shopdocs/__init__.py", "shopdocs:shopdocs/guide.rst", "shopdocs:shopdocs/latin.py",
    ]  # fmt: skip
    assert "Prüfung der Größe." in documents["shopdocs:shopdocs/latin.py"].text
    assert {(d.source, d.licence, d.language) for d in documents.values()} == {("docs", "mit", "en")}
    (wrong,) = [item for item in items if isinstance(item, Quarantined)]
    assert wrong.id == "shopdocs:shopdocs/old.py"
    assert wrong.reason.startswith("SyntaxError")
    assert str(installed) not in wrong.reason
    assert source.stamp(Machine()) == [{"distribution": "shopdocs", "version": "1.5"}]


def test_two_workers_read_what_one_reads() -> None:
    source = Packages(kind="packages", distributions=("click", "pluggy"))
    one, two = (list(source.documents(Machine(workers=n))) for n in (1, 2))
    assert one == two
    assert len(one) > 10


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_ends_its_reader_is_quarantined_alone(installed: Path, workers: int) -> None:
    """Python's parser runs out of its own stack on it."""
    (installed / "shopdocs/latin.py").write_text("-" * 1_000_000 + "1")
    items = list(Packages(kind="packages", distributions=("shopdocs",)).documents(Machine(workers=workers)))
    names = ["shopdocs:shopdocs/latin.py", "shopdocs:shopdocs/old.py"]
    assert [each.id for each in items if isinstance(each, Quarantined)] == names
    reason = "ended the process that read it (code 1)"
    assert reason in [each.reason for each in items if isinstance(each, Quarantined)]
    assert sum(isinstance(each, Document) for each in items) == 2


def test_the_limit_is_never_exceeded(installed: Path) -> None:
    source = Packages(kind="packages", distributions=("shopdocs",))
    sizes = [len(i.text.encode()) for i in source.documents(Machine(workers=1)) if isinstance(i, Document)]
    for limit, count in ((sum(sizes), 3), (sum(sizes) - 1, 2), (sizes[0], 1)):
        limited = source.replace(limit=limit).documents(Machine(workers=1))
        assert sum(isinstance(item, Document) for item in limited) == count


def test_the_standard_library_is_there_without_what_is_installed_in_it() -> None:
    names = [name for _, name, _, licence, _ in tasks_of("python", "s") if licence == "psf-2.0"]
    assert "python:json/__init__.py" in names
    assert not [name for name in names if "-packages/" in name or "/test/" in name]


@pytest.mark.parametrize(
    ("path", "is_wanted"),
    [
        ("numpy/linalg.py", True), ("numpy/README.md", True), ("numpy/LICENSE.md", False), ("numpy/tests/x.py", False),
        ("numpy-2.0.dist-info/x.txt", False), ("../../bin/f2py.py", False), ("numpy/core.so", False),
        ("a/_vendor/b.py", False), ("a/requirements.txt", False),
    ],
)  # fmt: skip
def test_what_is_wanted(path: str, is_wanted: bool) -> None:
    assert wanted(Path(path)) is is_wanted


def test_what_is_not_installed_or_empty(tmp_path: Path, installed: Path) -> None:
    with pytest.raises(UserError, match="no-such-thing is not installed"):
        Packages(kind="packages", distributions=("no-such-thing",)).stamp(Machine())
    (installed / "shopdocs-1.5.dist-info" / "RECORD").write_text("shopdocs.pth,,\n")
    with pytest.raises(UserError, match="shopdocs lists no file that may hold documentation"):
        list(Packages(kind="packages", distributions=("shopdocs",)).documents(Machine(workers=1)))


def test_a_file_that_cannot_be_read_stops(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x:gone.py: cannot be read .No such file"):
        read((str(tmp_path / "gone.py"), "x:gone.py", "s", None, None))
