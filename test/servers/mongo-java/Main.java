import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

/** A server of MongoDB's protocol that keeps everything in memory. It ends when its standard input does. */
public class Main {
  /** The driver wants to hear of 4.4 at least; mongo-java-server says less of itself than it can do. */
  private static final MongoVersion SAID =
      new MongoVersion() {
        @Override
        public List<Integer> getVersionArray() {
          return List.of(4, 4, 0);
        }

        @Override
        public int getWireVersion() {
          return 9;
        }
      };

  public static void main(String[] args) throws Exception {
    MongoServer server = new MongoServer(new MemoryBackend().version(SAID));
    server.bind("127.0.0.1", Integer.parseInt(args[0]));
    System.out.println("Waiting for connections on 127.0.0.1:" + args[0]);
    while (System.in.read() >= 0) {}
    server.shutdownNow();
    System.exit(0);
  }
}
