"""Which partition a client belongs to: Kafka's own rule, as its Java client applies it to the key."""

_SEED, _M, _MASK = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """MurmurHash2 of a key, unsigned 32 bits, as in `org.apache.kafka.common.utils.Utils.murmur2`.

    >>> murmur2(b"foobar") - (1 << 32), murmur2(b"21")
    (-790332482, 3321034988)
    """
    h = (_SEED ^ len(data)) & _MASK
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _M & _MASK
        h = (h * _M & _MASK) ^ ((k ^ (k >> 24)) * _M & _MASK)
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h = (h ^ (h >> 13)) * _M & _MASK
    return h ^ (h >> 15)


def partition_of(client_id: str, partitions: int) -> int:
    """The partition of a client among `partitions`."""
    return (murmur2(client_id.encode()) & 0x7FFFFFFF) % partitions
