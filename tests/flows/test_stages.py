"""What is made ahead in a thread: in order, of items that the asking thread takes; an error comes where its item is."""

import threading
from collections.abc import Iterator

import pytest

from flows.stages import _made_ahead


@pytest.mark.parametrize("n", [0, 1, 5])
def test_each_is_made_once_and_in_order(n: int) -> None:
    asked, made = [], []

    def items() -> Iterator[int]:
        for k in range(n):
            asked.append(threading.get_ident())
            yield k

    def square(k: int) -> int:
        made.append(threading.get_ident())
        return k * k

    assert list(_made_ahead(square, items())) == [k * k for k in range(n)]
    assert set(asked) <= {threading.get_ident()}
    assert len(made) == n
    assert threading.get_ident() not in made


def test_the_next_is_begun_before_this_one_is_used() -> None:
    begun = [threading.Event() for _ in range(3)]
    for k, made in enumerate(_made_ahead(lambda k: begun[k].set() or k, range(3))):
        assert made == k
        assert all(event.wait(10) for event in begun[: k + 2])


def test_an_error_comes_after_all_that_was_made_before_it() -> None:
    made = _made_ahead(lambda k: 6 // k, [3, 2, 0, 1])
    assert [next(made), next(made)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(made)
