"""What hidden text costs, against the same written out one text at a time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from domain.inference.pseudo_likelihood import DRAWS, restored_nats
from domain.machine import Machine
from domain.model.build import build
from domain.model.spec import Scratch
from domain.settings.objectives import Denoising, Masked, Span
from domain.tokenizer.encoding.texts import encode_texts, frame, load_tokenizer
from domain.tokenizer.train import train
from domain.tokens.batch import IGNORED
from domain.tokens.packing import Rows
from domain.training.objectives import choose
from domain.training.validation import FIRST
from tests.conftest import text

CPU = Machine(device="cpu", precision="fp32", threads=1)
CONTEXT = 64
MASKS = {"input_ids": "attention_mask", "decoder_input_ids": "decoder_attention_mask"}
KINDS = [(Masked(), "bert"), (Masked(), "modernbert"), (Span(), "t5"), (Denoising(), "bart")]


@pytest.fixture(scope="module")
def speakers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for kind in ("masked", "span", "denoising"):
        found[kind] = tmp_path_factory.mktemp(kind)
        train(iter([text(n) for n in range(40)]), pieces=320 + 100 * (kind == "span"), objective=kind, out=found[kind])  # type: ignore[arg-type]
    return found


def prepared(speakers: dict[str, Path], spec: Any, architecture: str) -> tuple[Any, Any, Any, list[np.ndarray]]:
    folder = speakers[spec.kind]
    shape = Scratch(architecture=architecture, width=32, layers=1, heads=2, context=CONTEXT)  # type: ignore[arg-type]
    speaker = load_tokenizer(folder)
    begin, end = frame(speaker)
    texts = [text(n, sentences) for n, sentences in ((1, 1), (2, 4), (3, 2))]
    ids = [np.concatenate(([begin], each, [end])) for each in encode_texts(speaker, texts)]
    return build(shape, folder, seed=0), speaker, choose(spec, speaker, 0), ids


@pytest.mark.parametrize(("spec", "architecture"), KINDS)
def test_written_out(speakers: dict[str, Path], spec: Any, architecture: str) -> None:
    model, speaker, objective, documents = prepared(speakers, spec, architecture)
    sizes = [100, 200, 300]
    found = restored_nats(model, objective, documents, sizes, tokenizer=speaker, context=CONTEXT, machine=CPU)
    length, special = objective.raw(CONTEXT) + 1, set(speaker.all_special_ids)
    row = 0
    for ids, size, value in zip(documents, sizes, found, strict=True):
        nats, known = 0.0, 0
        for start in range(0, len(ids), length):
            piece = ids[start : start + length]
            tokens, segments = np.zeros((1, length), np.int64), np.full((1, length), -1)
            tokens[0, : len(piece)], segments[0, : len(piece)] = piece, 0
            for draw in range(DRAWS):
                batch = objective(Rows(tokens, segments), FIRST * (draw + 1) + row)
                seen = {
                    {"input_ids": "attention_mask", "decoder_input_ids": "decoder_attention_mask"}[name]: (
                        each >= 0
                    ).long()
                    for name, each in batch.segments.items()
                }
                with torch.no_grad():
                    logits = model(**batch.inputs, **seen, use_cache=False).logits[0]
                for place, wanted in enumerate(batch.labels[0].tolist()):
                    if wanted != IGNORED and wanted not in special:
                        nats += float(functional.cross_entropy(logits[place], torch.tensor(wanted)))
                        known += len(speaker.convert_ids_to_tokens(wanted))  # GPT-2's alphabet: a byte is a character
            row += 1
        assert value == pytest.approx(nats / known * size, rel=1e-4)


def test_a_model_that_knows_nothing_needs_all_bits(speakers: dict[str, Path]) -> None:
    """With equal logits every hidden piece costs log(rows)."""
    model, speaker, objective, documents = prepared(speakers, Masked(), "bert")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    found = restored_nats(model, objective, documents, [1, 1, 1], tokenizer=speaker, context=CONTEXT, machine=CPU)
    per_byte = math.log(model.config.vocab_size) / np.array([1.0, 12.0])  # a piece spells 1 to some 12 bytes
    assert all(per_byte[1] <= value <= per_byte[0] for value in found)


def test_where_nothing_is_hidden_the_mean_rate_counts(speakers: dict[str, Path]) -> None:
    model, speaker, objective, documents = prepared(speakers, Masked(), "bert")
    empty = np.array(frame(speaker))
    alone = restored_nats(model, objective, documents, [10, 10, 10], tokenizer=speaker, context=CONTEXT, machine=CPU)
    found = restored_nats(
        model, objective, [*documents, empty], [10, 10, 10, 10], tokenizer=speaker, context=CONTEXT, machine=CPU
    )
    assert found[:3] == pytest.approx(alone, rel=1e-4)
    assert min(alone) <= found[3] <= max(alone)
