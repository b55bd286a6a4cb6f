import Contract
import Crypto
import Storage
import Testing

@Suite struct NameTests {
  @Test(arguments: ["public/a/b", "private/notes/0197-x_Y.webp", "incoming/1", "a", "a/b/c/d/e/f/g/h"])
  func `words with slashes between them are a name`(_ text: String) { #expect(ObjectKey(text)?.text == text) }

  @Test(arguments: [
    "", "/", "/a", "a/", "a//b", "../a", "a/../b", "a/.hidden", ".", "a b", "a%2fb", "ä", "a\\b", "a\nb", "a/b?c",
    "a/b/c/d/e/f/g/h/i", String(repeating: "a", count: 201),
  ])
  func `anything else is none`(_ text: String) { #expect(ObjectKey(text) == nil) }

  @Test func `the first words say who may read and whose it is`() {
    let key = ObjectKey(.public, of: "profiles", "a/b.webp")
    #expect(key.text == "public/profiles/a/b.webp")
    #expect(key.audience == .public)
    #expect(key.service == "profiles")
    #expect(ObjectKey("incoming/profiles/a")?.service == nil)
    #expect(ObjectKey("other/profiles/a")?.audience == nil)
  }

  @Test(arguments: [
    "file:///tmp/media", "s3://key:secret@s3.example.org/bucket", "s3://k:s%2F@127.0.0.1:9000/bucket?region=eu-1",
    "s3+http://k:s@minio:9000/bucket",
  ])
  func `a place is a folder or a bucket`(_ text: String) { #expect(StorageURL(option: text) != nil) }

  @Test(arguments: [
    "", "file://", "file:///", "file://relative", "/tmp", "s3://bucket", "s3://key@host/bucket", "s3://k:s@host",
    "s3://k:s@host/a/b", "s3://k:s@host/Bucket", "s3://k:s@host/bucket?zone=1", "s3://:s@host/bucket",
    "http://k:s@h/bu",
  ])
  func `anything else is no place`(_ text: String) { #expect(StorageURL(option: text) == nil) }

  @Test func `a link is good for its object, its time and its signer`() throws {
    let keys = KeyRing(current: 1, keys: [1: SymmetricKey()])
    let key = ObjectKey(.private, of: "notes", "a.txt")
    let now = Timestamp("2026-03-01T09:30:00Z")!
    let path = MediaLink.path(of: key, until: now + .seconds(60), signedWith: keys)
    #expect(path.hasPrefix("/media/private/notes/a.txt?until=1772357460&signature="))
    let signature = String(path.split(separator: "=").last ?? "")
    let until: Int64 = 1_772_357_460
    #expect(MediaLink.isValid(signature, for: key, until: until, now: now, keys: keys))
    #expect(!MediaLink.isValid(signature, for: key, until: until, now: now + .seconds(60), keys: keys))
    #expect(!MediaLink.isValid(signature, for: key, until: until + 1, now: now, keys: keys))
    let other = ObjectKey(.private, of: "notes", "b.txt")
    #expect(!MediaLink.isValid(signature, for: other, until: until, now: now, keys: keys))
    let others = KeyRing(current: 1, keys: [1: SymmetricKey()])
    #expect(!MediaLink.isValid(signature, for: key, until: until, now: now, keys: others))
    #expect(!MediaLink.isValid("", for: key, until: until, now: now, keys: keys))
  }
}
