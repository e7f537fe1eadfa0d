"""Let a model speak: a prompt continued, token by token, with a key-value cache."""

from __future__ import annotations

from pathlib import Path

from domain.errors import Refusal
from domain.machine import Machine

COLDEST = 1e-4  # below this temperature logits overflow, and all but the likeliest token are out of reach anyway


def generate(
    folder: Path,
    prompt: str,
    *,
    max_tokens: int = 100,
    temperature: float = 0.8,
    top_k: int = 50,
    top_p: float = 0.95,
    seed: int = 0,
    machine: Machine | None = None,
) -> str:
    """The prompt and its continuation, the same for the same seed; temperature 0 takes the likeliest token.

    It ends after ``max_tokens``, at the model's end token, or where the model's context is full. ``top_k`` keeps that
    many candidates (0: all), ``top_p`` the likeliest that together reach that probability. A row that belongs to no
    piece of the tokenizer is never spoken. Raises ``Refusal`` for a folder that holds no model, for options out of
    range, and for a prompt that leaves no room.
    """
    checks = {
        "--max-tokens": (max_tokens >= 1, max_tokens, "at least 1"),
        "--temperature": (0 <= temperature < float("inf"), temperature, "0 or more"),
        "--top-k": (top_k >= 0, top_k, "0 or more"),
        "--top-p": (0 < top_p <= 1, top_p, "above 0 and at most 1"),
    }
    for name, (good, value, mend) in checks.items():
        if not good:
            raise Refusal(name, f"found {value}", f"choose {mend}")
    if not (folder / "config.json").is_file():
        found = "holds no model (no config.json)" if folder.is_dir() else "is no folder"
        raise Refusal(str(folder), found, "name a release")
    import torch

    from domain.model.build import load, longest
    from domain.model.device import choose_device
    from domain.model.parts import silent
    from domain.tokens.encode import encode_texts, frame, load_tokenizer

    device = choose_device(machine or Machine())
    tokenizer, model = load_tokenizer(folder), load(folder).to(device).eval()
    begin, end = frame(tokenizer)
    ids = torch.tensor([[begin, *encode_texts(tokenizer, [prompt])[0].tolist()]], device=device)
    room = longest(model) - ids.shape[1]
    if room < 1:
        raise Refusal("the prompt", f"is {ids.shape[1]:,} tokens, and the model takes {longest(model):,}", "shorten it")
    sampling = {"do_sample": True, "temperature": temperature, "top_k": top_k, "top_p": top_p}
    greedy = {"do_sample": False, "temperature": None, "top_k": None, "top_p": None}
    with torch.inference_mode(), torch.random.fork_rng():  # the caller's random state stays as it is
        torch.manual_seed(seed)
        spoken = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=min(max_tokens, room),
            eos_token_id=end,
            pad_token_id=end,
            use_cache=True,
            suppress_tokens=silent(tokenizer, model),
            **(sampling if temperature >= COLDEST else greedy),
        )
    return str(tokenizer.decode(spoken[0, 1:], skip_special_tokens=True))
