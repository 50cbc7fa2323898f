import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams on the job: in memory or RocksDB, at least once or exactly once, one stream thread.
 *
 * <p>After https://kafka.apache.org/41/documentation/streams/developer-guide/processor-api (state stores),
 * .../dsl-api (a stream of several topics), .../datatypes (serdes) and .../config-streams (processing.guarantee,
 * timestamp extractors). What is not set has its default.
 */
public final class Watch {
  static final double FADING = 0.3;
  static final int MEANS = 6;
  static final int GAPS_MIN = 8;
  static final ObjectMapper JSON = new ObjectMapper();

  @JsonIgnoreProperties(ignoreUnknown = true)
  record Interaction(String client_id, double at) {}

  record Rhythm(int count, double last, double mean) {}

  record Alert(String client_id, double at, double gap, double mean) {}

  /** Judges and learns each gap. */
  static final class Watcher implements Processor<String, Interaction, String, Alert> {
    private final Meter meter = new Meter();
    private ProcessorContext<String, Alert> context;
    private KeyValueStore<String, Rhythm> clients;

    @Override
    public void init(ProcessorContext<String, Alert> given) {
      context = given;
      clients = given.getStateStore("clients");
    }

    @Override
    public void process(Record<String, Interaction> record) {
      double at = record.value().at();
      Rhythm client = clients.get(record.key());
      if (client == null) {
        clients.put(record.key(), new Rhythm(1, at, 0));
      } else {
        double gap = at - client.last();
        if (client.count() >= GAPS_MIN && gap > MEANS * client.mean()) {
          context.forward(record.withValue(new Alert(record.key(), at, gap, client.mean())));
        }
        double mean = client.count() == 1 ? gap : FADING * gap + (1 - FADING) * client.mean();
        clients.put(record.key(), new Rhythm(client.count() + 1, at, mean));
      }
      meter.add();
    }
  }

  /** Writes down when how many events had been processed, as job.py does; one for all tasks of the one thread. */
  static final class Meter {
    private static final Path FILE = Path.of(given("METER"));
    private static final long STEP = Long.parseLong(given("STEP"));
    private static long count;
    private static long next = 1;

    void add() {
      if (++count < next) {
        return;
      }
      String line = String.format(java.util.Locale.ROOT, "%.3f %d%n", System.currentTimeMillis() / 1e3, count);
      try {
        Files.writeString(FILE, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
      next = (count / STEP + 1) * STEP;
    }
  }

  static String given(String name) {
    return System.getenv("BENCH_" + name);
  }

  static <T> Serde<T> json(Class<T> type) {
    return Serdes.serdeFrom(
        (topic, value) -> {
          try {
            return value == null ? null : JSON.writeValueAsBytes(value);
          } catch (IOException error) {
            throw new UncheckedIOException(error);
          }
        },
        (topic, bytes) -> {
          try {
            return bytes == null ? null : JSON.readValue(bytes, type);
          } catch (IOException error) {
            throw new UncheckedIOException(error);
          }
        });
  }

  /** Twenty bytes; JSON would be slower. */
  static Serde<Rhythm> rhythms() {
    return Serdes.serdeFrom(
        (topic, client) ->
            client == null
                ? null
                : ByteBuffer.allocate(20)
                    .putInt(client.count())
                    .putDouble(client.last())
                    .putDouble(client.mean())
                    .array(),
        (topic, bytes) -> {
          if (bytes == null) {
            return null;
          }
          ByteBuffer buffer = ByteBuffer.wrap(bytes);
          return new Rhythm(buffer.getInt(), buffer.getDouble(), buffer.getDouble());
        });
  }

  public static void main(String[] arguments) {
    String[] variant = given("VARIANT").split(" "); // store, guarantee
    var store =
        variant[0].equals("memory")
            ? Stores.inMemoryKeyValueStore("clients")
            : Stores.persistentKeyValueStore("clients");
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(Stores.keyValueStoreBuilder(store, Serdes.String(), rhythms()).withLoggingEnabled(Map.of()));
    String dataset = given("DATASET");
    builder.stream(
            List.of(dataset + ".emails", dataset + ".calls", dataset + ".orders"),
            Consumed.with(Serdes.String(), json(Interaction.class))
                .withTimestampExtractor((record, last) -> (long) (((Interaction) record.value()).at() * 1000)))
        .process(Watcher::new, "clients")
        .to(given("RUN") + ".alerts", Produced.with(Serdes.String(), json(Alert.class)));

    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, given("RUN"));
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, given("BROKER"));
    settings.put(StreamsConfig.STATE_DIR_CONFIG, given("FOLDER"));
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, variant[1]);
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }
}
