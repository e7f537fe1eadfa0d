"""Decision -> Release: the adapted model with all its evidence, or a refusal with the reason."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from domain.artifacts import Checkpoint, Corpus, Decision, Release, Tokenizer
from domain.errors import UserError
from domain.machine import Machine
from domain.manifest import MANIFEST, file_sha256, write_json
from domain.release.card import card
from domain.release.decision import DecisionRecord
from domain.release.lineage import lineage, portable
from domain.release.usage import prompt
from domain.spec import Spec
from domain.stage import stage

OWN = {MANIFEST, "training.jsonl"}  # of the checkpoint, not of the release
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


class ReleaseSpec(Spec):
    """What the release says of itself."""

    name: str
    licence: str
    recipe: Annotated[
        dict[str, Any],
        AfterValidator(portable),
        Field(description="the recipe as it was written, for the lineage; folders of absolute paths are left out"),
    ]
    intended_use: str = ""
    limitations: str = ""


@stage("release", makes=Release, version=6)
def release(
    spec: ReleaseSpec,
    decision: Decision,
    adapted: Checkpoint,
    base: Checkpoint,
    corpus: Corpus,
    tokenizer: Tokenizer,
    tuned: Checkpoint | None = None,
    *,
    out: Path,
    machine: Machine,
) -> dict[str, Any]:
    """Decision -> Release: the checkpoint's files, ``README.md``, ``lineage.json``, ``SHA256SUMS``.

    The checkpoint is the tuned one where there is one, else the adapted.

    facts: ``name``, ``licence``, ``parameters``, ``tuned`` (then it is asked by its chat template), and ``prompt``, one
    to begin with. Raises ``UserError`` with the decision's reasons if the gates do not hold, and for a checkpoint that
    holds a pickle.
    """
    from domain.tokenizer.encoding.texts import load_tokenizer

    if not decision.facts["released"]:
        raise UserError("release.gates", "do not hold: " + " ".join(decision.facts["reasons"]), "see the scorecard")
    given = tuned or adapted
    for path in sorted(p for p in given.path.rglob("*") if p.is_file()):
        name = path.relative_to(given.path).as_posix()
        if path.suffix in PICKLES:
            raise UserError(str(path), "is a pickle", "only safetensors are released")
        if name not in OWN:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, out / name)
    complete_tokenizer_settings(out, given)
    if (out / "generation_config.json").is_file():  # encoders have none
        write_json(out / "generation_config.json", speech(given.path, given.facts.get("ends", [])))
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
        tuned=tuned,
    )
    (out / "README.md").write_text(text, encoding="utf-8")
    write_json(out / "lineage.json", lineage(spec.recipe, decision, adapted, base, corpus, tokenizer, tuned))
    (out / "SHA256SUMS").write_text(checksums(out), encoding="utf-8")
    asked, mask = adapted.manifest["spec"]["objective"]["kind"], load_tokenizer(given.path).mask_token
    return {
        "name": spec.name,
        "licence": spec.licence,
        "parameters": given.facts["parameters"],
        "tuned": bool(tuned),
        "prompt": tuned.facts["prompt"] if tuned else prompt(asked, mask, opening_words(corpus)),
    }


def name_of_base(recipe: dict[str, Any]) -> str:
    """The base's weights as the recipe names them; empty for a base from scratch."""
    base = recipe.get("base")
    return str((base.get("weights") or "") if isinstance(base, dict) else base or "")


def opening_words(corpus: Corpus, count: int = 6) -> list[str]:
    """The first words of a held-out document of the domain, the same in every run; none where nothing is held out."""
    documents = corpus.documents("test", "domain")
    first = min(documents, key=lambda document: hashlib.sha256(document["id"].encode()).digest(), default=None)
    return first["text"].split(maxsplit=count)[:count] if first else []


def complete_tokenizer_settings(out: Path, checkpoint: Checkpoint) -> None:
    """State the model's context as the longest input, and a padding token: many tokenizers state neither."""
    from domain.tokenizer.encoding.texts import frame, load_tokenizer

    path = out / "tokenizer_config.json"
    if not path.is_file():
        return
    settings = json.loads(path.read_text(encoding="utf-8"))
    tokenizer = load_tokenizer(checkpoint.path)
    if tokenizer.pad_token is None:
        settings["pad_token"] = tokenizer.convert_ids_to_tokens(frame(tokenizer)[1])
    write_json(path, {**settings, "model_max_length": checkpoint.facts["context"]})


def speech(folder: Path, ends: Sequence[int]) -> dict[str, Any]:
    """How the model speaks where nothing else is asked: its own tokens, and the sampling of ``generate``.

    Greedy text of a small model soon repeats itself, so sampling is the default. What given weights say of other
    tokens, or of their chats, does not hold for a model that was trained on; which pieces are never spoken does, as
    ``save`` has written it. ``ends`` are further tokens that end it.
    """
    from domain.tokenizer.encoding.texts import first, frame, load_tokenizer

    tokenizer = load_tokenizer(folder)
    begin, end = frame(tokenizer)
    stop = sorted({end, *ends}) if {*ends} - {end} else end
    tokens = {"bos_token_id": begin, "eos_token_id": stop, "pad_token_id": first(tokenizer.pad_token_id, end)}
    start = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("decoder_start_token_id")
    if start is not None:  # else transformers begins with the token that begins a text
        tokens["decoder_start_token_id"] = start
    unspoken = json.loads((folder / "generation_config.json").read_text(encoding="utf-8")).get("suppress_tokens")
    tokens |= {"suppress_tokens": unspoken} if unspoken else {}
    return {**tokens, "do_sample": True, "temperature": 0.8, "top_k": 50, "top_p": 0.95}


def checksums(folder: Path) -> str:
    """A line for each file below ``folder``, as ``sha256sum --check`` reads them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return "".join(f"{file_sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
