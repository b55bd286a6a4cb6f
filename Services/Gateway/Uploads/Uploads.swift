import Contract
import EventLoop
import Mesh
import Storage
import Telemetry

/// Files on their way to storage: how many there are, where they are collected, and what becomes of those that nobody took.
@Loop final class Uploads {
  let storage: any ObjectStorage
  private let folder: String
  private let limit: Int
  private let log: Log
  /// Writes files while they are collected.
  private let pool = BackgroundPool(threads: 2)
  /// Files on their way.
  private(set) var underWay = 0
  private var sweeper: LoopTimer?

  /// A file that no service has taken over is kept for so long: services have seconds.
  private static let patience = Duration.seconds(3600)
  private static let sweepInterval = Duration.seconds(900)

  /// At most `limit` files at once, each collected in `folder` and then put into `storage`.
  init(to storage: any ObjectStorage, by folder: String, limit: Int, log: Log) {
    (self.storage, self.folder, self.limit, self.log) = (storage, folder, limit, log)
  }

  deinit { pool.stop() }

  /// Counts one more file, or throws when there are too many.
  func begin() throws(Rejection) {
    guard underWay < limit else { throw .overloaded("Too many files are being uploaded; try again in a moment.") }
    underWay += 1
  }

  /// One file is through, or lost.
  func end() { underWay -= 1 }

  /// An empty file to collect bytes in.
  func spool() async throws(Rejection) -> Spool {
    do throws(StorageError) { return try await Spool.make(in: folder, pool) } catch { throw unavailable(error) }
  }

  /// Puts what was collected into storage; returns its name there.
  func store(_ spool: Spool, type: String) async throws(Rejection) -> ObjectKey {
    let key = ObjectKey(incoming: UniqueID(at: .now))
    do throws(StorageError) {
      try await storage.put(.spool(spool), as: key, type: type)
    } catch {
      throw unavailable(error)
    }
    return key
  }

  /// Removes what a service has had its chance to take.
  func remove(_ key: ObjectKey) async {
    do throws(StorageError) {
      try await storage.remove(key)
    } catch {
      log.limited().warning("an upload was not removed; it will be swept", ["object": key, "error": error])
    }
  }

  /// What the client is told when storage or the disk does not do its part.
  func unavailable(_ error: StorageError) -> Rejection {
    log.limited().error("a file was not stored", ["error": error])
    return .unavailable("Files cannot be stored at the moment; nothing was changed. Try again.")
  }

  // MARK: What nobody took

  /// Removes, now and then, what is left of uploads that were cut off by a crash, here or in a service.
  func startSweeping() {
    Task { @Loop in
      do throws(StorageError) {
        let removed = try await storage.sweep(before: .now - Self.patience)
        if removed > 0 { log.info("swept uploads that nobody took", ["count": removed]) }
      } catch {
        log.limited().warning("storage was not swept", ["error": error])
      }
    }
    sweeper = Loop.schedule(after: Self.sweepInterval) { [weak self] in self?.startSweeping() }
  }

  /// Sweeps no more.
  func stop() { sweeper?.cancel() }
}
