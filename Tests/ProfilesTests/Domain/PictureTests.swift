import Contract
import ProfilesAPI
import Storage
import Testing

@testable import Profiles

@Suite struct PictureTests {
  @Test func `formats are told by their first bytes, whatever a file is called`() {
    #expect(PictureFormat(of: [0xFF, 0xD8, 0xFF, 0xE0]) == .jpeg)
    #expect(PictureFormat(of: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0]) == .png)
    #expect(PictureFormat(of: Array("GIF89a".utf8)) == .gif)
    #expect(PictureFormat(of: Array("RIFF\0\0\0\0WEBPVP8 ".utf8)) == .webp)
    for bytes in [[], [0xFF, 0xD8], Array("RIFF\0\0\0\0WAVE".utf8), Array("%PDF-1.7".utf8), Array("<svg".utf8)] {
      #expect(PictureFormat(of: bytes) == nil)
    }
  }

  @Test func `a picture is where the gateway serves public objects`() {
    let picture = Picture(digest: "0a1b")
    #expect(picture.path(.usual) == MediaLink.path(of: picture.key(.usual)))
    #expect(picture.path(.usual) == "/media/public/profiles/0a1b-256.webp")
  }
}
