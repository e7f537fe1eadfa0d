from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from domain.errors import UserError
from evals.protect import Protection, protect, without_context

ITEM = {"question": "What is 1 + 1?", "choices": ["2", "3"], "answer": 0}


def task(folder: Path, items: list[dict[str, Any]], name: str = "sums") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    fields = {"name": name, "description": "d", "licence": "mit", "source": "s", "items": items}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(fields))
    return str(folder / f"{name}.yaml")


def test_questions_alone_and_with_each_choice(tmp_path: Path) -> None:
    made = protect(Protection(domain=(task(tmp_path / "t", [ITEM]),)), out=tmp_path / "out")
    lines = [json.loads(line) for line in (made.path / "texts.jsonl").read_text().splitlines()]
    texts = ["What is 1 + 1?", "What is 1 + 1? 2", "What is 1 + 1? 3"]
    assert lines == [{"task": "sums", "item": 0, "text": text} for text in texts]
    assert made.facts == {"texts": {"sums": 3}}


def test_a_task_that_is_named_twice_is_protected_once(tmp_path: Path) -> None:
    name = task(tmp_path / "t", [ITEM])
    made = protect(Protection(domain=(name,), general=(name,)), out=tmp_path / "out")
    assert made.facts == {"texts": {"sums": 3}}


def test_tasks_are_asked_for_by_their_content(tmp_path: Path) -> None:
    here, there = (Protection(domain=(task(tmp_path / folder, [ITEM]),)) for folder in ("here", "there"))
    other = Protection(domain=(task(tmp_path / "other", [{**ITEM, "answer": 1}]),))
    assert here.identity_key() == there.identity_key() != other.identity_key()
    assert here.identity_key() != Protection(general=here.domain).identity_key()
    assert str(tmp_path) not in json.dumps(here.identity_key())


def test_no_tasks_protect_nothing(tmp_path: Path) -> None:
    made = protect(Protection(), out=tmp_path)
    assert (made.path / "texts.jsonl").read_text() == ""
    assert made.facts == {"texts": {}}


def test_a_task_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean scientific_computing"):
        protect(Protection(domain=("scientific_computin",)), out=tmp_path)


def test_paths_are_meant_from_the_recipes_folder(tmp_path: Path) -> None:
    task(tmp_path / "tasks", [ITEM])
    content = {"domain": ["tasks/sums.yaml", "scientific_computing"], "general": ["tasks/none.yaml"]}
    spec = Protection.model_validate(content, context={"folder": str(tmp_path)})
    assert spec.domain == (str(tmp_path / "tasks" / "sums.yaml"), "scientific_computing")
    with pytest.raises(UserError, match=r"there is no task tasks/none\.yaml"):
        spec.identity_key()


@pytest.mark.parametrize(
    ("question", "bare"),
    [
        ("Tom had 3 apples. He ate 1. How many are left?", "How many are left?"),
        ("Passage: Rent rose.\nQuestion: did the rent rise\nAnswer:", "did the rent rise"),
        ("Passage: Rent rose. Did it fall?\n\nQ: Who pays the rent?\nA:", "Who pays the rent?"),
        ("Rent rose by 3.5%.\n\nName the tenant who paid it.", "Name the tenant who paid it."),
        ("Rent rose. Did it? Explain.", "Did it?"),
        ("Die Miete stieg. Wer zahlt sie?", "Wer zahlt sie?"),
        ("家賃が上がった。誰が払いますか？", "誰が払いますか？"),
        ("ارتفع الإيجار. من يدفع؟", "من يدفع؟"),
        ('He asked her. "Who pays?"', '"Who pays?"'),
        ("Context: Rent rose.\nQuestion: Who pays?\nChoices:\nA. Tom\nB. Ann\nAnswer:", "Who pays?"),
        ("Which rent is due?\n(A) all of it\n(B) a part?", "Which rent is due?"),
        ("What is 1 + 1?", None),
        ("Rent rose because the landlord", None),
    ],
)
def test_what_is_asked_after_a_passage_is_protected_alone(tmp_path: Path, question: str, bare: str | None) -> None:
    assert without_context(question) == bare
    made = protect(Protection(domain=(task(tmp_path / "t", [{**ITEM, "question": question}]),)), out=tmp_path / "out")
    lines = [json.loads(line)["text"] for line in (made.path / "texts.jsonl").read_text().splitlines()]
    assert lines == [question, f"{question} 2", f"{question} 3", *([bare] if bare else [])]
