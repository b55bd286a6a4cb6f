import Contract
import EventLoop
import Mesh
import ProfilesAPI
import Storage
import Telemetry

/// It is time to see whether anybody still shows a picture.
struct PictureDue: DurableTimer {
  static let name = "picture-due"
  /// The picture's digest.
  let picture: String
}

/// What members do with their pictures.
extension ProfilesService {
  /// Makes the picture and puts it into storage, before anybody shows it. Whatever becomes of the request, the picture is
  /// looked at some time later, and goes if nobody shows it then.
  func prepareAvatar(_ request: SetAvatar, _ context: Context) async throws -> Picture {
    try await profileIsThere(request, context)
    do {
      let made = try await pictures.make {
        try await storage.get(request.object, limit: SetAvatar.route?.upload?.limit ?? 0)
      }
      try await mesh.transaction { tx in try Self.look(at: made.picture, tx) }
      for (size, bytes) in made.files {
        try await storage.put(.bytes(bytes), as: made.picture.key(size), type: "image/webp")
      }
      return made.picture
    } catch let error as StorageError {
      mesh.log.limited().warning("a picture could not be stored", ["error": "\(error)"])
      throw Problem(503, "storage_unavailable", "Pictures cannot be kept at the moment. Try again.")
    } catch is PictureMaker.Busy {
      throw Problem(503, "busy", "Too many pictures are being made at the moment. Try again in some seconds.")
    }
  }

  func setAvatar(_ request: SetAvatar, _ picture: Picture, _ context: Context, _ tx: Tx) async throws -> Avatar {
    try await show(picture, context, tx)
    return Avatar(
      avatarUrl: picture.path(.usual), smallUrl: picture.path(.small), largeUrl: picture.path(.large))
  }

  func removeAvatar(_ request: RemoveAvatar, _: Void, _ context: Context, _ tx: Tx) async throws -> Nothing {
    try await show(nil, context, tx)
    return Nothing()
  }

  private func show(_ picture: Picture?, _ context: Context, _ tx: Tx) async throws {
    var profile = try await load(context, tx)
    let before = profile.picture
    guard let event = profile.show(picture) else { return }
    try await save(profile, try await Stores(tx).skills.all(of: profile.id), tx)
    try tx.emit(event)
    if let before { try Self.look(at: before, tx) }
  }

  private static func look(at picture: Picture, _ tx: Tx) throws {
    try tx.schedule(PictureDue(picture: picture.digest), at: tx.now + .seconds(600), key: picture.digest)
  }

  /// Removes a picture that nobody shows. The timer's row is locked meanwhile: who wants to show the same picture at this
  /// moment sets the timer first, waits for that, and then stores it anew.
  func pictureDue(_ timer: PictureDue, _ tx: Tx) async throws {
    let picture = Picture(digest: timer.picture)
    guard try await !Stores(tx).profiles.isShown(picture) else { return }
    for size in Picture.Size.allCases { try await storage.remove(picture.key(size)) }
  }
}
