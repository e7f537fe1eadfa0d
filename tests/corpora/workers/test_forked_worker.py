"""What a forked worker starts with."""

from __future__ import annotations

from multiprocessing import connection
from multiprocessing.reduction import ForkingPickler

from corpora.workers.forked_worker import ForkedWorker


def blas_threads(_: object) -> list[int]:
    """The threads of each library for linear algebra in this process, after a product that would use several."""
    import numpy as np
    from threadpoolctl import threadpool_info

    many = np.ones((500, 500))
    many @ many
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_a_worker_computes_in_one_thread() -> None:
    """There is a worker for each core: threads of its own would wait for each other, busily."""
    worker = ForkedWorker(bytes(ForkingPickler.dumps(blas_threads)))
    try:
        worker.ask(None)
        connection.wait(worker.handles(), timeout=60)
        reply = worker.reply()
    finally:
        worker.end()
    assert reply is not None
    assert reply.value
    assert set(reply.value) == {1}
