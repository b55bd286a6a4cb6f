public import Contract
public import EventLoop

/// Where files are kept that do not fit a database or a topic: avatars, attachments, receipts.
///
/// **Overview.** A folder on this machine (`LocalStorage`), or anything that speaks S3 (`S3Storage`); `StorageOptions` says
/// which. Objects are written whole, never changed, and known by an `ObjectKey`.
///
/// **An upload's way.** The gateway collects the body in a `Spool`, puts it under `incoming/…`, and then asks the endpoint,
/// whose request has the properties `object`, `size`, `sha256`, `mediaType` and `fileName` as far as it declares them. The
/// service reads the object, or keeps it by `copy` to a name of its own, before its transaction; the gateway removes the
/// incoming one when it has the answer. What nobody removed is swept after an hour.
///
///     mesh.ticket(for: SetAvatar.self) { offer, context in UploadTicket() }
///     mesh.write(SetAvatar.self, preparing: { request, context in
///       let image = try await storage.get(request.object, limit: request.size)
///       …                                     // decode, resize: in a BackgroundPool
///       let key = ObjectKey(.public, of: "profiles", "\(context.request)-256.webp")
///       try await storage.put(.bytes(resized), as: key, type: "image/webp")
///       return key
///     }) { request, key, context, tx in … }
///
/// A name made of `context.request` is the same when the request is redelivered. What a change makes useless (the avatar
/// before this one) is best removed by a durable timer that is set in the change's transaction: then a crash forgets none.
///
/// **Guarantees.** `put` and `copy` return when the object is on disk (or the S3 server says so), all of it under its name;
/// before that nothing is. All calls may be repeated.
@Loop public protocol ObjectStorage: AnyObject {
  /// Keeps `content` under `key`; `type` is its media type.
  func put(_ content: ObjectContent, as key: ObjectKey, type: String) async throws(StorageError)
  /// The whole content. Throws `StorageError.missing`, and `tooLarge` when there are more than `limit` bytes.
  func get(_ key: ObjectKey, limit: Int) async throws(StorageError) -> [UInt8]
  /// Keeps the object under another name too, without passing it through this process.
  func copy(_ key: ObjectKey, to other: ObjectKey) async throws(StorageError)
  /// Forgets an object. One that is not there is forgotten already.
  func remove(_ key: ObjectKey) async throws(StorageError)
  /// Removes incoming objects that have been lying since before `time`, at most 1,000; returns how many.
  func sweep(before time: Timestamp) async throws(StorageError) -> Int
  /// Where a client reads the object from.
  func place(of key: ObjectKey, now: Timestamp) -> ObjectPlace
}

/// What is put into storage.
public enum ObjectContent: Sendable {
  /// Bytes in memory.
  case bytes([UInt8])
  /// What was collected in a file.
  case spool(Spool)

  /// How many bytes.
  var size: Int {
    switch self {
    case .bytes(let bytes): bytes.count
    case .spool(let spool): spool.size
    }
  }
}

/// Where an object is read from.
public enum ObjectPlace: Sendable, Equatable {
  /// A file below this folder, under the key's own path.
  case folder(String)
  /// A URL that is good for some minutes.
  case url(String)
}

/// Why storage did not do as told.
public enum StorageError: Error, Sendable, Equatable, CustomStringConvertible {
  /// There is no such object.
  case missing(ObjectKey)
  /// The object has more bytes than whoever reads it can take.
  case tooLarge(ObjectKey, limit: Int)
  /// The disk or the server did not do it. Trying again later may help.
  case failed(String)

  /// One line for a log.
  public var description: String {
    switch self {
    case .missing(let key): "\(key): no such object"
    case .tooLarge(let key, let limit): "\(key): has more than \(limit) bytes"
    case .failed(let reason): reason
    }
  }
}
