"""Packages the adapted model with its card, lineage and checksums, unless the gates refused it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from domain.artifacts import Checkpoint, Corpus, Datasheet, Decision, Release, Tokenizer
from domain.errors import UserError
from domain.machine import Machine
from domain.manifest import MANIFEST, file_sha256, write_json
from domain.pretrained.folder import check_file, model_files
from domain.release.card import card
from domain.release.decision import DecisionRecord
from domain.release.lineage import lineage, portable
from domain.release.usage import prompt
from domain.spec import Spec
from domain.stage import stage

NOT_RELEASED = {MANIFEST, "training.jsonl"}  # files of the checkpoint
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


class ReleaseSpec(Spec):
    """Name, licence and wording of a release."""

    name: str
    licence: str
    recipe: Annotated[
        dict[str, Any],
        AfterValidator(portable),
        Field(description="the recipe as written, for the lineage; folders of absolute paths are left out"),
    ]
    intended_use: Annotated[str, Field(max_length=20_000)] = ""
    limitations: Annotated[str, Field(max_length=20_000)] = ""


@stage("release", makes=Release, version=7)
def release(
    spec: ReleaseSpec,
    decision: Decision,
    adapted: Checkpoint,
    base: Checkpoint,
    corpus: Corpus,
    tokenizer: Tokenizer,
    datasheet: Datasheet,
    tuned: Checkpoint | None = None,
    *,
    out: Path,
    machine: Machine,
) -> dict[str, Any]:
    """Decision -> Release: files of the tuned or else adapted model, ``README.md``, ``lineage.json``, ``SHA256SUMS``.

    facts: ``name``, ``licence``, ``parameters``, ``tuned`` (its chat template then applies), and ``prompt``, one to try
    first. Raises ``UserError`` with the decision's reasons if the gates do not hold, and for a checkpoint with a
    pickle.
    """
    from domain.tokenizer.encoding.texts import load_tokenizer

    if not decision.facts["released"]:
        raise UserError("release.gates", "do not hold: " + " ".join(decision.facts["reasons"]), "see the scorecard")
    model = tuned or adapted
    model_files(model.path, str(model.path))
    for path in sorted(p for p in model.path.rglob("*") if not p.is_dir() or p.is_symlink()):
        check_file(path, model.path, str(model.path))
        name = path.relative_to(model.path).as_posix()
        if path.suffix in PICKLES:
            raise UserError(str(path), "is a pickle", "only safetensors are released")
        if name not in NOT_RELEASED:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, out / name)
    complete_tokenizer_settings(out, model)
    if (out / "generation_config.json").is_file():  # encoders have none
        write_json(out / "generation_config.json", generation_settings(model.path, model.facts.get("ends", [])))
    parents = {
        "decision": decision, "adapted": adapted, "base": base, "corpus": corpus, "tokenizer": tokenizer,
        "datasheet": datasheet,
    }  # fmt: skip
    text = card(
        name=spec.name,
        licence=spec.licence,
        intended_use=spec.intended_use,
        limitations=spec.limitations,
        decision=DecisionRecord.read(decision.path),
        base=base,
        base_name=name_of_base(spec.recipe),
        adapted=adapted,
        corpus=corpus,
        tokenizer=tokenizer,
        datasheet=datasheet,
        tuned=tuned,
    )
    (out / "README.md").write_text(text, encoding="utf-8")
    write_json(out / "lineage.json", lineage(spec.recipe, **parents, **({"tuned": tuned} if tuned else {})))
    (out / "SHA256SUMS").write_text(checksums(out), encoding="utf-8")
    objective, mask = adapted.manifest["spec"]["objective"]["kind"], load_tokenizer(model.path).mask_token
    return {
        "name": spec.name,
        "licence": spec.licence,
        "parameters": model.facts["parameters"],
        "tuned": bool(tuned),
        "prompt": tuned.facts["prompt"] if tuned else prompt(objective, mask, opening_words(corpus)),
    }


def name_of_base(recipe: dict[str, Any]) -> str:
    """The base's weights as the recipe names them; empty for a base from scratch."""
    base = recipe.get("base")
    return str((base.get("weights") or "") if isinstance(base, dict) else base or "")


def opening_words(corpus: Corpus, count: int = 6) -> list[str]:
    """The first words of a held-out domain document, the same in every run; empty without one."""
    documents = corpus.documents("test", "domain")
    first = min(documents, key=lambda document: hashlib.sha256(document["id"].encode()).digest(), default=None)
    return first["text"].split(maxsplit=count)[:count] if first else []


def complete_tokenizer_settings(out: Path, checkpoint: Checkpoint) -> None:
    """Set ``model_max_length`` to the model's context, and a padding token: many tokenizers lack both."""
    from domain.tokenizer.encoding.texts import frame, load_tokenizer

    path = out / "tokenizer_config.json"
    if not path.is_file():
        return
    settings = json.loads(path.read_text(encoding="utf-8"))
    tokenizer = load_tokenizer(checkpoint.path)
    if tokenizer.pad_token is None:
        settings["pad_token"] = tokenizer.convert_ids_to_tokens(frame(tokenizer)[1])
    write_json(path, {**settings, "model_max_length": checkpoint.facts["context"]})


def generation_settings(folder: Path, ends: Sequence[int]) -> dict[str, Any]:
    """``generation_config.json``: the model's special tokens, and sampling by default as in ``generate``.

    Greedy text of a small model soon repeats itself. The base's own generation settings do not apply to a model
    trained further, except for ``suppress_tokens``, which ``save`` wrote. ``ends`` are further end-of-text tokens.
    """
    from domain.tokenizer.encoding.texts import first, frame, load_tokenizer

    tokenizer = load_tokenizer(folder)
    begin, end = frame(tokenizer)
    stop = sorted({end, *ends}) if {*ends} - {end} else end
    tokens = {"bos_token_id": begin, "eos_token_id": stop, "pad_token_id": first(tokenizer.pad_token_id, end)}
    start = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("decoder_start_token_id")
    if start is not None:  # else transformers begins with bos_token_id
        tokens["decoder_start_token_id"] = start
    suppressed = json.loads((folder / "generation_config.json").read_text(encoding="utf-8")).get("suppress_tokens")
    tokens |= {"suppress_tokens": suppressed} if suppressed else {}
    return {**tokens, "do_sample": True, "temperature": 0.8, "top_k": 50, "top_p": 0.95}


def checksums(folder: Path) -> str:
    """A line for each file below ``folder``, as ``sha256sum --check`` reads them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return "".join(f"{file_sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
