"""The fixtures of the other suites that the long tests use."""

from tests.flows.conftest import command, finished, make_recipe, texts, undisturbed, without_engine

__all__ = ["command", "finished", "make_recipe", "texts", "undisturbed", "without_engine"]
