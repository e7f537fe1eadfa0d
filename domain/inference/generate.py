"""Generate text: continue or answer a prompt by sampling, or fill in masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import UserError, first_line
from domain.jsonfile import JSONFileError, read_json
from domain.machine import Machine
from domain.manifest import MANIFEST, MANIFEST_BYTES
from domain.pretrained.folder import quiet_transformers
from domain.settings.objectives import Family

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

COLDEST = 1e-4  # lower temperatures overflow the logits, and are greedy in effect


def generate(
    folder: Path,
    prompt: str,
    *,
    max_tokens: int = 100,
    temperature: float = 0.8,
    top_k: int = 50,
    top_p: float = 0.95,
    seed: int = 0,
    chat: bool | None = None,
    machine: Machine | None = None,
) -> str:
    """The output of the model in ``folder`` for a prompt, deterministic for a seed; temperature 0 is greedy.

    A decoder returns the prompt and its continuation. An encoder-decoder returns the text that it decodes: after span
    corruption, each ``<extra_id_N>`` of the prompt and its span. An encoder returns the prompt with its mask tokens
    filled in from left to right, each by the most likely piece.

    With ``chat`` the prompt becomes a user message of the chat template, and only the answer is returned; None: if the
    model was tuned to follow instructions.

    Generation ends after ``max_tokens``, at the end token, or when the context is full. ``top_k`` keeps that many
    candidates (0: all), ``top_p`` the most likely ones that together reach that probability. Rows without a piece are
    never generated. Raises ``UserError`` for a folder without a model, options out of range, a prompt that is too long,
    a prompt without a mask for an encoder, and a missing or failing chat template.
    """
    checks = {
        "--max-tokens": (max_tokens >= 1, max_tokens, "at least 1"),
        "--temperature": (0 <= temperature < float("inf"), temperature, "0 or more"),
        "--top-k": (top_k >= 0, top_k, "0 or more"),
        "--top-p": (0 < top_p <= 1, top_p, "above 0 and at most 1"),
    }
    for name, (good, value, fix) in checks.items():
        if not good:
            raise UserError(name, f"is {value}", f"choose {fix}")
    if not (folder / "config.json").is_file():
        problem = "contains no model (no config.json)" if folder.is_dir() else "is not a folder"
        raise UserError(str(folder), problem, "name a release")
    import torch

    from domain.model.build import load, longest
    from domain.model.device import choose_device
    from domain.model.families import family_of
    from domain.tokenizer.encoding.texts import encode_texts, frame, load_tokenizer, valid
    from domain.tokenizer.encoding.tokenizer_file import encoding_errors
    from domain.tokenizer.vocabulary_map import suppressed_ids

    device = choose_device(machine or Machine())
    tokenizer, model = load_tokenizer(folder), load(folder).to(device).eval()
    family, limit = family_of(model.config), longest(model)
    begin, end = frame(tokenizer)
    answers = is_tuned(folder) if chat is None else chat
    if answers:
        prompt_ids = chat_prompt(tokenizer, family, prompt)
    elif family == "decoder":
        prompt_ids = [begin, *encode_texts(tokenizer, [prompt])[0].tolist()]
    else:  # with the tokenizer's special tokens; masks and sentinels in the prompt are recognised
        with encoding_errors(str(folder)):
            prompt_ids = tokenizer(valid(prompt))["input_ids"]
    room = limit - len(prompt_ids) if family == "decoder" else limit - 1 if len(prompt_ids) <= limit else 0
    if room < 1:
        problem = f"is {len(prompt_ids):,} tokens long; the model takes at most {limit:,}"
        raise UserError("the prompt", problem, "shorten it")
    ids = torch.tensor([prompt_ids], device=device)
    if family == "encoder":
        return fill_masks(model, tokenizer, ids)
    stated = model.generation_config.eos_token_id if answers else None  # tokens that end a turn
    ends = {end, *(stated if isinstance(stated, list) else [stated])} - {None}
    sampling = {"do_sample": True, "temperature": temperature, "top_k": top_k, "top_p": top_p}
    greedy = {"do_sample": False, "temperature": None, "top_k": None, "top_p": None}
    with torch.inference_mode(), torch.random.fork_rng():  # the caller's random state stays as it is
        torch.manual_seed(seed)
        settings = {
            "max_new_tokens": min(max_tokens, room), "num_beams": 1, "num_return_sequences": 1,
            "eos_token_id": sorted(ends), "pad_token_id": end, "suppress_tokens": suppressed_ids(tokenizer, model),
            "use_cache": True, "return_dict_in_generate": False, **(sampling if temperature >= COLDEST else greedy),
        }  # fmt: skip
        try:
            with quiet_transformers():
                generated = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **settings)
        except Exception as error:  # by settings of the folder, which may be somebody else's
            problem = f"cannot generate text ({first_line(error)})"
            raise UserError(str(folder), problem, "correct its generation_config.json, or choose another") from error
    if answers:
        start = len(prompt_ids) if family == "decoder" else 1
        with encoding_errors(str(folder)):
            return str(tokenizer.decode(generated[0, start:], skip_special_tokens=True))
    return decode(tokenizer, generated[0, 1:].tolist())


def is_tuned(folder: Path) -> bool:
    """Whether the model in ``folder`` was instruction-tuned, by the manifest of a release or of ``tune``."""
    try:
        manifest = read_json(folder / MANIFEST, MANIFEST_BYTES)
    except (OSError, JSONFileError):
        return False
    facts = manifest.get("facts")
    return manifest.get("stage") == "tune" or (isinstance(facts, dict) and bool(facts.get("tuned")))


def chat_prompt(tokenizer: PreTrainedTokenizerFast, family: Family, prompt: str) -> list[int]:
    """Ids of the prompt as a user message in the chat template, followed by the start of an answer."""
    from domain.tokenizer.encoding.texts import valid
    from domain.training.instruction.chat import Chat

    if not tokenizer.chat_template:
        raise UserError("--chat", "the tokenizer of this model has no chat template", "leave it out")
    chat = Chat(tokenizer, family)
    return chat.ids(chat.write([{"role": "user", "content": valid(prompt)}], "the prompt", opened=True))


def fill_masks(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, ids: torch.Tensor) -> str:
    """The text of ``ids`` int64 [1, length], each mask replaced from left to right by the most likely piece."""
    import torch

    from domain.tokenizer.special_tokens import SpecialTokens
    from domain.tokenizer.vocabulary_map import suppressed_ids

    mask = SpecialTokens(tokenizer).mask
    places = (ids[0] == mask).nonzero().flatten().tolist()
    if not places:
        mask_token = tokenizer.mask_token
        problem = f"contains no {mask_token}; the model is an encoder, which only fills in masks"
        raise UserError("the prompt", problem, f"write {mask_token} where a piece is wanted, or use a decoder")
    never = [*(suppressed_ids(tokenizer, model) or ()), *tokenizer.all_special_ids]
    with torch.inference_mode():
        for place in places:
            logits = model(input_ids=ids).logits[0, place]
            logits[never] = -torch.inf
            ids[0, place] = logits.argmax()
    return decode(tokenizer, ids[0].tolist())


def decode(tokenizer: PreTrainedTokenizerFast, ids: list[int]) -> str:
    """The text of ids without special tokens, except T5's sentinels, which separate the spans."""
    from domain.tokenizer.encoding.tokenizer_file import encoding_errors
    from domain.tokenizer.special_tokens import SENTINEL

    special = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    shown = special & {i for piece, i in tokenizer.get_vocab().items() if SENTINEL.fullmatch(piece)}
    with encoding_errors(tokenizer.name_or_path):
        return str(tokenizer.decode([i for i in ids if i not in special - shown]))
