"""The cache of keys and values, which never changes, and the bytes of states."""

import pytest

torch = pytest.importorskip("torch")

from paralg.sequence import KeyValueCache, state_bytes  # noqa: E402


def tokens(n, *, width=3, batch=2, seed=0):
    return torch.randn(batch, n, width, generator=torch.Generator().manual_seed(seed + width))


@pytest.mark.parametrize("capacity", [1, 4, 64])
@pytest.mark.parametrize("pieces", [(1,) * 21, (6, 15), (21,), (0, 21), (5, 0, 16)])
def test_a_cache_holds_what_was_put_in(capacity, pieces):
    cache, (k, v) = KeyValueCache(capacity), (tokens(21), tokens(21, width=2))
    for keys, values in zip(k.split(pieces, 1), v.split(pieces, 1), strict=True):
        cache = cache.extended(keys, values)
    assert torch.equal(cache.held()[0], k)
    assert torch.equal(cache.held()[1], v)
    assert len(cache) == 21
    assert cache.nbytes == state_bytes(cache) == 2 * 21 * (3 + 2) * 4


def test_two_ways_may_go_on_from_one_cache():
    first = KeyValueCache(8).extended(tokens(5), tokens(5))
    seeds, line = range(1, 6), [first] * 5
    for n in (1, 2, 9):  # within the room, and beyond it
        new = [tokens(n, seed=seed) for seed in seeds]
        longer = [cache.extended(x, x) for cache, x in zip(line, new, strict=True)]
        for cache, x, old in zip(longer, new, line, strict=True):
            assert torch.equal(cache.held()[0], torch.cat([old.held()[0], x], 1))
        line = longer
    assert torch.equal(first.held()[0], tokens(5))
    assert len(first) == 5


def test_room_doubles_so_that_few_tokens_are_copied():
    cache, buffers = KeyValueCache(1), {}
    for _ in range(100):
        cache = cache.extended(tokens(1), tokens(1))
        buffers[cache.held()[0].data_ptr()] = cache.capacity
    assert list(buffers.values()) == [1, 2, 4, 8, 16, 32, 64, 128]


def test_what_does_not_fit_is_refused():
    cache = KeyValueCache()
    with pytest.raises(ValueError, match="expected a cache that has been extended"):
        cache.held()
    cache = cache.extended(tokens(3, batch=1), tokens(3, width=2, batch=1))
    with pytest.raises(ValueError, match=r"k must have the shape \(1, 't', 3\), got \(2, 1, 3\)"):
        cache.extended(tokens(1), tokens(1, width=2))
    with pytest.raises(ValueError, match=r"v must have the shape \(1, 't', 2\), got \(1, 1, 3\)"):
        cache.extended(tokens(1, batch=1), tokens(1, batch=1))
    with pytest.raises(ValueError, match="capacity must be at least 1, got 0"):
        KeyValueCache(0)
