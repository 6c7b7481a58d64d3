"""A rule-based dialogue model behind LiveKit's `llm.LLM`: no network, no weights, no randomness."""

from agents.providers.local_llm.model import LocalLLM

__all__ = ["LocalLLM"]
