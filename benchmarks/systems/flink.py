"""PyFlink's DataStream API, with a checkpoint every second, at least once.

After https://nightlies.apache.org/flink/flink-docs-stable/docs/dev/python/datastream/intro_to_datastream_api/,
.../docs/connectors/datastream/kafka/ and .../docs/dev/python/python_execution_mode/ (thread mode, the faster one).
State lives in Java's memory and in checkpoint files; Flink keeps none in Kafka.
"""

import json
import os
import sys
import sysconfig
from pathlib import Path

from pyflink.common import Configuration, SimpleStringSchema, Types, WatermarkStrategy
from pyflink.datastream import KeyedProcessFunction, RuntimeContext, StreamExecutionEnvironment
from pyflink.datastream.connectors.base import DeliveryGuarantee
from pyflink.datastream.connectors.kafka import (
    KafkaOffsetsInitializer,
    KafkaRecordSerializationSchema,
    KafkaSink,
    KafkaSource,
)
from pyflink.datastream.state import ValueStateDescriptor

import job

CHECKPOINT_MS = 1000


class Watch(KeyedProcessFunction):
    """Judges and learns each gap."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Ask for the state and start to count."""
        self.client = runtime_context.get_state(ValueStateDescriptor("client", Types.PICKLED_BYTE_ARRAY()))
        self.meter = job.Meter()

    def process_element(self, value, ctx):  # noqa: ARG002 - Flink's own signature
        """Take one contact in."""
        client_id, at = value
        found = self.client.value()
        client = job.Rhythm(*found) if found else None
        if client and job.exceeds(client, gap := at - client.last_s):
            yield json.dumps({"client_id": client_id, "at": at, "gap": gap, "mean": client.mean_s})
        self.client.update(tuple(job.learned(client, at)))
        self.meter.add()


def parse(value: str):
    """Take what is needed of the event."""
    interaction = json.loads(value)
    return interaction["client_id"], interaction["at"]


def main() -> None:
    """Run until stopped."""
    jars = sorted(Path(job.given("JARS")).glob("*.jar"))
    configuration = Configuration()
    for option, value in {
        "python.execution-mode": "thread",
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
        # The interpreter inside Java knows nothing of the environment that this one runs in.
        "python.pythonpath": os.pathsep.join(
            [sysconfig.get_path("purelib"), *os.environ["PYTHONPATH"].split(os.pathsep)]
        ),
        "pipeline.jars": ";".join(jar.as_uri() for jar in jars),
        "execution.checkpointing.dir": Path(job.given("FOLDER"), "checkpoints").as_uri(),
        "io.tmp.dirs": job.given("FOLDER"),
        "restart-strategy.type": "none",
        "jobmanager.bind-host": "127.0.0.1",  # all of it would listen on every address
        "taskmanager.bind-host": "127.0.0.1",
        "rest.bind-address": "127.0.0.1",
    }.items():
        configuration.set_string(option, value)
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    env.set_parallelism(1)
    env.enable_checkpointing(CHECKPOINT_MS)
    source = (
        KafkaSource.builder()
        .set_bootstrap_servers(job.given("BROKER"))
        .set_topics(*job.sources())
        .set_group_id(job.given("RUN"))
        .set_starting_offsets(KafkaOffsetsInitializer.earliest())
        .set_value_only_deserializer(SimpleStringSchema())
        .build()
    )
    sink = (
        KafkaSink.builder()
        .set_bootstrap_servers(job.given("BROKER"))
        .set_record_serializer(
            KafkaRecordSerializationSchema.builder()
            .set_topic(f"{job.given('RUN')}.alerts")
            .set_value_serialization_schema(SimpleStringSchema())
            .build()
        )
        .set_delivery_guarantee(DeliveryGuarantee.AT_LEAST_ONCE)
        .build()
    )
    (
        env.from_source(source, WatermarkStrategy.no_watermarks(), "sources")
        .map(parse, Types.TUPLE([Types.STRING(), Types.DOUBLE()]))
        .key_by(lambda keyed: keyed[0], Types.STRING())
        .process(Watch(), Types.STRING())
        .sink_to(sink)
    )
    env.execute("watch")


main()
