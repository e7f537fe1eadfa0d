"""Bounds on a config.json, checked before a model is built by it: the numbers of a base may be wrong, or hostile."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from domain.errors import UserError

Tensors = Mapping[str, tuple[int, ...]]
Config = Mapping[str, Any]

# Names of the same setting in different architectures; T5 and BART come last.
WIDTH = ("hidden_size", "n_embd", "n_embed", "dim", "d_model")
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers")
DECODER_LAYERS = ("num_decoder_layers", "decoder_layers")
HEAD_COUNT = ("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads")
INNER = ("intermediate_size", "n_inner", "d_ff", "hidden_dim", "encoder_ffn_dim", "ffn_dim")
POSITIONS = ("max_position_embeddings", "n_positions", "seq_length", "n_ctx", "max_seq_len")
HEAD_SIZE, KEYS, ROWS = ("head_dim", "d_kv"), ("num_key_value_heads",), ("vocab_size",)
POSITIVE = {*WIDTH, *LAYERS, *DECODER_LAYERS, *HEAD_COUNT, *INNER, *POSITIONS, *HEAD_SIZE, *KEYS, *ROWS}
# The largest in use: width 18,432 (PaLM), 126 layers and 10M positions (Llama), a vocabulary of 900,000 (XLM-V).
MOST = (
    (re.compile(r"\w*vocab\w*|vocabulary"), 10_000_000),
    (re.compile("|".join(POSITIONS) + r"|\w*max_\w*positions?\w*"), 20_000_000),
    (re.compile("|".join((*WIDTH, *INNER)) + r"|\w+_(size|dim|width)|d_\w+"), 1_000_000),
    (re.compile(r"(\w+_)?layers?|n_layers?|depths?|block_sizes"), 1_000),
    (re.compile(r"num_labels"), 100_000),
    (re.compile(r"(num|n)_\w+|heads|experts"), 10_000),
)
NOT_ROTARY = 200_000  # positions that are learned or a table
LAYER = re.compile(r"^(.*?\.\d+)\.")
ONE_FOR_ALL = {"albert"}  # its layers share their weights


def check_config(config: Config, place: str) -> None:
    """Raise ``UserError`` at ``place`` for a config.json whose numbers are outside of their bounds."""
    for key, value in settings_of(config):
        if key in POSITIVE and value is not None and (type(value) is not int or value < 1):
            raise refusal(place, f"states {key} {short(value)}, not a positive whole number")
        if isinstance(value, int) and value > (
            most := next((most for name, most in MOST if name.fullmatch(key)), value)
        ):
            raise refusal(place, f"states {key} {short(value)}, more than {most:,}")
    names = config.get("architectures")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise refusal(place, "states architectures that are not a list of names")
    if not isinstance(config.get("model_type", ""), str):
        raise refusal(place, "states a model_type that is not a name")
    for part in (config, config.get("text_config")):
        if isinstance(part, dict):
            check_part(part, place)


def check_part(config: Config, place: str) -> None:
    """Heads divide the width and the heads of keys divide them; only rotary positions may be millions."""
    width, heads, keys, size = (first(config, names) for names in (WIDTH, HEAD_COUNT, KEYS, HEAD_SIZE))
    if width and heads and size is None and width % heads:
        raise refusal(place, f"states {heads:,} heads, which do not divide its width {width:,}")
    if keys and heads and heads % keys:
        raise refusal(place, f"states {keys:,} heads of keys, which do not divide its {heads:,} heads")
    positions = first(config, POSITIONS)
    rotary = any(re.search("rope|rotary", name) for name in config)
    if positions is not None and positions > NOT_ROTARY and not rotary:
        raise refusal(place, f"states {positions:,} positions, more than {NOT_ROTARY:,}")


def check_weights(config: Config, shapes: Tensors, place: str) -> None:
    """Raise ``UserError`` at ``place`` unless the weights have the layers, width and vocabulary of the configuration.

    Nothing is said where the weights show no layers.
    """
    stacks: dict[str, set[str]] = {}
    for name in shapes:
        if match := LAYER.match(name):
            stack, _, number = match[1].rpartition(".")
            stacks.setdefault(stack, set()).add(number)
    counts = {len(numbers) for numbers in stacks.values()}
    sizes = {size for shape in shapes.values() for size in shape}
    text = config.get("text_config")
    for part in (config, text) if counts and isinstance(text, dict) else (config,) if counts else ():
        for names in (("encoder_layers", *LAYERS), DECODER_LAYERS):
            layers = first(part, names)
            # Layers that predict further tokens (DeepSeek) are stored behind the others.
            fits = layers in counts or ("num_nextn_predict_layers" in part and layers in range(1, 1 + max(counts)))
            if layers is not None and not fits and part.get("model_type") not in ONE_FOR_ALL:
                raise refusal(place, f"states {layers:,} layers, and the weights have {max(counts):,}")
        for name, size in (("width", first(part, WIDTH)), ("vocabulary", first(part, ROWS))):
            if size is not None and size not in sizes:
                raise refusal(place, f"states a {name} of {size:,}, and no weights have this size")


def settings_of(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting of a configuration with its name, those of inner ones and elements of lists included."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from settings_of(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from settings_of(each, key)
    else:
        yield key, value


def first(config: Config, names: tuple[str, ...]) -> int | None:
    """The first of these settings that is a whole number."""
    return next((config[name] for name in names if type(config.get(name)) is int), None)


def short(value: object) -> str:
    """A value of a configuration in a message."""
    text = f"{value:,}" if type(value) is int and abs(value) < 10**15 else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def refusal(place: str, problem: str) -> UserError:
    """What is wrong with a config.json."""
    return UserError(place, f"its config.json {problem}", "download it again, or choose a base that transformers knows")
