"""Numbers for ids, and which partition a key belongs to."""

import numpy as np
import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as kafka_murmur2
from hypothesis import example, given
from hypothesis import strategies as st
from xxhash import xxh64_intdigest

from detector.core.primitives.hashing import conversation, id_number, text_of, xxh64
from detector.core.primitives.partitioner import murmur2, partition_of


@given(st.binary(max_size=200), st.integers(0, 7))
@example(bytes(range(256)) * 3, 1)
def test_ids_hash_as_the_specification_has_it(text, before):
    """XXH64 is that of its own library, wherever in a text the id lies."""
    assert xxh64(text_of(b"x" * before + text), before, len(text)) == xxh64_intdigest(text)


@given(st.binary(max_size=50), st.integers(0, 7))
def test_keys_hash_as_in_kafka(key, before):
    """Murmur2 is that of the Kafka client that we use, wherever in a text the key lies."""
    assert murmur2(text_of(b"x" * before + key), before, len(key)) == kafka_murmur2(key) & 0xFFFFFFFF


@given(st.text(min_size=1, max_size=40), st.integers(1, 64))
def test_a_client_has_the_partition_that_kafka_gives_its_key(client_id, partitions):
    """A producer that uses the client id as key, with Kafka's own partitioner, writes to the same partition."""
    numbers = list(range(partitions))
    assert partition_of(client_id, partitions) == DefaultPartitioner()(client_id.encode(), numbers, numbers)


@pytest.mark.parametrize("text", ["", "e1", "Zoë", "x" * 200])
def test_an_id_is_never_the_number_that_stands_for_none(text):
    """Ids are 64 bits, conversations 32, and neither is 0."""
    encoded = text.encode()
    assert 0 < id_number(text_of(encoded), 0, len(encoded)) < 2**64
    assert 0 < conversation(text) < 2**32
    assert conversation(text) == max(xxh64_intdigest(encoded) & 0xFFFFFFFF, 1)


def test_a_kernel_takes_bytes_that_can_be_written_to():
    """So that no kernel is compiled twice; the bytes given are not the ones that are written to."""
    given_bytes = b"abc"
    text = text_of(given_bytes)
    text[0] = 0
    assert given_bytes == b"abc"
    assert text.dtype == np.uint8
