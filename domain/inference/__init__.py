"""Inference: text generation, and pseudo-likelihood of encoders and encoder-decoders."""
