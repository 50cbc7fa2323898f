"""Which partition a client belongs to: Kafka's own rule, as its Java client applies it to the key."""

from numba import njit

from detector.core.primitives.hashing import Text, text_of

_SEED, _M, _MASK = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF


@njit(cache=True)
def _mixed(number: int) -> int:
    product = number * _M & _MASK
    return (product ^ (product >> 24)) * _M & _MASK


@njit(cache=True)
def murmur2(text: Text, start: int, size: int) -> int:
    """MurmurHash2 of a key, unsigned 32 bits, as in `org.apache.kafka.common.utils.Utils.murmur2`.

    >>> def hashed(key):
    ...     return murmur2(text_of(key), 0, len(key))
    >>> hashed(b"foobar") - (1 << 32), hashed(b"21")
    (-790332482, 3321034988)
    """
    h, at, stop = (_SEED ^ size) & _MASK, start, start + size
    while stop - at >= 4:  # noqa: PLR2004 - bytes of a number of 32 bits
        number = 0
        for k in range(4):
            number |= int(text[at + k]) << 8 * k
        h = (h * _M & _MASK) ^ _mixed(number)
        at += 4
    if at < stop:
        for k in range(stop - at):
            h ^= int(text[at + k]) << 8 * k
        h = h * _M & _MASK
    h = (h ^ (h >> 13)) * _M & _MASK
    return h ^ (h >> 15)


@njit(cache=True)
def partition_of_text(text: Text, start: int, size: int, partitions: int) -> int:
    """The partition, among so many, of the client whose id is these bytes."""
    return (murmur2(text, start, size) & 0x7FFFFFFF) % partitions


def partition_of(client_id: str, partitions: int) -> int:
    """The partition of a client among `partitions`."""
    key = client_id.encode()
    return int(partition_of_text(text_of(key), 0, len(key), partitions))
