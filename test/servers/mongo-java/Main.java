import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.CollectionOptions;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.Index;
import de.bwaldvogel.mongo.backend.QueryResult;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.backend.memory.MemoryCollection;
import de.bwaldvogel.mongo.backend.memory.MemoryDatabase;
import de.bwaldvogel.mongo.bson.Document;
import java.util.List;
import java.util.stream.StreamSupport;

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

  /**
   * Of itself the server uses the index of the ids only for a query of nothing but an id, and reads a whole collection for
   * each conditional update. MongoDB does not, and what takes hours here would say nothing of it.
   */
  private static class IndexedCollection extends MemoryCollection {
    IndexedCollection(
        MongoDatabase database, String name, CollectionOptions options, CursorRegistry cursors) {
      super(database, name, options, cursors);
    }

    @Override
    protected QueryResult matchDocuments(
        Document query, Document order, int skip, int limit, int batch, Document fields) {
      if (query.get("_id") instanceof String id) {
        Document byId = new Document("_id", id);
        for (Index<Integer> index : getIndexes()) {
          if (!index.canHandle(byId)) continue;
          var found =
              StreamSupport.stream(index.getPositions(byId).spliterator(), false)
                  .map(this::getDocument);
          return matchDocumentsFromStream(found, query, order, skip, limit, batch, fields);
        }
      }
      return super.matchDocuments(query, order, skip, limit, batch, fields);
    }
  }

  private static class IndexedDatabase extends MemoryDatabase {
    private final CursorRegistry cursors;

    IndexedDatabase(String name, CursorRegistry cursors) {
      super(name, cursors);
      this.cursors = cursors;
    }

    @Override
    protected MemoryCollection openOrCreateCollection(String name, CollectionOptions options) {
      return new IndexedCollection(this, name, options, cursors);
    }
  }

  private static class IndexedBackend extends MemoryBackend {
    @Override
    public MemoryDatabase openOrCreateDatabase(String name) {
      return new IndexedDatabase(name, getCursorRegistry());
    }
  }

  public static void main(String[] args) throws Exception {
    MongoServer server = new MongoServer(new IndexedBackend().version(SAID));
    server.bind("127.0.0.1", Integer.parseInt(args[0]));
    System.out.println("Waiting for connections on 127.0.0.1:" + args[0]);
    while (System.in.read() >= 0) {}
    server.shutdownNow();
    System.exit(0);
  }
}
