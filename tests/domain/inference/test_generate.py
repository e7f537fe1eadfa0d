from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from domain.errors import UserError
from domain.inference.generate import decode, generate, is_tuned
from domain.machine import Machine
from domain.tokenizer.encoding.texts import load_tokenizer
from tests.domain.model import tiny

CPU = Machine(device="cpu", precision="fp32", threads=1)

# What llama2.c's own test expects of these weights at temperature 0: 200 steps from the begin token (test_all.py).
TOLD = """Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she \
saw a big, red ball. She wanted to play with it, but it was too high.
Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know what to do. She said, "I want to play \
with your ball, but I can't find it."
Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't know what to do."
Lily didn't want to help her mom, so she"""


def test_it_tells_what_llama2c_tells(pretrained: Path) -> None:
    assert generate(pretrained, "", max_tokens=200, temperature=0, machine=CPU) == TOLD


def test_the_cache_changes_nothing(pretrained: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(pretrained), AutoModelForCausalLM.from_pretrained(pretrained)
    torch.set_num_threads(1)
    ids = [tokenizer.bos_token_id, *tokenizer("Tim had a red car", add_special_tokens=False)["input_ids"]]
    with torch.no_grad():
        for _ in range(30):  # the whole text again for every token
            ids.append(int(model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
    expected = tokenizer.decode(ids[1:])
    assert generate(pretrained, "Tim had a red car", max_tokens=30, temperature=0, machine=CPU) == expected
    assert generate(pretrained, "Tim had a red car", max_tokens=30, top_k=1, machine=CPU) == expected
    assert generate(pretrained, "Tim had a red car", max_tokens=30, temperature=1e-42, machine=CPU) == expected


def test_the_seed_decides_and_nothing_else_is_touched(pretrained: Path) -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    one, same, other = (generate(pretrained, "Once", max_tokens=30, seed=seed, machine=CPU) for seed in (1, 1, 2))
    assert one == same != other
    assert one.startswith("Once")
    assert torch.equal(torch.get_rng_state(), before)


def test_it_stops_where_the_context_is_full(tokenizer: Any, tmp_path: Path) -> None:
    from domain.model.build import build, save
    from domain.model.spec import Scratch

    save(build(Scratch(width=32, layers=1, heads=2, context=16), tokenizer.path, 0), tokenizer.path, tmp_path)
    told = generate(tmp_path, "solve", max_tokens=1_000, machine=CPU)
    assert told.startswith("solve")
    assert len(told) < 16 * 20  # no piece of this tokenizer is 20 characters long
    with pytest.raises(UserError, match=r"is \d+ tokens long; the model takes at most 16"):
        generate(tmp_path, "solve the sparse linear system " * 5, machine=CPU)


def test_padding_is_never_spoken(tokenizer: Any, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    from domain.model.build import build, save
    from domain.model.spec import Scratch

    shape = Scratch(width=32, layers=1, heads=2, context=64, tied=False)
    model = build(shape, tokenizer.path, 0, multiple=128)  # 320 pieces, 384 rows
    with torch.no_grad():  # every piece has the logit 0, and one of two opposite rows is above it
        head = model.get_output_embeddings().weight
        head.zero_()
        head[330] = 5
        head[340] = -5
    save(model, tokenizer.path, tmp_path)
    plain = AutoModelForCausalLM.from_pretrained(tmp_path)
    ids = torch.tensor([[2, 40, 50]])
    assert int(plain(ids).logits[0, -1].argmax()) in (330, 340)
    for options in ({"do_sample": False}, {"do_sample": True, "top_k": 0}, {"num_beams": 2, "do_sample": False}):
        torch.manual_seed(0)
        spoken = plain.generate(ids, max_new_tokens=20, **options)[0, 3:]
        assert len(spoken) >= 1
        assert int(spoken.max()) < 320
    config = json.loads((tmp_path / "generation_config.json").read_text())
    assert config.pop("suppress_tokens") == list(range(320, 384))
    (tmp_path / "generation_config.json").write_text(json.dumps(config))  # a checkpoint of another tool
    spoken = AutoModelForCausalLM.from_pretrained(tmp_path).generate(ids, max_new_tokens=3, do_sample=False)
    assert int(spoken.max()) in (330, 340)
    heard: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transformers.PreTrainedTokenizerFast.decode", lambda _, ids, **__: heard.extend(map(int, ids)))
        generate(tmp_path, "solve", max_tokens=20, temperature=0, machine=CPU)
    assert heard
    assert max(heard) < 320


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of small fresh models that are no decoders; 320 or 448 rows for 300 or 400 pieces."""
    from domain.model.build import build, save
    from domain.model.spec import Scratch

    folders = {}
    for architecture, objective in (("t5", "span"), ("bart", "masked"), ("bert", "masked"), ("roberta", "masked")):
        folder = tmp_path_factory.mktemp(architecture)
        speaker = tiny.trained(folder / "speaker", objective)
        shape = Scratch(architecture=architecture, width=32, layers=2, heads=4, context=24)
        save(tiny.stirred(build(shape, speaker, seed=1)), speaker, folder / "model")
        folders[architecture] = folder / "model"
    return folders


@pytest.mark.parametrize(("architecture", "start"), [("t5", 2), ("bart", 1)])
def test_an_encoder_decoder_answers(answering: dict[str, Path], architecture: str, start: int) -> None:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    folder = answering[architecture]
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForSeq2SeqLM.from_pretrained(folder)
    pieces = len(tokenizer.get_vocab())
    given = [*tokenizer("solve the system", add_special_tokens=False)["input_ids"], 1]
    given = given if architecture == "t5" else [0, *given]
    answer = [start]
    with torch.no_grad():
        while len(answer) < 24 and answer[1:][-1:] != [1]:  # the whole answer again for every token
            ids = {"input_ids": torch.tensor([given]), "decoder_input_ids": torch.tensor([answer])}
            answer.append(int(model(**ids, use_cache=False).logits[0, -1, :pieces].argmax()))
    expected = tokenizer.decode([token for token in answer if token > 3])
    assert len(expected) > 10
    assert generate(folder, "solve the system", max_tokens=1_000, temperature=0, machine=CPU) == expected
    one, same, other = (generate(folder, "solve", seed=seed, machine=CPU) for seed in (1, 1, 2))
    assert one == same != other
    with pytest.raises(UserError, match=r"is \d+ tokens long; the model takes at most 24"):
        generate(folder, "solve the sparse linear system " * 5, machine=CPU)


def test_sentinels_stand_in_prompt_and_answer(answering: dict[str, Path]) -> None:
    tokenizer = load_tokenizer(answering["t5"])
    ids = tokenizer("the <extra_id_0> of <extra_id_1>")["input_ids"]
    assert ids.count(399) == ids.count(398) == 1
    assert decode(tokenizer, [0, 399, *tokenizer("norm", add_special_tokens=False)["input_ids"], 398, 1, 2]) == (
        "<extra_id_0>norm<extra_id_1>"
    )


@pytest.mark.parametrize("architecture", ["bert", "roberta"])
def test_an_encoder_fills_in(answering: dict[str, Path], architecture: str) -> None:
    from transformers import AutoModelForMaskedLM

    folder = answering[architecture]
    tokenizer, model = load_tokenizer(folder), AutoModelForMaskedLM.from_pretrained(folder)
    ids = tokenizer("solve<|mask|> linear<|mask|>")["input_ids"]
    assert (ids[0], ids[-1], ids.count(3)) == (0, 1, 2)
    with torch.no_grad():
        while 3 in ids:
            place = ids.index(3)
            ids[place] = 4 + int(model(torch.tensor([ids])).logits[0, place, 4:300].argmax())
    filled = generate(folder, "solve<|mask|> linear<|mask|>", machine=CPU)
    assert filled == tokenizer.decode(ids[1:-1])
    assert filled.startswith("solve")
    with pytest.raises(UserError, match=r"contains no <\|mask\|>; the model is an encoder") as caught:
        generate(folder, "solve the system", machine=CPU)
    assert caught.value.fix == "write <|mask|> where a piece is wanted, or use a decoder"
    with pytest.raises(UserError, match=r"is \d+ tokens long; the model takes at most 24"):
        generate(folder, "solve the sparse <|mask|> system " * 5, machine=CPU)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("max_tokens", 0), ("temperature", -0.1), ("temperature", float("nan")), ("temperature", float("inf")),
        ("top_k", -1), ("top_p", 0), ("top_p", 1.1), ("top_p", float("nan")),
    ],
)  # fmt: skip
def test_options_out_of_range(tmp_path: Path, option: str, value: float) -> None:
    with pytest.raises(UserError) as caught:
        generate(tmp_path, "Once", **{option: value})
    assert caught.value.place == "--" + option.replace("_", "-")
    assert caught.value.problem == f"is {value}"


def test_folders_without_a_model(pretrained: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        generate(tmp_path / "nowhere", "Once")
    with pytest.raises(UserError, match="contains no model"):
        generate(tmp_path, "Once")
    shutil.copyfile(pretrained / "config.json", tmp_path / "config.json")
    with pytest.raises(UserError, match="no tokenizer that opens"):
        generate(tmp_path, "Once")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(pretrained / name, tmp_path / name)
    with pytest.raises(UserError, match="contains no model that can be loaded"):
        generate(tmp_path, "Once")
    config = json.loads((pretrained / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "unheard-of"}))
    with pytest.raises(UserError, match=r"no model that can be loaded|no tokenizer"):
        generate(tmp_path, "Once")


@pytest.mark.parametrize(
    "settings",
    [
        {"num_beams": 10**6},
        {"num_return_sequences": 10**6},
        {"min_length": "long"},
        {"repetition_penalty": "x"},
        {"forced_eos_token_id": "x"},
        {"decoder_start_token_id": {"a": 1}},
        {"sequence_bias": 5},
        {"stop_strings": ["a"]},
        {"cache_implementation": "none such"},
        {"no_repeat_ngram_size": [1]},
        {"bad_words_ids": "x"},
        {"penalty_alpha": 0.5, "custom_x": 1},
        {"return_dict_in_generate": True, "output_attentions": True},
        {"min_new_tokens": 10**9},
        {"prompt_lookup_num_tokens": 10},
        {"guidance_scale": 2.0},
    ],
)
def test_generation_settings_of_a_folder_that_is_not_ours(
    pretrained: Path, tmp_path: Path, settings: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(pretrained, tmp_path / "model")
    (tmp_path / "model" / "generation_config.json").unlink()
    (tmp_path / "model" / "generation_config.json").write_text(json.dumps(settings))
    try:
        text = generate(tmp_path / "model", "Once upon a time", max_tokens=5)
    except UserError as error:
        text = str(error)
    assert "\n" not in text


@pytest.mark.parametrize(
    ("content", "tuned"),
    [
        (b'{"stage": "tune"}', True), (b'{"facts": {"tuned": {"a": 1}}}', True), (b'{"facts": {}}', False),
        (b"[]", False), (b'{"stage": 1, "facts": null}', False), (b'{"facts": []}', False), (b"", False),
        (b"[" * 100_000, False),
    ],
)  # fmt: skip
def test_whether_a_model_was_tuned_by_any_manifest(tmp_path: Path, content: bytes, tuned: bool) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    assert is_tuned(tmp_path) is tuned
