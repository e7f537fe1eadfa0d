"""The tensors of each architecture by name and shape, as transformers lays them out."""

from __future__ import annotations

import re

from domain.model.spec import Scratch
from domain.tokenizer.train import PAD, special_tokens

PAD_ID = special_tokens("masked").index(PAD)  # of a tokenizer trained for RoBERTa, whose positions start after it
RELATIVE_POSITIONS = 32  # of relative positions in T5

# Module -> tensors and their sizes: w width, k width of the keys, h width of a head, i inner size, v pieces,
# p positions, a heads, 3w three times w. # stands for the number of the layer; + adds a bias of the first size.
_LLAMA = {
    "model": "embed_tokens=v,w norm=w",
    "model.layers.#": "input_layernorm=w post_attention_layernorm=w",
    "model.layers.#.self_attn": "q_proj=w,w k_proj=k,w v_proj=k,w o_proj=w,w",
    "model.layers.#.mlp": "gate_proj=i,w up_proj=i,w down_proj=w,i",
}
_BERT = {
    "embeddings": "word_embeddings=v,w position_embeddings=p,w token_type_embeddings=t,w LayerNorm=w+",
    "encoder.layer.#.attention.self": "query=w,w+ key=w,w+ value=w,w+",
    "encoder.layer.#.attention.output": "dense=w,w+ LayerNorm=w+",
    "encoder.layer.#": "intermediate.dense=i,w+ output.dense=w,i+ output.LayerNorm=w+",
}
_SELF = "q_proj=w,w+ k_proj=w,w+ v_proj=w,w+ out_proj=w,w+"
_BART = {
    "#stack": "embed_positions=p,w layernorm_embedding=w+",
    "#stack.layers.#": "self_attn_layer_norm=w+ fc1=i,w+ fc2=w,i+ final_layer_norm=w+",
    "#stack.layers.#.self_attn": _SELF,
}
LAYOUTS: dict[str, dict[str, str]] = {
    "llama": _LLAMA,
    "qwen3": {**_LLAMA, "model.layers.#.self_attn": f"{_LLAMA['model.layers.#.self_attn']} q_norm=h k_norm=h"},
    "gpt2": {  # its matrices are stored transposed
        "transformer": "wte=v,w wpe=p,w ln_f=w+",
        "transformer.h.#": "ln_1=w+ ln_2=w+",
        "transformer.h.#.attn": "c_attn=w,3w c_attn.bias=3w c_proj=w,w+",
        "transformer.h.#.mlp": "c_fc=w,i c_fc.bias=i c_proj=i,w c_proj.bias=w",
    },
    "bloom": {
        "transformer": "word_embeddings=v,w word_embeddings_layernorm=w+ ln_f=w+",
        "transformer.h.#": "input_layernorm=w+ post_attention_layernorm=w+",
        "transformer.h.#.self_attention": "query_key_value=3w,w+ dense=w,w+",
        "transformer.h.#.mlp": "dense_h_to_4h=i,w+ dense_4h_to_h=w,i+",
    },
    "bert": {
        **{f"bert.{module}": tensors for module, tensors in _BERT.items()},
        "cls.predictions": "bias=v transform.dense=w,w+ transform.LayerNorm=w+",
    },
    "roberta": {
        **{f"roberta.{module}": tensors for module, tensors in _BERT.items()},
        "lm_head": "bias=v dense=w,w+ layer_norm=w+",
    },
    "modernbert": {
        "model": "embeddings.tok_embeddings=v,w embeddings.norm=w final_norm=w",
        "model.layers.#": "attn_norm=w mlp_norm=w attn.Wqkv=3w,w attn.Wo=w,w mlp.Wi=2i,w mlp.Wo=w,i",
        "": "head.dense=w,w head.norm=w decoder.bias=v",
    },
    "t5": {
        "": "shared=v,w encoder.final_layer_norm=w decoder.final_layer_norm=w",
        **{
            f"{stack}.block.#.layer.{place}": f"layer_norm=w {tensors}"
            for stack, layers in (("encoder", "af"), ("decoder", "acf"))
            for place, kind in enumerate(layers)
            for tensors in [
                "DenseReluDense.wi_0=i,w DenseReluDense.wi_1=i,w DenseReluDense.wo=w,i"
                if kind == "f"
                else " ".join(f"{'Self' if kind == 'a' else 'EncDec'}Attention.{name}=w,w" for name in "qkvo")
            ]
        },
        **{
            f"{stack}.block.0.layer.0.SelfAttention": f"relative_attention_bias={RELATIVE_POSITIONS},a"
            for stack in ("encoder", "decoder")
        },
    },
    "bart": {
        "model": "shared=v,w",
        **{m.replace("#stack", f"model.{s}"): tensors for s in ("encoder", "decoder") for m, tensors in _BART.items()},
        "model.decoder.layers.#": f"{_BART['#stack.layers.#']} encoder_attn_layer_norm=w+",
        "model.decoder.layers.#.encoder_attn": _SELF,
    },
}  # fmt: skip
HEADS = {"modernbert": "decoder.weight"}  # if it is not lm_head.weight


def tensors(shape: Scratch, vocabulary: int) -> dict[str, tuple[int, ...]]:
    """Name -> sizes of all weights of a model of ``shape`` with ``vocabulary`` rows; a tied head is left out."""
    kind, size = shape.architecture, shape.width // shape.heads
    before = {"roberta": PAD_ID + 1, "bart": 2}.get(kind, 0)  # unused rows of positions
    sizes = {
        "w": shape.width, "k": size * (shape.kv_heads or shape.heads), "h": size, "i": shape.inner, "v": vocabulary,
        "p": shape.context + before, "a": shape.heads, "t": 2 if kind == "bert" else 1, "": 1,
    }  # fmt: skip
    shapes: dict[str, tuple[int, ...]] = {}
    for module, named in LAYOUTS[kind].items():
        for entry in named.split():
            name, _, written = entry.partition("=")
            name = f"{module}.{name}".lstrip(".")
            stated = [re.fullmatch(r"(\d*)(\D?)", each) for each in written.rstrip("+").split(",")]
            shaped = tuple(int(each[1] or 1) * sizes[each[2]] for each in stated if each)
            for layer in range(shape.layers if "#" in name else 1):
                here = name.replace("#", str(layer))
                shapes[here if here.endswith("bias") and len(shaped) == 1 else f"{here}.weight"] = shaped
                if written.endswith("+"):
                    shapes[f"{here}.bias"] = shaped[:1]
    if kind == "modernbert":
        del shapes["model.layers.0.attn_norm.weight"]  # the embedding has a norm of its own
    if not shape.tied:
        shapes[HEADS.get(kind, "lm_head.weight")] = (vocabulary, shape.width)
    return shapes
