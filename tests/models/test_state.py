"""The cache of keys and values, and the bytes of states."""

import doctest

import pytest

torch = pytest.importorskip("torch")

from paralg.models import state  # noqa: E402
from paralg.models.state import KeyValueCache, state_bytes  # noqa: E402


def tokens(n, *, width=3, batch=2, seed=0):
    return torch.randn(batch, n, width, generator=torch.Generator().manual_seed(seed + width))


def test_examples_run():
    assert doctest.testmod(state).failed == 0


@pytest.mark.parametrize("capacity", [1, 4, 64])
@pytest.mark.parametrize("pieces", [(1,) * 21, (6, 15), (21,), (0, 21), (5, 0, 16)])
def test_a_cache_holds_what_was_put_in(capacity, pieces):
    cache, (k, v) = KeyValueCache(capacity), (tokens(21), tokens(21, width=2))
    for keys, values in zip(k.split(pieces, 1), v.split(pieces, 1), strict=True):
        held = cache.extend(keys, values)
    assert torch.equal(held[0], k)
    assert torch.equal(held[1], v)
    assert len(cache) == 21
    assert cache.bytes == state_bytes(cache) == 2 * 21 * (3 + 2) * 4


def test_room_doubles_so_that_few_tokens_are_copied():
    cache, rooms = KeyValueCache(1), set()
    for _ in range(100):
        cache.extend(tokens(1), tokens(1))
        rooms.add(cache._k.shape[-2])
    assert rooms == {1, 2, 4, 8, 16, 32, 64, 128}


def test_what_does_not_fit_is_refused():
    cache = KeyValueCache()
    with pytest.raises(ValueError, match="expected a cache that has been extended"):
        cache.held()
    cache.extend(tokens(3, batch=1), tokens(3, width=2, batch=1))
    with pytest.raises(ValueError, match=r"k must have the shape \(1, 't', 3\), got \(2, 1, 3\)"):
        cache.extend(tokens(1), tokens(1, width=2))
    with pytest.raises(ValueError, match=r"v must have the shape \(1, 't', 2\), got \(1, 1, 3\)"):
        cache.extend(tokens(1, batch=1), tokens(1, batch=1))
    with pytest.raises(ValueError, match="capacity must be at least 1, got 0"):
        KeyValueCache(0)
