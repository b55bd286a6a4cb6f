import Contract
import Testing

@testable import Storage

/// The example of AWS's documentation ("Authenticating Requests: Using Query Parameters" and "… the Authorization Header").
@Suite struct S3SignatureTests {
  private let signature = S3Signature(
    accessKey: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region: "us-east-1")
  private let time = Timestamp("2013-05-24T00:00:00Z")!

  @Test func `a request is signed as in the published example`() {
    let request = S3Signature.Request(
      method: "GET", host: "examplebucket.s3.amazonaws.com", path: "/test.txt", headers: [("range", "bytes=0-9")])
    let authorization = signature.headers(for: request, at: time).last
    #expect(
      authorization?.value == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        + "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        + "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
  }

  @Test func `a list is signed as in the published example`() {
    let request = S3Signature.Request(
      method: "GET", host: "examplebucket.s3.amazonaws.com", path: "/", query: [("max-keys", "2"), ("prefix", "J")])
    let authorization = signature.headers(for: request, at: time).last
    #expect(
      authorization?.value.hasSuffix("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
        == true)
  }

  @Test func `a URL is signed as in the published example`() {
    let request = S3Signature.Request(method: "GET", host: "examplebucket.s3.amazonaws.com", path: "/test.txt")
    #expect(
      signature.query(for: request, at: time, lifetime: .seconds(86400)).hasSuffix(
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"))
  }

  @Test func `a listing is read, and what is not ours is left out`() {
    let xml = """
      <?xml version="1.0"?><ListBucketResult><Prefix>incoming/</Prefix>
      <Contents><Key>incoming/a</Key><LastModified>2026-03-01T09:30:00.000Z</LastModified><Size>1</Size></Contents>
      <Contents><Key>incoming/a b</Key><LastModified>2026-03-01T09:30:00.000Z</LastModified></Contents>
      <Contents><Key>incoming/c</Key></Contents></ListBucketResult>
      """
    let objects = S3Storage.objects(listedIn: xml)
    #expect(objects.map(\.key.text) == ["incoming/a"])
    #expect(objects.map(\.changed) == [Timestamp("2026-03-01T09:30:00Z")!])
  }
}
